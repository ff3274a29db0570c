package gitops

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Verifier knows whose signatures count.
type Verifier struct {
	ssh []allowedSigner
	pgp openpgp.EntityList
}

type allowedSigner struct {
	principals    string
	key           ssh.PublicKey
	after, before time.Time // zero: unbounded
}

// NewVerifier reads the two files that git verifies by: an allowed signers
// file (ssh-keygen(1), gpg.ssh.allowedSignersFile) and an armored ring of
// OpenPGP public keys. Either may be empty, not both.
func NewVerifier(allowedSigners, keyring []byte) (*Verifier, error) {
	v := &Verifier{}
	lines := bufio.NewScanner(bytes.NewReader(allowedSigners))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := parseAllowedSigner(line)
		if err != nil {
			return nil, fmt.Errorf("allowed signers, line %d: %w", n, err)
		}
		if s != nil {
			v.ssh = append(v.ssh, *s)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("allowed signers: %w", err)
	}
	if len(keyring) > 0 {
		ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(keyring))
		if err != nil {
			return nil, errors.New("OpenPGP keys: it is not an armored ring of public keys")
		}
		v.pgp = ring
	}
	if len(v.ssh)+len(v.pgp) == 0 {
		return nil, errors.New("nobody's signatures count: neither an allowed signers file nor OpenPGP keys name anybody")
	}
	return v, nil
}

// principalsForm takes the first field of a line, which may be in quotes.
var principalsForm = regexp.MustCompile(`^("[^"]+"|\S+)\s+(.*)$`)

// parseAllowedSigner reads a line; nil for one that is not about git.
func parseAllowedSigner(line string) (*allowedSigner, error) {
	m := principalsForm.FindStringSubmatch(line)
	if m == nil {
		return nil, errors.New("want principals and a key")
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(m[2]))
	if err != nil {
		return nil, errors.New("want principals, options and an OpenSSH public key")
	}
	s := &allowedSigner{principals: strings.Trim(m[1], `"`), key: key}
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "namespaces":
			if !slices.Contains(strings.Split(value, ","), "git") {
				return nil, nil
			}
		case "valid-after":
			s.after, err = parseValidity(value)
		case "valid-before":
			s.before, err = parseValidity(value)
		default:
			err = fmt.Errorf("option %s is not understood: list the key itself", name)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parseValidity reads YYYYMMDD[HHMM[SS]][Z] (ssh-keygen(1)). Without Z it is
// the local time of whoever verifies; here it is UTC, wherever that is.
func parseValidity(s string) (time.Time, error) {
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.Parse(layout, strings.TrimSuffix(s, "Z")); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time of the form YYYYMMDD[HHMM[SS]][Z]", s)
}

// headerForm is the order of a commit's headers. Parsers that are lenient
// about it disagree about what was signed.
var headerForm = regexp.MustCompile(`^tree [0-9a-f]{40}\n(parent [0-9a-f]{40}\n)*author [^\n]*\ncommitter [^\n]*\n(encoding [^\n]*\n)?(gpgsig [^\n]*\n( [^\n]*\n)*)?$`)

// Verify says who signed a commit, by the bytes of the object: a principal of
// the allowed signers, or an OpenPGP identity. Times are those of the
// committer. The error says what is wrong.
func (v *Verifier) Verify(c Commit) (who string, err error) {
	head, _, ok := bytes.Cut(c.Raw, []byte("\n\n"))
	if !ok || !headerForm.Match(append(bytes.Clone(head), '\n')) || bytes.IndexByte(c.Raw, 0) >= 0 {
		return "", errors.New("the commit is malformed: its headers are not those that git writes")
	}
	payload, signature := c.signed()
	when, err := c.committed()
	switch {
	case err != nil:
		return "", err
	case signature == "":
		return "", errors.New("it is not signed")
	case strings.HasPrefix(signature, "-----BEGIN SSH SIGNATURE-----"):
		return v.verifySSH(payload, signature, when)
	case strings.HasPrefix(signature, "-----BEGIN PGP SIGNATURE-----"):
		return v.verifyPGP(payload, signature, when)
	}
	return "", errors.New("its signature is neither of SSH nor of OpenPGP")
}

func (v *Verifier) verifySSH(payload, signature string, when time.Time) (string, error) {
	s, err := sshsig.Unarmor([]byte(signature))
	if err != nil {
		return "", errors.New("its SSH signature cannot be read")
	}
	var late error
	for _, a := range v.ssh {
		if !bytes.Equal(a.key.Marshal(), s.PublicKey.Marshal()) {
			continue
		}
		switch {
		case !a.after.IsZero() && when.Before(a.after):
			late = fmt.Errorf("the key of %s was not valid yet at %s", a.principals, when.Format(time.RFC3339))
		case !a.before.IsZero() && !when.Before(a.before):
			late = fmt.Errorf("the key of %s was not valid any more at %s", a.principals, when.Format(time.RFC3339))
		default:
			if err := sshsig.Verify(strings.NewReader(payload), s, a.key, s.HashAlgorithm, "git"); err != nil {
				return "", errors.New("its SSH signature is not of these bytes")
			}
			return a.principals, nil
		}
	}
	if late != nil {
		return "", late
	}
	return "", fmt.Errorf("it is signed by %s, which is not among the allowed signers", ssh.FingerprintSHA256(s.PublicKey))
}

func (v *Verifier) verifyPGP(payload, signature string, when time.Time) (string, error) {
	signer, err := openpgp.CheckArmoredDetachedSignature(v.pgp, strings.NewReader(payload), strings.NewReader(signature), &packet.Config{Time: func() time.Time { return when }})
	if err != nil {
		return "", fmt.Errorf("its OpenPGP signature does not count: %w", err)
	}
	if id := signer.PrimaryIdentity(); id != nil {
		return id.Name, nil
	}
	return signer.PrimaryKey.KeyIdString(), nil
}

// signed takes a commit's bytes apart: what was signed, and the signature.
func (c Commit) signed() (payload, signature string) {
	head, message, _ := bytes.Cut(c.Raw, []byte("\n\n"))
	var plain, armored strings.Builder
	signing := false
	for line := range strings.SplitSeq(string(head), "\n") {
		value, first := strings.CutPrefix(line, "gpgsig ")
		switch {
		case first:
			signing = true
			armored.WriteString(value + "\n")
		case signing && strings.HasPrefix(line, " "):
			armored.WriteString(line[1:] + "\n")
		default:
			signing = false
			plain.WriteString(line + "\n")
		}
	}
	return plain.String() + "\n" + string(message), armored.String()
}

var committerForm = regexp.MustCompile(`(?m)^committer .* (-?\d{1,12}) [-+]\d{4}$`)

func (c Commit) committed() (time.Time, error) {
	head, _, _ := bytes.Cut(c.Raw, []byte("\n\n"))
	m := committerForm.FindSubmatch(head)
	var seconds int64
	if m == nil {
		return time.Time{}, errors.New("the commit is malformed: it does not say when it was made")
	}
	if _, err := fmt.Sscan(string(m[1]), &seconds); err != nil {
		return time.Time{}, fmt.Errorf("read the committer's time: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
