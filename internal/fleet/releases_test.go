package fleet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const chartOfWeb = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec: {targetNamespace: prod, suspend: true}\n"

// charted is a cluster with a HelmRelease, of which releases says where it is kept.
func charted(releases string) map[string]string {
	return map[string]string{
		ConfigFile: strings.TrimSuffix(oneCluster, "\n") + "\n    releases: " + releases + "\n", "apps/web.yaml": chartOfWeb,
		"charts/web/all.yaml": strings.Replace(manifest("Deployment", "x", "web"), ", namespace: x", "", 1),
	}
}

func TestDeclaredReleaseIsARoot(t *testing.T) {
	ix := indexTree(t, treeOf(t, charted("[{namespace: shop, name: web, rendered: charts/web}]")), Options{}, "c")
	require.Empty(t, ix.Findings())
	w := workload(t, ix, "Deployment", "prod", "web")
	require.Equal(t, "charts/web", w.Root)
	require.Equal(t, []ReleaseState{{"shop", "web", "prod", "prod-web", "apps/web.yaml", "charts/web"}}, ix.Releases())
	p, err := ix.Placement(t.Context(), w.Ref())
	require.NoError(t, err)
	require.Equal(t, BySync, p.How)
	require.Equal(t, "apps/web.yaml", p.File)
	require.Equal(t, []string{"spec", "postRenderers"}, p.List)
	way, err := ix.Path(t.Context(), ix.fleet.tree, w.Ref(), "spec.replicas")
	require.NoError(t, err)
	require.NotEmpty(t, way)
}

func TestReleasesThatAreNotThereAreFindings(t *testing.T) {
	for releases, want := range map[string]string{
		"[]": "what its chart renders is not in Git",
		"[{namespace: shop, name: web, rendered: charts/gone}]":         "charts/gone, which is not there",
		"[{namespace: shop, name: web, rendered: charts/web/all.yaml}]": "which is no directory",
		"[{namespace: elsewhere, name: web, rendered: charts/web}]":     "no root of the cluster renders such a HelmRelease",
		"[{namespace: shop, name: other, rendered: charts/web}]":        "no root of the cluster renders such a HelmRelease",
	} {
		ix := indexTree(t, treeOf(t, charted(releases)), Options{}, "c")
		var all []string
		for _, f := range ix.Findings() {
			require.NotEmpty(t, f.Remedy())
			all = append(all, f.Message)
		}
		require.Contains(t, strings.Join(all, "\n"), want)
		require.Empty(t, ix.Workloads())
	}
}

func TestReleaseProblems(t *testing.T) {
	for releases, want := range map[string]string{
		"[{namespace: shop, name: web}]":                                                         "releases[0].rendered is missing",
		"[{namespace: shop, name: web, rendered: ../x}]":                                         "is not a relative, clean path",
		"[{namespace: shop, name: web, rendered: apps}]":                                         "roots[0] covers it",
		"[{namespace: shop, name: web, rendered: incident-response/x}]":                          "is irgit's own",
		"[{namespace: shop, name: web, rendered: a}, {namespace: shop, name: web, rendered: b}]": "already stands at clusters[0].releases[0]",
	} {
		_, problems := parseConfig([]byte(charted(releases)[ConfigFile]))
		var all []string
		for _, p := range problems {
			all = append(all, fmt.Sprint(p))
		}
		require.Contains(t, strings.Join(all, "\n"), want)
	}
}

// bootstrappedChart is the fleet of two Flux clusters; eu has a HelmRelease in a
// base, whose rendered chart is declared.
func bootstrappedChart(spec string) map[string]string {
	files := fluxFleet()
	files[ConfigFile] = "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n  - name: eu\n    gitops: flux\n    bootstrap: [clusters/eu]\n" +
		"    releases: [{namespace: shop, name: cache, rendered: charts/eu/cache}]\n  - {name: us, gitops: flux, bootstrap: [clusters/us]}\n"
	files["apps/eu/kustomization.yaml"] = "resources: [../base, cache.yaml]\n"
	files["apps/eu/cache.yaml"] = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cache, namespace: shop}\nspec: {" + spec + "}\n"
	files["charts/eu/cache/set.yaml"] = strings.Replace(manifest("StatefulSet", "x", "cache-master"), ", namespace: x", "", 1)
	files["charts/eu/cache/more/hook.yaml"] = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: cache-migrate, annotations: {helm.sh/hook: pre-upgrade}}\n" +
		"spec: {template: {metadata: {labels: {app: migrate}}, spec: {containers: [{name: a, image: a}]}}}\n"
	return files
}

func indexChart(t *testing.T, files map[string]string) *Index {
	t.Helper()
	f, err := Load(t.Context(), plainTree(t, files), Options{CacheDir: t.TempDir()})
	require.NoError(t, err)
	return indexed(t, f, "eu")
}

