package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
)

func policyIn(namespace, spec string) string {
	return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: irgit-x, namespace: " + namespace + "}\nspec: {" + spec + "}\n"
}

// A policy may stand in another namespace only if it denies the target's own
// principal and says nothing else. It hits whoever shares the ServiceAccount.
func TestDenyOfAnIdentityElsewhere(t *testing.T) {
	target := workload("payments", "payments")
	const deny = "action: DENY, rules: [{from: [{source: {principals: [cluster.local/ns/payments/sa/payments]}}]}]"
	world := cluster{target, workload("payments", "ledger"), workload("web", "frontend"), workload("kube-system", "coredns")}
	for name, c := range map[string]struct {
		object string
		want   []string
	}{
		"another namespace":     {policyIn("web", deny), nil},
		"its own namespace":     {policyIn("payments", deny), nil},
		"a protected namespace": {policyIn("kube-system", deny), nil},
		"the waypoint":          {policyIn("web", deny+", targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: waypoint}]"), nil},
		"G4 the mesh's root":    {policyIn("mesh-root", deny), []string{"G4", "G3", "G1"}},
		"another principal":     {policyIn("web", strings.Replace(deny, "sa/payments", "sa/ledger", 1)), []string{"G3", "G3", "G3"}},
		"another trust domain":  {policyIn("web", strings.Replace(deny, "cluster.local", "other", 1)), []string{"G3", "G3", "G3"}},
		"one more principal":    {policyIn("web", strings.Replace(deny, "[cluster.local", "[a, cluster.local", 1)), []string{"G3", "G3", "G3"}},
		"one more source":       {policyIn("web", strings.Replace(deny, "from: [", "from: [{source: {principals: [a]}}, ", 1)), []string{"G3", "G3", "G3"}},
		"one more rule":         {policyIn("web", strings.Replace(deny, "rules: [", "rules: [{from: [{source: {namespaces: [a]}}]}, ", 1)), []string{"G3", "G3", "G3"}},
		"one more condition":    {policyIn("web", strings.Replace(deny, "rules: [{", "rules: [{to: [{operation: {ports: ['1']}}], ", 1)), []string{"G3", "G3", "G3"}},
		"a selector":            {policyIn("web", deny+", selector: {matchLabels: {app: frontend}}"), []string{"G3", "G3"}},
		"an allow":              {policyIn("web", strings.Replace(deny, "DENY", "ALLOW", 1)), []string{"G3", "G3", "K3", "G3"}},
		"another gateway":       {policyIn("web", deny+", targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public}]"), []string{"G3", "G3", "G3"}},
		"another API":           {strings.Replace(policyIn("web", deny), "security.istio.io/v1", "evil.example/v1", 1), []string{"A9"}},
		"A8 another's name":     {strings.Replace(policyIn("web", deny), "irgit-x", "x", 1), []string{"A8"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, guardrails(checkObjects(waypointed{world}, object(t, c.object), nil, target)))
		})
	}

	twin := workload("payments", "twin", func(w *fleet.Workload) { w.ServiceAccount = "payments" })
	objs := object(t, policyIn("web", deny))
	others, err := collateral(append(world, twin), objs, nil, target)
	require.NoError(t, err)
	require.Equal(t, []fleet.Workload{twin}, others, "the namespace that it stands in is not hit")
	twin.Labels["k8s-app"] = "kube-dns"
	require.Equal(t, []string{"G2"}, guardrails(checkObjects(append(world, twin), objs, nil, target)))
	nobody := target
	nobody.ServiceAccount = ""
	require.NotEmpty(t, checkObjects(cluster{nobody}, object(t, policyIn("web", strings.Replace(deny, "sa/payments", "sa/", 1))), nil, nobody))
}

// waypointed is a cluster with waypoints.
type waypointed struct{ cluster }

func (w waypointed) Cluster() fleet.Cluster {
	c := w.cluster.Cluster()
	c.Mesh.Waypoint = "waypoint"
	return c
}

