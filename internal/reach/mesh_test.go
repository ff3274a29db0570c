package reach_test

import (
	"net/netip"
	"testing"

	"github.com/irgit/irgit/internal/reach"
)

// The sources of what these tests want are
// https://istio.io/latest/docs/reference/config/security/authorization-policy/ (the reference), and the code of
// github.com/istio/istio that the comments name.

func sidecarMesh(t *testing.T, manifests ...string) *reach.Model {
	t.Helper()
	return model(t, reach.Cluster{Mesh: "istio-sidecar"}, manifests...)
}

func authorization(name, spec string) string {
	return policy("security.istio.io/v1", "AuthorizationPolicy", "shop", name, spec)
}

func authorizationIn(namespace, name, spec string) string {
	return policy("security.istio.io/v1", "AuthorizationPolicy", namespace, name, spec)
}

const fromWeb = `principals: [cluster.local/ns/shop/sa/web]`

// The reference: DENY that matches denies, no ALLOW policy allows, one that matches
// allows, and otherwise the request is denied.
func TestMeshOrder(t *testing.T) {
	allow := authorization("allow", `{selector: {matchLabels: {app: db}}, rules: [{from: [{source: {`+fromWeb+`}}]}]}`)
	deny := authorization("deny", `{action: DENY, rules: [{to: [{operation: {ports: ["5432"]}}]}]}`)
	answers(t, sidecarMesh(t), ask{sql(web), "allowed"})
	answers(t, sidecarMesh(t, allow), ask{sql(web), "allowed by AuthorizationPolicy shop/allow rules[0]"},
		ask{sql(metrics), "denied by AuthorizationPolicy shop/allow: no ALLOW policy matches"}, ask{reach.Flow{From: metrics, To: web, Port: 1}, "allowed"})
	answers(t, sidecarMesh(t, allow, deny), ask{sql(web), "denied by AuthorizationPolicy shop/deny rules[0]"}, ask{admin(web), "allowed"})
}

// The reference on rules: "If not set, the match will never occur. This is equivalent to setting a default of
// deny for the target workloads if the action is ALLOW", and "An empty rule is always matched."
func TestMeshEmptyPolicies(t *testing.T) {
	answers(t, sidecarMesh(t, authorization("nothing", `{}`)), ask{sql(web), "denied by AuthorizationPolicy shop/nothing"})
	answers(t, sidecarMesh(t, authorization("all", `{rules: [{}]}`)), ask{sql(web), "allowed by AuthorizationPolicy shop/all rules[0]"})
	answers(t, sidecarMesh(t, authorization("never", `{action: DENY}`)), ask{sql(web), "allowed"})
	answers(t, sidecarMesh(t, authorization("ever", `{action: DENY, rules: [{}]}`)), ask{sql(web), "denied by AuthorizationPolicy shop/ever rules[0]"})
	// An empty list is no condition: "If not set, any principal is allowed."
	answers(t, sidecarMesh(t, authorization("trap", `{action: DENY, rules: [{from: [{source: {notPrincipals: []}}]}]}`)), ask{sql(web), "denied"})
}

// The reference: "If set to root namespace, the policy applies to all namespaces in a mesh."
func TestMeshScope(t *testing.T) {
	everybody := `{action: DENY, rules: [{}]}`
	to := func(p reach.Peer) reach.Flow { return reach.Flow{From: web, To: p, Port: 1} }
	answers(t, sidecarMesh(t, authorizationIn("istio-system", "root", everybody)), ask{to(db), "denied"}, ask{to(metrics), "denied"})
	answers(t, sidecarMesh(t, authorizationIn("ops", "ns", everybody)), ask{to(db), "allowed"}, ask{to(metrics), "denied"})
	answers(t, sidecarMesh(t, authorizationIn("istio-system", "some", `{selector: {matchLabels: {app: metrics}}, action: DENY, rules: [{}]}`)),
		ask{to(db), "allowed"}, ask{to(metrics), "denied"})
	answers(t, model(t, reach.Cluster{Mesh: "istio-sidecar", RootNamespace: "ops"}, authorizationIn("ops", "root", everybody)), ask{to(db), "denied"})
}

// pilot/pkg/model/policyattachment.go: "if targetRef is specified, ignore the policy altogether".
func TestMeshTargetRefsAreNotForSidecars(t *testing.T) {
	answers(t, sidecarMesh(t, authorization("refs", `{targetRefs: [{kind: Service, name: db}], action: DENY, rules: [{}]}`)), ask{sql(web), "allowed"})
}

