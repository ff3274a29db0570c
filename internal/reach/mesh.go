package reach

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	clusterLocal = "cluster.local"
	// tunnelPort is where an ambient mesh carries TCP between its pods, and all
	// that the network sees of it
	// (istio.io/latest/docs/ambient/usage/networkpolicy).
	tunnelPort = 15008
)

// mesh is what the manifests say to Istio.
type mesh struct {
	authorizations []authorization
	authentication []authentication
	sidecars       []sidecar
	gateways       map[string]waypointGateway // Gateways of the Gateway API, by namespace/name
	tls            string                     // a DestinationRule that sets TLS
	filters        []foreign                  // what changes proxies in ways that are not followed
	plugins        []foreign                  // the same for requests alone
}

func (m *mesh) read(o *unstructured.Unstructured) {
	here := foreign{name(o), o.GetNamespace()}
	switch group(o) + "/" + o.GetKind() {
	case "security.istio.io/AuthorizationPolicy":
		m.authorizations = append(m.authorizations, readAuthorization(o))
	case "security.istio.io/PeerAuthentication":
		m.authentication = append(m.authentication, readAuthentication(o))
	case "networking.istio.io/Sidecar":
		m.readSidecar(o)
	case "networking.istio.io/EnvoyFilter":
		m.filters = append(m.filters, here)
	case "extensions.istio.io/WasmPlugin":
		m.plugins = append(m.plugins, here)
	case "networking.istio.io/DestinationRule":
		if policy, _, _ := unstructured.NestedMap(o.Object, "spec"); setsTLS(policy) {
			m.tls = name(o)
		}
	case "gateway.networking.k8s.io/Gateway":
		if m.gateways == nil {
			m.gateways = map[string]waypointGateway{}
		}
		m.gateways[o.GetNamespace()+"/"+o.GetName()] = readWaypointGateway(o)
	}
}

// setsTLS finds a tls field at any depth that is not the mesh's own mutual TLS.
func setsTLS(field any) bool {
	switch v := field.(type) {
	case map[string]any:
		for k, inner := range v {
			tls, ok := inner.(map[string]any)
			if k == "tls" && ok && tls["mode"] != "ISTIO_MUTUAL" || setsTLS(inner) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, setsTLS)
	}
	return false
}

// The proxies that stand before a pod.
type proxy string

const (
	noProxy   proxy = "none"
	sidecars  proxy = "sidecar"
	gateway   proxy = "gateway" // Envoy alone, without an application
	ztunnel   proxy = "ztunnel"
	waypoints proxy = "waypoint"
)

// proxyOf says by which proxy a pod is in the mesh, or no proxy; certain is
// false where nothing tells, and then the proxy is what it would be
// (istio.io/latest/docs/setup/additional-setup/sidecar-injection,
// istio.io/latest/docs/ambient/usage/add-workloads).
func (m *Model) proxyOf(p *pod) (kind proxy, certain bool) {
	inject := p.Labels["sidecar.istio.io/inject"]
	if inject == "" {
		inject = p.Annotations["sidecar.istio.io/inject"]
	}
	switch {
	case m.cluster.Mesh == "none" || p.HostNetwork:
		return noProxy, true
	case p.Labels[gatewayName] != "", inject == "true" && strings.Contains(p.Annotations["inject.istio.io/templates"], "gateway"):
		return gateway, true
	case inject == "true":
		return sidecars, true
	case m.cluster.Mesh == "istio-ambient":
		return enrolled(ztunnel, p.labelOrNamespace("istio.io/dataplane-mode"), "ambient", p.namespace.open == "")
	case inject == "false":
		return noProxy, true
	}
	injection := p.namespace.set["istio-injection"]
	if injection == "" && (p.namespace.set["istio.io/rev"] != "" || p.Labels["istio.io/rev"] != "") {
		injection = "enabled"
	}
	// A namespace whose labels are known and say nothing is outside by default.
	return enrolled(sidecars, injection, "enabled", p.namespace.open == "")
}

func enrolled(kind proxy, have, want string, known bool) (proxy, bool) {
	switch {
	case have == want:
		return kind, true
	case have != "" || known:
		return noProxy, true
	}
	return kind, false
}

func (p *pod) labelOrNamespace(key string) string {
	if v := p.Labels[key]; v != "" {
		return v
	}
	return p.namespace.set[key]
}

// variants are the flow as it would be for every combination of what the
// manifests leave open about the mesh.
func (m *Model) variants(h hop) (all []hop, open string) {
	all = []hop{h}
	for _, side := range []func(*hop) *end{func(h *hop) *end { return &h.from }, func(h *hop) *end { return &h.to }} {
		p := side(&h).pod
		if p == nil {
			continue
		}
		kind, certain := m.proxyOf(p)
		kinds := []proxy{kind}
		if !certain {
			open = "nothing in the manifests says whether the pods of namespace " + p.Namespace + " are in the mesh"
			kinds = append(kinds, noProxy)
		}
		var next []hop
		for _, v := range all {
			for _, k := range kinds {
				with := *p
				with.proxy = k
				side(&v).pod = &with
				next = append(next, v)
			}
		}
		all = next
	}
	return all, open
}

