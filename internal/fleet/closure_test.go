package fleet

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Variables may come from a ConfigMap that another root renders, and what they
// lead to is followed.
func TestVariablesFromTheFleet(t *testing.T) {
	files := fluxFleet()
	files["clusters/eu/vars.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata: {env: eu, where: apps/eu}\n"
	files["clusters/eu/flux-system/gotk-sync.yaml"] = fluxRepo("flux-system", "https://github.com/acme/fleet") + "---\n" +
		fluxSync("flux-system", "./clusters/eu", "  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n")
	files["clusters/eu/apps.yaml"] = fluxSync("apps", "./${where}", "  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}, {kind: Secret, name: hidden, optional: true}]}\n")
	ix := indexed(t, discovered(t, files), "eu")
	require.Equal(t, []string{"Deployment shop/web-eu"}, namesOf(ix.Workloads()), "%v", messages(ix))
	require.Equal(t, "clusters/eu/apps.yaml", ix.Roots()[1].Sync.File)
	require.Len(t, ix.Findings(), 1, "%v", messages(ix))
	require.Contains(t, messages(ix)[0], "hidden")
}

// What .irgit.yaml says of a root wins over what its sync object says, and the
// rest of the sync object holds.
func TestDeclaredRootWins(t *testing.T) {
	files := fluxFleet()
	files[ConfigFile] = "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n  - name: eu\n    gitops: flux\n    bootstrap: [clusters/eu]\n" +
		"    roots: [{path: apps/eu, name: mine, targetNamespace: moved}]\n"
	f, err := Load(t.Context(), plainTree(t, files), Options{})
	require.NoError(t, err)
	ix := indexed(t, f, "eu")
	require.Empty(t, ix.Findings())
	require.Equal(t, []string{"Deployment moved/web-eu"}, namesOf(ix.Workloads()))
	roots := ix.Roots()
	require.Equal(t, "mine", roots[1].Name)
	require.Equal(t, "incident-response/patches/eu/mine", roots[1].Hook)
	require.Equal(t, "Kustomization flux-system/apps", roots[1].Sync.String())
}

// What the source controller leaves out cannot hold a hook: it stands where it
// is shipped, or the answer says that it would not be.
func TestHookThatIsNotShipped(t *testing.T) {
	files := fluxFleet()
	files[".sourceignore"] = "/*\n!/apps/\n!/clusters/\n"
	ix := indexed(t, discovered(t, files), "eu")
	require.Equal(t, "apps/eu/incident-response", ix.Roots()[1].Hook)
	p, err := ix.Placement(t.Context(), ix.Workloads()[0].Ref())
	require.NoError(t, err)
	require.Equal(t, ByWiring, p.How)
	require.Equal(t, "incident-response", p.Entry)
}

// A root of an artifact is built by the artifact's paths and named by the
// repository's.
func TestArtifact(t *testing.T) {
	files := fluxFleet()
	files["clusters/eu/artifact.yaml"] = "apiVersion: source.extensions.fluxcd.io/v1beta1\nkind: ArtifactGenerator\nmetadata: {name: apps, namespace: flux-system}\n" +
		"spec:\n  sources: [{alias: repo, kind: GitRepository, name: flux-system}]\n  artifacts:\n    - name: apps\n      copy:\n" +
		"        - {from: '@repo/apps/base/**', to: '@artifact/base/'}\n        - {from: '@repo/apps/eu/**', to: '@artifact/eu/'}\n"
	files["clusters/eu/apps.yaml"] = strings.ReplaceAll(fluxSync("apps", "./eu"), "{kind: GitRepository, name: flux-system}", "{kind: ExternalArtifact, name: apps}")
	ix := indexed(t, discovered(t, files), "eu")
	require.Equal(t, []string{"Deployment shop/web-${env:=none}"}, namesOf(ix.Workloads()), "%v", messages(ix))
	root := ix.Roots()[1]
	require.Equal(t, "apps/eu", root.Path)
	require.Equal(t, "apps/eu/incident-response", root.Hook)
	require.Equal(t, "apps/base/web.yaml", ix.Workloads()[0].File)
	built, err := ix.Build(t.Context(), ix.fleet.tree, root.ID)
	require.NoError(t, err)
	require.Len(t, built.Objects, 1)
}

// An app of apps in one cluster leads to applications of another; where it
// needs what lies outside of the repository, what it lists is followed all the
// same; and what stands beside a kustomization is applied by nobody.
func TestAppOfApps(t *testing.T) {
	hub := "{name: hub, namespace: argocd}"
	f := discovered(t, map[string]string{
		"argocd/kustomization.yaml":      "resources: [https://example.com/argocd.yaml, apps.yaml]\npatches:\n  - {path: gone.yaml, target: {kind: ConfigMap}}\n",
		"argocd/apps.yaml":               application("edge", "envs/edge", hub) + "---\n" + application("hub", "hub/tools", "{name: hub, namespace: tools}"),
		"argocd/forgotten.yaml":          application("forgotten", "hub/tools", "{name: nowhere, namespace: tools}"),
		"envs/edge/kustomization.yaml":   "resources: [shop.yaml]\n",
		"envs/edge/shop.yaml":            application("shop", "shop", "{name: edge, namespace: shop}"),
		"shop/web.yaml":                  manifest("Deployment", "", "web"),
		"hub/tools/kustomization.yaml":   "resources: [agent.yaml]\n",
		"hub/tools/agent.yaml":           manifest("DaemonSet", "", "agent"),
		"hub/unused/kustomization.yaml":  "helmCharts: [{name: x, repo: https://example.com}]\n",
		"hub/unused/values.yaml":         "a: b\n",
		"hub/tools/notes/unrelated.yaml": "a: [\n",
	})
	require.Equal(t, []string{"edge argocd argocd", "hub argocd argocd"}, clusterNames(f))
	require.Equal(t, []string{"Deployment shop/web"}, namesOf(indexed(t, f, "edge").Workloads()))
	require.Equal(t, []string{"DaemonSet tools/agent"}, namesOf(indexed(t, f, "hub").Workloads()))
	var said []string
	for _, finding := range f.Findings() {
		said = append(said, finding.File)
	}
	require.ElementsMatch(t, []string{"argocd/forgotten.yaml", "hub/unused/kustomization.yaml"}, said)
}

// A workload whose sync object is suspended, autoscaled, or shared says so.
func TestPath(t *testing.T) {
	files := fluxFleet()
	files["clusters/eu/apps.yaml"] = fluxSync("apps", "./apps/eu", "  suspend: true\n  postBuild: {substitute: {env: eu}}\n")
	files["apps/eu/kustomization.yaml"] = "resources: [../base, hpa.yaml]\n"
	files["apps/eu/hpa.yaml"] = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: shop}\nspec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: \"web-${env}\"}}\n"
	files["clusters/us/apps.yaml"] = fluxSync("apps", "./apps/eu", "  postBuild: {substitute: {env: us}}\n")
	ix := indexed(t, discovered(t, files), "eu")
	obstacles, err := ix.Path(t.Context(), ix.fleet.tree, ix.Workloads()[0].Ref(), "spec.replicas")
	require.NoError(t, err)
	var reasons []string
	for _, o := range obstacles {
		reasons = append(reasons, o.Reason)
	}
	require.Len(t, reasons, 2, "%v", reasons)
	require.Contains(t, reasons[0], "suspend")
	require.Contains(t, reasons[1], "HorizontalPodAutoscaler shop/web")
	require.Equal(t, "apps/eu/hpa.yaml", obstacles[1].File)

	p, err := ix.Placement(t.Context(), ix.Workloads()[0].Ref())
	require.NoError(t, err, "the directory is shared, so the cluster's own sync object takes the patch")
	require.Equal(t, BySync, p.How)
	require.Equal(t, "clusters/eu/apps.yaml", p.File)
}