// At a gateway few addresses may be denied, and nothing but declared gateways
// may be selected, in whatever namespace.
func TestDenyOfSourcesAtGateways(t *testing.T) {
	target := workload("payments", "payments")
	gateway := workload("edge", "front", func(w *fleet.Workload) { w.ServiceAccount = "gateway" })
	world := cluster{target, gateway, workload("web", "frontend"), workload("web", "twin", label("app", "copy")), workload("edge", "copy")}
	spec := func(blocks string) string {
		return "action: DENY, selector: {matchLabels: {app: front}}, rules: [{from: [{source: {remoteIpBlocks: [" + blocks + "]}}]}]"
	}
	one := spec("198.51.100.7/32")
	for name, c := range map[string]struct {
		object string
		want   []string
	}{
		"an address":            {policyIn("edge", one), nil},
		"from the root":         {policyIn("mesh-root", one), nil},
		"shortest":              {policyIn("edge", spec("198.51.0.0/16, '2001:db8::/32'")), nil},
		"G6 wide":               {policyIn("edge", spec("198.51.100.7/32, 198.50.0.0/15")), []string{"G6"}},
		"G6 everybody":          {policyIn("edge", spec("0.0.0.0/0")), []string{"G6"}},
		"G6 everybody of IPv6":  {policyIn("edge", spec("'::/0'")), []string{"G6"}},
		"G6 wide IPv6":          {policyIn("edge", spec("'2001:d00::/31'")), []string{"G6"}},
		"G6 mapped":             {policyIn("edge", spec("'::ffff:0.0.0.0/96'")), []string{"G6"}},
		"G6 no network":         {policyIn("edge", spec("x")), []string{"G6"}},
		"G6 loose bits":         {policyIn("edge", spec("198.51.100.7/16")), []string{"G6"}},
		"K3 empty":              {policyIn("edge", spec("")), []string{"K3"}},
		"K3 allow":              {policyIn("edge", strings.Replace(one, "DENY", "ALLOW", 1)), []string{"K3"}},
		"G3 no selector":        {policyIn("edge", strings.Replace(one, "selector: {matchLabels: {app: front}}, ", "", 1)), []string{"G3", "G3"}},
		"G3 empty selector":     {policyIn("edge", strings.Replace(one, "{app: front}", "{}", 1)), []string{"G3", "G3"}},
		"G3 no gateway":         {policyIn("web", strings.Replace(one, "front", "frontend", 1)), []string{"G3"}},
		"G3 more than gateways": {policyIn("mesh-root", strings.Replace(one, "front", "copy", 1)), []string{"G3", "G3"}},
		"G3 nobody":             {policyIn("web", one), []string{"G3"}},
		"G3 unknown":            {strings.Replace(policyIn("edge", one), "irgit-x", "irgit-unknown", 1), []string{"G3"}},
		"G3 references":         {policyIn("edge", one+", targetRefs: [{kind: Gateway, name: x}]"), []string{"G3"}},
		"all but":               {policyIn("edge", strings.Replace(one, "remoteIpBlocks", "notRemoteIpBlocks", 1)), []string{"G3", "G3"}},
		"a condition":           {policyIn("edge", strings.Replace(one, "rules: [{", "rules: [{when: [{key: source.ip, values: [a]}], ", 1)), []string{"G3", "G3"}},
	} {
		t.Run("Threat"+name, func(t *testing.T) {
			refusals := checkObjects(world, object(t, c.object), nil, target)
			want := c.want
			if strings.HasPrefix(name, "all but") || strings.HasPrefix(name, "a condition") {
				want = append(want, "G2")
			}
			require.Equal(t, want, guardrails(refusals), "%v", refusals)
		})
	}
	others, err := collateral(world, object(t, policyIn("edge", one)), nil, target)
	require.NoError(t, err)
	require.Equal(t, []fleet.Workload{gateway}, others)
}
