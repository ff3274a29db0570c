package gitops_test

import (
	"crypto/ed25519"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

func sshKey(t *testing.T, seed byte) (gitops.Signer, string) {
	t.Helper()
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(seed), ed25519.SeedSize)))
	block, err := ssh.MarshalPrivateKey(key, "")
	require.NoError(t, err)
	signer, err := gitops.SSHSigner(pem.EncodeToMemory(block), nil)
	require.NoError(t, err)
	return signer, signer.Public()
}

// J4, J5: every way in which a signature may not count is an error of its own,
// and the git program agrees about each.
func TestThreatJ4J5SignaturesThatDoNotCount(t *testing.T) {
	dir := t.TempDir()
	bare, err := gittest.NewRepository(t.Context(), dir, "fleet.git", map[string][]byte{"a": []byte("a")})
	require.NoError(t, err)
	remote, err := gitops.Open(t.Context(), gitops.Options{URL: bare})
	require.NoError(t, err)
	base, revision, err := remote.Base("")
	require.NoError(t, err)
	mine, public := sshKey(t, 1)
	_, other := sshKey(t, 2)
	commit := func(signer gitops.Signer) gitops.Commit {
		c, err := remote.Commit(t.Context(), gitops.CommitSpec{
			Parent: revision, Message: "irgit: x\n\nIrgit-Incident: x\n", Signer: signer, Changes: []gitops.Change{{Path: "b", Content: []byte("b")}},
			Author: gitops.Signature{Name: "irgit", Email: "irgit@example.com", When: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)},
		})
		require.NoError(t, err)
		return c
	}
	good := commit(mine)
	require.NoError(t, remote.Push(t.Context(), gitops.Update{Branch: "irgit/x", New: good.Revision}))
	require.NotEqual(t, "irgit/x", base)
	tampered := good
	tampered.Raw = []byte(strings.Replace(string(good.Raw), "irgit: x", "irgit: y", 1))
	twice := good
	twice.Raw = []byte(strings.Replace(string(good.Raw), "author ", "author Somebody <a@b> 1 +0000\nauthor ", 1))
	for name, c := range map[string]struct {
		signers string
		commit  gitops.Commit
		want    string
		git     bool // whether git verify-commit takes it; nil commits it cannot see
	}{
		"good":          {"irgit@example.com namespaces=\"git\" " + public, good, "", true},
		"quoted":        {"\"irgit@example.com,two@example.com\" " + public + " a comment\n# more\n\n", good, "", true},
		"somebody else": {"irgit@example.com " + other, good, "not among the allowed signers", false},
		"not for git":   {"irgit@example.com namespaces=\"file\" " + public + "\nb@example.com " + other, good, "not among the allowed signers", false},
		"expired":       {"irgit@example.com valid-before=\"20261123Z\" " + public, good, "not valid any more", false},
		"not yet":       {"irgit@example.com valid-after=\"20261124Z\" " + public, good, "not valid yet", false},
		"in its time":   {"irgit@example.com valid-after=\"20261123Z\",valid-before=\"202611230301Z\" " + public, good, "", true},
		"unsigned":      {"irgit@example.com " + public, commit(nil), "not signed", false},
		"other bytes":   {"irgit@example.com " + public, tampered, "not of these bytes", false},
		"malformed":     {"irgit@example.com " + public, twice, "malformed", false},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := gitops.NewVerifier([]byte(c.signers), nil)
			require.NoError(t, err)
			who, err := v.Verify(c.commit)
			if c.want == "" {
				require.NoError(t, err)
				require.Contains(t, who, "irgit@example.com")
			} else {
				require.ErrorContains(t, err, c.want)
			}
			if c.commit.Revision == good.Revision && string(c.commit.Raw) == string(good.Raw) {
				file := filepath.Join(t.TempDir(), "signers")
				require.NoError(t, os.WriteFile(file, []byte(c.signers), 0o600))
				_, err := gittest.Git(t.Context(), dir, "--git-dir", bare, "-c", "gpg.ssh.allowedSignersFile="+file, "verify-commit", string(good.Revision))
				require.Equal(t, c.git, err == nil, "%v", err)
			}
		})
	}
	for signers, want := range map[string]string{
		"": "nobody's signatures count", "irgit@example.com": "line 1", "a@b ssh-ed25519 AAAA": "line 1",
		"a@b cert-authority " + public: "cert-authority is not understood", "a@b valid-after=\"soon\" " + public: "YYYYMMDD",
	} {
		_, err := gitops.NewVerifier([]byte(signers), nil)
		require.ErrorContains(t, err, want, signers)
	}
	_, err = gitops.NewVerifier(nil, []byte("x"))
	require.ErrorContains(t, err, "armored ring")
}

func TestLogListsParentsFirst(t *testing.T) {
	dir := t.TempDir()
	bare, err := gittest.NewRepository(t.Context(), dir, "fleet.git", map[string][]byte{"a": []byte("a")})
	require.NoError(t, err)
	git := func(args ...string) string {
		out, err := gittest.Git(t.Context(), dir, append([]string{"--git-dir", bare}, args...)...)
		require.NoError(t, err)
		return strings.TrimSpace(out)
	}
	first := git("rev-parse", "main")
	for _, branch := range []string{"main", "side", "main", "side"} {
		if branch == "side" && len(strings.Fields(git("for-each-ref"))) == 3 {
			git("update-ref", "refs/heads/side", first)
		}
		require.NoError(t, gittest.Commit(t.Context(), bare, branch, "x", map[string][]byte{branch: []byte(git("rev-parse", branch))}))
	}
	merge := git("commit-tree", "-p", "main", "-p", "side", "-m", "m", "main^{tree}")
	git("update-ref", "refs/heads/main", merge)
	remote, err := gitops.Open(t.Context(), gitops.Options{URL: bare})
	require.NoError(t, err)
	for without, want := range map[string]int{"": len(strings.Fields(git("rev-list", "main"))), first: 5, merge: 0} {
		log, err := remote.Log(t.Context(), gitops.Revision(merge), gitops.Revision(without))
		require.NoError(t, err)
		require.Len(t, log, want)
		seen := map[gitops.Revision]bool{gitops.Revision(without): true}
		for _, c := range log {
			for _, p := range c.Parents {
				require.True(t, seen[p], "a parent before its child")
			}
			seen[c.Revision] = true
		}
	}
}
