package reach

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// calicoSpec is that of a NetworkPolicy or GlobalNetworkPolicy
// (github.com/projectcalico/calico/api/pkg/apis/projectcalico/v3 and
// docs.tigera.io/calico/latest/reference/resources/globalnetworkpolicy).
type calicoSpec struct {
	Tier                   string       `json:"tier"`
	Order                  any          `json:"order"`
	Selector               string       `json:"selector"`
	NamespaceSelector      string       `json:"namespaceSelector"`
	ServiceAccountSelector string       `json:"serviceAccountSelector"`
	Types                  []string     `json:"types"`
	Ingress                []calicoRule `json:"ingress"`
	Egress                 []calicoRule `json:"egress"`
	DoNotTrack             bool         `json:"doNotTrack"`
	PreDNAT                bool         `json:"preDNAT"`
	ApplyOnForward         bool         `json:"applyOnForward"`
	PerformanceHints       []any        `json:"performanceHints"`
}

func (m *Model) readCalico(o *unstructured.Unstructured) []policy {
	var spec calicoSpec
	if err := decode(o, &spec, "spec"); err != nil {
		return []policy{opaque(o, err.Error())}
	}
	if spec.DoNotTrack || spec.PreDNAT {
		return nil // for the endpoints of hosts alone
	}
	if spec.Tier != "" && spec.Tier != "default" {
		return []policy{opaque(o, fmt.Sprintf("%s is in tier %s, and tiers are not modelled", name(o), spec.Tier))}
	}
	p := policy{name: name(o), tie: tie(o), sections: map[direction]section{}}
	var err error
	if p.order, err = calicoOrder(spec.Order); err == nil {
		p.selects, err = m.calicoSelects(o, spec)
	}
	for d, rules := range map[direction][]calicoRule{ingress: spec.Ingress, egress: spec.Egress} {
		if err == nil && spec.speaksOf(d) {
			p.sections[d], err = m.calicoSection(o, d, rules)
		}
	}
	if err != nil {
		return []policy{opaque(o, fmt.Sprintf("read %s: %v", name(o), err))}
	}
	return []policy{p}
}

// calicoOrder reads spec.order; without one a policy comes last.
func calicoOrder(v any) (float64, error) {
	switch n := v.(type) {
	case nil:
		return math.Inf(1), nil
	case int64:
		return float64(n), nil
	case float64:
		return n, nil
	case int:
		return float64(n), nil
	case json.Number:
		return n.Float64()
	}
	return 0, fmt.Errorf("order %v is no number", v)
}

// speaksOf is types, or what is meant without: egress if there are rules for
// it, and ingress unless there are rules for egress alone.
func (s calicoSpec) speaksOf(d direction) bool {
	if len(s.Types) > 0 {
		return slices.ContainsFunc(s.Types, func(t string) bool { return strings.EqualFold(t, string(d)) })
	}
	if d == egress {
		return len(s.Egress) > 0
	}
	return len(s.Ingress) > 0 || len(s.Egress) == 0
}

// calicoSelects says which pods the policy is for.
func (m *Model) calicoSelects(o *unstructured.Unstructured, spec calicoSpec) (func(*pod) truth, error) {
	pods, err := parseCalico(spec.Selector)
	if err != nil {
		return nil, err
	}
	namespaces, err := parseCalico(spec.NamespaceSelector)
	if err != nil {
		return nil, err
	}
	accounts, err := parseCalico(spec.ServiceAccountSelector)
	if err != nil {
		return nil, err
	}
	return func(p *pod) truth {
		if o.GetNamespace() != "" && o.GetNamespace() != p.Namespace {
			return no
		}
		return and(pods(calicoLabels(p)), namespaces(calicoNamespace(p)), accounts(m.calicoAccount(p)))
	}, nil
}

// calicoLabels are the labels of a pod's endpoint
// (libcalico-go/lib/backend/k8s/conversion/workload_endpoint_default.go).
func calicoLabels(p *pod) labelled {
	l := labelled{set: map[string]string{}, open: p.labels.open}
	for k, v := range p.Labels {
		l.set[k] = v
	}
	for k, v := range p.namespace.set {
		l.set["pcns."+k] = v
	}
	l.set["pcns.projectcalico.org/name"] = p.Namespace
	l.set["projectcalico.org/namespace"] = p.Namespace
	l.set["projectcalico.org/serviceaccount"] = p.ServiceAccount
	l.set["projectcalico.org/orchestrator"] = "k8s"
	return l
}

func calicoNamespace(p *pod) labelled {
	l := labelled{set: map[string]string{"projectcalico.org/name": p.Namespace}, open: p.namespace.open}
	for k, v := range p.namespace.set {
		l.set[k] = v
	}
	return l
}

func (m *Model) calicoAccount(p *pod) labelled {
	set, known := m.accounts[p.Namespace+"/"+p.ServiceAccount]
	l := labelled{set: map[string]string{"projectcalico.org/name": p.ServiceAccount}}
	for k, v := range set {
		l.set[k] = v
	}
	if !known {
		l.open = fmt.Sprintf("the manifests have no ServiceAccount %s/%s", p.Namespace, p.ServiceAccount)
	}
	return l
}

func (m *Model) calicoSection(o *unstructured.Unstructured, d direction, rules []calicoRule) (section, error) {
	s := section{isolates: true}
	for i, r := range rules {
		if r.Action == "Log" {
			continue // it goes on with the next rule
		}
		a, ok := map[string]action{"Allow": allow, "Deny": deny, "Pass": pass}[r.Action]
		if !ok {
			return s, fmt.Errorf("%s[%d]: action %q is none of Allow, Deny, Log, Pass", d, i, r.Action)
		}
		matches, err := m.calicoMatch(o.GetNamespace(), r)
		if err != nil {
			return s, fmt.Errorf("%s[%d]: %w", d, i, err)
		}
		s.rules = append(s.rules, rule{fmt.Sprintf("%s %s[%d]", name(o), d, i), a, func(h hop, _ end) truth { return matches(h) }})
	}
	return s, nil
}
