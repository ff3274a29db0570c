package reach_test

import (
	"testing"

	"github.com/irgit/irgit/internal/reach"
)

// The sources of what these tests want are https://istio.io/latest/docs/ambient/usage/ (by page) and the
// code of github.com/istio/istio and github.com/istio/ztunnel that the comments name.

func ambient(t *testing.T, manifests ...string) *reach.Model {
	t.Helper()
	return model(t, reach.Cluster{Mesh: "istio-ambient"}, manifests...)
}

func byService(f reach.Flow, port int32) reach.Flow {
	f.Service = reach.Service{Namespace: "shop", Name: "db", Port: port}
	return f
}

// l4-policy: ztunnel enforces policies of identities, namespaces, ports and addresses at the receiver.
func TestAmbientConnections(t *testing.T) {
	m := ambient(t, authorization("a", `{selector: {matchLabels: {app: db}}, rules: [{from: [{source: {`+fromWeb+`}}], to: [{operation: {ports: ["5432"]}}]}]}`))
	answers(t, m, ask{sql(web), "allowed by AuthorizationPolicy shop/a rules[0]"}, ask{sql(metrics), "denied"}, ask{sql(legacy), "denied"}, ask{admin(web), "denied"})
	answers(t, ambient(t, authorization("a", `{}`)), ask{sql(web), "denied"}, ask{reach.Flow{From: web, To: legacy, Port: 1}, "allowed"})
	answers(t, ambient(t, authorization("a", `{rules: [{}]}`)), ask{sql(web), "allowed"})
	answers(t, ambient(t, authorization("a", `{action: DENY, rules: [{}]}`)), ask{sql(web), "denied"}, ask{sql(kubelet), "allowed"})
	plain := reach.Peer{Pod: &reach.Pod{Namespace: "shop", Annotations: map[string]string{"sidecar.istio.io/rewriteAppHTTPProbers": "false"}}}
	answers(t, ambient(t, authorization("a", `{action: DENY, rules: [{}]}`)), ask{reach.Flow{From: kubelet, To: plain, Port: 1}, "allowed"})
}

// pilot/pkg/serviceregistry/ambient/authorization.go, handleRule: "Within an ALLOW policy, rules matching HTTP
// attributes are omitted"; a DENY rule is "enforced without the HTTP rules", and where nothing is left of an
// alternative it "has no enforceable rules at ztunnel and will have no effect" (ztunnel src/rbac.rs skips empty matches).
func TestAmbientRequestsWithoutWaypoint(t *testing.T) {
	answers(t, ambient(t, authorization("a", `{action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]}`)), ask{sql(web), "allowed"}, ask{get(admin(web), "POST", "/"), "allowed"})
	answers(t, ambient(t, authorization("a", `{action: DENY, rules: [{to: [{operation: {methods: [POST], ports: ["8080"]}}]}]}`)),
		ask{sql(web), "allowed"}, ask{get(admin(web), "GET", "/"), "denied"})
	answers(t, ambient(t, authorization("a", `{action: DENY, rules: [{from: [{source: {namespaces: [shop]}}], to: [{operation: {methods: [POST]}}]}]}`)), ask{sql(web), "allowed"})
	answers(t, ambient(t, authorization("a", `{action: DENY, rules: [{from: [{source: {namespaces: [shop]}}], when: [{key: "request.headers[x]", values: [one]}]}]}`)), ask{sql(web), "allowed"})
	answers(t, ambient(t, authorization("a", `{rules: [{to: [{operation: {methods: [GET]}}]}]}`)), ask{get(admin(web), "GET", "/"), "denied by AuthorizationPolicy shop/a: no ALLOW policy matches"})
	answers(t, ambient(t, authorization("a", `{rules: [{from: [{source: {remoteIpBlocks: [10.0.0.0/8]}}]}]}`)), ask{sql(web), "denied"})
	// "ztunnel does not support the CUSTOM action", nor policies with targetRefs.
	answers(t, ambient(t, authorization("a", `{action: CUSTOM, provider: {name: x}, rules: [{}]}`)), ask{sql(web), "allowed"})
	answers(t, ambient(t, authorization("a", `{targetRefs: [{kind: Service, name: db}], action: DENY, rules: [{}]}`)), ask{byService(sql(web), 5432), "allowed"})
}