// https://istio.io/latest/docs/tasks/security/authorization/authz-tcp/ and the reference: on TCP ports an ALLOW
// rule with HTTP fields never matches, and "For a DENY rule, missing attributes are treated as
// matches" (pilot/pkg/security/authz/model/model.go, checkError).
func TestMeshRequestsOnPortsWithTCP(t *testing.T) {
	post := `to: [{operation: {methods: [POST]}}]`
	deny := sidecarMesh(t, authorization("p", `{action: DENY, rules: [{`+post+`}]}`))
	answers(t, deny, ask{sql(web), "denied by AuthorizationPolicy shop/p rules[0]"}, ask{get(sql(web), "GET", "/"), "denied"},
		ask{get(admin(web), "POST", "/"), "denied"}, ask{get(admin(web), "GET", "/"), "allowed"},
		ask{admin(web), "unknown: AuthorizationPolicy shop/p rules[0]: it depends on the method of the request"},
		// A port of which nothing says what it speaks.
		ask{get(other(web), "GET", "/"), "allowed"}, ask{other(web), "unknown"})
	answers(t, sidecarMesh(t, authorization("p", `{action: DENY, rules: [{to: [{operation: {methods: [POST], ports: ["8080"]}}]}]}`)),
		ask{sql(web), "allowed"}, ask{get(admin(web), "POST", "/"), "denied"})
	allow := sidecarMesh(t, authorization("p", `{rules: [{`+post+`}, {from: [{source: {namespaces: [ops]}}]}]}`))
	answers(t, allow, ask{sql(web), "denied"}, ask{sql(metrics), "allowed by AuthorizationPolicy shop/p rules[1]"}, ask{get(admin(web), "POST", "/"), "allowed"},
		ask{get(admin(web), "GET", "/"), "denied"})
	// One alternative with HTTP fields spoils the whole ALLOW rule.
	answers(t, sidecarMesh(t, authorization("p", `{rules: [{to: [{operation: {methods: [GET]}}, {operation: {ports: ["5432"]}}]}]}`)), ask{sql(web), "denied"})
	answers(t, sidecarMesh(t, authorization("p", `{rules: [{when: [{key: "request.headers[x]", values: [one]}]}]}`)), ask{sql(web), "denied"})
}

// The reference: principals are "derived from the peer certificate", and notX are negative matches, which hold
// where there is no certificate.
func TestMeshSources(t *testing.T) {
	denied := func(source string) *reach.Model {
		return sidecarMesh(t, authorization("p", `{action: DENY, rules: [{from: [{source: {`+source+`}}]}]}`))
	}
	for source, want := range map[string][3]string{ // of web (shop), metrics (ops), legacy (no mesh)
		fromWeb:                                            {"denied", "allowed", "allowed"},
		`principals: ["*"]`:                                {"denied", "denied", "allowed"},
		`principals: ["cluster.local/ns/s*"]`:              {"denied", "allowed", "allowed"},
		`principals: ["*/sa/metrics"]`:                     {"allowed", "denied", "allowed"},
		`notPrincipals: [cluster.local/ns/shop/sa/web]`:    {"allowed", "denied", "denied"},
		`notPrincipals: ["*"]`:                             {"allowed", "allowed", "denied"},
		`namespaces: [ops]`:                                {"allowed", "denied", "allowed"},
		`namespaces: ["sh*"]`:                              {"denied", "allowed", "allowed"},
		`notNamespaces: [shop]`:                            {"allowed", "denied", "denied"},
		`serviceAccounts: [web, ops/metrics]`:              {"denied", "denied", "allowed"},
		`notServiceAccounts: [shop/web]`:                   {"allowed", "denied", "denied"},
		`trustDomains: [cluster.local]`:                    {"denied", "denied", "allowed"},
		`namespaces: [shop], notPrincipals: ["*/sa/web"]`:  {"allowed", "allowed", "allowed"},
		`ipBlocks: [10.0.0.0/8]`:                           {"unknown", "unknown", "unknown"},
		`requestPrincipals: ["*"]`:                         {"denied", "denied", "denied"}, // on a TCP port, left out
		`principals: [other.domain/ns/shop/sa/web]`:        {"allowed", "allowed", "allowed"},
		`ipBlocks: [10.0.0.0/8], namespaces: [ops]`:        {"allowed", "unknown", "allowed"},
		`remoteIpBlocks: [10.0.0.0/8], principals: ["*"]`:  {"unknown", "unknown", "allowed"},
		`principals: ["*"], requestPrincipals: ["*/sub1"]`: {"denied", "denied", "allowed"},
	} {
		m := denied(source)
		for i, from := range []reach.Peer{web, metrics, legacy} {
			answers(t, m, ask{sql(from), want[i]})
		}
	}
	answers(t, denied(`ipBlocks: [203.0.113.0/24]`), ask{sql(out), "denied"}, ask{sql(reach.Outside("198.51.100.1")), "allowed"})
	answers(t, denied(`notIpBlocks: [203.0.113.0/24]`), ask{sql(out), "allowed"}, ask{sql(reach.Outside("198.51.100.1")), "denied"})
	other := model(t, reach.Cluster{Mesh: "istio-sidecar", TrustDomain: "prod.example"}, authorization("p", `{action: DENY, rules: [{from: [{source: {`+fromWeb+`}}]}]}`))
	answers(t, other, ask{sql(web), "denied"}) // cluster.local "is a pointer to the local trust domain" (trustdomain/bundle.go)
}

