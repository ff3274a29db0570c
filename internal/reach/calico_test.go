package reach_test

import (
	"testing"

	"github.com/irgit/irgit/internal/reach"
)

// The sources of what these tests want are
// https://docs.tigera.io/calico/latest/reference/resources/networkpolicy (the reference), its twin
// for globalnetworkpolicy, and the comments of
// github.com/projectcalico/calico/api/pkg/apis/projectcalico/v3 (the API).

func calico(t *testing.T, manifests ...string) *reach.Model {
	t.Helper()
	return model(t, reach.Cluster{CNI: "calico"}, manifests...)
}

func calicoPolicy(name, spec string) string {
	return policy("projectcalico.org/v3", "NetworkPolicy", "shop", name, spec)
}

func global(name, spec string) string {
	return policy("projectcalico.org/v3", "GlobalNetworkPolicy", "", name, spec)
}

// The API: "Policies with higher order are applied after those with lower order", omitted is
// "infinite", and policies "with identical order will be applied in alphanumerical order based on the
// Policy Name".
func TestCalicoOrder(t *testing.T) {
	allow, deny := `, selector: app == "db", ingress: [{action: Allow}]}`, `, selector: app == "db", ingress: [{action: Deny}]}`
	answers(t, calico(t, calicoPolicy("x", "{order: 10"+deny), calicoPolicy("a", "{order: 20"+allow)), ask{sql(web), "denied by Calico NetworkPolicy shop/x ingress[0]"})
	answers(t, calico(t, calicoPolicy("x", "{order: 20"+deny), calicoPolicy("a", "{order: 10.5"+allow)), ask{sql(web), "allowed by Calico NetworkPolicy shop/a"})
	answers(t, calico(t, calicoPolicy("x", "{order: 10"+deny), calicoPolicy("a", "{order: 10"+allow)), ask{sql(web), "allowed by Calico NetworkPolicy shop/a"})
	answers(t, calico(t, calicoPolicy("a", `{selector: "app == 'db'", ingress: [{action: Deny}]}`), calicoPolicy("x", "{order: 1e6"+allow)), ask{sql(web), "allowed by Calico NetworkPolicy shop/x"})
}

// Kubernetes' policies are among Calico's at order 1000 (K8sNetworkPolicyToCalico).
func TestCalicoWithKubernetes(t *testing.T) {
	allow := networkPolicy("k", `{podSelector: {}, ingress: [{}]}`)
	answers(t, calico(t, allow, global("g", `{order: 999, selector: app == "db", ingress: [{action: Deny}]}`)), ask{sql(web), "denied by GlobalNetworkPolicy g ingress[0]"})
	answers(t, calico(t, allow, global("g", `{order: 1001, selector: app == "db", ingress: [{action: Deny}]}`)), ask{sql(web), "allowed by NetworkPolicy shop/k"})
	answers(t, calico(t, networkPolicy("k", `{podSelector: {}}`), global("g", `{selector: app == "db", ingress: [{action: Allow}]}`)), ask{sql(web), "allowed by GlobalNetworkPolicy g"})
}

// https://docs.tigera.io/calico/latest/network-policy/policy-tiers/tiered-policy and
// felix/rules/endpoints.go: the end of a tier drops if one of its policies selects the pod and no rule
// matched; Log goes on; Pass skips to the next tier, and in the end to the namespace's profile, which
// allows.
func TestCalicoActionsAndTheEndOfTheTier(t *testing.T) {
	answers(t, calico(t, calicoPolicy("a", `{selector: app == "db", ingress: [{action: Log}]}`)), ask{sql(web), "denied by Calico NetworkPolicy shop/a: no rule for ingress"},
		ask{outward, "allowed"})
	answers(t, calico(t, calicoPolicy("a", `{order: 1, selector: all(), ingress: [{action: Log}, {action: Pass}]}`), calicoPolicy("b", `{order: 2, ingress: [{action: Deny}]}`)),
		ask{sql(web), "allowed by Calico NetworkPolicy shop/a ingress[1]"})
	answers(t, calico(t, calicoPolicy("a", `{ingress: [{action: Reject}]}`)), ask{sql(web), `unknown: read Calico NetworkPolicy shop/a: ingress[0]: action "Reject"`})
}

