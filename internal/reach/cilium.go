package reach

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ciliumSpec is a rule of a CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy
// (github.com/cilium/cilium/pkg/policy/api/rule.go and
// docs.cilium.io/en/stable/security/policy).
type ciliumSpec struct {
	EndpointSelector  *metav1.LabelSelector `json:"endpointSelector"`
	NodeSelector      *metav1.LabelSelector `json:"nodeSelector"`
	Ingress           []ciliumRule          `json:"ingress"`
	IngressDeny       []ciliumRule          `json:"ingressDeny"`
	Egress            []ciliumRule          `json:"egress"`
	EgressDeny        []ciliumRule          `json:"egressDeny"`
	EnableDefaultDeny struct {
		Ingress *bool `json:"ingress"`
		Egress  *bool `json:"egress"`
	} `json:"enableDefaultDeny"`
	Description string `json:"description"`
	Labels      []any  `json:"labels"`
	Log         any    `json:"log"`
}

// readCilium reads spec and specs, which are policies of their own.
func (m *Model) readCilium(o *unstructured.Unstructured) (all []policy) {
	if _, has := o.Object["spec"]; has {
		var spec ciliumSpec
		if err := decode(o, &spec, "spec"); err != nil {
			return []policy{opaque(o, err.Error())}
		}
		all = append(all, ciliumPolicy(o, "", spec))
	}
	var more struct {
		Specs []ciliumSpec `json:"specs"`
	}
	if specs, has := o.Object["specs"]; has {
		list := &unstructured.Unstructured{Object: map[string]any{"kind": o.GetKind(), "metadata": o.Object["metadata"], "list": map[string]any{"specs": specs}}}
		if err := decode(list, &more, "list"); err != nil {
			return []policy{opaque(o, err.Error())}
		}
	}
	for i, spec := range more.Specs {
		all = append(all, ciliumPolicy(o, fmt.Sprintf(" specs[%d]", i), spec))
	}
	return all
}

func ciliumPolicy(o *unstructured.Unstructured, suffix string, spec ciliumSpec) policy {
	p := policy{name: name(o) + suffix, sections: map[direction]section{}}
	p.selects = func(subject *pod) truth {
		switch {
		case spec.EndpointSelector == nil:
			return no // it is about nodes, if anything
		case o.GetNamespace() != "" && o.GetNamespace() != subject.Namespace:
			return no
		}
		return ciliumMatch(*spec.EndpointSelector, subject)
	}
	scope := ciliumScope{policy: p.name, namespace: o.GetNamespace()}
	if s, ok := scope.section(ingress, spec.Ingress, spec.IngressDeny, spec.EnableDefaultDeny.Ingress); ok {
		p.sections[ingress] = s
	}
	if s, ok := scope.section(egress, spec.Egress, spec.EgressDeny, spec.EnableDefaultDeny.Egress); ok {
		p.sections[egress] = s
	}
	return p
}

// ciliumScope is where a rule stands.
type ciliumScope struct {
	policy, namespace string
}

// section reads one direction. Unless enableDefaultDeny says otherwise, a pod
// is isolated in the directions for which there are rules, deny rules too.
func (c ciliumScope) section(d direction, allows, denies []ciliumRule, isolates *bool) (section, bool) {
	s := section{isolates: len(allows)+len(denies) > 0}
	if isolates != nil {
		s.isolates = *isolates
	}
	add := func(field string, a action, rules []ciliumRule) {
		for i, r := range rules {
			s.rules = append(s.rules, rule{
				name: fmt.Sprintf("%s %s[%d]", c.policy, field, i), action: a,
				matches: func(h hop, peer end) truth { return r.matches(c.namespace, d, a, h, peer) },
			})
		}
	}
	add(string(d), allow, allows)
	add(string(d)+"Deny", deny, denies)
	for i, r := range allows {
		if !s.isolates {
			s.rules = append(s.rules, rule{
				name: fmt.Sprintf("%s %s[%d]", c.policy, d, i), action: deny,
				matches: func(h hop, peer end) truth { return r.drops(c.namespace, d, h, peer) },
			})
		}
	}
	return s, s.isolates || len(s.rules) > 0
}

