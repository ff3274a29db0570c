package reach

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type direction string

const (
	ingress direction = "ingress"
	egress  direction = "egress"
)

// policy is a policy of the network, whatever its kind: whom it selects, and
// what its rules do with their flows in each direction.
type policy struct {
	name     string
	order    float64 // Calico's
	tie      string  // Calico's order of policies with equal order
	selects  func(*pod) truth
	sections map[direction]section
}

// section is one direction of a policy. A direction that a policy does not
// speak about has none.
type section struct {
	isolates bool // selected pods let through only what a rule allows
	rules    []rule
}

type action string

const (
	allow action = "allow"
	deny  action = "deny"
	pass  action = "pass" // Calico: go on with the next tier
)

// rule does something with the flows that it matches. peer is the end of the hop
// that is not the selected pod's.
type rule struct {
	name    string
	action  action
	matches func(h hop, peer end) truth
}

// comparePolicies is the order in which Calico applies policies of a tier
// (felix/calc/policy_sorter.go, PolKVLess). Others do not depend on it.
func comparePolicies(a, b policy) int {
	return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.tie, b.tie))
}

// tie is Calico's key among policies of one order.
func tie(o *unstructured.Unstructured) string {
	kind := o.GetKind()
	if group(o) == "networking.k8s.io" {
		kind = "KubernetesNetworkPolicy"
	}
	return o.GetName() + "/" + o.GetNamespace() + "/" + kind
}

// opaque is a policy that is not understood: of the pods that it may select it
// may cut or let through anything.
func opaque(o *unstructured.Unstructured, why string) policy {
	anything := func(hop, end) truth { return maybe("%s", why) }
	s := section{isolates: true, rules: []rule{{name(o), deny, anything}, {name(o), allow, anything}}}
	return policy{
		name: name(o), order: math.Inf(-1), tie: tie(o), sections: map[direction]section{ingress: s, egress: s},
		selects: func(p *pod) truth {
			if o.GetNamespace() != "" && o.GetNamespace() != p.Namespace {
				return no
			}
			return maybe("%s", why)
		},
	}
}

// foreign is a policy that the cluster's network may or may not enforce.
type foreign struct {
	name, namespace string
}

// readPolicy reads an object that restricts flows.
func (m *Model) readPolicy(o *unstructured.Unstructured) {
	id := group(o) + "/" + o.GetKind()
	switch id {
	case "networking.k8s.io/NetworkPolicy":
		m.policies = append(m.policies, m.readNetworkPolicy(o))
	case "cilium.io/CiliumNetworkPolicy", "cilium.io/CiliumClusterwideNetworkPolicy":
		m.readNative(o, "cilium", m.readCilium)
	case "projectcalico.org/NetworkPolicy", "crd.projectcalico.org/NetworkPolicy",
		"projectcalico.org/GlobalNetworkPolicy", "crd.projectcalico.org/GlobalNetworkPolicy":
		m.readNative(o, "calico", m.readCalico)
	case "projectcalico.org/NetworkSet", "crd.projectcalico.org/NetworkSet", "projectcalico.org/GlobalNetworkSet", "crd.projectcalico.org/GlobalNetworkSet":
		m.sets = true
	default:
		if group(o) == "policy.networking.k8s.io" {
			m.foreign = append(m.foreign, foreign{name(o), o.GetNamespace()}) // AdminNetworkPolicy and its kin
		}
		m.mesh.read(o)
	}
}

func (m *Model) readNative(o *unstructured.Unstructured, cni string, read func(*unstructured.Unstructured) []policy) {
	if m.cluster.CNI != cni {
		m.foreign = append(m.foreign, foreign{name(o), o.GetNamespace()})
		return
	}
	m.policies = append(m.policies, read(o)...)
}

// network is the verdict of the network at both ends of a hop.
func (m *Model) network(h hop) Verdict {
	var all []Verdict
	if h.from.pod != nil {
		all = append(all, m.judge(h, egress, h.from.pod, h.to))
	}
	if h.to.pod != nil {
		all = append(all, m.judge(h, ingress, h.to.pod, h.from))
	}
	return everyone(all)
}

func (m *Model) judge(h hop, d direction, subject *pod, peer end) Verdict {
	for _, f := range m.foreign {
		if f.namespace == "" || f.namespace == subject.Namespace {
			return unknown("%s is not of a kind that is known to be enforced where the network is %s", f.name, m.cluster.CNI)
		}
	}
	if peer.node {
		return m.probed(h, subject, peer)
	}
	if m.cluster.CNI == "calico" {
		return m.inOrder(h, d, subject, peer)
	}
	return m.together(h, d, subject, peer)
}