// mixed says whether a sidecar and ztunnel meet.
func (h hop) mixed() bool {
	if h.from.pod == nil || h.to.pod == nil || h.protocol != "TCP" {
		return false
	}
	a, b := h.from.pod.proxy, h.to.pod.proxy
	return a == sidecars && b == ztunnel || a == ztunnel && b == sidecars
}

// tunnelled says whether the mesh encrypts what goes from pod to pod.
func (h hop) tunnelled() bool {
	return h.protocol == "TCP" && h.from.pod.proxy != noProxy && h.to.pod.proxy != noProxy
}

// hops is the way of a flow: straight, or by a waypoint.
func (m *Model) hops(h hop) []hop {
	if h.from.pod == nil || h.to.pod == nil || h.protocol != "TCP" {
		return []hop{h}
	}
	if h.to.pod.proxy == ztunnel && h.from.pod.proxy != noProxy {
		h.port = tunnelPort
	}
	w, ok := m.waypointOf(h)
	if !ok {
		return []hop{h}
	}
	first, second := h, h
	first.to, first.port, first.inner, first.waypoint = end{pod: w.pod}, tunnelPort, h.flow.Service.Port, &w
	second.from = end{pod: w.pod}
	if first.inner == 0 {
		first.inner = h.inner
	}
	return []hop{first, second}
}

// meshed is the mesh's verdict on a hop. Proxies enforce policies at the
// receiver, and know TCP alone
// (istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection).
func (m *Model) meshed(h hop) Verdict {
	if m.cluster.Mesh == "none" || h.protocol != "TCP" {
		return Verdict{Answer: Allowed}
	}
	left := m.leaves(h)
	if h.to.pod == nil || h.to.pod.proxy == noProxy || left.Answer != Allowed || h.bypasses() {
		return left
	}
	for _, f := range m.mesh.filters {
		if f.namespace == h.to.pod.Namespace || f.namespace == m.cluster.RootNamespace {
			return unknown("%s changes proxies in a way that is not followed", f.name)
		}
	}
	for _, f := range m.mesh.plugins {
		if h.flow.HTTP != nil && h.to.pod.proxy != ztunnel && (f.namespace == h.to.pod.Namespace || f.namespace == m.cluster.RootNamespace) {
			return unknown("%s judges requests in a way that is not followed", f.name)
		}
	}
	who := m.caller(h)
	secured := m.secured(h, &who)
	if h.to.pod.proxy == ztunnel {
		return everyone([]Verdict{secured, m.authorizeTunnel(h, who)})
	}
	return everyone([]Verdict{secured, m.authorizeEnvoy(h, who)})
}

// bypasses says whether the hop does not meet the pod's proxy: probes, which the
// injector rewrites to go to the sidecar's agent and which an ambient mesh lets
// through by their address
// (istio.io/latest/docs/ops/configuration/mesh/app-health-check,
// istio.io/latest/docs/ambient/usage/networkpolicy), and ports that annotations
// take out (istio.io/latest/docs/reference/config/annotations).
func (h hop) bypasses() bool {
	notes := h.to.pod.Annotations
	if h.from.node {
		return h.to.pod.proxy != sidecars || notes["sidecar.istio.io/rewriteAppHTTPProbers"] != "false"
	}
	if h.to.pod.proxy != sidecars {
		return false
	}
	port := number(h.inner)
	only, has := notes["traffic.sidecar.istio.io/includeInboundPorts"]
	return listed(notes["traffic.sidecar.istio.io/excludeInboundPorts"], port) || has && only != "*" && !listed(only, port)
}

func listed(ports, port string) bool {
	return slices.ContainsFunc(strings.Split(ports, ","), func(p string) bool { return strings.TrimSpace(p) == port })
}

// sidecar is a Sidecar that lets pods out to known hosts alone.
type sidecar struct {
	name, namespace string
	selector        map[string]string
}

func (m *mesh) readSidecar(o *unstructured.Unstructured) {
	mode, _, _ := unstructured.NestedString(o.Object, "spec", "outboundTrafficPolicy", "mode")
	if mode == "REGISTRY_ONLY" {
		m.sidecars = append(m.sidecars, sidecar{name(o), o.GetNamespace(), stringMap(o, "spec", "workloadSelector", "labels")})
	}
}

// leaves is the verdict of the caller's own sidecar. Which hosts it knows is not
// followed (istio.io/latest/docs/reference/config/networking/sidecar).
func (m *Model) leaves(h hop) Verdict {
	if h.from.pod == nil || h.from.pod.proxy != sidecars {
		return Verdict{Answer: Allowed}
	}
	for _, s := range m.mesh.sidecars {
		mine := s.namespace == h.from.pod.Namespace || s.namespace == m.cluster.RootNamespace
		if mine && h.from.pod.labels.matchAll(s.selector).value != isNo {
			return unknown("%s lets callers out to known hosts alone, and which those are is not followed", s.name)
		}
	}
	return Verdict{Answer: Allowed}
}
