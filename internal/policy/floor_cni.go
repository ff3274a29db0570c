package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/fleet"
)

// checkCiliumPolicy: it selects by labels, it denies something, it allows name
// resolution at most, and one that denies networks alone does not turn on the
// default deny: Cilium would cut off all the rest
// (docs.cilium.io/en/stable/security/policy/deny).
func checkCiliumPolicy(obj map[string]any) (refusals []Refusal) {
	refuse := func(guardrail, format string, args ...any) {
		refusals = append(refusals, Refusal{guardrail, fmt.Sprintf(format, args...)})
	}
	if _, has := obj["specs"]; has {
		refuse("A9", "has specs: one policy says one thing")
	}
	spec, _ := obj["spec"].(map[string]any)
	if emptySelector(spec["endpointSelector"]) {
		refuse("G3", "has an empty endpointSelector: it would select the whole namespace")
	}
	for field := range spec {
		if !slices.Contains([]string{"endpointSelector", "ingressDeny", "egressDeny", "egress", "enableDefaultDeny"}, field) {
			refuse("K3", "has %s: a containment only denies", field)
		}
	}
	denies := false
	for _, direction := range []string{"ingress", "egress"} {
		rules, _ := spec[direction+"Deny"].([]any)
		denies = denies || len(rules) > 0
		for _, rule := range rules {
			if where := emptyWithin(rule, "rule"); where != "" {
				refuse("K3", "has an empty %s in %sDeny: it would deny something else than it says", where, direction)
			}
		}
		byDefault, _ := spec["enableDefaultDeny"].(map[string]any)
		if len(rules) > 0 && !slices.ContainsFunc(rules, isMoreThanNetworks) && byDefault[direction] != false {
			refuse("K3", "denies networks, and by default everything else that no policy allows: it needs enableDefaultDeny.%s: false", direction)
		}
	}
	if !denies {
		refuse("K3", "denies nothing")
	}
	allowed, _ := spec["egress"].([]any)
	for _, rule := range allowed {
		if !isCiliumDNS(rule) {
			refuse("K3", "allows something else than name resolution")
		}
	}
	return refusals
}

func isMoreThanNetworks(rule any) bool {
	r, _ := rule.(map[string]any)
	for field := range r {
		if !slices.Contains([]string{"toCIDR", "toCIDRSet", "fromCIDR", "fromCIDRSet", "toPorts"}, field) {
			return true
		}
	}
	return false
}

// isCiliumDNS reports whether a rule lets through port 53 of named pods alone.
func isCiliumDNS(rule any) bool {
	r, _ := rule.(map[string]any)
	peers, _ := r["toEndpoints"].([]any)
	ports, _ := r["toPorts"].([]any)
	if len(r) != 2 || len(peers) == 0 || len(ports) == 0 || slices.ContainsFunc(peers, emptySelector) {
		return false
	}
	for _, p := range ports {
		list, _ := p.(map[string]any)
		numbers, _ := list["ports"].([]any)
		if len(list) != 1 || len(numbers) == 0 || slices.ContainsFunc(numbers, func(n any) bool {
			m, _ := n.(map[string]any)
			_, more := m["endPort"]
			return m["port"] != "53" || more
		}) {
			return false
		}
	}
	return true
}

// checkCalicoPolicy: it selects by labels, says its directions, denies, and
// lets through name resolution at most. A policy of Calico that selects a pod
// denies what no policy of its tier allows, so one that denies a part has to
// let the rest through where nothing governs it, and must not where something
// does (docs.tigera.io/calico/latest/reference/resources/networkpolicy).
func checkCalicoPolicy(s Surroundings, target fleet.Workload, obj map[string]any) (refusals []Refusal) {
	refuse := func(guardrail, format string, args ...any) {
		refusals = append(refusals, Refusal{guardrail, fmt.Sprintf(format, args...)})
	}
	spec, _ := obj["spec"].(map[string]any)
	for field := range spec {
		if !slices.Contains([]string{"order", "selector", "types", "ingress", "egress"}, field) {
			refuse("K3", "has %s beside order, selector, types and rules", field)
		}
	}
	types, _ := spec["types"].([]any)
	if len(types) == 0 {
		refuse("K3", "has no types, so that its directions are guessed")
	}
	for _, direction := range []string{"Ingress", "Egress"} {
		rules, _ := spec[strings.ToLower(direction)].([]any)
		if slices.Contains(types, any(direction)) != (len(rules) > 0) {
			refuse("K3", "names %s in types and has no rules for it, or the other way round", direction)
		}
		if len(rules) == 0 {
			continue
		}
		for _, why := range calicoRules(rules, s.Governed(target, direction)) {
			refuse("K3", "has %s rules that %s", strings.ToLower(direction), why)
		}
	}
	return refusals
}

// calicoRules says what is wrong with the rules of a direction, in which other
// policies govern or not.
func calicoRules(rules []any, governed string) (wrong []string) {
	denies, rest := false, ""
	for i, rule := range rules {
		r, _ := rule.(map[string]any)
		unconditional, last := len(r) == 1, i == len(rules)-1
		switch action := r["action"]; {
		case action == "Deny":
			denies = true
			if where := emptyWithin(rule, "rule"); where != "" {
				wrong = append(wrong, "have an empty "+where)
			}
		case action != "Allow":
			wrong = append(wrong, "neither deny nor allow")
		case !unconditional && !isCalicoDNS(r):
			wrong = append(wrong, "allow something else than name resolution")
		case unconditional && !last:
			wrong = append(wrong, "allow everything before they are at their end")
		}
		if unconditional && last {
			rest, _ = r["action"].(string)
		}
		if mixesFamilies(r) {
			wrong = append(wrong, "name networks of IPv4 and IPv6 in one, which Calico refuses")
		}
	}
	switch {
	case !denies:
		wrong = append(wrong, "deny nothing")
	case rest == "Allow" && governed != "no":
		wrong = append(wrong, "let the rest through, which another policy may deny")
	case rest == "" && governed != "yes":
		wrong = append(wrong, "deny a part, and thereby all the rest, which nothing allows")
	}
	return wrong
}

// isCalicoDNS reports whether a rule lets through port 53 of pods that are
// named by labels, in namespaces that are.
func isCalicoDNS(rule map[string]any) bool {
	to, _ := rule["destination"].(map[string]any)
	ports, _ := to["ports"].([]any)
	named := func(field string) bool {
		s, _ := to[field].(string)
		return strings.Contains(s, " == '") && !strings.Contains(s, "||")
	}
	return len(rule) == 3 && rule["protocol"] != nil && len(to) == 3 && named("selector") && named("namespaceSelector") &&
		len(ports) == 1 && fmt.Sprint(ports[0]) == "53"
}

func mixesFamilies(rule map[string]any) bool {
	to, _ := rule["destination"].(map[string]any)
	nets, _ := to["nets"].([]any)
	four, six := false, false
	for _, n := range nets {
		text, _ := n.(string)
		six = six || strings.Contains(text, ":")
		four = four || !strings.Contains(text, ":")
	}
	return four && six
}

// least is how short a prefix that a NetworkPolicy allows may be. A wide one
// with exceptions re-opens what other policies had closed, since they add up.
const least = 8

// opens reports whether a peer of a NetworkPolicy is an ipBlock that stands for
// the Internet as a whole.
func opens(peer any) bool {
	p, _ := peer.(map[string]any)
	block, has := p["ipBlock"].(map[string]any)
	if !has {
		return false
	}
	text, _ := block["cidr"].(string)
	prefix, err := netip.ParsePrefix(text)
	return err != nil || prefix.Bits() < least
}
