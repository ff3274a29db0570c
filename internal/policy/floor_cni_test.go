package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const ciliumDNS = "egress: [{toEndpoints: [{matchLabels: {'k8s:k8s-app': kube-dns}}], toPorts: [{ports: [{port: '53', protocol: UDP}]}]}]"

// TRAPS 13: deny rules alone turn on the default deny, and a containment does
// not let through what its template says beside name resolution.
func TestThreatK3Cilium(t *testing.T) {
	target := workload("payments", "payments")
	world := cluster{target, workload("payments", "ledger")}
	all := "egressDeny: [{toEntities: [all]}]"
	cidr := "egressDeny: [{toCIDR: [198.51.100.7/32]}]"
	for name, c := range map[string]struct {
		spec string
		want []string
	}{
		"deny all":                    {all, nil},
		"deny all but DNS":            {"egressDeny: [{toEndpoints: [{matchExpressions: [{key: x, operator: NotIn, values: [y]}]}]}], " + ciliumDNS, nil},
		"deny ingress":                {"ingressDeny: [{fromEndpoints: [{matchExpressions: [{key: 'reserved:host', operator: DoesNotExist}]}]}]", nil},
		"networks":                    {cidr + ", enableDefaultDeny: {egress: false, ingress: false}", nil},
		"networks and default":        {cidr, []string{"K3"}},
		"networks, default said":      {cidr + ", enableDefaultDeny: {egress: true}", []string{"K3"}},
		"default off the wrong way":   {cidr + ", enableDefaultDeny: {ingress: false}", []string{"K3"}},
		"networks in, default":        {"ingressDeny: [{fromCIDRSet: [{cidr: 198.51.100.0/24}]}]", []string{"K3"}},
		"denies nothing":              {"enableDefaultDeny: {egress: true}", []string{"K3"}},
		"empty deny":                  {"egressDeny: []", []string{"K3"}},
		"empty rule":                  {"egressDeny: [{}]", []string{"K3", "K3"}},
		"empty networks":              {"egressDeny: [{toCIDR: []}], enableDefaultDeny: {egress: false}", []string{"K3"}},
		"allows ingress":              {all + ", ingress: [{fromEntities: [world]}]", []string{"K3"}},
		"allows the world":            {all + ", egress: [{toEntities: [world]}]", []string{"K3"}},
		"allows all of DNS's pods":    {all + ", egress: [{toEndpoints: [{matchLabels: {a: b}}]}]", []string{"K3"}},
		"allows port 53 of all":       {all + ", " + strings.Replace(ciliumDNS, "{'k8s:k8s-app': kube-dns}", "{}", 1), []string{"K3"}},
		"allows more ports":           {all + ", " + strings.Replace(ciliumDNS, "protocol: UDP", "endPort: 9000", 1), []string{"K3"}},
		"allows an empty list":        {all + ", " + strings.Replace(ciliumDNS, "{port: '53', protocol: UDP}", "", 1), []string{"K3"}},
		"by its proxy":                {all + ", " + strings.Replace(ciliumDNS, "toPorts: [{", "toPorts: [{rules: {}, ", 1), []string{"K3"}},
		"of nodes":                    {all + ", nodeSelector: {}", []string{"K3"}},
		"an empty selector":           {"endpointSelector: {}, " + all, []string{"G3"}},
		"a selector of somebody else": {"endpointSelector: {matchLabels: {app: ledger}}, " + all, []string{"G3"}},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(c.spec, "endpointSelector") {
				c.spec = "endpointSelector: {matchLabels: {app: payments}}, " + c.spec
			}
			text := "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: irgit-x, namespace: payments}\nspec: {" + c.spec + "}\n"
			require.Equal(t, c.want, guardrails(checkObjects(world, object(t, text), nil, target)))
			several := strings.Replace(text, "spec:", "specs: []\nspec:", 1)
			require.Equal(t, append([]string{"A9"}, c.want...), guardrails(checkObjects(world, object(t, several), nil, target)))
		})
	}
	wide := "{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: irgit-x}, spec: {}}"
	require.Equal(t, []string{"A9"}, guardrails(checkObjects(world, object(t, wide), nil, target)))
}

