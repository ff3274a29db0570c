package kustomize

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

// served opens a repository with the files over HTTP, anew with each call.
func served(t *testing.T, all map[string][]byte) func() (*gittest.Server, *gitops.Tree) {
	t.Helper()
	dir := t.TempDir()
	_, err := gittest.NewRepository(t.Context(), dir, "fleet.git", all)
	require.NoError(t, err)
	return func() (*gittest.Server, *gitops.Tree) {
		server, err := gittest.Serve(t.Context(), dir, gittest.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = server.Close() })
		remote, err := gitops.Open(t.Context(), gitops.Options{URL: server.URL + "/fleet.git"})
		require.NoError(t, err)
		head, ok := remote.Branch("main")
		require.True(t, ok)
		tree, err := remote.Tree(t.Context(), head)
		require.NoError(t, err)
		return server, tree
	}
}

// Reading ahead brings everything that the builds need: afterwards the server
// may be gone. A server that is gone is no fault of the root.
func TestPrefetch(t *testing.T) {
	all, err := examples.Fleet()
	require.NoError(t, err)
	open := served(t, all)
	server, tree := open()
	roots := []Root{{Path: "apps/prod-eu"}, {Path: "infrastructure/prod-eu"}, {Path: "apps/absent"}}
	require.NoError(t, Prefetch(t.Context(), tree, roots...))
	require.NoError(t, server.Close())
	for _, root := range roots[:2] {
		r, err := Build(t.Context(), tree, root.Path, root.Options)
		require.NoError(t, err)
		require.NotEmpty(t, r.Objects)
	}

	server, tree = open()
	require.NoError(t, server.Close())
	_, err = Build(t.Context(), tree, "apps/prod-eu", Options{})
	require.ErrorIs(t, err, gitops.ErrUnreachable)
	var bad *Error
	require.NotErrorAs(t, err, &bad)
	require.ErrorIs(t, Prefetch(t.Context(), tree, roots...), gitops.ErrUnreachable)
	_, _, err = Follow(t.Context(), tree, "apps/prod-eu", Options{})
	require.ErrorIs(t, err, gitops.ErrUnreachable)
}

// Options that lead elsewhere are read ahead, too, and followed.
func TestPrefetchWithOptions(t *testing.T) {
	component := []byte("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [b.yaml]\n")
	all := map[string][]byte{
		".sourceignore":                 []byte("/*\n!/apps\n"),
		"apps/.sourceignore":            []byte("off.yaml\n"),
		"apps/base/kustomization.yaml":  []byte("resources: [a.yaml]\n"),
		"apps/base/a.yaml":              []byte(configMap),
		"apps/base/off.yaml":            []byte("{"),
		"apps/prod/kustomization.yaml":  []byte("resources: [../base]\n"),
		"apps/extra/kustomization.yaml": component,
		"apps/extra/b.yaml":             []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"),
	}
	extra := map[string]any{"components": []any{"../extra"}}
	copies := []Copy{{From: "@repo/apps/base/**", To: "@artifact/base"}, {From: "@repo/apps/prod/**", To: "@artifact/prod"}, {From: "@repo/apps/extra", To: "@artifact/"}}
	open := served(t, all)
	for _, root := range []Root{
		{"apps/prod", Options{Generate: true, Fields: extra, Source: Source{Ignores: true}}},
		{"prod", Options{Generate: true, Fields: extra, Source: Source{Ignores: true, Copies: copies}}},
	} {
		server, tree := open()
		require.NoError(t, Prefetch(t.Context(), tree, root))
		require.NoError(t, server.Close())
		r, err := Build(t.Context(), tree, root.Path, root.Options)
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, names(r.Objects))

		server, tree = open()
		require.NoError(t, PrefetchFollow(t.Context(), tree, root))
		require.NoError(t, server.Close())
		followed, looked, err := Follow(t.Context(), tree, root.Path, root.Options)
		require.NoError(t, err)
		require.Equal(t, []string{"apps/base/kustomization.yaml", "apps/extra/kustomization.yaml", "apps/prod/kustomization.yaml"}, followed)
		require.Contains(t, looked, "apps/extra/.sourceignore")
	}
}
