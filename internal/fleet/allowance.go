package fleet

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Allowance is traffic that a rendered NetworkPolicy allows to or from a
// workload. NetworkPolicies add up, so one more cannot take it away.
type Allowance struct {
	Policy    ObjectRef
	Direction string // Ingress, Egress
	Sentence  string // "ledger-from-payments allows ingress from pods app=payments on TCP 5432"
}

// Allowances lists what rendered NetworkPolicies allow w: a quarantine by
// another NetworkPolicy leaves it open (THREATS K1). Policies that allow
// nothing are not among them.
func (ix *Index) Allowances(w Workload) (out []Allowance) {
	for _, o := range ix.policies(w) {
		if o.ref.Kind != "NetworkPolicy" {
			continue
		}
		u := o.object()
		if u == nil {
			for _, direction := range []string{"Ingress", "Egress"} {
				out = append(out, Allowance{o.ref, direction, o.ref.Name + " is too large to be read, so what it allows is not known"})
			}
			continue
		}
		for _, direction := range directions(u) {
			peers := "from"
			if direction == "Egress" {
				peers = "to"
			}
			for _, rule := range mappings(dig(u.Object, "spec", strings.ToLower(direction))) {
				out = append(out, Allowance{o.ref, direction, fmt.Sprintf("%s allows %s %s %s on %s",
					o.ref.Name, strings.ToLower(direction), peers, peersOf(rule[peers]), portsOf(rule["ports"]))})
			}
		}
	}
	return out
}

// directions are a NetworkPolicy's policyTypes with their default: ingress
// always, egress if there are rules for it.
func directions(u *unstructured.Unstructured) []string {
	if types, ok := dig(u.Object, "spec", "policyTypes").([]any); ok && len(types) > 0 {
		var out []string
		for _, d := range []string{"Ingress", "Egress"} {
			if slices.Contains(types, any(d)) {
				out = append(out, d)
			}
		}
		return out
	}
	if len(mappings(dig(u.Object, "spec", "egress"))) > 0 {
		return []string{"Ingress", "Egress"}
	}
	return []string{"Ingress"}
}

// peersOf words the peers of a rule. None at all is everybody.
func peersOf(field any) string {
	peers := mappings(field)
	if len(peers) == 0 {
		return "everywhere"
	}
	words := make([]string, 0, len(peers))
	for _, p := range peers {
		switch pods, namespaces, block := p["podSelector"], p["namespaceSelector"], text(dig(p, "ipBlock", "cidr")); {
		case block != "":
			word := block
			if except, ok := dig(p, "ipBlock", "except").([]any); ok && len(except) > 0 {
				word += fmt.Sprintf(" except %d ranges", len(except))
			}
			words = append(words, word)
		case namespaces != nil && pods != nil:
			words = append(words, podsWord(pods)+" of "+namespacesWord(namespaces))
		case namespaces != nil:
			words = append(words, namespacesWord(namespaces))
		case pods != nil:
			words = append(words, podsWord(pods)+" of the namespace")
		default:
			words = append(words, "peers that irgit cannot read")
		}
	}
	return strings.Join(words, ", ")
}

func podsWord(selector any) string {
	if s := selectorWord(selector); s != "" {
		return "pods " + s
	}
	return "all pods"
}

func namespacesWord(selector any) string {
	if s := selectorWord(selector); s != "" {
		return "namespaces " + s
	}
	return "all namespaces"
}

func selectorWord(field any) string {
	s, err := labelSelector(field)
	if err != nil {
		return "of a selector that irgit cannot read"
	}
	return s.String() // requirements in the order of their keys
}

func portsOf(field any) string {
	ports := mappings(field)
	if len(ports) == 0 {
		return "all ports"
	}
	words := make([]string, 0, len(ports))
	for _, p := range ports {
		word := text(p["protocol"])
		if word == "" {
			word = "TCP"
		}
		if port := p["port"]; port != nil {
			word += fmt.Sprintf(" %v", port)
			if end, ok := whole(p["endPort"]); ok {
				word += fmt.Sprintf("–%d", end)
			}
		} else {
			word = "all " + word + " ports"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}
