package onboard_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/onboard"
)

const (
	url    = "https://git.example.com/platform/fleet.git"
	gotk   = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m, url: '" + url + "', ref: {branch: main}}\n---\n"
	deploy = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: 'x/web:1'}]}}}\n"
)

func kustomization(name, dir string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\nspec: {interval: 1m, path: ./" + dir + ", prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n"
}

func application(name, dir, destination string) string {
	return "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: " + name + ", namespace: argo}\nspec:\n  project: default\n  source: {repoURL: '" + url + "', targetRevision: main, path: " + dir + "}\n  destination: " + destination + "\n  syncPolicy: {automated: {prune: true}}\n"
}

// fluxFleet is one cluster, bootstrapped as `flux bootstrap` does.
func fluxFleet() map[string]string {
	return map[string]string{
		"clusters/eu/flux-system/gotk-sync.yaml":     gotk + kustomization("flux-system", "clusters/eu"),
		"clusters/eu/flux-system/kustomization.yaml": "resources: [gotk-sync.yaml]\n",
		"clusters/eu/apps.yaml":                      kustomization("apps", "apps/eu"),
		"apps/eu/kustomization.yaml":                 "# the team's\nresources:\n- web.yaml\n",
		"apps/eu/web.yaml":                           deploy,
	}
}

// argoFleet is an Argo CD that applies an app of apps to another cluster.
func argoFleet() map[string]string {
	return map[string]string{
		"root.yaml":                  application("root", "argo", "{server: 'https://kubernetes.default.svc'}"),
		"argo/kustomization.yaml":    "resources:\n  - apps.yaml\n",
		"argo/apps.yaml":             application("apps", "apps/us", "{name: us, namespace: shop}"),
		"apps/us/kustomization.yaml": "resources: [web.yaml]\n",
		"apps/us/web.yaml":           deploy,
	}
}

// stripped is the example fleet without anything of irgit's.
func stripped(t testing.TB) map[string]string {
	t.Helper()
	all, err := examples.Fleet()
	require.NoError(t, err)
	out := map[string]string{}
	for name, data := range all {
		text := string(data)
		switch {
		case name == fleet.ConfigFile, strings.Contains(name, "incident-response"):
			continue
		case strings.HasSuffix(name, "kustomization.yaml"):
			text, _, _ = strings.Cut(text, "transformers:\n")
		}
		out[name] = text
	}
	return out
}

func with(files map[string]string, more ...string) map[string]string {
	out := maps.Clone(files)
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func load(t testing.TB, tree *gitops.Tree) *fleet.Fleet {
	t.Helper()
	f, err := fleet.Load(t.Context(), tree, fleet.Options{Discover: true, CacheDir: t.TempDir()})
	require.NoError(t, err)
	return f
}

func treeOf(t testing.TB, files map[string]string) *gitops.Tree {
	t.Helper()
	all := map[string][]byte{}
	for name, text := range files {
		all[name] = []byte(text)
	}
	tree, err := gitops.NewTree(all)
	require.NoError(t, err)
	return tree
}

func plan(t testing.TB, files map[string]string) *onboard.Setup {
	t.Helper()
	s, err := onboard.Plan(t.Context(), load(t, treeOf(t, files)), onboard.PlanOptions{Base: "main"})
	require.NoError(t, err)
	return s
}

// again is what a second run makes of the first one's result.
func again(t testing.TB, s *onboard.Setup) *onboard.Setup {
	t.Helper()
	out, err := onboard.Plan(t.Context(), load(t, s.After), onboard.PlanOptions{Base: "main"})
	require.NoError(t, err)
	return out
}

// contents are the files that a setup writes.
func contents(s *onboard.Setup) map[string]string {
	out := map[string]string{}
	for _, c := range s.Changes {
		out[c.Path] = string(c.Content)
	}
	return out
}

func wrong(t testing.TB, tree *gitops.Tree) (out []onboard.Finding) {
	t.Helper()
	reports, err := onboard.Examine(t.Context(), load(t, tree))
	require.NoError(t, err)
	for _, r := range reports {
		for _, f := range r.Findings {
			if f.Wrong {
				out = append(out, f)
			}
		}
	}
	return out
}
