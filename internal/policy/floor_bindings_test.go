package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/fleet"
)

// holding is a cluster that renders objects, and says as whom Git is applied.
type holding struct {
	cluster

	objects []*unstructured.Unstructured
	user    string
}

func (h holding) Object(ref fleet.ObjectRef) (*unstructured.Unstructured, bool) {
	for _, o := range h.objects {
		if o.GetKind() == ref.Kind && o.GetNamespace() == ref.Namespace && o.GetName() == ref.Name {
			return o.DeepCopy(), true
		}
	}
	return nil, false
}

func (h holding) Appliers(...fleet.ObjectRef) fleet.Appliers {
	return fleet.Appliers{Users: []string{h.user}}
}

const boundAccounts = `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web, namespace: monitoring}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
  - {kind: ServiceAccount, name: ledger, namespace: payments}
  - {kind: ServiceAccount, name: payments, namespace: payments}
  - {kind: User, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccount:payments:payments"}
  - {kind: ServiceAccount, name: payments, namespace: web}
`

// A9: a patch of a binding takes the target's account away and does nothing
// else.
func TestThreatA9PatchesOfBindings(t *testing.T) {
	target := workload("payments", "payments")
	mine := "{kind: ServiceAccount, name: payments, namespace: payments}"
	ledger, other := "{kind: ServiceAccount, name: ledger, namespace: payments}", "{kind: ServiceAccount, name: payments, namespace: web}"
	for name, c := range map[string]struct {
		fields string
		want   []string
	}{
		"revoke":             {"subjects: [" + ledger + ", " + other + "]", nil},
		"keeps the target":   {"subjects: [" + ledger + ", " + mine + ", " + other + "]", []string{"A9"}},
		"adds somebody":      {"subjects: [" + ledger + ", " + other + ", {kind: User, name: eve}]", []string{"A9"}},
		"changes somebody":   {"subjects: [{kind: ServiceAccount, name: ledger, namespace: web}, " + other + "]", []string{"A9"}},
		"takes another away": {"subjects: [" + other + "]", []string{"A9"}},
		"takes all away":     {"subjects: []", []string{"A9"}},
		"another order":      {"subjects: [" + other + ", " + ledger + "]", []string{"A9"}},
		"no list":            {"subjects: null", []string{"A9"}},
		"the role":           {"{subjects: [" + ledger + ", " + other + "], roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}", []string{"A9"}},
		"metadata":           {"{subjects: [" + ledger + ", " + other + "], metadata: {annotations: {irgit.dev/x: y}}}", []string{"A9"}},
		"nothing":            {"{}", []string{"A9"}},
	} {
		t.Run(name, func(t *testing.T) {
			world := holding{cluster: cluster{target}, objects: object(t, boundAccounts)}
			require.Equal(t, c.want, guardrails(checkObjects(world, nil, []Patch{rbacPatch(t, c.fields)}, target)))
		})
	}
	nobody := holding{cluster: cluster{target}, objects: object(t, strings.ReplaceAll(boundAccounts, "payments, namespace: payments", "report, namespace: batch"))}
	nobody.objects[0].Object["subjects"] = nobody.objects[0].Object["subjects"].([]any)[:1]
	require.Equal(t, []string{"K3"}, guardrails(checkObjects(nobody, nil, []Patch{rbacPatch(t, "subjects: [{kind: ServiceAccount, name: ledger, namespace: payments}]")}, target)))
}

func rbacPatch(t *testing.T, fields string) Patch {
	t.Helper()
	p := Patch{Object: fleet.ObjectRef{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding", Namespace: "monitoring", Name: "web"}}
	require.NoError(t, yaml.Unmarshal([]byte(fields), &p.Fields))
	return p
}

// Whoever runs as the same account is hit too: counted, and refused where it
// is protected. An account as whom Git is applied could not lift it.
func TestThreatG2SharedAccounts(t *testing.T) {
	target := workload("payments", "payments")
	same := func(w *fleet.Workload) { w.ServiceAccount = "payments" }
	shares, apart := workload("payments", "ledger", same), workload("web", "frontend", same)
	revoke := []Patch{rbacPatch(t, "subjects: [{kind: ServiceAccount, name: ledger, namespace: payments}, {kind: ServiceAccount, name: payments, namespace: web}]")}
	world := func(workloads ...fleet.Workload) holding {
		return holding{cluster: workloads, objects: object(t, boundAccounts), user: "system:serviceaccount:flux-system:kustomize-controller"}
	}
	require.Empty(t, checkObjects(world(target, shares, apart), nil, revoke, target))
	others, err := collateral(world(target, shares, apart), nil, append(revoke, revoke...), target)
	require.NoError(t, err)
	require.Equal(t, []fleet.Workload{shares}, others)
	require.NotEmpty(t, Guardrails{MaxWorkloads: 1}.Check(target, others))

	gateway := workload("payments", "in", same, label("istio", "ingressgateway"))
	require.Equal(t, []string{"G2"}, guardrails(checkObjects(world(target, gateway), nil, revoke, target)))
	applies := world(target)
	applies.user = "system:serviceaccount:payments:payments"
	require.Equal(t, []string{"G1"}, guardrails(checkObjects(applies, nil, revoke, target)))
}
