package kustomize

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const ksops = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata:\n  name: s\n  annotations: {config.kubernetes.io/function: 'exec: {path: ksops}'}\nfiles: [./secret.enc.yaml]\n"

// What lies outside of the repository fails a build, and is left out of a
// partial one, which says what it was.
func TestPartial(t *testing.T) {
	for name, c := range map[string]struct {
		files   map[string]string
		want    []string
		missing []string
	}{
		"a remote base": {
			map[string]string{"root/kustomization.yaml": "resources: [a.yaml, 'https://example.com/x.git//y?ref=1']\n"},
			[]string{"a"},
			[]string{`root/kustomization.yaml: resources: "https://example.com/x.git//y?ref=1", which is outside the repository and is not fetched`},
		},
		"nothing but a remote base": {
			map[string]string{"root/kustomization.yaml": "bases: ['github.com/x/y']\n"},
			nil,
			[]string{`root/kustomization.yaml: bases: "github.com/x/y", which is outside the repository and is not fetched`},
		},
		"below": {
			map[string]string{"root/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n", "base/kustomization.yml": "components: ['git@example.com:x/y']\nresources: [../root/a.yaml]\n"},
			[]string{"p-a"},
			[]string{`base/kustomization.yml: components: "git@example.com:x/y", which is outside the repository and is not fetched`},
		},
		"charts": {
			map[string]string{"root/kustomization.yaml": "resources: [a.yaml]\nhelmGlobals: {chartHome: c}\nhelmCharts: [{name: redis}, {name: x}]\nhelmChartInflationGenerator: [{chartName: old}]\n"},
			[]string{"a"},
			[]string{
				"root/kustomization.yaml: Helm chart old, which irgit does not run", "root/kustomization.yaml: Helm chart redis, which irgit does not run",
				"root/kustomization.yaml: Helm chart x, which irgit does not run",
			},
		},
		"a plugin": {
			map[string]string{"root/kustomization.yaml": "resources: [a.yaml]\ngenerators: [ksops.yaml]\n", "root/ksops.yaml": ksops},
			[]string{"a"},
			[]string{"root/ksops.yaml: plugin viaduct.ai/v1 ksops, which irgit does not run"},
		},
		"a plugin in place": {
			map[string]string{"root/kustomization.yaml": "resources: [a.yaml]\ntransformers:\n- |\n  " + strings.ReplaceAll(ksops, "\n", "\n  ") + "\n"},
			[]string{"a"},
			[]string{"root/kustomization.yaml: plugin viaduct.ai/v1 ksops, which irgit does not run"},
		},
		"plugins in a directory, among others": {
			map[string]string{
				"root/kustomization.yaml": "resources: [a.yaml]\ntransformers: [../hook]\n", "hook/kustomization.yaml": "resources: [ksops.yaml, ns.yaml, chart.yaml]\n", "hook/ksops.yaml": ksops,
				"hook/ns.yaml":    "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: x, namespace: moved}\n",
				"hook/chart.yaml": "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\n",
			},
			[]string{"moved/a"},
			[]string{"hook/chart.yaml: inflates a Helm chart, which irgit does not run", "hook/ksops.yaml: plugin viaduct.ai/v1 ksops, which irgit does not run"},
		},
		"files": {
			map[string]string{
				"root/kustomization.yaml": "resources: [a.yaml]\nopenapi: {path: 'https://x/o.json'}\ncrds: ['https://x/c.yaml']\nconfigurations: ['https://x/d.yaml']\n" +
					"patches: [{path: 'https://x/p.yaml'}]\nreplacements: [{path: 'https://x/r.yaml'}]\npatchesStrategicMerge: ['https://x/s.yaml']\n" +
					"configMapGenerator: [{name: g, files: [k=a.yaml, 'k2=https://x/f'], envs: ['https://x/e']}]\ngeneratorOptions: {disableNameSuffixHash: true}\nsecretGenerator: [{name: s, env: 'https://x/e2'}]\n",
			},
			[]string{"a", "g", "s"},
			[]string{"https://x/c.yaml", "https://x/d.yaml", "https://x/e", "https://x/e2", "k2=https://x/f", "https://x/o.json", "https://x/p.yaml", "https://x/r.yaml", "https://x/s.yaml"},
		},
	} {
		c.files["root/a.yaml"] = configMap
		tree := files(t, c.files)
		_, err := Build(t.Context(), tree, "root", Options{})
		var bad *Error
		require.ErrorAs(t, err, &bad, name)
		require.True(t, bad.Outside, "%s: %s", name, bad.Reason)
		r, err := Build(t.Context(), tree, "root", Options{Partial: true})
		require.NoError(t, err, name)
		require.Equal(t, c.want, names(r.Objects), name)
		require.Len(t, r.Missing, len(c.missing), "%s: %v", name, r.Missing)
		for _, missing := range c.missing {
			require.Contains(t, strings.Join(r.Missing, "\n"), missing, name)
		}
	}
}

// What is whole is the same in part.
func TestPartialOfAWholeRoot(t *testing.T) {
	tree := files(t, map[string]string{
		"root/kustomization.yaml": "# a comment\nresources:\n- a.yaml\ntransformers: [hook]\n", "root/a.yaml": configMap,
		"root/hook/kustomization.yaml": "resources: []\n",
	})
	want, err := Build(t.Context(), tree, "root", Options{})
	require.NoError(t, err)
	have, err := Build(t.Context(), tree, "root", Options{Partial: true})
	require.NoError(t, err)
	require.Equal(t, want, have)
}

// A patch may be for what was left out, so the root may well build elsewhere.
func TestPartialThatStillFails(t *testing.T) {
	tree := files(t, map[string]string{
		"root/kustomization.yaml": "resources: ['https://example.com/x.git']\npatches: [{path: p.yaml}]\n", "root/p.yaml": configMap,
		"local/kustomization.yaml": "resources: []\npatches: [{path: ../root/p.yaml}]\n",
	})
	_, err := Build(t.Context(), tree, "root", Options{Partial: true})
	var bad *Error
	require.ErrorAs(t, err, &bad)
	require.True(t, bad.Outside)
	require.Contains(t, bad.Reason, "no matches")
	_, err = Build(t.Context(), tree, "local", Options{Partial: true})
	require.ErrorAs(t, err, &bad)
	require.False(t, bad.Outside)
}
