package onboard_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/onboard"
	"github.com/irgit/irgit/internal/proposal"
)

// The example fleet is what a person wired; irgit comes to the same.
func TestPlanBringsTheExampleBack(t *testing.T) {
	s := plan(t, stripped(t))
	got := contents(s)
	want, err := examples.Fleet()
	require.NoError(t, err)
	for name, data := range want {
		byHand := name == fleet.ConfigFile || strings.HasSuffix(name, "/incident-response.yaml")
		// irgit calls Argo CD's roots as their Applications are called
		renamed := strings.HasPrefix(name, "incident-response/patches/prod-us/") || strings.HasPrefix(name, "apps/prod-us/") || strings.HasPrefix(name, "infrastructure/prod-us/")
		if _, theirs := stripped(t)[name]; byHand || renamed || theirs && !strings.Contains(string(data), "transformers:\n") {
			continue
		}
		requireLines(t, string(data), got[name], name)
	}
	require.Contains(t, got["apps/prod-us/kustomization.yaml"], "transformers:\n  - ../../incident-response/patches/prod-us/apps-prod-us\n")
	require.Equal(t, 8, s.Document.Roots)
	require.Empty(t, s.Document.Unwired)
	require.Empty(t, s.Document.Unknown)
	require.Equal(t, []proposal.Remark{{
		Where: "clusters/prod-us/incident-response.yaml",
		What:  "Nothing in Git applies clusters/prod-us: somebody does by hand, or a bootstrap that is not in this repository.",
		Step:  "Where it is by hand, apply the new file, too, once it is merged: kubectl apply -f clusters/prod-us/incident-response.yaml",
	}}, s.Document.ByHand)

	require.Empty(t, again(t, s).Changes)
	require.Empty(t, wrong(t, s.After))
	require.Equal(t, s.Changes, plan(t, stripped(t)).Changes, "the same fleet gives the same bytes")
}

// requireLines wants every line; a hook may name more workloads.
func requireLines(t *testing.T, want, got, name string) {
	t.Helper()
	if !strings.HasPrefix(name, "incident-response/patches/") {
		require.Equal(t, want, got, name)
	}
	lines := strings.Split(got, "\n")
	for line := range strings.SplitSeq(want, "\n") {
		require.Contains(t, lines, line, name)
	}
}

// With the .irgit.yaml that a person wrote, that file is left alone.
func TestPlanLeavesADeclarationAlone(t *testing.T) {
	all, err := examples.Fleet()
	require.NoError(t, err)
	declared := strings.Split(string(all[fleet.ConfigFile]), "  - name: staging")[0]
	s := plan(t, with(stripped(t), fleet.ConfigFile, declared))
	got := contents(s)
	require.NotContains(t, got, fleet.ConfigFile)
	require.Equal(t, "It does not declare what was found besides: staging (flux, clusters/staging).", s.Document.Kept)
	for name, data := range all {
		if strings.HasPrefix(name, "incident-response/patches/prod-") || strings.HasPrefix(name, "incident-response/prod-") || strings.HasPrefix(name, "apps/prod-") {
			requireLines(t, string(data), got[name], name)
		}
	}
	require.NotContains(t, got, "incident-response/staging/README.md")
	require.Contains(t, got, "clusters/prod-us/incident-response.yaml")
	require.Empty(t, again(t, s).Changes)
	require.Empty(t, wrong(t, s.After))
}

