package gitops_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

var fleetFiles = map[string][]byte{
	"README.md":                        []byte("fleet\n"),
	"apps/prod/kustomization.yaml":     []byte("resources: [../base]\n"),
	"apps/base/kustomization.yaml":     []byte("resources: [deployment.yaml]\n"),
	"apps/base/deployment.yaml":        []byte("kind: Deployment\n"),
	"clusters/prod/apps.yaml":          []byte("kind: Kustomization\n"),
	"incident-response/prod/README.md": []byte("incidents\n"),
}

type served struct {
	url, bare string
}

func serve(t *testing.T, o gittest.Options, config ...string) served {
	t.Helper()
	dir := t.TempDir()
	bare, err := gittest.NewRepository(t.Context(), dir, "fleet.git", fleetFiles)
	require.NoError(t, err)
	for _, c := range config {
		key, value, _ := strings.Cut(c, "=")
		git(t, bare, "config", key, value)
	}
	server, err := gittest.Serve(t.Context(), dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return served{server.URL + "/fleet.git", bare}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := gittest.Git(t.Context(), dir, args...)
	require.NoError(t, err)
	return strings.TrimSpace(out)
}

func open(t *testing.T, o gitops.Options) *gitops.Remote {
	t.Helper()
	r, err := gitops.Open(t.Context(), o)
	require.NoError(t, err)
	return r
}

func spec(parent gitops.Revision, name string) gitops.CommitSpec {
	return gitops.CommitSpec{
		Parent:  parent,
		Changes: []gitops.Change{{Path: "incident-response/prod/" + name + "/incident.yaml", Content: []byte("kind: Incident # " + name + "\n")}},
		Message: "irgit: contain\n",
		Author:  gitops.Signature{Name: "irgit", Email: "irgit@example.com", When: time.Unix(1767600000, 0).UTC()},
	}
}

// Each way of reaching a repository must give the same answers: filtered http,
// http without a filter, http that offers a filter but refuses wants by id,
// and a local path.
func TestReadCommitPush(t *testing.T) {
	for name, config := range map[string][]string{
		"filtered":   {"uploadpack.allowAnySHA1InWant=false"},
		"unfiltered": {"uploadpack.allowFilter=false"},
		"any sha1":   nil,
		"tips only":  nil,
		"local path": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, gittest.Options{TipsOnly: name == "tips only"}, config...)
			address := s.url
			if name == "local path" {
				address = s.bare
			}
			r := open(t, gitops.Options{URL: address, CacheDir: t.TempDir()})
			branch, _, err := r.Base("")
			require.NoError(t, err)
			require.Equal(t, "main", branch)
			_, _, err = r.Base("trunk")
			require.ErrorIs(t, err, gitops.ErrNotFound)
			require.ErrorContains(t, err, `has no branch "trunk"`)
			base, ok := r.Branch("main")
			require.True(t, ok)
			tree, err := r.Tree(t.Context(), base)
			require.NoError(t, err)
			require.NoError(t, tree.Prefetch(t.Context(), "apps", "no/such/path"))
			data, err := tree.ReadFile(t.Context(), "apps/base/deployment.yaml")
			require.NoError(t, err)
			require.Equal(t, "kind: Deployment\n", string(data))
			_, err = tree.ReadFile(t.Context(), "apps/base/none.yaml")
			require.ErrorIs(t, err, gitops.ErrNotFound)

			c, err := r.Commit(t.Context(), spec(base, "inc-1"))
			require.NoError(t, err)
			again, err := r.Commit(t.Context(), spec(base, "inc-1"))
			require.NoError(t, err)
			require.Equal(t, c.Revision, again.Revision)
			after, err := r.Tree(t.Context(), c.Revision)
			require.NoError(t, err)
			changes, err := tree.Diff(t.Context(), after)
			require.NoError(t, err)
			require.Equal(t, []gitops.FileChange{{Path: "incident-response/prod/inc-1/incident.yaml", Change: "add"}}, changes)

			require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/inc-1", New: c.Revision}))
			require.Equal(t, string(c.Revision), git(t, s.bare, "rev-parse", "refs/heads/irgit/inc-1"))
			git(t, s.bare, "fsck", "--strict")
			require.Equal(t, "A\tincident-response/prod/inc-1/incident.yaml", git(t, s.bare, "diff", "--name-status", "main", "irgit/inc-1"))

			// A retry from nothing gives the same commit, and pushing it is a no-op.
			other := open(t, gitops.Options{URL: address})
			retry, err := other.Commit(t.Context(), spec(base, "inc-1"))
			require.NoError(t, err)
			require.Equal(t, c.Revision, retry.Revision)
			require.NoError(t, other.Push(t.Context(), gitops.Update{Branch: "irgit/inc-1", Old: "", New: retry.Revision}))

			require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/inc-1", Old: c.Revision}))
			require.Empty(t, git(t, s.bare, "branch", "--list", "irgit/*"))
		})
	}
}

