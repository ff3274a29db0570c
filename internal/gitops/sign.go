package gitops

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

type sshSigner struct{ key ssh.Signer }

// SSHSigner signs with an OpenSSH private key (namespace git, SHA-512, as
// git's gpg.format=ssh). Ed25519 and RSA keys sign the same bytes the same
// way; ECDSA and hardware keys do not and are refused.
func SSHSigner(pem, passphrase []byte) (Signer, error) {
	var key ssh.Signer
	var err error
	if len(passphrase) > 0 {
		key, err = ssh.ParsePrivateKeyWithPassphrase(pem, passphrase)
	} else {
		key, err = ssh.ParsePrivateKey(pem)
	}
	if err != nil {
		return nil, errors.New("read ssh signing key: it is not an OpenSSH private key, or the passphrase is wrong")
	}
	switch key.PublicKey().Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoRSA:
		return sshSigner{key}, nil
	}
	return nil, fmt.Errorf("ssh signing key: %s does not sign the same bytes the same way twice; use ed25519", key.PublicKey().Type())
}

func (s sshSigner) Sign(payload []byte, _ time.Time) (string, error) {
	signature, err := sshsig.Sign(bytes.NewReader(payload), s.key, sshsig.HashSHA512, "git")
	if err != nil {
		return "", fmt.Errorf("sign with ssh key: %w", err)
	}
	return string(sshsig.Armor(signature)), nil
}

func (s sshSigner) Public() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.key.PublicKey())))
}

type pgpSigner struct{ entity *openpgp.Entity }

// OpenPGPSigner signs with the first private key of an armored block, the one
// format that Argo CD, Flux and GitHub all verify.
func OpenPGPSigner(armored, passphrase []byte) (Signer, error) {
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(armored))
	if err != nil || len(ring) == 0 || ring[0].PrivateKey == nil {
		return nil, errors.New("read OpenPGP signing key: it is not an armored private key")
	}
	entity := ring[0]
	if len(passphrase) > 0 {
		if err := entity.DecryptPrivateKeys(passphrase); err != nil {
			return nil, errors.New("read OpenPGP signing key: the passphrase is wrong")
		}
	}
	if entity.PrivateKey.Encrypted {
		return nil, errors.New("read OpenPGP signing key: it needs a passphrase")
	}
	return pgpSigner{entity}, nil
}

func (s pgpSigner) Sign(payload []byte, when time.Time) (string, error) {
	var b bytes.Buffer
	salted := false
	config := &packet.Config{
		DefaultHash: crypto.SHA512,
		Time:        func() time.Time { return when },
		// Equal bytes must give equal signatures, so no random notation.
		NonDeterministicSignaturesViaNotation: &salted,
	}
	if err := openpgp.ArmoredDetachSign(&b, s.entity, bytes.NewReader(payload), config); err != nil {
		return "", fmt.Errorf("sign with OpenPGP key: %w", err)
	}
	return b.String() + "\n", nil
}

func (s pgpSigner) Public() string {
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err != nil {
		return ""
	}
	if s.entity.Serialize(w) != nil || w.Close() != nil {
		return ""
	}
	return b.String() + "\n"
}