// A pod of a chart is resolved like any other, and what installs it owns it.
func TestWhatAChartRendersIsResolved(t *testing.T) {
	files := bootstrappedChart("dependsOn: [{name: db}], postRenderers: [{kustomize: {images: [{name: registry.example.com/x/cache-master, newTag: '7'}]}}]")
	for range 2 { // built, and from the cache
		ix := indexChart(t, files)
		require.Empty(t, ix.Findings(), "%v", messages(ix))
		r := ix.Resolve(Query{Namespace: "shop", Pod: "cache-master-0"})
		require.Equal(t, Found, r.State, r.Reason)
		require.Empty(t, r.Doubts)
		require.Equal(t, "registry.example.com/x/cache-master:7", r.Workload.Containers[0].Image)
		owner, ok := ix.Owner(r.Workload.Ref())
		require.True(t, ok)
		require.Equal(t, "HelmRelease shop/cache", owner.Sync.String())
		require.Equal(t, []string{"charts/eu/cache/set.yaml", "apps/eu/cache.yaml"}, owner.Files)
		require.Equal(t, "Kustomization flux-system/apps", owner.Chain[0].String())
		root := ix.Roots()[2]
		require.Equal(t, []string{"shop/db"}, root.DependsOn)
		require.True(t, root.Chart)
		require.Empty(t, root.Hook, "no team's kustomization could name one")
	}
	ix := indexChart(t, files)
	r := ix.Resolve(Query{Namespace: "shop", Pod: "cache-replica-0"})
	require.Equal(t, NotInFleet, r.State)
	require.Contains(t, r.Reason, "nothing of what is kept of its chart in charts/eu/cache fits: render it again")
	files[ConfigFile] = strings.Replace(files[ConfigFile], "    releases: [{namespace: shop, name: cache, rendered: charts/eu/cache}]\n", "", 1)
	r = indexChart(t, files).Resolve(Query{Namespace: "shop", Pod: "cache-master-0"})
	require.Contains(t, r.Reason, "Helm-managed: HelmRelease shop/cache")
	require.Contains(t, r.Reason, "name that directory in clusters[].releases of .irgit.yaml")
}

// What stops the HelmRelease's own manifest on its way stops the patch.
func TestPathOfWhatAChartRenders(t *testing.T) {
	files := bootstrappedChart("suspend: true, upgrade: {remediation: {retries: 2}}")
	files["clusters/eu/apps.yaml"] = fluxSync("apps", "./apps/eu", "  suspend: true\n")
	ix := indexChart(t, files)
	way, err := ix.Path(t.Context(), ix.fleet.tree, workload(t, ix, "StatefulSet", "shop", "cache-master").Ref(), "spec.updateStrategy.type")
	require.NoError(t, err)
	var blocking, rest []string
	for _, o := range way {
		if o.Blocking {
			blocking = append(blocking, o.Reason)
		} else {
			rest = append(rest, o.Reason)
		}
	}
	require.Equal(t, []string{
		"HelmRelease shop/cache: applies nothing now: spec.suspend is true", "Kustomization flux-system/apps: applies nothing now: spec.suspend is true",
	}, blocking)
	require.Len(t, rest, 1)
	require.Contains(t, rest[0], "by rolling the release back, and the patch with it")
}

func TestWhatAChartRendersIsNotAlwaysPatched(t *testing.T) {
	for about, c := range map[string]struct {
		more map[string]string
		name string
		want string
	}{
		"a hook of the chart": {nil, "cache-migrate", "is a hook of the chart"},
		"a manifest that another cluster reads": {
			map[string]string{"apps/eu/kustomization.yaml": "resources: [../base, ../cache.yaml]\n", "apps/us/kustomization.yaml": "resources: [../base, ../cache.yaml]\n", "apps/eu/cache.yaml": ""},
			"cache-master", "read by root apps/us of us",
		},
		"transformers of its own": {
			map[string]string{
				"charts/eu/cache/kustomization.yaml": "resources: [set.yaml]\ntransformers: [t.yaml]\n",
				"charts/eu/cache/t.yaml":             "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {a: b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
			},
			"cache-master", "run after the post-renderers of HelmRelease shop/cache",
		},
	} {
		files := bootstrappedChart("")
		files["apps/cache.yaml"] = files["apps/eu/cache.yaml"]
		for name, text := range c.more {
			files[name] = text
		}
		ix := indexChart(t, files)
		var refused *HookError
		for _, w := range ix.Workloads() {
			if w.Name == c.name {
				_, err := ix.Placement(t.Context(), w.Ref())
				require.ErrorAs(t, err, &refused, about)
			}
		}
		require.NotNil(t, refused, about)
		require.Contains(t, refused.Reason, c.want)
	}
}

// What cannot be told of a HelmRelease is said, and its chart stays unknown.
func TestReleasesThatCannotBeTold(t *testing.T) {
	for about, c := range map[string]struct {
		change func(files map[string]string)
		want   string
	}{
		"another cluster": {func(files map[string]string) {
			files["apps/eu/cache.yaml"] = strings.Replace(files["apps/eu/cache.yaml"], "spec: {", "spec: {kubeConfig: {secretRef: {name: x}}, ", 1)
		}, "installs into another cluster"},
		"a value that is not in Git": {func(files map[string]string) {
			files["apps/eu/cache.yaml"] = strings.Replace(files["apps/eu/cache.yaml"], "spec: {", "spec: {targetNamespace: \"${space}\", ", 1)
			files["clusters/eu/apps.yaml"] = fluxSync("apps", "./apps/eu", "  postBuild: {substituteFrom: [{kind: Secret, name: hidden}]}\n")
		}, "depends on ${space}, which is not in Git"},
		"what does not build": {func(files map[string]string) { files["charts/eu/cache/bad.yaml"] = "a: [\n" }, "bad.yaml"},
	} {
		files := bootstrappedChart("")
		c.change(files)
		ix := indexChart(t, files)
		require.Contains(t, strings.Join(messages(ix), "\n"), c.want, about)
		for _, w := range ix.Workloads() {
			require.NotContains(t, w.Name, "cache", about)
		}
	}
	files := bootstrappedChart("values: {zone: \"${zone}\"}")
	files["clusters/eu/apps.yaml"] = fluxSync("apps", "./apps/eu", "  postBuild: {substituteFrom: [{kind: Secret, name: hidden}]}\n")
	require.Equal(t, "cache-master", workload(t, indexChart(t, files), "StatefulSet", "shop", "cache-master").Name, "what only the chart gets does not matter")
}