// Charts are named for a person to fill in, and once that is done there is
// nothing more to say of them.
func TestPlanNamesTheChartsThatAreNotKnown(t *testing.T) {
	files := with(fluxFleet(), "clusters/eu/cache.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cache, namespace: shop}\n"+
		"spec: {targetNamespace: store, releaseName: \"a\\n  - name: evil\"}\n")
	s := plan(t, files)
	config := contents(s)[fleet.ConfigFile]
	require.Contains(t, config, "    # releases:\n    #   - {namespace: shop, name: cache, rendered: charts/eu/cache} # clusters/eu/cache.yaml\n")
	require.NotContains(t, config, "evil")
	require.Contains(t, s.Document.Unknown, proposal.Remark{
		Where: "clusters/eu/cache.yaml", What: "HelmRelease shop/cache: what its chart renders is not in Git",
		Step: "keep what `helm template` prints of it in the repository, and name that directory in clusters[].releases of .irgit.yaml",
	})
	require.Empty(t, again(t, s).Changes)

	filled := strings.NewReplacer("    # releases:\n", "    releases:\n", "    #   - {namespace: shop", "      - {namespace: shop").Replace(config)
	files[fleet.ConfigFile], files["charts/eu/cache/all.yaml"] = filled, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cache}\n"+
		"spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}}\n"
	s = plan(t, files)
	require.NotContains(t, contents(s), "charts/eu/cache/kustomization.yaml")
	for _, f := range s.Document.Unknown {
		require.NotContains(t, f.What, "cache")
	}
	require.Empty(t, again(t, s).Changes)
}

func TestPlanForFlux(t *testing.T) {
	s := plan(t, fluxFleet())
	got := contents(s)
	require.Equal(t, "# the team's\nresources:\n- web.yaml\ntransformers:\n- ../../incident-response/patches/eu/apps\n", got["apps/eu/kustomization.yaml"])
	require.Contains(t, got["incident-response/patches/eu/apps/kustomization.yaml"], "sortOptions:\n  order: fifo\nresources:\n  # Deployment shop/web\n")
	require.Equal(t, `# irgit's: applies one directory per incident, and removes what leaves it.
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: incident-response
  namespace: flux-system
spec:
  interval: 1m
  retryInterval: 30s
  path: ./incident-response/eu
  prune: true
  wait: false
  sourceRef:
    kind: GitRepository
    name: flux-system
`, got["clusters/eu/incident-response.yaml"])
	require.Empty(t, s.Document.ByHand)
	require.Empty(t, again(t, s).Changes)
}

func TestPlanListsTheNewFileWhereABootstrapHasAKustomization(t *testing.T) {
	s := plan(t, with(fluxFleet(), "clusters/eu/kustomization.yaml", "resources:\n  - flux-system\n  - apps.yaml # ours\n"))
	require.Equal(t, "resources:\n  - flux-system\n  - apps.yaml # ours\n  - incident-response.yaml\n", contents(s)["clusters/eu/kustomization.yaml"])
	require.Empty(t, again(t, s).Changes)

	// One that cannot be edited is for a person, and the rest goes on.
	s = plan(t, with(fluxFleet(), "clusters/eu/kustomization.yaml", "resources: &all [flux-system, apps.yaml]\n"))
	require.NotContains(t, contents(s), "clusters/eu/kustomization.yaml")
	require.Contains(t, contents(s), "apps/eu/kustomization.yaml")
	require.Equal(t, "Add incident-response.yaml to its resources by hand.", s.Document.ByHand[0].Step)
}

func TestPlanForArgoCD(t *testing.T) {
	s := plan(t, argoFleet())
	got := contents(s)
	require.Contains(t, got[fleet.ConfigFile], "repositories:\n  - \""+url+"\"\n")
	require.Equal(t, "resources:\n  - apps.yaml\n  - incident-response.yaml\n", got["argo/kustomization.yaml"], "the app of apps brings it")
	require.Equal(t, "resources:\n  - apps.yaml\n  - incident-response.yaml\n", got["argo/kustomization.yaml"])
	for _, r := range s.Document.ByHand {
		require.NotContains(t, r.What, "left out", "two clusters of one Argo CD do not get in each other's way")
	}
	file := got["argo/incident-response.yaml"]
	for _, want := range []string{
		"kind: AppProject\n", "namespace: argo\n", "  destinations:\n    - name: us\n      namespace: \"*\"\n", "kind: AuthorizationPolicy\n", "finalizers:\n",
		"path: \"incident-response/us/*\"", "allowEmpty: true", "prune: true", "selfHeal: true", "\"ServerSideApply=true\"", "limit: 5", "targetRevision: main",
	} {
		require.Contains(t, file, want)
	}
	require.Empty(t, again(t, s).Changes)
	require.Empty(t, wrong(t, s.After))
}

