package gitops_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

func TestContains(t *testing.T) {
	for name, config := range map[string][]string{"a server with filters": nil, "a server without": {"uploadpack.allowFilter=false"}} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, gittest.Options{}, config...)
			r := open(t, gitops.Options{URL: s.url})
			_, base, err := r.Base("")
			require.NoError(t, err)
			c, err := r.Commit(t.Context(), spec(base, "a"))
			require.NoError(t, err)
			require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/a", New: c.Revision}))
			check := func(history, revision string) bool {
				t.Helper()
				r := open(t, gitops.Options{URL: s.url})
				one, ok := r.Branch(history)
				require.True(t, ok)
				two, ok := r.Branch(revision)
				require.True(t, ok)
				contains, err := r.Contains(t.Context(), one, two)
				require.NoError(t, err)
				return contains
			}
			require.False(t, check("main", "irgit/a"))
			require.True(t, check("irgit/a", "main"))
			require.True(t, check("main", "main"))
			tree := strings.TrimSpace(git(t, s.bare, "rev-parse", "irgit/a^{tree}"))
			merge := strings.TrimSpace(git(t, s.bare, "commit-tree", "-p", "main", "-p", "irgit/a", "-m", "merge", tree))
			git(t, s.bare, "update-ref", "refs/heads/main", merge)
			require.True(t, check("main", "irgit/a"))
		})
	}
}

// A branch that goes on with a later base has two parents in it, and its
// history forks where it was last brought up to it. All of it is sent in one
// push, and nothing that the server has.
func TestABranchGoesOnWithALaterBase(t *testing.T) {
	signer, verify := testSigner(t, "ssh")
	s := serve(t, gittest.Options{})
	r := open(t, gitops.Options{URL: s.url})
	base, _ := r.Branch("main")
	first, err := r.Commit(t.Context(), spec(base, "a"))
	require.NoError(t, err)
	require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/a", New: first.Revision}))
	require.NoError(t, gittest.Commit(t.Context(), s.bare, "main", "later\n", map[string][]byte{"later.yaml": []byte("kind: Later\n")}))

	r = open(t, gitops.Options{URL: s.url})
	later, _ := r.Branch("main")
	ahead, err := r.Ahead(t.Context(), first.Revision, later)
	require.NoError(t, err)
	require.Equal(t, gitops.Ahead{Commits: 1, Forks: []gitops.Revision{base}}, ahead)
	merge := spec(later, "a")
	merge.Continues, merge.Signer = first.Revision, signer
	second, err := r.Commit(t.Context(), merge)
	require.NoError(t, err)
	require.Equal(t, []gitops.Revision{first.Revision, later}, second.Parents)
	signed, err := second.SignedBy(signer)
	require.NoError(t, err)
	require.True(t, signed)
	next := spec(second.Revision, "b")
	third, err := r.Commit(t.Context(), next)
	require.NoError(t, err)
	require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/a", Old: first.Revision, New: third.Revision}))
	git(t, s.bare, "fsck", "--strict")
	git(t, s.bare, append(verify, "verify-commit", string(second.Revision))...)
	require.Equal(t, "incident-response/prod/a/incident.yaml\nincident-response/prod/b/incident.yaml", git(t, s.bare, "diff", "--name-only", "main", "irgit/a"))

	again, err := open(t, gitops.Options{URL: s.url}).Commit(t.Context(), merge)
	require.NoError(t, err)
	require.Equal(t, second.Revision, again.Revision)
	r = open(t, gitops.Options{URL: s.url})
	ahead, err = r.Ahead(t.Context(), third.Revision, later)
	require.NoError(t, err)
	require.Equal(t, 3, ahead.Commits)
	require.ElementsMatch(t, []gitops.Revision{base, later}, ahead.Forks)
}

func TestSignedBy(t *testing.T) {
	for _, format := range []string{"ssh", "openpgp"} {
		t.Run(format, func(t *testing.T) {
			signer, _ := testSigner(t, format)
			other, _ := testSigner(t, format)
			s := serve(t, gittest.Options{})
			r := open(t, gitops.Options{URL: s.url, CacheDir: filepath.Join(t.TempDir(), "cache")})
			_, base, err := r.Base("")
			require.NoError(t, err)
			signed := spec(base, "a")
			signed.Signer = signer
			c, err := r.Commit(t.Context(), signed)
			require.NoError(t, err)
			for _, x := range []struct {
				by   gitops.Signer
				want bool
			}{{signer, true}, {other, false}} {
				ok, err := c.SignedBy(x.by)
				require.NoError(t, err)
				require.Equal(t, x.want, ok)
			}
			c.Raw = []byte(strings.Replace(string(c.Raw), "\n\n", "\n\nforged ", 1))
			ok, err := c.SignedBy(signer)
			require.NoError(t, err)
			require.False(t, ok)
		})
	}
}