// The reference on fields of operations, and Envoy's matching of hosts without regard to case.
func TestMeshRequests(t *testing.T) {
	denied := func(operation string) *reach.Model {
		return sidecarMesh(t, authorization("p", `{action: DENY, rules: [{to: [{operation: {`+operation+`}}]}]}`))
	}
	for operation, want := range map[string][2]string{ // of GET /admin/x and POST /data
		`methods: [GET]`:            {"denied", "allowed"},
		`methods: ["P*"]`:           {"allowed", "denied"},
		`notMethods: [GET]`:         {"allowed", "denied"},
		`paths: ["/admin*"]`:        {"denied", "allowed"},
		`paths: ["*/x"]`:            {"denied", "allowed"},
		`paths: ["/admin"]`:         {"allowed", "allowed"},
		`paths: ["*"]`:              {"denied", "denied"},
		`notPaths: ["/data"]`:       {"denied", "allowed"},
		`hosts: ["DB.shop"]`:        {"denied", "denied"},
		`hosts: ["*.example"]`:      {"allowed", "allowed"},
		`notHosts: ["db*"]`:         {"allowed", "allowed"},
		`ports: ["8080"]`:           {"denied", "denied"},
		`ports: ["80"]`:             {"allowed", "allowed"}, // the Service's, not the pod's
		`notPorts: ["8080"]`:        {"allowed", "allowed"},
		`ports: ["http"]`:           {"unknown", "unknown"},
		`paths: ["/admin/{*}"]`:     {"unknown", "unknown"},
		`methods: [GET], paths: []`: {"denied", "allowed"},
	} {
		m := denied(operation)
		answers(t, m, ask{get(admin(web), "GET", "/admin/x"), want[0]}, ask{get(admin(web), "POST", "/data"), want[1]})
	}
	answers(t, denied(`paths: ["/admin*"]`), ask{get(admin(web), "GET", "//admin"), "unknown"}, ask{get(admin(web), "GET", "/%61dmin"), "unknown"})
}

// https://istio.io/latest/docs/reference/config/security/conditions/
func TestMeshConditions(t *testing.T) {
	denied := func(when string) *reach.Model {
		return sidecarMesh(t, authorization("p", `{action: DENY, rules: [{when: [`+when+`]}]}`))
	}
	request := get(admin(web), "GET", "/")
	request.HTTP.Header["x-tool"] = "scan/1"
	request.HTTP.Client = netip.MustParseAddr("198.51.100.7")
	for when, want := range map[string]string{
		`{key: "request.headers[X-Tool]", values: ["scan*"]}`:                             "denied",
		`{key: "request.headers[X-Tool]", notValues: ["*"]}`:                              "allowed",
		`{key: "request.headers[X-None]", values: ["*"]}`:                                 "allowed",
		`{key: remote.ip, values: [198.51.100.0/24]}`:                                     "denied",
		`{key: remote.ip, notValues: [198.51.100.0/24]}`:                                  "allowed",
		`{key: source.namespace, values: [shop]}`:                                         "denied",
		`{key: source.principal, values: ["*/sa/db"]}`:                                    "allowed",
		`{key: source.serviceAccount, values: [web]}`:                                     "denied",
		`{key: destination.port, values: ["8080"]}`:                                       "denied",
		`{key: destination.ip, values: [10.0.0.1]}`:                                       "unknown",
		`{key: "request.auth.claims[iss]", values: [x]}`:                                  "unknown",
		`{key: connection.sni, values: [x]}`:                                              "unknown",
		`{key: source.namespace, values: [shop]}, {key: destination.port, values: ["1"]}`: "allowed",
	} {
		answers(t, denied(when), ask{request, want})
	}
}