func TestPlanWithoutHooks(t *testing.T) {
	s, err := onboard.Plan(t.Context(), load(t, treeOf(t, fluxFleet())), onboard.PlanOptions{Base: "main", NoHooks: true})
	require.NoError(t, err)
	got := contents(s)
	require.Len(t, got, 3, "%v", got)
	require.Contains(t, got, "clusters/eu/incident-response.yaml")
}

func TestPlanHasIgnoreFilesShipIt(t *testing.T) {
	const only = "/*\r\n!/clusters/\r\n!/apps/"
	s := plan(t, with(fluxFleet(), ".sourceignore", only))
	got := contents(s)
	require.Equal(t, only+"\r\n!/incident-response\r\n", got[".sourceignore"])
	require.Contains(t, got["apps/eu/kustomization.yaml"], "../../incident-response/patches/eu/apps", "the hook is where it would be without the ignore file")
	require.Empty(t, again(t, s).Changes)
	require.Empty(t, wrong(t, s.After))

	// spec.ignore comes after every file.
	hiding := strings.Replace(gotk, "ref:", "ignore: \"/*\\n!/clusters\\n!/apps\\n\", ref:", 1)
	s = plan(t, with(fluxFleet(), "clusters/eu/flux-system/gotk-sync.yaml", hiding+kustomization("flux-system", "clusters/eu")))
	require.NotContains(t, contents(s), ".sourceignore")
	require.Contains(t, s.Document.ByHand[0].What, "leaves this out, or a part of it, by spec.ignore")
	require.Contains(t, contents(s)["apps/eu/kustomization.yaml"], "- incident-response\n", "the hook is in the root, which is shipped")
}

func TestPlanSaysWhatCannotBePatched(t *testing.T) {
	files := with(fluxFleet(),
		"clusters/us/flux-system/gotk-sync.yaml", gotk+kustomization("flux-system", "clusters/us"),
		"clusters/us/apps.yaml", kustomization("apps", "apps/eu"))
	s := plan(t, files)
	require.NotContains(t, contents(s), "apps/eu/kustomization.yaml", "two clusters apply it")
	require.Equal(t, "1 object can be patched without a hook, in a manifest or a sync object.", s.Document.Clusters[0].Applies[1])
	require.Empty(t, again(t, s).Changes)
}

// A directory that Argo CD reads manifest by manifest names no hook, whatever a
// kustomization.yaml in it says; the rest is proposed.
func TestPlanLeavesOutHooksThatNothingReads(t *testing.T) {
	s := plan(t, with(argoFleet(), "argo/apps.yaml", strings.Replace(application("apps", "apps", "{name: us, namespace: shop}"), "path: apps}", "path: apps, directory: {recurse: true}}", 1)))
	require.NotContains(t, contents(s), "apps/us/kustomization.yaml")
	require.Contains(t, contents(s), "incident-response/us/README.md")
	require.Contains(t, contents(s), "argo/incident-response.yaml")
	require.Empty(t, again(t, s).Changes)
}

// A root that takes in whatever is added keeps irgit's files out.
func TestPlanLeavesOutWhatWouldChangeARoot(t *testing.T) {
	all := "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: all, namespace: argo}\nspec:\n  source: {repoURL: '" + url +
		"', targetRevision: main, path: ., directory: {recurse: true, include: '{**/kustomization.yaml,incident-response.yaml}'}}\n  destination: {name: us, namespace: shop}\n  syncPolicy: {automated: {}}\n"
	s := plan(t, with(argoFleet(), "argo/all.yaml", all, "argo/kustomization.yaml", "resources: [apps.yaml, all.yaml]\n"))
	require.NotContains(t, contents(s), "apps/us/kustomization.yaml", "%v", s.Document.Unwired)
	i := slices.IndexFunc(s.Document.Unwired, func(r proposal.Remark) bool { return strings.Contains(r.What, "would not be what it is") })
	require.GreaterOrEqual(t, i, 0, "%v", s.Document.Unwired)
}

func TestPlanNeedsACluster(t *testing.T) {
	_, err := onboard.Plan(t.Context(), load(t, treeOf(t, map[string]string{"README.md": "a fleet\n"})), onboard.PlanOptions{})
	var refused *onboard.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Reason, "no cluster was found")
}
