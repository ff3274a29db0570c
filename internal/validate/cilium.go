package validate

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The rules below are those by which Cilium's agent takes a policy or leaves it
// out (github.com/cilium/cilium: pkg/policy/api/rule_validation.go, Rule.Sanitize):
// an API server stores what breaks them, and nothing enforces it.

// checkCiliumPolicy checks every rule of a CiliumNetworkPolicy or a
// CiliumClusterwideNetworkPolicy.
func checkCiliumPolicy(w *walk, obj map[string]any) {
	if spec, ok := obj["spec"].(map[string]any); ok {
		w.ciliumRule(spec, "spec")
	}
	specs, _ := obj["specs"].([]any)
	for i, s := range specs {
		if spec, ok := s.(map[string]any); ok {
			w.ciliumRule(spec, "specs", i)
		}
	}
}

func (w *walk) ciliumRule(rule map[string]any, at ...any) {
	if rule["nodeSelector"] != nil && w.kind.namespaced {
		w.problem("chooses nodes, which only a CiliumClusterwideNetworkPolicy can; use endpointSelector", below(at, "nodeSelector")...)
	}
	sections := 0
	for _, section := range []string{"ingress", "ingressDeny", "egress", "egressDeny"} {
		list, _ := rule[section].([]any)
		sections += len(list)
		for i, p := range list {
			if part, ok := p.(map[string]any); ok {
				w.ciliumPart(section, part, below(at, section, i)...)
			}
		}
	}
	if sections == 0 {
		w.problem("holds no rule in ingress, ingressDeny, egress or egressDeny, so that Cilium leaves the policy out; write ingress: [{}] to deny everything that comes in", at...)
	}
	w.defaultDeny(rule, "ingress", at...)
	w.defaultDeny(rule, "egress", at...)
	selector, _ := rule["endpointSelector"].(map[string]any)
	labels, _ := selector["matchLabels"].(map[string]any)
	for _, key := range []string{"io.kubernetes.pod.namespace", "k8s:io.kubernetes.pod.namespace"} {
		if labels[key] != nil && w.kind.namespaced {
			w.problem("is not heeded: a CiliumNetworkPolicy applies in its own namespace; leave it out", below(at, "endpointSelector", "matchLabels", key)...)
		}
	}
}

// defaultDeny asks for a word where it decides: a rule that only denies some
// traffic also turns default deny on for its direction, and cuts all the rest
// (docs.cilium.io: security/policy, "Policy enforcement modes").
func (w *walk) defaultDeny(rule map[string]any, direction string, at ...any) {
	denies, _ := rule[direction+"Deny"].([]any)
	allows, _ := rule[direction].([]any)
	said, _ := rule["enableDefaultDeny"].(map[string]any)
	if len(denies) == 0 || len(allows) > 0 || said[direction] != nil || slices.ContainsFunc(denies, deniesAll) {
		return
	}
	w.problem(fmt.Sprintf("is required: a rule that has only %[1]sDeny cuts all other %[1]s traffic as well; say false to cut no more than %[1]sDeny names, or true", direction),
		below(at, "enableDefaultDeny", direction)...)
}

func deniesAll(part any) bool {
	m, _ := part.(map[string]any)
	for _, field := range []string{"fromEntities", "toEntities"} {
		if entities, _ := m[field].([]any); slices.Contains(entities, any("all")) && m["toPorts"] == nil && m["icmps"] == nil {
			return true
		}
	}
	return false
}

// peers are the fields that say who is on the other side. Cilium takes one of
// them in an item.
var peers = []string{
	"fromEndpoints", "fromCIDR", "fromCIDRSet", "fromEntities", "fromNodes", "fromGroups",
	"toEndpoints", "toCIDR", "toCIDRSet", "toEntities", "toServices", "toNodes", "toGroups", "toFQDNs",
}

func (w *walk) ciliumPart(section string, part map[string]any, at ...any) {
	first := ""
	for _, field := range peers {
		list, ok := part[field].([]any)
		switch {
		case !ok:
		case len(list) == 0:
			w.problem("must not be an empty list, which matches nobody; leave it out to mean everybody", below(at, field)...)
		case first != "":
			w.problem(fmt.Sprintf("cannot stand beside %s; make it an item of its own", first), below(at, field)...)
		default:
			first = field
		}
	}
	if len(part) == 0 && strings.HasSuffix(section, "Deny") {
		w.problem("is empty; say whom it denies: "+map[bool]string{true: "fromEntities", false: "toEntities"}[section == "ingressDeny"]+": [all] for everybody", at...)
	}
	if part["icmps"] != nil && part["toPorts"] != nil {
		w.problem("cannot stand beside toPorts; make it an item of its own", below(at, "icmps")...)
	}
	for _, field := range []string{"fromCIDRSet", "toCIDRSet"} {
		list, _ := part[field].([]any)
		for i, c := range list {
			if set, ok := c.(map[string]any); ok {
				w.ciliumCIDRSet(set, below(at, field, i)...)
			}
		}
	}
	ports, _ := part["toPorts"].([]any)
	for i, p := range ports {
		if port, ok := p.(map[string]any); ok {
			w.ciliumPorts(section, port, below(at, "toPorts", i)...)
		}
	}
}

func (w *walk) ciliumCIDRSet(set map[string]any, at ...any) {
	except, _ := set["except"].([]any)
	cidr, _ := set["cidr"].(string)
	whole, err := netip.ParsePrefix(cidr)
	if err != nil && len(except) > 0 {
		w.problem("goes with cidr only", below(at, "except")...)
		return
	}
	for i, e := range except {
		text, _ := e.(string)
		part, err := netip.ParsePrefix(text)
		if err == nil && (whole.Bits() > part.Bits() || !whole.Contains(part.Addr())) {
			w.problem(fmt.Sprintf("%s does not lie within %s", part, whole), below(at, "except", i)...)
		}
	}
}

func (w *walk) ciliumPorts(section string, group map[string]any, at ...any) {
	rules, _ := group["rules"].(map[string]any)
	if _, dns := rules["dns"]; dns && section == "ingress" {
		w.problem("is not enforced on ingress", below(at, "rules", "dns")...)
	}
	ports, _ := group["ports"].([]any)
	for i, p := range ports {
		port, _ := p.(map[string]any)
		text, _ := port["port"].(string)
		if n, err := strconv.ParseUint(text, 10, 16); err == nil && n == 0 && len(rules) > 0 {
			w.problem("must be a port when rules stand beside it; 0 means all", below(at, "ports", i, "port")...)
		} else if err != nil && text != "" && text[0] >= '0' && text[0] <= '9' && strings.Trim(text, "0123456789") == "" {
			w.problem(short(text)+" is no port; ports go from 1 to 65535", below(at, "ports", i, "port")...)
		}
		if protocol, _ := port["protocol"].(string); rules["http"] != nil && protocol != "TCP" {
			w.problem("must be TCP: rules of HTTP apply to no other protocol", below(at, "ports", i, "protocol")...)
		}
	}
	if rules["dns"] != nil && len(ports) == 0 {
		w.problem(`is required beside rules of DNS: write port: "53"`, below(at, "ports")...)
	}
}

// below is a way one or more steps further down.
func below(at []any, more ...any) []any { return append(slices.Clip(at), more...) }
