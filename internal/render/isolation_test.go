package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// The whole family in one incident passes the floor.
func TestIsolationPassesTheFloorTogether(t *testing.T) {
	r := request(t, newFleet(t), "prod-eu", "payments/payments",
		act("quarantine"), act("block-egress", "openEgress", true), act("block-metadata", "openEgress", true), act("block-source"), act("deny-identity"))
	r.Indicators = []render.Indicator{{Type: "ip", Value: "45.9.148.7"}, {Type: "ip", Value: "2001:bb8::1"}}
	b, _, _ := proved(t, catalogue(t), r)
	require.Empty(t, policy.CheckObjects(r.Index, b.Objects, nil, r.Target))
}

func TestIsolationThatDoesNotFitSaysWhy(t *testing.T) {
	cilium := func(label string) *fleet.Fleet {
		return small(t, map[string]string{
			fleet.ConfigFile: "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n  - {name: c, gitops: argocd, cni: cilium, roots: [{path: apps}]}\n",
			"apps/a.yaml":    "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop, labels: {" + label + ": a}}\nspec: {containers: [{name: a, image: a}]}\n",
		})
	}
	const calico = "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: all}\nspec: {types: [Egress]}\n"
	governed := newFleet(t, replaced(t, "apps/base/payments/networkpolicy.yaml", "apiVersion: networking", calico[4:]+"---\napiVersion: networking"))
	bare := newFleet(t, replaced(t, fleet.ConfigFile, "ingressGateways: [{namespace: istio-system, serviceAccount: istio-ingressgateway}]", "ingressGateways: [{namespace: edge, serviceAccount: front}]"))
	outside := newFleet(t, replaced(t, fleet.ConfigFile, "{mode: istio-ambient}", "{mode: none}"))
	block := act("block-egress", "networks", []any{"203.0.114.9"})
	for name, c := range map[string]struct {
		fleet           *fleet.Fleet
		cluster, target string
		action          policy.Action
		want            string
	}{
		"no address":            {newFleet(t), "prod-us", "payments/payments", act("block-egress"), "the alerts name no public address"},
		"cannot deny":           {newFleet(t), "staging", "payments/payments", block, "a NetworkPolicy of Kubernetes cannot deny an address"},
		"metadata, cannot deny": {newFleet(t), "staging", "payments/payments", act("block-metadata"), "knows only Kubernetes' NetworkPolicy"},
		"the rest is not said":  {newFleet(t), "prod-eu", "payments/payments", block, "say so by parameter openEgress"},
		"policies of Calico's":  {governed, "prod-eu", "payments/payments", act("block-metadata", "openEgress", true), "Calico has policies of its own there"},
		"host's network":        {newFleet(t), "prod-us", "infra/node-agent", block, "use the host's network"},
		"no identity":           {newFleet(t), "prod-eu", "infra/node-agent", act("deny-identity"), "have no mesh identity"},
		"no mesh":               {outside, "staging", "payments/payments", act("deny-identity"), "declares no service mesh"},
		"no mesh at the gates":  {outside, "staging", "payments/payments", act("block-source", "networks", []any{"203.0.114.9"}), "declares no service mesh"},
		"no gateway in Git":     {bare, "prod-eu", "payments/payments", act("block-source", "networks", []any{"203.0.114.9"}), "does not render the workload of any declared ingress gateway"},
		"no source":             {newFleet(t), "prod-eu", "payments/payments", act("block-source"), "the alerts name no public address"},
		"not told apart":        {cilium("kubernetes.io/name"), "c", "shop/a", act("quarantine"), "Cilium leaves out of its identities"},
		"block, not told apart": {cilium("pod-template-hash"), "c", "shop/a", block, "Cilium leaves out of its identities"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, misfit(t, catalogue(t), request(t, c.fleet, c.cluster, c.target, c.action)), c.want)
		})
	}
}

// Text of an alert is an indicator only by its form, and one that stands for
// too much is left out, whatever the sender calls it.
func TestThreatA4IndicatorsAreValuesOnly(t *testing.T) {
	c, f := catalogue(t), newFleet(t)
	r := request(t, f, "prod-us", "payments/payments", act("block-egress"))
	r.Indicators = []render.Indicator{
		{Type: "ip", Value: "45.9.148.7"},
		{Type: "ip", Value: "45.9.148.7\n        - 0.0.0.0/0"},
		{Type: "ip", Value: "${x}"},
		{Type: "ip", Value: "fe80::1%eth0"},
		{Type: "cidr", Value: "0.0.0.0/0"},
		{Type: "cidr", Value: "45.0.0.0/8"},
		{Type: "cidr", Value: "::/0"},
		{Type: "ip", Value: "169.254.169.254"},
		{Type: "ip", Value: "::ffff:10.0.0.1"},
		{Type: "cidr", Value: "45.9.148.99/24"},
		{Type: "url", Value: "http://45.9.1.1/"},
	}
	b, _, _ := proved(t, c, r)
	denied, _, err := unstructured.NestedSlice(b.Objects[0].Object, "spec", "egressDeny")
	require.NoError(t, err)
	require.Equal(t, []any{map[string]any{"toCIDR": []any{"45.9.148.7/32", "45.9.148.0/24"}}}, denied)
	require.Equal(t, []string{
		"addresses and networks of the alerts that are left out, because they are private, shared or wide: 5. Parameter networks blocks one that is named in it",
	}, b.Steps[0].Warnings)

	many := request(t, f, "prod-us", "payments/payments", act("block-egress"))
	for i := range 300 {
		many.Indicators = append(many.Indicators, render.Indicator{Type: "ip", Value: fmt.Sprintf("45.9.%d.%d", i/200, i%200)})
	}
	b, _, _ = proved(t, c, many)
	require.Equal(t, []string{"indicators of the alerts that are left out, because there are too many: 100"}, b.Steps[0].Warnings)
}