// probed is the verdict on a probe from the pod's own node. NetworkPolicy
// cannot block it (kubernetes.io/docs/concepts/services-networking/network-policies,
// "traffic to and from the node where a Pod is running is always allowed"), and
// Felix judges what is forwarded to a pod, not what its host sends. Cilium allows the
// local host too (docs.cilium.io, "Access to/from local host"), but puts that in as a
// rule, which a deny rule may beat (pkg/policy/mapstate.go, determineAllowLocalhostIngress).
func (m *Model) probed(h hop, subject *pod, peer end) Verdict {
	for _, p := range m.policies {
		for _, r := range p.sections[ingress].rules {
			if m.cluster.CNI == "cilium" && r.action == deny && and(p.selects(subject), r.matches(h, peer)).value != isNo {
				return unknown("%s denies the pod's own node, and whether Cilium exempts that depends on its set-up", r.name)
			}
		}
	}
	return Verdict{Answer: Allowed}
}

// together is the verdict where policies add up: a pod that one isolates gets
// what any allows, except for what one denies. Kubernetes' have no deny rules
// (kubernetes.io/docs/concepts/services-networking/network-policies, "The two
// sorts of pod isolation"); Cilium's beat every allow, those of NetworkPolicy
// too (docs.cilium.io/en/stable/security/policy/deny).
func (m *Model) together(h hop, d direction, subject *pod, peer end) Verdict {
	isolated, denied, allowed := no, no, no
	var isolating []string
	var denier, allower string
	for _, p := range m.policies {
		s, selected := p.sections[d], p.selects(subject)
		if selected.value == isNo {
			continue
		}
		if s.isolates {
			isolated = or(isolated, selected)
			isolating = append(isolating, p.name)
		}
		for _, r := range s.rules {
			t := and(selected, r.matches(h, peer))
			switch {
			case r.action == deny && t.value > denied.value:
				denied, denier = t, r.name
			case r.action == allow && t.value > allowed.value:
				allowed, allower = t, r.name
			}
		}
	}
	through := or(not(isolated), allowed)
	switch {
	case denied.value == isYes:
		return Verdict{Answer: Denied, By: denier}
	case through.value == isNo:
		return Verdict{Denied, strings.Join(isolating, ", "), fmt.Sprintf("no rule for %s allows it", d)}
	case denied.value == isMaybe:
		return unknown("%s", denied.why)
	case through.value == isMaybe:
		return unknown("%s", through.why)
	}
	return Verdict{Answer: Allowed, By: allower}
}

// inOrder is the verdict of Calico: policies one after the other, the first rule that
// matches decides, and the end of the tier denies if any policy selects the pod in this
// direction (docs.tigera.io/calico/latest/network-policy/policy-tiers/tiered-policy).
// Kubernetes' policies are among them at order 1000
// (libcalico-go/lib/backend/k8s/conversion, K8sNetworkPolicyToCalico).
func (m *Model) inOrder(h hop, d direction, subject *pod, peer end) Verdict {
	type step struct {
		truth
		verdict Verdict
	}
	var steps []step
	applies := no
	var applying []string
	for _, p := range m.policies {
		s, ok := p.sections[d]
		selected := p.selects(subject)
		if !ok || !s.isolates || selected.value == isNo {
			continue
		}
		applies = or(applies, selected)
		applying = append(applying, p.name)
		for _, r := range s.rules {
			v := Verdict{Answer: Allowed, By: r.name}
			if r.action == deny {
				v.Answer = Denied
			}
			steps = append(steps, step{and(selected, r.matches(h, peer)), v})
		}
	}
	// Without a policy in the way, or after a Pass, the profile of the pod's
	// namespace allows everything (NamespaceToProfile in the same package).
	last := Verdict{Answer: Allowed}
	switch applies.value {
	case isYes:
		last = Verdict{Denied, strings.Join(applying, ", "), fmt.Sprintf("no rule for %s allows it", d)}
	case isMaybe:
		last = unknown("%s", applies.why)
	}
	for _, s := range slices.Backward(steps) {
		switch {
		case s.value == isYes:
			last = s.verdict
		case s.value == isMaybe && last.Answer != s.verdict.Answer:
			last = unknown("%s", s.why)
		}
	}
	return last
}