// The reference on remoteIpBlocks: "populated from X-Forwarded-For header or proxy protocol".
func TestMeshRemoteAddresses(t *testing.T) {
	m := sidecarMesh(t, authorization("p", `{action: DENY, rules: [{from: [{source: {remoteIpBlocks: [198.51.100.0/24]}}]}]}`))
	request := get(admin(web), "GET", "/")
	answers(t, m, ask{request, "unknown: AuthorizationPolicy shop/p rules[0]: the original client's address is not known"})
	request.HTTP.Client = netip.MustParseAddr("198.51.100.9")
	answers(t, m, ask{request, "denied"})
	request.HTTP.Client = netip.MustParseAddr("203.0.113.9")
	answers(t, m, ask{request, "allowed"})
}

// The reference: CUSTOM policies are asked first, and "the extension cannot bypass the authorization decision made
// by ALLOW and DENY action"; AUDIT and dry runs decide nothing.
func TestMeshCustomAuditAndDryRun(t *testing.T) {
	custom := authorization("c", `{action: CUSTOM, provider: {name: x}, rules: [{to: [{operation: {ports: ["5432"]}}]}]}`)
	answers(t, sidecarMesh(t, custom), ask{sql(web), "unknown: AuthorizationPolicy shop/c rules[0] asks an authorizer"}, ask{admin(web), "allowed"})
	answers(t, sidecarMesh(t, custom, authorization("d", `{action: DENY, rules: [{}]}`)), ask{sql(web), "denied"})
	answers(t, sidecarMesh(t, custom, authorization("a", `{}`)), ask{sql(web), "denied"})
	answers(t, sidecarMesh(t, authorization("a", `{action: AUDIT, rules: [{}]}`)), ask{sql(web), "allowed"})
	dry := "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: d, namespace: shop, annotations: {istio.io/dry-run: \"true\"}}\nspec: {action: DENY, rules: [{}]}"
	answers(t, sidecarMesh(t, dry), ask{sql(web), "allowed"})
}

// https://istio.io/latest/docs/reference/config/security/peer_authentication/
func TestMeshPeerAuthentication(t *testing.T) {
	peer := func(namespace, name, spec string) string {
		return policy("security.istio.io/v1", "PeerAuthentication", namespace, name, spec)
	}
	strict, permissive := `{mtls: {mode: STRICT}}`, `{mtls: {mode: PERMISSIVE}}`
	answers(t, sidecarMesh(t), ask{sql(legacy), "allowed"})
	answers(t, sidecarMesh(t, peer("istio-system", "default", strict)), ask{sql(legacy), "denied by PeerAuthentication istio-system/default"}, ask{sql(web), "allowed"},
		ask{sql(out), "denied"})
	answers(t, sidecarMesh(t, peer("istio-system", "default", strict), peer("shop", "default", permissive)), ask{sql(legacy), "allowed"})
	answers(t, sidecarMesh(t, peer("istio-system", "default", strict), peer("shop", "default", `{mtls: {mode: UNSET}}`)), ask{sql(legacy), "denied"})
	port := `{selector: {matchLabels: {app: db}}, mtls: {mode: STRICT}, portLevelMtls: {"8080": {mode: DISABLE}}}`
	answers(t, sidecarMesh(t, peer("shop", "db", port)), ask{sql(legacy), "denied"}, ask{admin(legacy), "allowed"})
	// Without mutual TLS nobody has an identity.
	answers(t, sidecarMesh(t, peer("shop", "db", `{mtls: {mode: DISABLE}}`), authorization("a", `{rules: [{from: [{source: {`+fromWeb+`}}]}]}`)), ask{sql(web), "denied"})
	answers(t, sidecarMesh(t, peer("shop", "a", strict), peer("shop", "b", permissive)), ask{sql(legacy), "unknown: PeerAuthentication shop/a and PeerAuthentication shop/b differ"})
}

// Policies are enforced by the receiver's proxy, which a pod outside of the mesh has not.
func TestMeshMembership(t *testing.T) {
	ns := authorizationIn("old", "d", `{action: DENY, rules: [{}]}`)
	answers(t, sidecarMesh(t, ns), ask{reach.Flow{From: web, To: legacy, Port: 1}, "allowed"})
	stranger := reach.Peer{Pod: &reach.Pod{Namespace: "vendor"}}
	answers(t, sidecarMesh(t, authorization("a", `{rules: [{from: [{source: {namespaces: [vendor]}}]}]}`)),
		ask{sql(stranger), "unknown: nothing in the manifests says whether the pods of namespace vendor are in the mesh"})
	answers(t, sidecarMesh(t, authorization("a", `{rules: [{from: [{source: {namespaces: [shop]}}]}]}`)), ask{sql(stranger), "denied"})
	out := reach.Peer{Pod: &reach.Pod{Namespace: "shop", Labels: map[string]string{"sidecar.istio.io/inject": "false"}}}
	answers(t, sidecarMesh(t, authorization("a", `{selector: {matchLabels: {app: db}}, rules: [{from: [{source: {namespaces: [shop]}}]}]}`)), ask{sql(out), "denied"}, ask{sql(web), "allowed"})
}

