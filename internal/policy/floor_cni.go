package policy

import (
	"fmt"
	"net/netip"
	"slices"
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
