package main

import (
	"crypto/ed25519"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/irgit/irgit/internal/gitops/gittest"
)

func TestVerifyOfAClone(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	block, err := ssh.MarshalPrivateKey(key, "")
	require.NoError(t, err)
	private := f.file("key", string(pem.EncodeToMemory(block)))
	signer, err := ssh.NewSignerFromKey(key)
	require.NoError(t, err)
	public := ssh.MarshalAuthorizedKey(signer.PublicKey())
	signers := f.file("signers", "irgit@example.com "+string(public))
	code, out, stderr := irgit(t, []string{"IRGIT_SIGNING_FORMAT=ssh", "IRGIT_SIGNING_KEY=" + private},
		"respond", "--cache", cache, "--repo", f.url, "--alert", f.file("alert.json", terminalShell(t)), "-o", "json")
	require.Equal(t, exitOK, code, stderr)
	var answer struct{ Incident struct{ ID, Branch string } }
	require.NoError(t, json.Unmarshal([]byte(out), &answer))
	f.git("update-ref", "refs/heads/main", answer.Incident.Branch)
	clone := filepath.Join(f.dir, "clone")
	f.git("clone", "-q", f.bare, clone)

	code, out, stderr = irgit(t, nil, "verify", "--repo", clone, "--allowed-signers", signers, "--cache", "off")
	require.Equal(t, exitOK, code, out+stderr)
	require.Contains(t, out, "containment of incident "+answer.Incident.ID+", signed by irgit@example.com")
	require.Contains(t, out, "1 of irgit's hold, 0 failures")

	late := f.file("late", "irgit@example.com valid-before=\"20200101\" "+string(public))
	code, out, _ = irgit(t, nil, "verify", "--repo", clone, "--allowed-signers", late, "-o", "json")
	require.Equal(t, exitInvalid, code)
	require.Contains(t, out, "was not valid any more")
	code, _, stderr = irgit(t, nil, "verify", "--repo", clone)
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "nobody's signatures count")
	code, _, stderr = irgit(t, nil, "verify", "main~3", "--repo", clone, "--allowed-signers", signers)
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "is no commit")
}