// What Cilium calls the labels of a pod that it makes of something else
// (docs.cilium.io/en/stable/security/policy/kubernetes).
const (
	ciliumNamespace       = "io.kubernetes.pod.namespace"
	ciliumNamespaceLabels = "io.cilium.k8s.namespace.labels."
	ciliumAccount         = "io.cilium.k8s.policy.serviceaccount"
	ciliumCluster         = "io.cilium.k8s.policy.cluster"
)

// ciliumLabels are the labels of a pod's identity.
func ciliumLabels(p *pod, key string) labelled {
	switch {
	case key == ciliumNamespace:
		return labelled{set: map[string]string{key: p.Namespace}}
	case key == ciliumAccount:
		return labelled{set: map[string]string{key: p.ServiceAccount}}
	case key == ciliumCluster:
		return labelled{open: "the manifests do not have the cluster's name"}
	case strings.HasPrefix(key, ciliumNamespaceLabels):
		l := labelled{set: map[string]string{}, open: p.namespace.open}
		if v, ok := p.namespace.set[strings.TrimPrefix(key, ciliumNamespaceLabels)]; ok {
			l.set[key] = v
		}
		return l
	case strings.Contains(key, "kubernetes.io") && !strings.HasPrefix(key, "app.kubernetes.io"), strings.Contains(key, "k8s.io"):
		// docs.cilium.io/en/stable/operations/performance/scalability/identity-relevant-labels
		return labelled{open: "Cilium's set-up says whether it is part of an identity"}
	}
	return p.labels
}

// ciliumKey takes the source off a key, which k8s and any may be; ok is false
// for others, which pods do not have.
func ciliumKey(key string) (plain string, ok bool) {
	for _, source := range []string{"k8s:", "k8s.", "any:", "any."} {
		if rest, found := strings.CutPrefix(key, source); found {
			return rest, true
		}
	}
	return key, !strings.Contains(key, ":") && !strings.HasPrefix(key, "reserved.")
}

// ciliumMatch compares a selector with a pod.
func ciliumMatch(s metav1.LabelSelector, p *pod) truth {
	all := yes
	for _, e := range ciliumTerms(s) {
		key, ok := ciliumKey(e.Key)
		if !ok {
			all = and(all, maybe("label %s is not one of pods", e.Key))
			continue
		}
		e.Key = key
		all = and(all, ciliumLabels(p, key).matchExpression(e))
	}
	return all
}

func ciliumTerms(s metav1.LabelSelector) []metav1.LabelSelectorRequirement {
	terms := s.MatchExpressions[:len(s.MatchExpressions):len(s.MatchExpressions)]
	for _, key := range sortedKeys(s.MatchLabels) {
		terms = append(terms, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{s.MatchLabels[key]}})
	}
	return terms
}

// ciliumPeer compares a selector of peers with one. In a namespaced policy it
// means the policy's namespace unless it names another; pods are all that it
// can mean (pkg/k8s/apis/cilium.io/utils, getEndpointSelector).
func ciliumPeer(namespace string, s metav1.LabelSelector, peer end) truth {
	elsewhere := false
	for _, e := range ciliumTerms(s) {
		key, ok := ciliumKey(e.Key)
		if !ok {
			return maybe("label %s is not one of pods", e.Key)
		}
		elsewhere = elsewhere || key == ciliumNamespace || strings.HasPrefix(key, ciliumNamespaceLabels)
	}
	switch {
	case peer.pod == nil:
		return no
	case namespace != "" && !elsewhere:
		return and(is(peer.pod.Namespace == namespace), ciliumMatch(s, peer.pod))
	}
	return ciliumMatch(s, peer.pod)
}
