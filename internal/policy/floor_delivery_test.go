package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/fleet"
)

func inRoot(root string) func(*fleet.Workload) { return func(w *fleet.Workload) { w.Root = root } }

// What delivers the target is suspended and nothing else is done to it; what
// nothing could resume, and what delivers a protected workload, is not.
func TestSuspensions(t *testing.T) {
	target := workload("payments", "payments", inRoot("apps"))
	same, apart := workload("web", "frontend", inRoot("apps")), workload("web", "cart", inRoot("shop"))
	world := cluster{target, same, apart}
	patch := func(kind, name, fields string) []Patch {
		p := Patch{Object: fleet.ObjectRef{APIVersion: kind, Kind: "Kustomization", Namespace: "flux-system", Name: name}}
		if kind == "argoproj.io/v1alpha1" {
			p.Object.Kind = "Application"
		}
		require.NoError(t, yaml.Unmarshal([]byte(fields), &p.Fields))
		return []Patch{p}
	}
	const flux = "kustomize.toolkit.fluxcd.io/v1"
	for name, c := range map[string]struct {
		patches []Patch
		want    []string
	}{
		"suspend":              {patch(flux, "apps", "spec: {suspend: true}"), nil},
		"G3 of another":        {patch(flux, "shop", "spec: {suspend: true}"), []string{"G3"}},
		"A9 resumes":           {patch(flux, "apps", "spec: {suspend: false}"), []string{"A9"}},
		"A9 another path":      {patch(flux, "apps", "spec: {suspend: true, path: ./evil}"), []string{"A9"}},
		"A9 metadata":          {patch(flux, "apps", "{spec: {suspend: true}, metadata: {annotations: {irgit.dev/a: b}}}"), []string{"A9"}},
		"A9 nothing":           {patch(flux, "apps", "{}"), []string{"A9"}},
		"A9 no resource of it": {patch("kustomize.config.k8s.io/v1beta1", "apps", "spec: {suspend: true}"), []string{"A9"}},
		"A9 another field":     {patch("argoproj.io/v1alpha1", "apps", "spec: {syncPolicy: {automated: {prune: true}}}"), []string{"G3", "A9"}},
	} {
		t.Run("Threat"+name, func(t *testing.T) {
			require.Equal(t, c.want, guardrails(checkObjects(world, nil, c.patches, target)))
		})
	}
	others, err := collateral(world, nil, patch(flux, "apps", "spec: {suspend: true}"), target)
	require.NoError(t, err)
	require.Equal(t, []fleet.Workload{same}, others)

	itself := workload("payments", "payments", inRoot("flux-system"))
	require.Equal(t, []string{"G1"}, guardrails(checkObjects(cluster{itself}, nil, patch(flux, "flux-system", "spec: {suspend: true}"), itself)))
	gateway := workload("web", "in", inRoot("apps"), label("istio", "ingressgateway"))
	require.Equal(t, []string{"G2"}, guardrails(checkObjects(cluster{target, gateway}, nil, patch(flux, "apps", "spec: {suspend: true}"), target)))
}
