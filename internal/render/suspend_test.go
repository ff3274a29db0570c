package render_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// delivering is a fleet whose bootstrap applies apps, and irgit's incidents.
func delivering(t *testing.T, more map[string]string) *fleet.Fleet {
	t.Helper()
	kustomization := func(name, path string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: " + name + "\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./" + path +
			"\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n"
	}
	web := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: NAME, namespace: shop}\nspec:\n  replicas: 2\n  selector: {matchLabels: {a: NAME}}\n" +
		"  template: {metadata: {labels: {a: NAME}}, spec: {containers: [{name: a, image: \"x/a:1\"}]}}\n"
	return small(t, merge(map[string]string{
		fleet.ConfigFile: "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n  - {name: one, gitops: flux, bootstrap: [clusters/one]}\n",
		"clusters/one/gotk.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\n" +
			"spec: {interval: 1m, url: \"https://git.example.com/fleet\"}\n---\n" + kustomization("flux-system", "clusters/one"),
		"clusters/one/apps.yaml":          kustomization("apps", "apps"),
		"clusters/one/response.yaml":      kustomization("incident-response", "incident-response/one"),
		"incident-response/one/README.md": "incidents\n",
		"apps/kustomization.yaml":         "resources: [web.yaml, cart.yaml]\n",
		"apps/web.yaml":                   strings.ReplaceAll(web, "NAME", "web"),
		"apps/cart.yaml":                  strings.ReplaceAll(web, "NAME", "cart"),
		"clusters/one/tool.yaml":          strings.ReplaceAll(web, "NAME", "tool"),
	}, more))
}

// What applies itself, or irgit's incidents, is never suspended: no commit
// could resume it.
func TestThreatG1NothingIsSuspendedForGood(t *testing.T) {
	f := delivering(t, nil)
	require.Contains(t, misfit(t, catalogue(t), request(t, f, "one", "shop/tool", act("freeze-delivery"))), "Kustomization flux-system may not be suspended: it applies its own manifest")

	// A root that holds the sync object of the incidents.
	response := "apps/response.yaml"
	inApps := delivering(t, map[string]string{
		"clusters/one/response.yaml": "# elsewhere\n",
		response: "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: incident-response, namespace: flux-system}\n" +
			"spec: {interval: 10m, path: ./incident-response/one, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}\n",
		"apps/kustomization.yaml": "resources: [web.yaml, cart.yaml, response.yaml]\n",
	})
	require.Contains(t, misfit(t, catalogue(t), request(t, inApps, "one", "shop/web", act("freeze-delivery"))), "which applies irgit's incidents")
}

// A suspension is an incident of its own: what is changed together with it may
// go out or not.
func TestSuspensionIsTwoPhased(t *testing.T) {
	f, c := delivering(t, nil), catalogue(t)
	for _, other := range []string{"freeze-rollout", "freeze-scale", "scale-to-zero", "restart-workload"} {
		for _, actions := range [][]policy.Action{{act("freeze-delivery"), act(other)}, {act(other), act("freeze-delivery")}} {
			_, err := c.Render(t.Context(), request(t, f, "one", "shop/web", actions...))
			var unfit *render.NotFittingError
			require.ErrorAs(t, err, &unfit, other)
			require.Contains(t, unfit.Reason, "Have the suspension merged and seen alone")
		}
	}
	// An object of the incident's own does not go that way.
	b, _, after := proved(t, c, request(t, f, "one", "shop/web", act("freeze-delivery"), act("quarantine")))
	require.Len(t, b.Patches, 1)
	require.Equal(t, f.Tree().Root(), released(t, after, must(f.Index(t.Context(), "one")).Cluster(), incident).Root())
}

// Two incidents that suspend the same keep it so until both are released, and
// the floor counts what is delivered together.
func TestSuspensionOfMany(t *testing.T) {
	f, c := delivering(t, nil), catalogue(t)
	r := request(t, f, "one", "shop/web", act("freeze-delivery"))
	b, _, first := proved(t, c, r)
	patches := []policy.Patch{{Object: b.Patches[0].Object, Fields: b.Patches[0].Fields}}
	require.Empty(t, policy.CheckObjects(r.Index, b.Objects, patches, r.Target))
	others, err := policy.Collateral(r.Index, b.Objects, patches, r.Target)
	require.NoError(t, err)
	require.Len(t, others, 1)
	require.Equal(t, "cart", others[0].Name)

	ix, err := r.Index.In(t.Context(), first)
	require.NoError(t, err)
	r.Incident, r.Tree, r.Index, r.Target = "20261125-cart-ffffffff", first, ix, workload(t, ix, "shop/cart")
	_, proof, second := proved(t, c, r)
	require.Len(t, proof.Already, 1)
	left := released(t, second, ix.Cluster(), incident)
	data, err := left.ReadFile(t.Context(), "clusters/one/apps.yaml")
	require.NoError(t, err)
	require.Contains(t, string(data), "suspend: true")
	require.Equal(t, f.Tree().Root(), released(t, left, ix.Cluster(), r.Incident).Root())
}

// A9: a template of a user does nothing to a sync object but suspend it.
func TestThreatA9TemplatesOnSyncObjects(t *testing.T) {
	f := delivering(t, nil)
	for fields, want := range map[string]string{
		"spec: {suspend: true}":                             "",
		"spec: {suspend: false}":                            "does something else than to suspend it",
		"spec: {suspend: true, path: ./evil}":               "does something else than to suspend it",
		"spec: {prune: false}":                              "does something else than to suspend it",
		"spec: {syncPolicy: {automated: {enabled: false}}}": "does something else than to suspend it",
		"spec: {suspend: true}, metadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}": "does something else than to suspend it",
	} {
		cat := catalogue(t, mine("  patches: [{on: delivery, fields: {"+fields+"}}]\n"))
		_, err := cat.Render(t.Context(), request(t, f, "one", "shop/web", act("mine")))
		if want == "" {
			require.NoError(t, err)
			continue
		}
		var refused *render.RefusedError
		require.ErrorAs(t, err, &refused, fields)
		require.Contains(t, err.Error(), want)
	}
}