// A path made of a value that nobody knows leads nowhere, rather than astray.
func TestVariablesThatNobodyKnows(t *testing.T) {
	files := fluxFleet()
	files["clusters/eu/flux-system/gotk-sync.yaml"] = fluxRepo("flux-system", "https://github.com/acme/fleet") + "---\n" +
		fluxSync("flux-system", "./clusters/eu", "  postBuild: {substitute: {region: eu}, substituteFrom: [{kind: Secret, name: hidden}]}\n")
	files["clusters/eu/apps.yaml"] = fluxSync("apps", "./${where}")
	files["clusters/eu/more.yaml"] = fluxSync("more", "./apps/${region}", "  postBuild: {substitute: {env: known}}\n")
	ix := indexed(t, discovered(t, files), "eu")
	require.Equal(t, []string{"Deployment shop/web-known"}, namesOf(ix.Workloads()))
	require.Len(t, ix.Roots(), 2)
	require.Contains(t, strings.Join(messages(ix), "\n"), "clusters/eu/apps.yaml: Kustomization flux-system/apps: what it applies depends on values that are not in Git")
}

// What would not be applied is said before it is proposed.
func TestUndelivered(t *testing.T) {
	for _, c := range []struct{ sync, ignore, want string }{
		{"", "", "nothing is seen to apply incident-response/eu: run irgit init"},
		{fluxSync("incident-response", "./incident-response/eu"), "", ""},
		{fluxSync("incident-response", "./incident-response/eu", "  suspend: true\n"), "", "Kustomization flux-system/incident-response is suspended"},
		{fluxSync("incident-response", "./incident-response/eu"), "/*\n!/apps/\n!/clusters/\n", "leaves it out"},
	} {
		files := fluxFleet()
		files["incident-response/eu/README.md"] = "# Incidents\n"
		if c.sync != "" {
			files["clusters/eu/incident-response.yaml"] = c.sync
		}
		if c.ignore != "" {
			files[".sourceignore"] = c.ignore
		}
		why, err := indexed(t, discovered(t, files), "eu").Undelivered(t.Context())
		require.NoError(t, err)
		if c.want == "" {
			require.Empty(t, why)
		}
		require.Contains(t, why, c.want)
	}
}

// A Rollout may run the pods of a Deployment's template.
func TestRolloutOfADeployment(t *testing.T) {
	ix := indexOf(t, manifest("Deployment", "shop", "web", "tier: front"),
		"apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: web-rollout, namespace: shop}\nspec: {replicas: 3, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n",
		"apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: lost, namespace: shop}\nspec: {workloadRef: {apiVersion: apps/v1, kind: Deployment, name: gone}}\n")
	require.Equal(t, []string{"Deployment shop/web", "Rollout shop/web-rollout"}, namesOf(ix.Workloads()))
	r := ix.Resolve(Query{Namespace: "shop", Pod: "web-rollout-5d4f8c7b96-x7k2p"})
	require.Equal(t, Found, r.State)
	require.Equal(t, "Rollout", r.Workload.Kind)
	require.Equal(t, map[string]string{"app": "web", "tier": "front"}, r.Workload.Labels)
	require.Equal(t, int64(3), *r.Workload.Replicas)
}
