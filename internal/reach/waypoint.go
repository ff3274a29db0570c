package reach

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// waypoint is the proxy that an ambient mesh sends a caller by.
type waypoint struct {
	name    string
	pod     *pod
	service Service // what the caller has called; empty for a pod
}

// waypointGateway is a Gateway as far as it may be a waypoint: for which traffic,
// and with which pods.
type waypointGateway struct {
	traffic string
	labels  map[string]string
	account string
}

// readWaypointGateway makes the labels of the waypoint's pods as Istio does
// (pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go and
// manifests/charts/istio-control/istio-discovery/files/waypoint.yaml).
func readWaypointGateway(o *unstructured.Unstructured) waypointGateway {
	g := waypointGateway{traffic: o.GetLabels()[waypointFor], labels: map[string]string{}, account: o.GetAnnotations()["gateway.istio.io/service-account"]}
	infrastructure := stringMap(o, "spec", "infrastructure", "labels")
	if len(infrastructure) == 0 {
		infrastructure = o.GetLabels()
	}
	maps.Copy(g.labels, infrastructure)
	class, _, _ := unstructured.NestedString(o.Object, "spec", "gatewayClassName")
	maps.Copy(g.labels, map[string]string{
		"sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none", "gateway.istio.io/managed": "istio.io-mesh-controller",
		gatewayName: o.GetName(), "gateway.networking.k8s.io/gateway-class-name": class,
	})
	return g
}

const (
	useWaypoint          = "istio.io/use-waypoint"
	useWaypointNamespace = "istio.io/use-waypoint-namespace"
	waypointFor          = "istio.io/waypoint-for"
)

// waypointOf finds the waypoint on a hop's way: the one that the Service's labels name, or
// those of its namespace; for a caller that goes to the pod itself those of the pod
// (istio.io/latest/docs/ambient/usage/waypoint; pilot/pkg/serviceregistry/ambient/waypoints.go,
// fetchWaypointForTarget). A gateway goes by one only if a label says so.
func (m *Model) waypointOf(h hop) (waypoint, bool) {
	labels, traffic, namespace := h.to.pod.Labels, "workload", h.to.pod.Namespace
	called := h.flow.Service
	if called != (Service{}) {
		labels, traffic, namespace = m.serviceLabels(called), "service", called.Namespace
	}
	switch h.from.pod.proxy {
	case ztunnel:
	case gateway:
		own := labels["istio.io/ingress-use-waypoint"]
		if own == "" {
			own = m.namespaces[namespace]["istio.io/ingress-use-waypoint"]
		}
		if own != "true" {
			return waypoint{}, false
		}
	default:
		return waypoint{}, false
	}
	name, in := m.named(labels, namespace)
	if name == "" && traffic == "service" {
		name = m.cluster.Waypoint
	}
	if name == "" || name == "none" || !m.carries(in+"/"+name, traffic) {
		return waypoint{}, false
	}
	return waypoint{name: name, pod: m.waypointPod(name, in), service: called}, true
}

// named reads the labels of the called object, and else those of its namespace.
func (m *Model) named(labels map[string]string, namespace string) (name, in string) {
	for _, set := range []map[string]string{labels, m.namespaces[namespace]} {
		if name = set[useWaypoint]; name != "" {
			if in = set[useWaypointNamespace]; in == "" {
				in = namespace
			}
			return name, in
		}
	}
	return "", namespace
}

// carries says whether a waypoint is for traffic of this kind. Without a label,
// or a manifest, it is for Services.
func (m *Model) carries(gateway, traffic string) bool {
	kind := m.mesh.gateways[gateway].traffic
	return kind == "all" || kind == traffic || kind == "" && traffic == "service"
}

// waypointPod is a pod of the waypoint. Its ServiceAccount has the Gateway's
// name, unless an annotation says otherwise.
func (m *Model) waypointPod(name, namespace string) *pod {
	g, known := m.mesh.gateways[namespace+"/"+name]
	if !known {
		g.labels = map[string]string{gatewayName: name}
	}
	if g.account == "" {
		g.account = name
	}
	p := m.podFrom(Pod{Namespace: namespace, Labels: g.labels, ServiceAccount: g.account})
	p.proxy, p.open = waypoints, "Istio makes the waypoint's pods"
	if !known {
		p.labels.open = "the manifests have no Gateway " + namespace + "/" + name
	}
	return p
}

func (m *Model) serviceLabels(s Service) map[string]string {
	i := slices.IndexFunc(m.services, func(have service) bool { return have.namespace == s.Namespace && have.name == s.Name })
	if i < 0 {
		return nil
	}
	return m.services[i].labels
}