// TRAPS 10: what may still be called must not hold what is to be blocked.
func TestThreatK3AnAllowListDoesNotAllowTheIndicator(t *testing.T) {
	r := request(t, newFleet(t), "staging", "payments/payments", act("block-egress", "allow", []any{"45.9.0.0/16"}))
	r.Indicators = []render.Indicator{{Type: "ip", Value: "45.9.148.7"}}
	_, err := catalogue(t).Render(t.Context(), r)
	var refused *render.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, err.Error(), "allows 45.9.0.0/16, in which an address lies that the incident's alerts name")
}

// A template of a user's that stands elsewhere, or denies more than it is
// about, is refused by the engine, before the floor sees it.
func TestThreatG4TemplatesElsewhere(t *testing.T) {
	const head = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: \"${incident.name}\", namespace: NS}\nspec:\n  action: DENY\n"
	identity := "  rules: [{from: [{source: {principals: [\"${target.principal}\"]}}]}]\n"
	source := "  selector: {matchLabels: {istio: ingressgateway}}\n  rules: [{from: [{source: {remoteIpBlocks: [45.9.148.7/32]}}]}]\n"
	for name, c := range map[string]struct{ namespace, spec, want string }{
		"identity":             {"web", identity, ""},
		"identity in the root": {"istio-system", identity, "is the mesh's root namespace"},
		"another principal":    {"web", strings.Replace(identity, "${target.principal}", "cluster.local/ns/web/sa/frontend", 1), "want the target's namespace"},
		"a selector as well":   {"web", "  selector: {matchLabels: {a: b}}\n" + identity, "want the target's namespace"},
		"a condition as well":  {"web", strings.Replace(identity, "[{from", "[{to: [{operation: {ports: ['1']}}], from", 1), "want the target's namespace"},
		"another waypoint":     {"web", "  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: x}]\n" + identity, "want the target's namespace"},
		"sources":              {"istio-system", source, ""},
		"sources of all":       {"istio-system", strings.Replace(source, "45.9.148.7/32", "0.0.0.0/0", 1), "is the mesh's root namespace"},
		"sources of others":    {"istio-system", strings.Replace(source, "ingressgateway", "pilot", 1), "is the mesh's root namespace"},
		"sources in web":       {"web", source, "want the target's namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := "\n  resources:\n    - " + strings.ReplaceAll(strings.TrimSpace(strings.Replace(head, "NS", c.namespace, 1)+c.spec), "\n", "\n      ") + "\n"
			own := policy.Source{Name: "mine.yaml", Data: []byte(templateHead + spec)}
			b, err := catalogue(t, own).Render(t.Context(), request(t, newFleet(t), "prod-eu", "payments/payments", act("mine")))
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, c.namespace, b.Objects[0].GetNamespace())
				return
			}
			var refused *render.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Contains(t, err.Error(), c.want)
		})
	}
}

// A parameter of the format network is written as a prefix, and nothing else is
// taken.
func TestNetworksAsParameters(t *testing.T) {
	c := catalogue(t)
	for value, want := range map[string]string{
		"203.0.113.9": "", "203.0.113.0/24": "", "2001:db8::1": "", "2001:db8::/32": "",
		"203.0.113.9/24": "203.0.113.9/24 has bits set beyond its length: write 203.0.113.0/24", "evil.example": `"evil.example" is neither an address nor a network`,
		"fe80::1%eth0": "is neither an address", "::ffff:1.2.3.4/120": "is neither an address", "": "is neither an address",
	} {
		wrong := c.CheckParameters("block-egress", map[string]any{"networks": []any{value}})
		if want == "" {
			require.Empty(t, wrong, value)
			continue
		}
		require.Len(t, wrong, 1, value)
		require.Contains(t, wrong[0], want)
	}
	require.Len(t, c.CheckParameters("block-egress", map[string]any{"networks": []any{"203.0.113.9", "203.0.113.9/32"}}), 1, "twice the same")
}
