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