// networkpolicy: what ztunnel carries arrives at port 15008, and that is all that the
// network sees.
func TestAmbientTunnelAndTheNetwork(t *testing.T) {
	m := ambient(t, networkPolicy("np", `{podSelector: {}, ingress: [{ports: [{port: 5432}]}]}`))
	answers(t, m, ask{sql(web), "denied by NetworkPolicy shop/np"}, ask{sql(legacy), "allowed"})
	answers(t, ambient(t, networkPolicy("np", `{podSelector: {}, ingress: [{ports: [{port: 15008}]}]}`)), ask{sql(web), "allowed"}, ask{sql(legacy), "denied"})
}

const waypointGateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: wp, namespace: shop, labels: {istio.io/waypoint-for: service}}
spec: {gatewayClassName: istio-waypoint}
`

func withWaypoint(t *testing.T, manifests ...string) *reach.Model {
	t.Helper()
	return model(t, reach.Cluster{Mesh: "istio-ambient", Waypoint: "wp"}, append([]string{waypointGateway}, manifests...)...)
}

// waypoint, l7-features, and pilot/pkg/model/policyattachment.go: a waypoint enforces policies with targetRefs to it,
// to the Service, or to its class from the root namespace; it ignores selectors, and sees the Service's port.
func TestAmbientWaypoint(t *testing.T) {
	post := `action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}]`
	for refs, want := range map[string]string{
		`targetRefs: [{kind: Service, name: db}], `:                                                         "denied",
		`targetRefs: [{group: core, kind: Service, name: db}], `:                                            "denied",
		`targetRef: {kind: Service, name: db}, `:                                                            "denied",
		`targetRefs: [{kind: Service, name: other}], `:                                                      "allowed",
		`targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: wp}], `:                       "denied",
		`targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: wp, namespace: elsewhere}], `: "allowed",
		`targetRefs: [{group: gateway.networking.k8s.io, kind: GatewayClass, name: istio-waypoint}], `:      "allowed", // not in the root namespace
		`selector: {matchLabels: {app: db}}, `:                                                              "allowed", // no effect at ztunnel either
		``:                                                                                                  "allowed",
	} {
		m := withWaypoint(t, authorization("a", `{`+refs+post+`}`))
		answers(t, m, ask{byService(get(admin(web), "POST", "/"), 80), want}, ask{byService(get(admin(web), "GET", "/"), 80), "allowed"})
	}
	class := authorizationIn("istio-system", "a", `{targetRefs: [{group: gateway.networking.k8s.io, kind: GatewayClass, name: istio-waypoint}], `+post+`}`)
	answers(t, withWaypoint(t, class), ask{byService(get(admin(web), "POST", "/"), 80), "denied"})
	ports := withWaypoint(t, authorization("a", `{targetRefs: [{kind: Service, name: db}], action: DENY, rules: [{to: [{operation: {ports: ["80"]}}]}]}`))
	answers(t, ports, ask{byService(admin(web), 80), "denied"}, ask{byService(sql(web), 5432), "allowed"}, ask{admin(web), "allowed"})
}

// l4-policy: behind a waypoint the pod's ztunnel sees the waypoint's identity, so that a policy about the
// client's at the pod cuts everything that comes by the waypoint.
func TestAmbientIdentityBehindTheWaypoint(t *testing.T) {
	pod := authorization("a", `{selector: {matchLabels: {app: db}}, action: DENY, rules: [{from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/web]}}]}]}`)
	answers(t, withWaypoint(t, pod), ask{byService(sql(web), 5432), "denied"}, ask{sql(web), "allowed"})
	both := authorization("a", `{selector: {matchLabels: {app: db}}, action: DENY, rules: [{from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/wp]}}]}]}`)
	answers(t, withWaypoint(t, both), ask{byService(sql(web), 5432), "allowed"}, ask{sql(web), "denied"}, ask{sql(legacy), "denied"})
	service := authorization("b", `{targetRefs: [{kind: Service, name: db}], action: DENY, rules: [{from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/web]}}]}]}`)
	answers(t, withWaypoint(t, both, service), ask{byService(sql(web), 5432), "allowed"}, ask{byService(sql(metrics), 5432), "denied by AuthorizationPolicy shop/b"})
}

// The network has to let the caller to the waypoint, and the waypoint to the pod.
func TestAmbientWaypointAndTheNetwork(t *testing.T) {
	m := withWaypoint(t, networkPolicy("np", `{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {gateway.networking.k8s.io/gateway-name: wp}}}], ports: [{port: 15008}]}]}`))
	answers(t, m, ask{byService(sql(web), 5432), "allowed"}, ask{sql(web), "denied"})
	answers(t, withWaypoint(t, networkPolicy("np", `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}]}`)),
		ask{byService(sql(web), 5432), "denied by NetworkPolicy shop/np: no rule for egress"})
	unseen := model(t, reach.Cluster{Mesh: "istio-ambient", Waypoint: "wp"}, networkPolicy("np", `{podSelector: {matchLabels: {app: other}}}`))
	answers(t, unseen, ask{byService(sql(web), 5432), "unknown: label app: the manifests have no Gateway shop/wp"})
}

// pilot/pkg/serviceregistry/ambient/waypoints.go: labels of the object first, then those of its namespace;
// "none" opts out; a waypoint is for Services unless its label says otherwise.
func TestAmbientWhichWaypoint(t *testing.T) {
	deny := authorization("a", `{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: wp}], action: DENY, rules: [{}]}`)
	service := func(value string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: db2, namespace: shop, labels: {istio.io/use-waypoint: " + value + "}}\nspec: {selector: {app: db}, ports: [{port: 5432}]}"
	}
	called := sql(web)
	called.Service = reach.Service{Namespace: "shop", Name: "db2", Port: 5432}
	answers(t, ambient(t, waypointGateway, deny, service("wp")), ask{called, "denied"}, ask{byService(sql(web), 5432), "allowed"})
	answers(t, withWaypoint(t, deny, service("none")), ask{called, "allowed"}, ask{byService(sql(web), 5432), "denied"})
	workloads := "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: wp, namespace: shop, labels: {istio.io/waypoint-for: workload}}"
	answers(t, ambient(t, workloads, deny, service("wp")), ask{called, "allowed"})
	pod := reach.Peer{Pod: &reach.Pod{Namespace: "shop", Labels: map[string]string{"istio.io/use-waypoint": "wp"}}}
	answers(t, ambient(t, workloads, deny), ask{reach.Flow{From: web, To: pod, Port: 1}, "denied"}, ask{sql(web), "allowed"})
	answers(t, ambient(t, waypointGateway, deny), ask{reach.Flow{From: web, To: pod, Port: 1}, "allowed"})
}

func TestAmbientPeerAuthentication(t *testing.T) {
	answers(t, ambient(t, policy("security.istio.io/v1", "PeerAuthentication", "shop", "default", `{mtls: {mode: STRICT}}`)), ask{sql(legacy), "denied"}, ask{sql(web), "allowed"})
}

// add-workloads: a pod can be in the mesh by a sidecar in an ambient mesh too.
func TestAmbientBesideSidecars(t *testing.T) {
	mixed := reach.Peer{Pod: &reach.Pod{Namespace: "old", Labels: map[string]string{"sidecar.istio.io/inject": "true"}}}
	answers(t, ambient(t), ask{sql(mixed), "unknown: how a sidecar and ztunnel talk"}, ask{reach.Flow{From: legacy, To: mixed, Port: 1}, "allowed"})
}