func TestReadingIsLazy(t *testing.T) {
	s := serve(t, gittest.Options{})
	big := make([]byte, 1<<20)
	for i := range big {
		big[i] = byte(i * i >> 3)
	}
	require.NoError(t, gittest.Commit(t.Context(), s.bare, "main", "A large file that nobody reads\n", map[string][]byte{"big.bin": big}))

	cache := t.TempDir()
	r := open(t, gitops.Options{URL: s.url, CacheDir: cache})
	base, _ := r.Branch("main")
	tree, err := r.Tree(t.Context(), base)
	require.NoError(t, err)
	_, err = tree.ReadFile(t.Context(), "apps/base/deployment.yaml")
	require.NoError(t, err)
	cold := r.Traffic()
	require.Less(t, cold, int64(16<<10), "only what is read may be fetched")

	warm := open(t, gitops.Options{URL: s.url, CacheDir: cache})
	tree, err = warm.Tree(t.Context(), base)
	require.NoError(t, err)
	_, err = tree.ReadFile(t.Context(), "apps/base/deployment.yaml")
	require.NoError(t, err)
	require.Less(t, warm.Traffic(), cold, "the cache must save round trips")
}

func TestDamagedCacheIsNotTrusted(t *testing.T) {
	s := serve(t, gittest.Options{})
	cache := t.TempDir()
	read := func() string {
		r := open(t, gitops.Options{URL: s.url, CacheDir: cache})
		base, _ := r.Branch("main")
		tree, err := r.Tree(t.Context(), base)
		require.NoError(t, err)
		data, err := tree.ReadFile(t.Context(), "README.md")
		require.NoError(t, err)
		return string(data)
	}
	require.Equal(t, "fleet\n", read())
	damaged := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(cache, "objects"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			damaged++
			return os.WriteFile(path, []byte("blob\x00kind: Secret\n"), 0o600)
		}
		return err
	}))
	require.Greater(t, damaged, 1)
	require.Equal(t, "fleet\n", read())
}

func TestCompareAndSwap(t *testing.T) {
	s := serve(t, gittest.Options{})
	a, b := open(t, gitops.Options{URL: s.url}), open(t, gitops.Options{URL: s.url})
	base, _ := a.Branch("main")
	one, err := a.Commit(t.Context(), spec(base, "inc-1"))
	require.NoError(t, err)
	two, err := b.Commit(t.Context(), spec(base, "inc-2"))
	require.NoError(t, err)
	require.NoError(t, a.Push(t.Context(), gitops.Update{Branch: "irgit/x", New: one.Revision}))
	require.ErrorIs(t, b.Push(t.Context(), gitops.Update{Branch: "irgit/x", New: two.Revision}), gitops.ErrMoved)
	now, _ := b.Branch("irgit/x")
	require.Equal(t, one.Revision, now, "after a lost race the refs are read again")
}

func TestHookMessageReachesTheUser(t *testing.T) {
	s := serve(t, gittest.Options{})
	hook := "#!/bin/sh\necho 'GH013: secret \x1b[31mfound\x1b[0m in line 7' >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(s.bare, "hooks", "pre-receive"), []byte(hook), 0o755)) //nolint:gosec // a hook is executable
	r := open(t, gitops.Options{URL: s.url})
	base, _ := r.Branch("main")
	c, err := r.Commit(t.Context(), spec(base, "inc-1"))
	require.NoError(t, err)
	err = r.Push(t.Context(), gitops.Update{Branch: "irgit/x", New: c.Revision})
	require.ErrorIs(t, err, gitops.ErrRejected)
	var rejected *gitops.RejectedError
	require.ErrorAs(t, err, &rejected)
	require.Contains(t, err.Error(), "GH013: secret")
	require.NotContains(t, err.Error(), "\x1b")
}

