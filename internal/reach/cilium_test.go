package reach_test

import (
	"testing"

	"github.com/irgit/irgit/internal/reach"
)

// The sources of what these tests want are https://docs.cilium.io/en/stable/security/policy/
// (by the page's title) and github.com/cilium/cilium/pkg/policy/api (the API).

func cilium(t *testing.T, specs ...string) *reach.Model {
	t.Helper()
	var all []string
	for i, s := range specs {
		all = append(all, policy("cilium.io/v2", "CiliumNetworkPolicy", "shop", string(rune('a'+i)), s))
	}
	return model(t, reach.Cluster{CNI: "cilium"}, all...)
}

func clusterwide(spec string) string {
	return policy("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "", "wide", spec)
}

var outward = reach.Flow{From: db, To: web, Port: 8080}

// Policy Enforcement Modes: "If any rule selects an endpoint and the rule has an ingress
// section, the endpoint goes into default deny-mode for ingress", per direction.
func TestCiliumIsolatesByDirection(t *testing.T) {
	answers(t, cilium(t, `{endpointSelector: {matchLabels: {app: db}}, ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}]}`),
		ask{sql(web), "allowed by CiliumNetworkPolicy shop/a ingress[0]"}, ask{sql(metrics), "denied"}, ask{outward, "allowed"})
	// An empty rule allows nobody, an empty section does nothing (the API: "If omitted or empty, this rule does not apply").
	answers(t, cilium(t, `{endpointSelector: {}, egress: [{}]}`), ask{outward, "denied by CiliumNetworkPolicy shop/a: no rule for egress"}, ask{sql(metrics), "allowed"})
	answers(t, cilium(t, `{endpointSelector: {}, egress: []}`), ask{outward, "allowed"})
}

// The API: EnableDefaultDeny "is true for each traffic direction that has rules,
// and false otherwise", "enabled if any policy requests it".
func TestCiliumDefaultDeny(t *testing.T) {
	off := `{endpointSelector: {}, enableDefaultDeny: {ingress: false, egress: false}, ingressDeny: [{fromEntities: [world]}]}`
	answers(t, cilium(t, off), ask{sql(web), "allowed"}, ask{sql(out), "denied by CiliumNetworkPolicy shop/a ingressDeny[0]"})
	// A deny rule alone isolates: TRAPS.md 1.13.
	answers(t, cilium(t, `{endpointSelector: {}, ingressDeny: [{fromEntities: [world]}]}`), ask{sql(web), "denied by CiliumNetworkPolicy shop/a: no rule"})
	answers(t, cilium(t, off, `{endpointSelector: {}, enableDefaultDeny: {ingress: true}}`), ask{sql(web), "denied"})
}

// Deny Policies: they "take precedence over allow policies, regardless of whether they are a
// Cilium Network Policy, a Clusterwide Cilium Network Policy or even a Kubernetes Network Policy".
func TestCiliumDenyWins(t *testing.T) {
	m := model(t, reach.Cluster{CNI: "cilium"}, networkPolicy("k", `{podSelector: {}, ingress: [{}], egress: [{}], policyTypes: [Ingress, Egress]}`),
		clusterwide(`{endpointSelector: {matchLabels: {app: db}}, ingressDeny: [{fromEndpoints: [{matchLabels: {app: web}}], toPorts: [{ports: [{port: "5432"}]}]}]}`))
	answers(t, m, ask{sql(web), "denied by CiliumClusterwideNetworkPolicy wide ingressDeny[0]"}, ask{admin(web), "allowed by NetworkPolicy shop/k"},
		ask{sql(metrics), "allowed"})
	answers(t, cilium(t, `{endpointSelector: {}, egress: [{toEntities: [all]}], egressDeny: [{}]}`), ask{outward, "unknown: a deny rule names neither peers nor ports"})
}

// Using Kubernetes Constructs in Policy: selectors of a namespaced policy mean its
// namespace unless they name another; of a clusterwide one every managed pod.
func TestCiliumNamespaces(t *testing.T) {
	answers(t, cilium(t, `{endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]}`), ask{sql(web), "allowed"}, ask{sql(metrics), "denied"}, ask{sql(out), "denied"})
	answers(t, cilium(t, `{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": ops}}]}]}`),
		ask{sql(web), "denied"}, ask{sql(metrics), "allowed"})
	answers(t, model(t, reach.Cluster{CNI: "cilium"}, clusterwide(`{endpointSelector: {matchLabels: {app: db}}, ingress: [{fromEndpoints: [{}]}]}`)),
		ask{sql(metrics), "allowed"}, ask{sql(out), "denied"})
	answers(t, model(t, reach.Cluster{CNI: "cilium"}, clusterwide(`{endpointSelector: {matchLabels: {app: db}}, ingress: [{fromEndpoints: [{matchLabels: {
  "k8s:io.cilium.k8s.namespace.labels.team": ops, "any:io.cilium.k8s.policy.serviceaccount": metrics}}]}]}`)),
		ask{sql(metrics), "allowed"}, ask{sql(web), "denied"})
	answers(t, cilium(t, `{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: one}}]}]}`),
		ask{sql(web), "unknown: label io.cilium.k8s.policy.cluster"}, ask{sql(metrics), "denied"})
}

// The API: "an empty non-nil FromEndpoints does not select anything, nil FromEndpoints
// is implicitly treated as a wildcard selector if ToPorts are also specified".
func TestCiliumEmptyLists(t *testing.T) {
	answers(t, cilium(t, `{endpointSelector: {}, ingress: [{fromEndpoints: [], toPorts: [{ports: [{port: "5432"}]}]}]}`), ask{sql(web), "denied"})
	answers(t, cilium(t, `{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: "5432", protocol: TCP}]}]}]}`), ask{sql(web), "allowed"},
		ask{sql(out), "allowed"}, ask{admin(web), "denied"})
}

// Layer 3 Policies, "Entities based".
func TestCiliumEntities(t *testing.T) {
	from := func(entity string) *reach.Model {
		return cilium(t, `{endpointSelector: {}, ingress: [{fromEntities: [`+entity+`]}]}`)
	}
	answers(t, from("all"), ask{sql(web), "allowed"}, ask{sql(out), "allowed"})
	answers(t, from("world"), ask{sql(web), "denied"}, ask{sql(out), "allowed"})
	answers(t, from("cluster"), ask{sql(metrics), "allowed"}, ask{sql(out), "denied"})
	answers(t, from("host"), ask{sql(web), "denied"}, ask{sql(out), "denied"})
	answers(t, from("kube-apiserver"), ask{sql(web), "denied"}, ask{sql(out), "unknown: where the API server is"})
	answers(t, from("moon"), ask{sql(web), "unknown: entity moon is not known"})
}

// "Kubernetes will automatically allow all communication from the local host of
// all local endpoints", but as a rule among others, so that a deny rule may beat it.
func TestCiliumProbes(t *testing.T) {
	answers(t, cilium(t, `{endpointSelector: {}, ingress: [{}]}`), ask{sql(kubelet), "allowed"})
	answers(t, cilium(t, `{endpointSelector: {}, ingressDeny: [{fromEntities: [world, cluster]}]}`), ask{sql(kubelet), "unknown: CiliumNetworkPolicy shop/a ingressDeny[0]"})
	answers(t, cilium(t, `{endpointSelector: {}, ingressDeny: [{fromEntities: [world]}]}`), ask{sql(kubelet), "allowed"})
}

// Layer 3 Policies, "IP/CIDR based": CIDR rules "do not apply to traffic where both sides of the
// connection are either managed by Cilium".
func TestCiliumBlocks(t *testing.T) {
	m := cilium(t, `{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 0.0.0.0/0, except: [203.0.113.0/24]}]}]}`)
	to := func(p reach.Peer) reach.Flow { return reach.Flow{From: web, To: p, Port: 443} }
	answers(t, m, ask{to(reach.Outside("198.51.100.1")), "allowed"}, ask{to(out), "denied"}, ask{to(db), "denied"}, ask{to(metrics), "denied"})
	answers(t, cilium(t, `{endpointSelector: {}, egress: [{toCIDR: ["2001:db8::/32"]}]}`), ask{to(reach.Outside("2001:db8::7")), "allowed"}, ask{to(out), "denied"})
	answers(t, cilium(t, `{endpointSelector: {}, egress: [{toCIDRSet: [{cidrGroupRef: partners}]}]}`), ask{to(out), "unknown: a group's addresses"}, ask{to(db), "denied"})
}

// "By default, CIDR-based selectors do not match in-cluster entities (pods or nodes)", and neither does ipBlock.
func TestCiliumBlocksOfNetworkPolicy(t *testing.T) {
	m := model(t, reach.Cluster{CNI: "cilium"}, networkPolicy("np", `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`))
	answers(t, m, ask{sql(web), "denied by NetworkPolicy shop/np"}, ask{sql(out), "allowed"})
}

// Layer 3 Policies, "DNS based": names of matchName, and * within one label, ** for more.
func TestCiliumNames(t *testing.T) {
	to := func(domain string) reach.Flow {
		return reach.Flow{From: web, To: reach.Peer{Domain: domain}, Port: 443}
	}
	rule := func(name string) *reach.Model {
		return cilium(t, `{endpointSelector: {}, egress: [{toFQDNs: [`+name+`]}]}`)
	}
	answers(t, rule(`{matchName: API.example.com.}`), ask{to("api.example.com"), "allowed"}, ask{to("example.com"), "denied"},
		ask{reach.Flow{From: web, To: out, Port: 443}, "unknown: whether a name of toFQDNs leads to 203.0.113.10"}, ask{reach.Flow{From: web, To: db, Port: 443}, "denied"})
	answers(t, rule(`{matchPattern: "*.cilium.io"}`), ask{to("sub.cilium.io"), "allowed"}, ask{to("cilium.io"), "denied"}, ask{to("sub.sub.cilium.io"), "denied"})
	answers(t, rule(`{matchPattern: "part*ial.com"}`), ask{to("partial.com"), "allowed"}, ask{to("part-extra-ial.com"), "allowed"})
	answers(t, rule(`{matchPattern: "**.cilium.io"}`), ask{to("app.cilium.io"), "allowed"}, ask{to("test.app.cilium.io"), "allowed"}, ask{to("cilium.io"), "denied"})
	answers(t, rule(`{matchPattern: "*"}`), ask{to("anything.at.all"), "allowed"})
}

// Layer 7 Policies: fields are regular expressions for the whole value.
func TestCiliumRequests(t *testing.T) {
	m := cilium(t, `{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: http}], rules: {http: [{method: GET, path: "/public/.*"}]}}]}]}`)
	answers(t, m, ask{get(admin(web), "GET", "/public/x"), "allowed"}, ask{get(admin(web), "POST", "/public/x"), "denied"},
		ask{get(admin(web), "GET", "/x/public/x"), "denied"}, ask{admin(web), "unknown: it depends on the request"}, ask{get(sql(web), "GET", "/public/x"), "denied"})
	// "EnableDefaultDeny does not apply to layer-7 policy."
	off := cilium(t, `{endpointSelector: {}, enableDefaultDeny: {ingress: false}, ingress: [{toPorts: [{ports: [{port: http}], rules: {http: [{method: GET}]}}]}]}`)
	answers(t, off, ask{get(admin(web), "GET", "/"), "allowed"}, ask{get(admin(web), "POST", "/"), "unknown: it fails rules about requests"}, ask{sql(web), "allowed"})
	answers(t, cilium(t, `{endpointSelector: {}, egress: [{toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchPattern: "*"}]}}]}]}`),
		ask{reach.Flow{From: web, To: dns, Port: 53, Protocol: "UDP"}, "allowed"}, ask{outward, "denied"})
}

// A mesh encrypts what Cilium would read.
func TestCiliumRequestsInAMesh(t *testing.T) {
	m := model(t, reach.Cluster{CNI: "cilium", Mesh: "istio-sidecar"}, policy("cilium.io/v2", "CiliumNetworkPolicy", "shop", "a",
		`{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: http}], rules: {http: [{method: GET}]}}]}]}`))
	answers(t, m, ask{get(admin(web), "GET", "/"), "unknown: Cilium does not see requests that the mesh encrypts"}, ask{get(admin(legacy), "GET", "/"), "allowed"})
}

// The API on PortProtocol: a number or a name, 0 for any, endPort for a range; without a protocol
// any matches.
func TestCiliumPorts(t *testing.T) {
	at := func(port string) *reach.Model {
		return cilium(t, `{endpointSelector: {}, ingress: [{toPorts: [{ports: [`+port+`]}]}]}`)
	}
	answers(t, at(`{port: "5000", endPort: 6000}`), ask{sql(web), "allowed"}, ask{admin(web), "denied"})
	answers(t, at(`{port: sql}`), ask{sql(web), "allowed"}, ask{admin(web), "denied"})
	answers(t, at(`{port: "0", protocol: UDP}`), ask{sql(web), "denied"}, ask{reach.Flow{From: web, To: db, Port: 1, Protocol: "UDP"}, "allowed"})
}

func TestCiliumSpecsAndWhatIsNotFollowed(t *testing.T) {
	specs := "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: a, namespace: shop}\nspecs: " +
		`[{endpointSelector: {}, ingress: [{fromEntities: [cluster]}]}, {endpointSelector: {}, ingressDeny: [{fromEndpoints: [{matchLabels: {app: web}}]}]}]`
	answers(t, model(t, reach.Cluster{CNI: "cilium"}, specs), ask{sql(web), "denied by CiliumNetworkPolicy shop/a specs[1] ingressDeny[0]"}, ask{sql(metrics), "allowed"})
	answers(t, cilium(t, `{endpointSelector: {}, ingress: [{fromEndpoints: [{}], authentication: {mode: required}}]}`), ask{sql(web), "unknown: it asks for authentication"},
		ask{sql(metrics), "denied"})
	answers(t, cilium(t, `{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: "5432"}], rules: {kafka: []}}]}]}`), ask{sql(web), "unknown: read CiliumNetworkPolicy"})
	answers(t, cilium(t, `{endpointSelector: {}, ingress: [{fromRequires: [{}], fromEndpoints: [{}]}]}`), ask{sql(web), "unknown: it requires labels"})
	answers(t, model(t, reach.Cluster{CNI: "cilium"}, clusterwide(`{nodeSelector: {}, ingress: [{}]}`)), ask{sql(web), "allowed"})
}