// A policy of Calico's that selects a pod denies what nothing allows; one that
// lets the rest through must come after all others, and only where none is.
func TestThreatK3Calico(t *testing.T) {
	const dns = "{action: Allow, protocol: UDP, destination: {namespaceSelector: projectcalico.org/name == 'kube-system', selector: k8s-app == 'kube-dns', ports: [53]}}"
	const net = "{action: Deny, destination: {nets: [198.51.100.7/32]}}"
	const rest = "order: 1000000, types: [Egress], egress: [{action: Allow}]"
	egress := func(rules string) string { return "types: [Egress], egress: [" + rules + "]" }
	for name, c := range map[string]struct {
		governed string
		specs    []string
		want     []string
	}{
		"deny all":               {"no", []string{"types: [Ingress, Egress], ingress: [{action: Deny}], egress: [{action: Deny}]"}, nil},
		"deny all but DNS":       {"unknown", []string{egress(dns + ", {action: Deny}")}, nil},
		"networks, governed":     {"yes", []string{egress(net)}, nil},
		"networks, and the rest": {"no", []string{egress(net), rest}, nil},
		"cuts the rest":          {"no", []string{egress(net)}, []string{"K3"}},
		"may cut the rest":       {"unknown", []string{egress(net)}, []string{"K3"}},
		"opens the rest":         {"yes", []string{egress(net), rest}, []string{"K3"}},
		"may open the rest":      {"unknown", []string{egress(net), rest}, []string{"K3"}},
		"opens too early":        {"no", []string{egress(net), strings.Replace(rest, "1000000", "99999", 1)}, []string{"K3"}},
		"opens at once":          {"no", []string{egress(net), strings.Replace(rest, "order: 1000000, ", "", 1)}, []string{"K3"}},
		"opens alone":            {"no", []string{rest}, []string{"K3"}},
		"opens another way":      {"no", []string{egress(net), "order: 1000000, types: [Ingress], ingress: [{action: Allow}]"}, []string{"K3", "K3"}},
		"opens beside":           {"no", []string{egress("{action: Deny}"), rest}, []string{"K3"}},
		"allows in one":          {"no", []string{egress(net + ", {action: Allow}")}, []string{"K3"}},
		"passes":                 {"no", []string{egress(net + ", {action: Pass}")}, []string{"K3"}},
		"allows networks":        {"no", []string{egress("{action: Allow, destination: {nets: [0.0.0.0/0]}}, {action: Deny}")}, []string{"K3"}},
		"allows every port 53":   {"no", []string{egress(strings.Replace(dns, "selector: k8s-app == 'kube-dns'", "selector: all()", 1) + ", {action: Deny}")}, []string{"K3"}},
		"allows DNS alone":       {"yes", []string{egress(dns)}, []string{"K3"}},
		"mixes families":         {"yes", []string{egress(strings.Replace(net, "]", ", '2001:db8::1/128']", 1))}, []string{"K3"}},
		"empty networks":         {"yes", []string{egress("{action: Deny, destination: {nets: []}}")}, []string{"K3"}},
		"no types":               {"no", []string{"egress: [{action: Deny}]"}, []string{"K3", "K3"}},
		"no rules":               {"no", []string{"types: [Ingress, Egress], egress: [{action: Deny}]"}, []string{"K3"}},
		"a tier":                 {"no", []string{"tier: security, types: [Egress], egress: [{action: Deny}]"}, []string{"K3"}},
	} {
		t.Run(name, func(t *testing.T) {
			target := workload("payments", "payments", label("governed", c.governed))
			var objs []*unstructured.Unstructured
			for i, spec := range c.specs {
				objs = append(objs, object(t, calicoPolicy(i, "selector: app == 'payments', "+spec))...)
			}
			refusals := checkObjects(cluster{target, workload("payments", "ledger")}, objs, nil, target)
			require.ElementsMatch(t, c.want, guardrails(refusals), "%v", refusals)
		})
	}
	target := workload("payments", "payments")
	wide := "{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: irgit-x}, spec: {}}"
	require.Equal(t, []string{"A9"}, guardrails(checkObjects(cluster{target}, object(t, wide), nil, target)))

	// Whom a rest selects besides the target counts as well.
	world := cluster{target, workload("payments", "twin", label("app", "payments"), label("governed", "yes"))}
	both := append(object(t, calicoPolicy(0, "selector: app == 'payments', "+egress(net))), object(t, calicoPolicy(1, "selector: app == 'payments', "+rest))...)
	refusals := checkObjects(world, both, nil, target)
	require.Equal(t, []string{"K3"}, guardrails(refusals))
	require.Contains(t, refusals[0].Reason, "Deployment payments/twin")
	elsewhere := slices.Concat(both[:1], object(t, calicoPolicy(1, "selector: app == 'other', "+rest)))
	require.NotEmpty(t, checkObjects(cluster{target}, elsewhere, nil, target))
}

func calicoPolicy(n int, spec string) string {
	return fmt.Sprintf("apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: irgit-x-%d, namespace: payments}\nspec: {%s}\n", n, spec)
}

// TRAPS 10: a wide ipBlock with exceptions allows all that is not excepted.
func TestThreatK3WideIPBlocksOpen(t *testing.T) {
	target := workload("payments", "payments")
	for block, want := range map[string][]string{
		"{cidr: 203.0.113.0/24}": nil, "{cidr: 10.0.0.0/8}": nil, "{cidr: 'fd00::/8'}": nil,
		"{cidr: 0.0.0.0/0, except: [198.51.100.7/32]}": {"K3"}, "{cidr: '::/0'}": {"K3"}, "{cidr: 128.0.0.0/1}": {"K3"}, "{cidr: x}": {"K3"},
	} {
		np := strings.Replace(networkPolicy("payments", "{matchLabels: {app: payments}}"), "policyTypes", "egress: [{to: [{ipBlock: "+block+"}]}], policyTypes", 1)
		require.Equal(t, want, guardrails(checkObjects(cluster{target}, object(t, np), nil, target)), block)
	}
}
