package fleet

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	hookFile = "incident-response/patches/eu/apps/kustomization.yaml"
	emptyYet = "sortOptions: {order: fifo}\nresources:\n  # Deployment shop/web\n"
)

// twoClusters is a fleet of eu and us, each with apps of its own.
func twoClusters() map[string]string {
	return map[string]string{
		ConfigFile: "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n" +
			"  - {name: eu, gitops: flux, roots: [{path: apps/eu, name: apps}, {path: infra/eu, name: infra}]}\n" +
			"  - {name: us, gitops: argocd, roots: [{path: apps/us, name: apps}]}\n",
		"base/kustomization.yaml":     "resources: [web.yaml]\n",
		"base/web.yaml":               manifest("Deployment", "shop", "web"),
		"apps/eu/kustomization.yaml":  "resources: [../../base]\ntransformers:\n  - ../../incident-response/patches/eu/apps\n",
		hookFile:                      emptyYet,
		"apps/us/kustomization.yaml":  "resources: [../../base]\n",
		"infra/eu/kustomization.yaml": "resources: [agent.yaml]\n",
		"infra/eu/agent.yaml":         manifest("DaemonSet", "infra", "agent"),
	}
}

func TestHook(t *testing.T) {
	ix := indexTree(t, treeOf(t, twoClusters()), Options{}, "eu")
	require.Empty(t, ix.Findings())
	h, err := ix.Hook(workload(t, ix, "Deployment", "shop", "web"))
	require.NoError(t, err)
	require.Equal(t, Hook{Dir: "incident-response/patches/eu/apps", Kustomization: hookFile, Roots: []string{"apps/eu"}}, h)

	// Another root of the same cluster reads it through a base.
	files := with(twoClusters(),
		"infra/eu/kustomization.yaml", "resources: [agent.yaml]\ncomponents: [../../part]\n",
		"part/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ntransformers: [../incident-response/patches/eu/apps]\n")
	ix = indexTree(t, treeOf(t, files), Options{}, "eu")
	h, err = ix.Hook(workload(t, ix, "Deployment", "shop", "web"))
	require.NoError(t, err)
	require.Equal(t, []string{"apps/eu", "infra/eu"}, h.Roots)

	// A hook that the fleet names itself, spelled in another way.
	files = with(twoClusters(),
		ConfigFile, strings.Replace(twoClusters()[ConfigFile], "path: apps/eu, name: apps", "path: apps/eu, name: apps, hook: apps/eu/irgit", 1),
		"apps/eu/kustomization.yaml", "Resources: [../../base]\nTransformers: [./irgit/]\n",
		"apps/eu/irgit/Kustomization", emptyYet)
	ix = indexTree(t, treeOf(t, files), Options{}, "eu")
	h, err = ix.Hook(workload(t, ix, "Deployment", "shop", "web"))
	require.NoError(t, err)
	require.Equal(t, Hook{"apps/eu/irgit", "apps/eu/irgit/Kustomization", []string{"apps/eu"}}, h)
}

// A patch that would not arrive, or would arrive in another cluster too, is
// refused with what a person has to do.
func TestHookIsRefused(t *testing.T) {
	us := "apps/us/kustomization.yaml"
	for _, c := range []struct {
		what               string
		change             []string
		file, reason, step string
	}{
		{
			"not wired",
			[]string{"apps/eu/kustomization.yaml", "resources: [../../base]\n"},
			"apps/eu/kustomization.yaml", "does not name irgit's hook incident-response/patches/eu/apps in transformers", "add `transformers: [../../incident-response/patches/eu/apps]` to apps/eu/kustomization.yaml",
		},
		{
			"wired as a component",
			[]string{"apps/eu/kustomization.yaml", "resources: [../../base]\ncomponents: [../../incident-response/patches/eu/apps]\n", hookFile, "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: []\n"},
			"apps/eu/kustomization.yaml", "does not name", "transformers",
		},
		{
			"wired in the base only",
			[]string{"apps/eu/kustomization.yaml", "resources: [../../base]\n", "base/kustomization.yaml", "resources: [web.yaml]\ntransformers: [../incident-response/patches/eu/apps]\n"},
			"apps/eu/kustomization.yaml", "does not name", "transformers",
		},
		{
			"the other cluster's root reads it",
			[]string{us, "resources: [../../base]\ntransformers: [../../incident-response/patches/eu/apps]\n"},
			hookFile, "root apps/us of us reads it too", "give us a hook of its own",
		},
		{
			"the other cluster builds on the root",
			[]string{us, "resources: [../eu]\nnameSuffix: -us\n"},
			hookFile, "root apps/us of us reads it too", "hook of its own",
		},
		{
			"the other cluster reads it and does not build",
			[]string{us, "resources: [../eu, gone.yaml]\n"},
			hookFile, "root apps/us of us reads it too", "hook of its own",
		},
		{"the other cluster finds it in a plain directory", []string{
			us, "", "apps/us/sub/kustomization.yaml", "resources: [../../eu]\n",
			ConfigFile, strings.Replace(twoClusters()[ConfigFile], "argocd", "flux", 1),
		}, hookFile, "reads it too", ""},
		{
			"a root of the cluster reads it and does not build",
			[]string{"infra/eu/kustomization.yaml", "resources: [agent.yaml, gone.yaml]\ntransformers: [../../incident-response/patches/eu/apps]\n"},
			hookFile, "root infra/eu reads the hook and does not build", "repair that root",
		},
		{
			"shared root",
			[]string{ConfigFile, strings.Replace(twoClusters()[ConfigFile], "{path: apps/us, name: apps}", "{path: apps/us, name: apps}, {path: apps/eu, name: all}", 1)},
			ConfigFile, "the root apps/eu is shared: us applies it too", "overlay of its own",
		},
		{
			"shared by a pattern",
			[]string{ConfigFile, strings.Replace(twoClusters()[ConfigFile], "apps/us", "apps/*", 1)},
			ConfigFile, "is shared", "overlay of its own",
		},
		{
			"plain directory",
			[]string{"apps/eu/kustomization.yaml", "", "apps/eu/web.yaml", manifest("Deployment", "shop", "web")},
			"apps/eu", "no kustomization file", "put a kustomization.yaml there",
		},
	} {
		files := with(twoClusters(), c.change...)
		for name, text := range files {
			if text == "" {
				delete(files, name)
			}
		}
		ix := indexTree(t, treeOf(t, files), Options{}, "eu")
		h, err := ix.Hook(workload(t, ix, "Deployment", "shop", "web"))
		var refused *HookError
		require.True(t, errors.As(err, &refused), "%s: %v %v", c.what, h, err)
		require.Equal(t, c.file, refused.File, c.what)
		require.Contains(t, refused.Reason, c.reason, c.what)
		require.Contains(t, refused.Step, c.step, c.what)
	}
	ix := indexTree(t, treeOf(t, twoClusters()), Options{}, "eu")
	_, err := ix.Hook(Workload{Root: "elsewhere"})
	require.ErrorContains(t, err, "no root elsewhere")
}

func TestRelative(t *testing.T) {
	for _, c := range [][3]string{
		{"apps/eu", "incident-response/patches/eu/apps", "../../incident-response/patches/eu/apps"},
		{"apps/eu", "apps/eu/irgit", "irgit"},
		{"apps", "apps-hook", "../apps-hook"},
		{"a/b/c", "a/x", "../../x"},
	} {
		require.Equal(t, c[2], relative(c[0], c[1]))
	}
}
