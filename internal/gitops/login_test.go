package gitops_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/irgit/irgit/internal/gitops"
)

func sshKeyFile(t *testing.T, passphrase string) ([]byte, ssh.Signer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "test")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "test", []byte(passphrase))
	}
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	return pem.EncodeToMemory(block), signer
}

// sshServer shakes hands and lets nobody in.
func sshServer(t *testing.T) (address string, hostKey ssh.PublicKey) {
	t.Helper()
	_, signer := sshKeyFile(t, "")
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
		return nil, os.ErrPermission
	}}
	config.AddHostKey(signer)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _, _, _ = ssh.NewServerConn(conn, config)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String(), signer.PublicKey()
}

func TestSSHErrorsSayWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("SSH_KNOWN_HOSTS", "")
	address, host := sshServer(t)
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
		return name
	}
	_, other := sshKeyFile(t, "")
	known := file("known", knownhosts.Line([]string{address}, host)+"\n")
	changed := file("changed", knownhosts.Line([]string{address}, other.PublicKey())+"\n")
	empty := file("empty", "")
	plain, _ := sshKeyFile(t, "")
	locked, _ := sshKeyFile(t, "canary-open")

	for name, c := range map[string]struct {
		auth         gitops.Auth
		field, wants string
	}{
		"no passphrase":    {gitops.Auth{SSHKey: locked, KnownHosts: known}, "Passphrase", "the ssh key needs a passphrase"},
		"wrong passphrase": {gitops.Auth{SSHKey: locked, Passphrase: []byte("canary-no"), KnownHosts: known}, "Passphrase", "the passphrase of the ssh key is wrong"},
		"no key":           {gitops.Auth{SSHKey: []byte("canary-key"), KnownHosts: known}, "SSHKey", "not a private key"},
		"no agent":         {gitops.Auth{KnownHosts: known}, "SSHKey", "no ssh agent is running"},
		"no known_hosts":   {gitops.Auth{SSHKey: plain}, "KnownHosts", "there is no known_hosts file"},
		"absent file":      {gitops.Auth{SSHKey: plain, KnownHosts: filepath.Join(dir, "none")}, "KnownHosts", "none"},
		"unknown host":     {gitops.Auth{SSHKey: plain, KnownHosts: empty}, "KnownHosts", "the server's key is not in known_hosts"},
		"changed host":     {gitops.Auth{SSHKey: plain, KnownHosts: changed}, "KnownHosts", "somebody stands in between"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := gitops.Open(t.Context(), gitops.Options{URL: "ssh://git@" + address + "/fleet.git", Auth: c.auth})
			var login *gitops.LoginError
			require.ErrorAs(t, err, &login)
			require.ErrorIs(t, err, gitops.ErrAuthentication)
			require.Equal(t, c.field, login.Field)
			require.ErrorContains(t, err, c.wants)
			require.NotContains(t, err.Error(), "canary")
		})
	}

	_, err := gitops.Open(t.Context(), gitops.Options{
		URL: "ssh://git@" + address + "/fleet.git", Auth: gitops.Auth{SSHKey: locked, Passphrase: []byte("canary-open"), KnownHosts: known},
	})
	require.ErrorIs(t, err, gitops.ErrAuthentication, "the key is read, the host is known, and the server says no")
	var login *gitops.LoginError
	require.NotErrorAs(t, err, &login)
}

func TestLocalPathErrors(t *testing.T) {
	empty := t.TempDir()
	_, err := gitops.Open(t.Context(), gitops.Options{URL: empty})
	require.EqualError(t, err, "open "+empty+": "+empty+" is no git repository")
	require.ErrorIs(t, err, gitops.ErrNotFound)

	dir := t.TempDir()
	git(t, dir, "init", "-q", "fleet")
	repository := filepath.Join(dir, "fleet")
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
	_, err = gitops.Open(t.Context(), gitops.Options{URL: repository})
	var owner *gitops.OwnerError
	require.ErrorAs(t, err, &owner)
	require.Equal(t, filepath.Join(repository, ".git"), owner.Dir)
	require.ErrorContains(t, err, "belongs to another user")
}
