package reach

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// kubernetesOrder is where Calico puts Kubernetes' policies.
const kubernetesOrder = 1000

// The fields of a NetworkPolicy
// (kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1).
type networkPolicySpec struct {
	PodSelector metav1.LabelSelector `json:"podSelector"`
	PolicyTypes []string             `json:"policyTypes"`
	Ingress     []networkRule        `json:"ingress"`
	Egress      []networkRule        `json:"egress"`
}

type networkRule struct {
	From  []networkPeer `json:"from"`
	To    []networkPeer `json:"to"`
	Ports []networkPort `json:"ports"`
}

type networkPeer struct {
	PodSelector       *metav1.LabelSelector `json:"podSelector"`
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector"`
	IPBlock           *struct {
		CIDR   string   `json:"cidr"`
		Except []string `json:"except"`
	} `json:"ipBlock"`
}

type networkPort struct {
	Protocol string              `json:"protocol"`
	Port     *intstr.IntOrString `json:"port"`
	EndPort  *int32              `json:"endPort"`
}

func (m *Model) readNetworkPolicy(o *unstructured.Unstructured) policy {
	var spec networkPolicySpec
	if err := decode(o, &spec, "spec"); err != nil {
		return opaque(o, err.Error())
	}
	p := policy{
		name: name(o), order: kubernetesOrder, tie: tie(o), sections: map[direction]section{},
		selects: func(p *pod) truth {
			if p.Namespace != o.GetNamespace() {
				return no
			}
			return p.labels.match(spec.PodSelector)
		},
	}
	// Without policyTypes, Ingress is meant always and Egress if there are rules for it.
	types := spec.PolicyTypes
	if len(types) == 0 {
		types = []string{"Ingress"}
		if len(spec.Egress) > 0 {
			types = append(types, "Egress")
		}
	}
	if slices.Contains(types, "Ingress") {
		p.sections[ingress] = m.networkSection(o, ingress, spec.Ingress)
	}
	if slices.Contains(types, "Egress") {
		p.sections[egress] = m.networkSection(o, egress, spec.Egress)
	}
	return p
}

func (m *Model) networkSection(o *unstructured.Unstructured, d direction, rules []networkRule) section {
	s := section{isolates: true}
	for i, r := range rules {
		peers, wrong := r.From, r.To
		if d == egress {
			peers, wrong = r.To, r.From
		}
		rule := rule{name: fmt.Sprintf("%s %s[%d]", name(o), d, i), action: allow}
		rule.matches = func(h hop, peer end) truth {
			if len(wrong) > 0 {
				return maybe("%s has a field of the other direction", rule.name)
			}
			return and(m.networkPeers(o.GetNamespace(), peers, peer), networkPorts(r.Ports, h))
		}
		s.rules = append(s.rules, rule)
	}
	return s
}

// networkPeers compares with a list of peers, of which one has to match. An empty list is
// anybody. Cilium's blocks never match pods (docs.cilium.io/en/stable/security/policy/language,
// "Selecting nodes with CIDR / ipBlock"); what others do with those of pods is theirs, and depends on addresses.
func (m *Model) networkPeers(namespace string, peers []networkPeer, peer end) truth {
	if len(peers) == 0 {
		return yes
	}
	return some(peers, func(p networkPeer) truth {
		if p.IPBlock != nil && peer.pod != nil && m.cluster.CNI == "cilium" {
			return no
		}
		return p.matches(namespace, peer)
	})
}

// matches takes both selectors of one item together. A podSelector alone means the
// policy's own namespace.
func (p networkPeer) matches(namespace string, peer end) truth {
	switch {
	case p.IPBlock != nil:
		return peer.within(p.IPBlock.CIDR, p.IPBlock.Except)
	case peer.pod == nil:
		return no
	case p.NamespaceSelector != nil && p.PodSelector != nil:
		return and(peer.pod.namespace.match(*p.NamespaceSelector), peer.pod.labels.match(*p.PodSelector))
	case p.NamespaceSelector != nil:
		return peer.pod.namespace.match(*p.NamespaceSelector)
	case p.PodSelector != nil:
		return and(is(peer.pod.Namespace == namespace), peer.pod.labels.match(*p.PodSelector))
	}
	return maybe("a peer of a NetworkPolicy names nobody")
}

// networkPorts compares with a list of ports, of which one has to match. An
// empty list is any port of any protocol.
func networkPorts(ports []networkPort, h hop) truth {
	if len(ports) == 0 {
		return yes
	}
	return some(ports, func(p networkPort) truth {
		switch {
		case orTCP(p.Protocol) != h.protocol:
			return no
		case p.Port == nil:
			return yes
		case p.Port.Type == intstr.String:
			return h.named(p.Port.StrVal)
		case p.EndPort != nil:
			return is(h.port >= p.Port.IntVal && h.port <= *p.EndPort)
		}
		return is(h.port == p.Port.IntVal)
	})
}