// The API on types: "[ PolicyTypeIngress ], if there are no Egress rules (including the case where
// there are also no Ingress rules)", egress alone if there are egress rules alone, and else both.
func TestCalicoTypes(t *testing.T) {
	answers(t, calico(t, calicoPolicy("a", `{selector: all()}`)), ask{sql(web), "denied"}, ask{reach.Flow{From: web, To: out, Port: 1}, "allowed"})
	answers(t, calico(t, calicoPolicy("a", `{egress: [{action: Allow, destination: {nets: [10.0.0.0/8]}}]}`)),
		ask{sql(metrics), "allowed"}, ask{reach.Flow{From: web, To: out, Port: 1}, "denied"}, ask{reach.Flow{From: web, To: reach.Outside("10.1.2.3"), Port: 1}, "allowed"})
	answers(t, calico(t, calicoPolicy("a", `{types: [Egress]}`)), ask{sql(metrics), "allowed"}, ask{reach.Flow{From: web, To: out, Port: 1}, "denied"})
}

// The reference, "Selectors".
func TestCalicoSelectors(t *testing.T) {
	for selector, want := range map[string]string{
		`app == "web"`:                "allowed",
		`app == 'db'`:                 "denied",
		`app != "db"`:                 "allowed",
		`tier != "x"`:                 "allowed", // "also matches if label is not present"
		`app in {"web", "db"}`:        "allowed",
		`app in {}`:                   "denied",
		`app not in { 'db' }`:         "allowed",
		`tier not in {"x"}`:           "allowed",
		`has(app)`:                    "allowed",
		`!has(tier)`:                  "allowed",
		`! has( tier ) && !!has(app)`: "allowed",
		`app contains "e"`:            "allowed",
		`app starts with "w"`:         "allowed",
		`app ends with "b"`:           "allowed",
		`all()`:                       "allowed",
		``:                            "allowed",
		`app == "db" || app == "web" && has(app)`:    "allowed",
		`(app == "db" || app == "web") && has(tier)`: "denied",
		`app == "web" || has(pod-template-hash)`:     "allowed",
		`has(pod-template-hash)`:                     "unknown: label pod-template-hash",
		`projectcalico.org/namespace == "shop"`:      "allowed",
		`projectcalico.org/serviceaccount == "web"`:  "allowed",
		`pcns.team == "shop"`:                        "allowed",
		`app = "web"`:                                "unknown: read Calico NetworkPolicy shop/a: ingress[0]: source: selector",
		`app == web`:                                 "unknown",
		`app == "web`:                                "unknown",
		`(app == "web"`:                              "unknown",
		`app`:                                        "unknown",
		`app == "web" has(x)`:                        "unknown",
		`inapp == "x" || notin in {"y"}`:             "denied",
	} {
		quoted := `"` + escape(selector) + `"`
		answers(t, calico(t, calicoPolicy("a", `{ingress: [{action: Allow, source: {selector: `+quoted+`}}]}`)), ask{sql(web), want})
	}
}

