package forge_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
)

func TestProtection(t *testing.T) {
	for name, c := range map[string]struct {
		options forgetest.Options
		want    forge.Protection
	}{
		"none":            {forgetest.Options{}, forge.Protection{}},
		"protected":       {forgetest.Options{Protected: true}, forge.Protection{Protected: true}},
		"a rule set":      {forgetest.Options{Rules: []string{"deletion", "pull_request"}}, forge.Protection{Protected: true, Reviewed: true}},
		"no review asked": {forgetest.Options{Rules: []string{"deletion"}}, forge.Protection{Protected: true}},
	} {
		b := newBench(t, c.options)
		got, err := b.forge.Protection(t.Context(), "release/1")
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}

func TestProtectionOfAServerWithoutRuleSets(t *testing.T) {
	b := newBench(t, forgetest.Options{Protected: true})
	b.Fail(forgetest.Fault{Method: http.MethodGet, Path: "/repos/acme/fleet/rules/branches/main", Status: http.StatusNotFound, Message: "Not Found"})
	got, err := b.forge.Protection(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, forge.Protection{Protected: true}, got)
}

func TestProtectionOfABranchThatIsNotThere(t *testing.T) {
	b := newBench(t, forgetest.Options{Branch: func(string) (string, bool) { return "", false }})
	_, err := b.forge.Protection(t.Context(), "none")
	require.ErrorIs(t, err, forge.ErrNotFound)
}
