package kustomize

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
)

// Asking where objects come from changes nothing else.
func TestOrigins(t *testing.T) {
	deployment := "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations: {a: b}\n"
	tree, err := gitops.NewTree(map[string][]byte{
		"base/kustomization.yaml":     []byte("resources: [sub/web.yaml]\nconfigMapGenerator: [{name: c, literals: [a=b]}]\n"),
		"base/sub/web.yaml":           []byte(deployment),
		"app/kustomization.yaml":      []byte("resources: [../base, own.yaml]\nnamePrefix: x-\n"),
		"app/own.yaml":                []byte("apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {}}\n"),
		"asks/kustomization.yaml":     []byte("resources: [../base]\nbuildMetadata: [originAnnotations]\n"),
		"plain/web.yaml":              []byte(strings.Replace(deployment, "web", "other", 1)),
		"plain/deep/service.yaml":     []byte("apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"),
		"plain/own/kustomization.yml": []byte("resources: [../../base]\n"),
	})
	require.NoError(t, err)
	for _, c := range []struct {
		root    string
		options Options
		want    []string
	}{
		{"app", Options{}, []string{"base/sub/web.yaml", "", "app/own.yaml"}},
		{"app", Options{Fields: map[string]any{"nameSuffix": "-y"}}, []string{"base/sub/web.yaml", "", "app/own.yaml"}},
		{"app", Options{Generate: true}, []string{"base/sub/web.yaml", "", "app/own.yaml"}},
		{"asks", Options{}, nil},
		{"plain", Options{Generate: true}, []string{"plain/deep/service.yaml", "base/sub/web.yaml", "", "plain/web.yaml"}},
		{"plain", Options{Directory: &Directory{Recurse: true, Exclude: "own/*"}}, []string{"plain/deep/service.yaml", "plain/web.yaml"}},
	} {
		without, err := Build(t.Context(), tree, c.root, c.options)
		require.NoError(t, err, c.root)
		c.options.Origins = true
		with, err := Build(t.Context(), tree, c.root, c.options)
		require.NoError(t, err, c.root)
		require.Equal(t, without.Objects, with.Objects, c.root)
		require.Equal(t, c.want, with.Origins, c.root)
	}
}