func TestErrorsSayWhatToDo(t *testing.T) {
	s := serve(t, gittest.Options{Token: "canary-0b1c"})
	_, err := gitops.Open(t.Context(), gitops.Options{URL: s.url})
	require.ErrorIs(t, err, gitops.ErrAuthentication)
	_, err = gitops.Open(t.Context(), gitops.Options{URL: s.url, Auth: gitops.Auth{Token: "canary-wrong"}})
	require.ErrorIs(t, err, gitops.ErrAuthentication)
	require.NotContains(t, err.Error(), "canary")
	_, err = gitops.Open(t.Context(), gitops.Options{URL: strings.Replace(s.url, "http://", "http://irgit:canary-0b1c@", 1)})
	require.NoError(t, err)

	closed := serve(t, gittest.Options{})
	_, err = gitops.Open(t.Context(), gitops.Options{URL: closed.url + "-none"})
	require.ErrorIs(t, err, gitops.ErrNotFound)
	_, err = gitops.Open(t.Context(), gitops.Options{URL: "http://127.0.0.1:1/fleet.git"})
	require.ErrorIs(t, err, gitops.ErrUnreachable)
}

func TestSignaturesVerify(t *testing.T) {
	for _, format := range []string{"ssh", "openpgp"} {
		t.Run(format, func(t *testing.T) {
			s := serve(t, gittest.Options{})
			signer, config := testSigner(t, format)
			r := open(t, gitops.Options{URL: s.url})
			base, _ := r.Branch("main")
			sp := spec(base, "inc-1")
			sp.Signer = signer
			c, err := r.Commit(t.Context(), sp)
			require.NoError(t, err)
			again, err := r.Commit(t.Context(), sp)
			require.NoError(t, err)
			require.Equal(t, c.Revision, again.Revision, "a signed commit must be reproducible too")
			require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/x", New: c.Revision}))
			git(t, s.bare, "fsck", "--strict")
			git(t, s.bare, append(config, "verify-commit", string(c.Revision))...)
		})
	}
}

// testSigner makes a key with the field's own tool, and gives the git options
// that verify it.
func testSigner(t *testing.T, format string) (gitops.Signer, []string) {
	t.Helper()
	dir := t.TempDir()
	run := func(stdin, name string, args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "GNUPGHOME="+os.Getenv("GNUPGHOME"))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return out
	}
	if format == "ssh" {
		if _, err := exec.LookPath("ssh-keygen"); err != nil {
			t.Skip("ssh-keygen is not installed")
		}
		key := filepath.Join(dir, "key")
		run("", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key)
		pem, err := os.ReadFile(key)
		require.NoError(t, err)
		signer, err := gitops.SSHSigner(pem, nil)
		require.NoError(t, err)
		allowed := filepath.Join(dir, "allowed")
		require.NoError(t, os.WriteFile(allowed, []byte("irgit@example.com namespaces=\"git\" "+signer.Public()+"\n"), 0o600))
		return signer, []string{"-c", "gpg.ssh.allowedSignersFile=" + allowed}
	}
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Skip("gpg is not installed")
	}
	home, err := os.MkdirTemp("", "gpg") // a short path: gpg's sockets have a limit
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	t.Setenv("GNUPGHOME", home)
	run("", "gpg", "--batch", "--passphrase", "", "--faked-system-time", "20251201T000000", "--quick-gen-key", "irgit <irgit@example.com>", "ed25519", "sign", "never")
	signer, err := gitops.OpenPGPSigner(run("", "gpg", "--batch", "--armor", "--export-secret-keys"), nil)
	require.NoError(t, err)
	return signer, nil
}

// Fifty incidents branched from one base merge one after the other.
func TestFiftyBranchesMerge(t *testing.T) {
	s := serve(t, gittest.Options{})
	r := open(t, gitops.Options{URL: s.url})
	base, _ := r.Branch("main")
	var updates []gitops.Update
	for i := range 50 {
		c, err := r.Commit(t.Context(), spec(base, fmt.Sprintf("inc-%02d", i)))
		require.NoError(t, err)
		updates = append(updates, gitops.Update{Branch: fmt.Sprintf("irgit/inc-%02d", i), New: c.Revision})
	}
	require.NoError(t, r.Push(t.Context(), updates...))
	head := string(base)
	for _, u := range updates {
		tree := git(t, s.bare, "merge-tree", "--write-tree", head, string(u.New))
		head = git(t, s.bare, "commit-tree", "-p", head, "-p", string(u.New), "-m", "merge", tree)
	}
	require.Len(t, strings.Split(git(t, s.bare, "ls-tree", "--name-only", head+":incident-response/prod"), "\n"), 51)
	git(t, s.bare, "fsck", "--strict")
}

func TestExchangeHasADeadline(t *testing.T) {
	s := serve(t, gittest.Options{})
	_, err := gitops.Open(t.Context(), gitops.Options{URL: s.url, Limits: gitops.Limits{Exchange: time.Nanosecond}})
	require.ErrorIs(t, err, gitops.ErrUnreachable)
	require.NotErrorIs(t, err, context.Canceled)
}
