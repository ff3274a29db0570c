package gitops

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	gitssh "github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// LoginError is why ssh stops before the server has judged any credentials. It
// is ErrAuthentication.
type LoginError struct {
	Field  string // of Auth, the one that would help: SSHKey, Passphrase, KnownHosts
	Reason string
}

func (e *LoginError) Error() string { return e.Reason }

// Is makes errors.Is(err, ErrAuthentication) true.
func (e *LoginError) Is(target error) bool { return target == ErrAuthentication }

// OwnerError is a local repository that the git program does not read because
// it belongs to another user. Dir is what git's safe.directory has to name.
type OwnerError struct{ Dir string }

func (e *OwnerError) Error() string {
	return e.Dir + " belongs to another user, so the git program does not read it"
}

// noRepository is an address with nothing behind it. It is ErrNotFound.
type noRepository struct{ reason string }

func (e *noRepository) Error() string        { return e.reason }
func (e *noRepository) Is(target error) bool { return target == ErrNotFound }

// CheckSSHKey says whether Auth could log in with the key. An error is a
// *LoginError.
func CheckSSHKey(pem, passphrase []byte) error {
	_, err := sshKey(pem, passphrase)
	return err
}

func sshKey(pem, passphrase []byte) (ssh.Signer, error) {
	var missing *ssh.PassphraseMissingError
	signer, err := ssh.ParsePrivateKey(pem)
	switch {
	case err == nil:
		return signer, nil
	case !errors.As(err, &missing):
		return nil, &LoginError{"SSHKey", "the ssh key is not a private key that ssh can read"}
	case len(passphrase) == 0:
		return nil, &LoginError{"Passphrase", "the ssh key needs a passphrase"}
	}
	signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, passphrase)
	switch {
	case err == nil:
		return signer, nil
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, &LoginError{"Passphrase", "the passphrase of the ssh key is wrong"}
	}
	return nil, &LoginError{"SSHKey", "the ssh key is locked in a way that ssh cannot open"}
}

// sshAuth is the key, or the agent where there is none. Host keys are checked
// in either case.
func sshAuth(user string, a Auth) (transport.AuthMethod, error) {
	known, err := knownHosts(a.KnownHosts)
	if err != nil {
		return nil, err
	}
	if a.SSHKey == nil {
		agent, err := gitssh.NewSSHAgentAuth(user)
		if err != nil {
			return nil, &LoginError{"SSHKey", "no ssh agent is running, and no ssh key is given"}
		}
		agent.HostKeyCallback = known
		return agent, nil
	}
	signer, err := sshKey(a.SSHKey, a.Passphrase)
	if err != nil {
		return nil, err
	}
	keys := &gitssh.PublicKeys{User: user, Signer: signer}
	keys.HostKeyCallback = known
	return keys, nil
}

// knownHosts reads the file; for the user's own it is nil, which go-git takes
// for the same.
func knownHosts(file string) (ssh.HostKeyCallback, error) {
	if file == "" {
		if _, err := gitssh.NewKnownHostsDb(); err != nil {
			return nil, &LoginError{"KnownHosts", "there is no known_hosts file that ssh can read, so the server's key cannot be checked"}
		}
		return nil, nil
	}
	if _, err := os.Stat(file); err != nil {
		return nil, &LoginError{"KnownHosts", "the known_hosts file cannot be read: " + clean(err.Error(), 300)}
	}
	callback, err := gitssh.NewKnownHostsCallback(file)
	if err != nil {
		return nil, &LoginError{"KnownHosts", "the known_hosts file cannot be read: " + clean(err.Error(), 300)}
	}
	return callback, nil
}

// hostKey words what the check of a server's key found, nil for any other
// error.
func hostKey(err error) error {
	var key *knownhosts.KeyError
	switch {
	case !errors.As(err, &key):
		return nil
	case len(key.Want) == 0:
		return &LoginError{"KnownHosts", "the server's key is not in known_hosts"}
	}
	return &LoginError{"KnownHosts", fmt.Sprintf("the server's key is another one than %s:%d says: it was changed, or somebody stands in between", key.Want[0].Filename, key.Want[0].Line)}
}

// local words what the git program says of a repository on this machine, nil
// for what is not about the repository.
func local(dir string, err error) error {
	if errors.Is(err, transport.ErrRepositoryNotFound) {
		return &noRepository{dir + " is no git repository"}
	}
	// git names the directory that its safe.directory has to name, to the letter
	if _, rest, ok := strings.Cut(err.Error(), "dubious ownership in repository at '"); ok {
		if named, _, ok := strings.Cut(rest, "'"); ok {
			dir = clean(named, 300)
		}
		return &OwnerError{dir}
	}
	return nil
}