func escape(s string) (out string) {
	for _, r := range s {
		if r == '"' {
			out += `\`
		}
		out += string(r)
	}
	return out
}

// The API on EntityRule: "For NetworkPolicy, an empty NamespaceSelector implies that the Selector is limited
// to selecting only workload endpoints in the same namespace as the NetworkPolicy. … For GlobalNetworkPolicy, an
// empty NamespaceSelector implies the Selector applies to workload endpoints across all namespaces."
func TestCalicoNamespaces(t *testing.T) {
	source := func(s string) string { return `{ingress: [{action: Allow, source: {` + s + `}}]}` }
	answers(t, calico(t, calicoPolicy("a", source(`selector: all()`))), ask{sql(web), "allowed"}, ask{sql(metrics), "denied"}, ask{sql(out), "denied"})
	answers(t, calico(t, global("a", source(`selector: all()`))), ask{sql(metrics), "allowed"}, ask{sql(out), "denied"})
	answers(t, calico(t, calicoPolicy("a", source(`namespaceSelector: team == "ops"`))), ask{sql(web), "denied"}, ask{sql(metrics), "allowed"})
	answers(t, calico(t, calicoPolicy("a", source(`namespaceSelector: "projectcalico.org/name == 'ops'", selector: app == "web"`))), ask{sql(metrics), "denied"})
	answers(t, calico(t, calicoPolicy("a", source(`namespaceSelector: global()`))), ask{sql(web), "denied"})
	answers(t, calico(t, global("a", `{namespaceSelector: team == "shop", ingress: [{action: Deny}]}`)), ask{sql(web), "denied"}, ask{reach.Flow{From: web, To: metrics, Port: 1}, "allowed"})
}

// The API on Selector: NotSelector "negates the whole match", so that it "will
// accept packets from non-Calico sources".
func TestCalicoNotSelector(t *testing.T) {
	answers(t, calico(t, global("a", `{selector: app == "db", ingress: [{action: Allow, source: {notSelector: app == "web"}}]}`)),
		ask{sql(web), "denied"}, ask{sql(metrics), "allowed"}, ask{sql(out), "allowed"})
	answers(t, calico(t, global("a", `{selector: app == "db", ingress: [{action: Allow, source: {selector: app != "web"}}]}`)), ask{sql(out), "denied"})
}

func TestCalicoServiceAccounts(t *testing.T) {
	answers(t, calico(t, calicoPolicy("a", `{serviceAccountSelector: team == "x", ingress: [{action: Deny}]}`)), ask{sql(web), "unknown: label team: the manifests have no ServiceAccount shop/db"})
	answers(t, calico(t, calicoPolicy("a", `{ingress: [{action: Allow, source: {serviceAccounts: {names: [web]}}}]}`)), ask{sql(web), "allowed"}, ask{sql(metrics), "denied"})
}

// "All the match criteria within a rule must be satisfied for a packet to match."
func TestCalicoRules(t *testing.T) {
	rule := func(r string) *reach.Model {
		return calico(t, calicoPolicy("a", `{selector: app == "db", ingress: [{action: Allow, `+r+`}]}`))
	}
	answers(t, rule(`protocol: TCP, destination: {ports: [5000, "5400:5500"]}`), ask{sql(web), "allowed"}, ask{admin(web), "denied"})
	answers(t, rule(`protocol: TCP, destination: {ports: [sql]}`), ask{sql(web), "allowed"}, ask{admin(web), "denied"})
	answers(t, rule(`protocol: TCP, destination: {notPorts: [8080]}`), ask{sql(web), "allowed"}, ask{admin(web), "denied"})
	answers(t, rule(`protocol: 17`), ask{sql(web), "denied"})
	answers(t, rule(`notProtocol: UDP`), ask{sql(web), "allowed"})
	answers(t, rule(`protocol: ICMP, icmp: {type: 8}`), ask{sql(web), "denied"})
	answers(t, rule(`source: {nets: [203.0.113.0/24], notNets: [203.0.113.128/25]}`), ask{sql(out), "allowed"}, ask{sql(reach.Outside("203.0.113.130")), "denied"},
		ask{sql(web), "unknown: the manifests do not have the pod's address"})
	answers(t, rule(`ipVersion: 4, source: {nets: [203.0.113.10]}`), ask{sql(out), "allowed"}, ask{sql(reach.Outside("2001:db8::1")), "denied"})
	answers(t, rule(`source: {ports: [1024]}`), ask{sql(web), "unknown: it asks for the caller's port"})
	answers(t, rule(`http: {methods: [GET]}`), ask{sql(web), "unknown: it asks about requests"})
	answers(t, rule(`source: {services: {name: x}}`), ask{sql(web), "unknown: it names a Service"})
}

// Where a rule that may match would do what comes after it anyway, it does not matter.
func TestCalicoUnknownRuleBeforeTheSameAnswer(t *testing.T) {
	answers(t, calico(t, calicoPolicy("a", `{ingress: [{action: Deny, http: {methods: [GET]}}, {action: Deny}]}`)), ask{sql(web), "denied by Calico NetworkPolicy shop/a ingress[1]"})
}

func TestCalicoTiersSetsAndHosts(t *testing.T) {
	answers(t, calico(t, calicoPolicy("security.q", `{tier: security, ingress: [{action: Deny}]}`)), ask{sql(web), "unknown: Calico NetworkPolicy shop/security.q is in tier security"},
		ask{reach.Flow{From: metrics, To: legacy, Port: 1}, "allowed"})
	answers(t, calico(t, global("a", `{doNotTrack: true, applyOnForward: true, ingress: [{action: Deny}]}`)), ask{sql(web), "allowed"})
	sets := policy("projectcalico.org/v3", "GlobalNetworkSet", "", "bad", `{nets: [203.0.113.0/24]}`)
	answers(t, calico(t, sets, global("a", `{ingress: [{action: Deny, source: {selector: bad == "yes"}}, {action: Allow}]}`)), ask{sql(out), "unknown: network sets"},
		ask{sql(web), "allowed"})
}

// Felix judges what is forwarded to pods, not what their host sends.
func TestCalicoProbes(t *testing.T) {
	answers(t, calico(t, global("q", `{order: 0, types: [Ingress, Egress], ingress: [{action: Deny}], egress: [{action: Deny}]}`)), ask{sql(kubelet), "allowed"}, ask{sql(web), "denied"})
}
