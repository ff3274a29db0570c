package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
)

// Resolve finds a workload by a pod that is called after it.
func (c cluster) Resolve(q fleet.Query) fleet.Resolution {
	for _, w := range c {
		if w.Namespace == q.Namespace && strings.HasPrefix(q.Pod, w.Name+"-") && q.Name == w.Name {
			return fleet.Resolution{Workload: &w, State: fleet.Found}
		}
	}
	return fleet.Resolution{State: fleet.NotInFleet}
}

const declaredPod = `apiVersion: v1
kind: Pod
metadata:
  name: payments-7d4b9c6f5d-x2x7k
  namespace: payments
  uid: 3e41dc6b-08a8-44db-bc2a-3724b18ab19a
  labels: {app: irgit-0a1b2c3d, irgit.dev/incident: 20261124-payments-0a1b2c3d, irgit.dev/isolated: 0a1b2c3d}
  annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled, kustomize.toolkit.fluxcd.io/prune: disabled}
`

// A pod is the target's, by its uid, and of it only labels and the end change.
func TestThreatG7PodsAreTheTargetsByTheirUID(t *testing.T) {
	target := workload("payments", "payments")
	world := cluster{target, workload("payments", "ledger"), workload("web", "frontend")}
	for name, c := range map[string]struct {
		oldnew []string
		want   []string
	}{
		"isolated":               {nil, nil},
		"ended":                  {[]string{"apiVersion: v1\n", "apiVersion: v1\nspec: {activeDeadlineSeconds: 1}\n"}, nil},
		"G7 another's":           {[]string{"name: payments-7d", "name: ledger-7d"}, []string{"G7"}},
		"G7 another namespace":   {[]string{"namespace: payments", "namespace: web"}, []string{"G3", "G7"}},
		"G7 any pod":             {[]string{"name: payments-7d4b9c6f5d-x2x7k", "generateName: payments-"}, []string{"A8", "A9", "G7"}},
		"G7 no uid":              {[]string{"  uid: 3e41dc6b-08a8-44db-bc2a-3724b18ab19a\n", ""}, []string{"G7"}},
		"G7 a uid of any form":   {[]string{"3e41dc6b-08a8-44db-bc2a-3724b18ab19a", "'*'"}, []string{"G7"}},
		"G3 another's labels":    {[]string{"app: irgit-0a1b2c3d", "app: ledger"}, []string{"G3"}},
		"K3 out of the mesh":     {[]string{"app: irgit-0a1b2c3d", "istio.io/dataplane-mode: irgit-0a1b2c3d"}, []string{"K3"}},
		"K3 nothing":             {[]string{"app: irgit-0a1b2c3d, ", "", ", irgit.dev/isolated: 0a1b2c3d", ""}, []string{"K3"}},
		"A9 containers":          {[]string{"apiVersion: v1\n", "apiVersion: v1\nspec: {activeDeadlineSeconds: 1, containers: [{name: a, image: evil}]}\n"}, []string{"A9"}},
		"A9 a later end":         {[]string{"apiVersion: v1\n", "apiVersion: v1\nspec: {activeDeadlineSeconds: 60}\n"}, []string{"A9"}},
		"A9 an owner":            {[]string{"  uid:", "  ownerReferences: []\n  uid:"}, []string{"A9"}},
		"A9 another annotation":  {[]string{"kustomize.toolkit.fluxcd.io/substitute: disabled", "kustomize.toolkit.fluxcd.io/force: enabled"}, []string{"A9"}},
		"A9 a pod of other kind": {[]string{"apiVersion: v1\n", "apiVersion: evil.example/v1\n"}, []string{"A9"}},
	} {
		t.Run("Threat"+name, func(t *testing.T) {
			obj := object(t, strings.NewReplacer(c.oldnew...).Replace(declaredPod))
			require.Equal(t, c.want, guardrails(checkObjects(world, obj, nil, target)))
		})
	}
}

// What selects a pod by the labels that it gets is the containment of its
// workload, and hits nobody else. Without that pod it contains nothing.
func TestPoliciesOfAnIsolatedPod(t *testing.T) {
	target := workload("payments", "payments")
	world := cluster{target, workload("payments", "ledger")}
	isolated := func(selector string) []string {
		objs := append(object(t, networkPolicy("payments", selector)), object(t, declaredPod)...)
		others, err := collateral(world, objs, nil, target)
		require.NoError(t, err)
		require.Empty(t, others)
		return guardrails(checkObjects(world, objs, nil, target))
	}
	require.Empty(t, isolated("{matchLabels: {irgit.dev/isolated: 0a1b2c3d}}"))
	require.Empty(t, isolated("{matchLabels: {app: irgit-0a1b2c3d}}"))
	require.Equal(t, []string{"G3"}, isolated("{matchLabels: {irgit.dev/isolated: ffffffff}}"))
	require.Equal(t, []string{"G3"}, guardrails(checkObjects(world, object(t, networkPolicy("payments", "{matchLabels: {irgit.dev/isolated: 0a1b2c3d}}")), nil, target)))
}