// https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/: probes are rewritten to go to the
// sidecar's agent, unless the pod's annotation says otherwise.
func TestMeshProbes(t *testing.T) {
	deny := authorization("d", `{action: DENY, rules: [{}]}`)
	answers(t, sidecarMesh(t, deny), ask{sql(kubelet), "allowed"})
	plain := reach.Peer{Pod: &reach.Pod{Namespace: "shop", Annotations: map[string]string{"sidecar.istio.io/rewriteAppHTTPProbers": "false"}}}
	answers(t, sidecarMesh(t, deny), ask{reach.Flow{From: kubelet, To: plain, Port: 8080}, "denied"})
}

// https://istio.io/latest/docs/reference/config/annotations/ on includeInboundPorts and excludeInboundPorts.
func TestMeshPortsOutsideOfTheSidecar(t *testing.T) {
	pod := func(key, ports string) reach.Flow {
		p := &reach.Pod{Namespace: "shop", Annotations: map[string]string{"traffic.sidecar.istio.io/" + key: ports}}
		return reach.Flow{From: web, To: reach.Peer{Pod: p}, Port: 5432}
	}
	m := sidecarMesh(t, authorization("d", `{action: DENY, rules: [{}]}`))
	answers(t, m, ask{pod("excludeInboundPorts", "80, 5432"), "allowed"}, ask{pod("excludeInboundPorts", "80"), "denied"}, ask{pod("includeInboundPorts", "*"), "denied"},
		ask{pod("includeInboundPorts", "80"), "allowed"}, ask{pod("includeInboundPorts", "80,5432"), "denied"})
}

// Both layers have to allow, and the mesh has no word about what is not TCP.
func TestNetworkAndMesh(t *testing.T) {
	m := sidecarMesh(t, networkPolicy("net", `{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}`), authorization("a", `{rules: [{to: [{operation: {ports: ["5432"]}}]}]}`))
	answers(t, m, ask{sql(web), "allowed by NetworkPolicy shop/net ingress[0] and AuthorizationPolicy shop/a rules[0]"}, ask{sql(metrics), "denied by NetworkPolicy shop/net"},
		ask{admin(web), "denied by AuthorizationPolicy shop/a"}, ask{reach.Flow{From: web, To: db, Port: 1, Protocol: "UDP"}, "allowed"})
}

func TestMeshWhatIsNotFollowed(t *testing.T) {
	answers(t, sidecarMesh(t, authorization("a", `{action: DENY, rules: [{from: [{source: {notPrincipal: [x]}}]}]}`)), ask{sql(web), "unknown: AuthorizationPolicy shop/a: read AuthorizationPolicy"})
	answers(t, sidecarMesh(t, policy("networking.istio.io/v1", "Sidecar", "shop", "s", `{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}`)),
		ask{reach.Flow{From: web, To: out, Port: 443}, "unknown: Sidecar shop/s"}, ask{reach.Flow{From: metrics, To: out, Port: 443}, "allowed"})
	answers(t, sidecarMesh(t, policy("networking.istio.io/v1alpha3", "EnvoyFilter", "shop", "e", `{}`)), ask{sql(web), "unknown: EnvoyFilter shop/e"})
	wasm := sidecarMesh(t, policy("extensions.istio.io/v1alpha1", "WasmPlugin", "shop", "w", `{}`))
	answers(t, wasm, ask{get(admin(web), "GET", "/"), "unknown: WasmPlugin shop/w"}, ask{admin(web), "allowed"})
	rule := policy("networking.istio.io/v1", "DestinationRule", "shop", "r", `{host: db, trafficPolicy: {tls: {mode: DISABLE}}}`)
	answers(t, sidecarMesh(t, rule, authorization("a", `{rules: [{from: [{source: {`+fromWeb+`}}]}]}`)), ask{sql(web), "unknown: DestinationRule shop/r sets TLS"})
	answers(t, sidecarMesh(t, rule), ask{sql(web), "allowed"})
}
