package reach

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Flow is a new connection from one peer to another, or a request on one.
type Flow struct {
	From, To Peer
	// Port is the destination's: of the pod where To is one, behind whatever
	// Service the caller has used.
	Port     int32
	Protocol string // TCP (the default), UDP, SCTP
	// Service is what the caller has called, if it was one. Only a mesh with
	// waypoints asks.
	Service Service
	// HTTP is the request. Without one the question is about the connection, and
	// rules about requests make the answer unknown where the port speaks HTTP.
	HTTP *HTTP
}

// Service is a port of a Kubernetes Service.
type Service struct {
	Namespace, Name string
	Port            int32
}

// HTTP is a request. What is left empty is not known.
type HTTP struct {
	Method string
	Path   string            // as sent, without the query
	Host   string            // with the port, if the client sends it
	Header map[string]string // all of them, by lower-case name; nil is not known
	// Client is the address that the proxy takes for the original client's, from
	// X-Forwarded-For or the proxy protocol.
	Client netip.Addr
}

// Peer is one end of a flow. Exactly one of Workload, Pod, Node, DNS, and
// (Address or Domain or both) is set.
type Peer struct {
	Workload Workload // a pod as the workload's manifest makes it
	Pod      *Pod     // a pod said in full
	Node     bool     // the kubelet on the pod's own node, probing it
	DNS      bool     // the cluster's name server: what runs as kube-dns in kube-system, and no cache on the node
	// Address is outside of the cluster, as the pod's node sees it: after load
	// balancers and before masquerading.
	Address netip.Addr
	// Domain is a host outside of the cluster, which shares its addresses with no
	// other. With Address, that is the one that it resolves to.
	Domain string
}

// Workload is an object that makes pods, or a Pod.
type Workload struct {
	Kind, Namespace, Name string
}

// Pod is what policies can know of a pod.
type Pod struct {
	Namespace      string
	Labels         map[string]string
	ServiceAccount string // "default" if empty
	Ports          []Port
	HostNetwork    bool
	Addresses      []netip.Addr // none if they are not known
	Annotations    map[string]string
}

// Port is a declared port of a container.
type Port struct {
	Name     string
	Number   int32
	Protocol string
}

// PodOf is a pod of a workload.
func PodOf(kind, namespace, name string) Peer {
	return Peer{Workload: Workload{kind, namespace, name}}
}

// Outside is an address outside of the cluster. It panics if that is none, as
// netip.MustParseAddr does.
func Outside(address string) Peer {
	return Peer{Address: netip.MustParseAddr(address)}
}

// String names the workload as kubectl would.
func (w Workload) String() string {
	return w.Kind + " " + w.Namespace + "/" + w.Name
}

// String names a peer for people.
func (p Peer) String() string {
	switch {
	case p.Pod != nil:
		return "Pod in " + p.Pod.Namespace
	case p.Node:
		return "kubelet"
	case p.DNS:
		return "cluster DNS"
	case p.Domain != "":
		return p.Domain
	case p.Address.IsValid():
		return p.Address.String()
	}
	return p.Workload.String()
}

// String tells a flow in one line, without the headers of a request.
func (f Flow) String() string {
	s := fmt.Sprintf("%s → %s %d/%s", f.From, f.To, f.Port, f.protocol())
	if f.Service != (Service{}) {
		s += fmt.Sprintf(" by Service %s/%s:%d", f.Service.Namespace, f.Service.Name, f.Service.Port)
	}
	if f.HTTP != nil {
		s += " " + strings.Join(strings.Fields(f.HTTP.Method+" "+f.HTTP.Host+f.HTTP.Path), " ")
	}
	return s
}

func (f Flow) protocol() string {
	if f.Protocol == "" {
		return "TCP"
	}
	return f.Protocol
}

// hop is a flow between two ends that are understood. A flow through a
// waypoint has two.
type hop struct {
	from, to end
	port     int32 // as the network sees it
	protocol string
	flow     Flow
	waypoint *waypoint // the one at the hop's end, if it is one
	inner    int32     // the port as the proxy at the hop's end sees it
}

// end is a peer that was looked up; pod is nil for what is no pod.
type end struct {
	pod     *pod
	node    bool
	address netip.Addr
	domain  string
}

func (m *Model) resolve(f Flow) (hop, error) {
	h := hop{port: f.Port, inner: f.Port, protocol: f.protocol(), flow: f}
	var err error
	if h.from, err = m.end(f.From); err != nil {
		return h, fmt.Errorf("from: %w", err)
	}
	if h.to, err = m.end(f.To); err != nil {
		return h, fmt.Errorf("to: %w", err)
	}
	switch {
	case h.protocol != "TCP" && h.protocol != "UDP" && h.protocol != "SCTP":
		return h, fmt.Errorf("protocol %q is none of TCP, UDP, SCTP", f.Protocol)
	case f.Port < 1 || f.Port > 65535:
		return h, fmt.Errorf("port %d is none", f.Port)
	case h.to.node:
		return h, errors.New("a node is only known as one that probes")
	case h.from.pod == nil && h.to.pod == nil:
		return h, errors.New("neither end is a pod")
	case h.from.pod != nil && h.from.pod.HostNetwork, h.to.pod != nil && h.to.pod.HostNetwork:
		// https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-and-hostnetwork-pods
		return h, errors.New("policies are not defined for pods on their node's network")
	}
	return h, nil
}

func (m *Model) end(p Peer) (end, error) {
	var set int
	for _, is := range []bool{p.Workload != Workload{}, p.Pod != nil, p.Node, p.DNS, p.Address.IsValid() || p.Domain != ""} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return end{}, errors.New("a peer is exactly one of a workload, a pod, a node, DNS and something outside")
	case p.Pod != nil:
		return end{pod: m.podFrom(*p.Pod)}, nil
	case p.DNS:
		return end{pod: m.dns()}, nil
	case p.Workload != Workload{}:
		found, ok := m.workloads[p.Workload]
		if !ok {
			return end{}, fmt.Errorf("the manifests have no %s", p.Workload)
		}
		return end{pod: found}, nil
	}
	return end{node: p.Node, address: p.Address.Unmap(), domain: strings.ToLower(strings.TrimSuffix(p.Domain, "."))}, nil
}
