package validate

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// The rules below are those of Kubernetes' validation of NetworkPolicy and
// Service, which the OpenAPI does not carry.

func checkPolicyPort(w *walk, port map[string]any) {
	number, isNumber := port["port"].(int64)
	switch p := port["port"].(type) {
	case int64:
		w.portNumber(p, "port")
	case string:
		if said := validation.IsValidPortName(p); len(said) > 0 {
			w.problem(fmt.Sprintf("%s is not a port's name: %s", short(p), said[0]), "port")
		}
	}
	end, ok := port["endPort"].(int64)
	switch {
	case !ok:
	case !isNumber:
		w.problem("needs port to be a number", "endPort")
	case end < number:
		w.problem(fmt.Sprintf("%d must not be less than port %d", end, number), "endPort")
	default:
		w.portNumber(end, "endPort")
	}
}

func (w *walk) portNumber(port int64, below ...any) {
	if port < 1 || port > 65535 {
		w.problem(fmt.Sprintf("%d is no port; ports go from 1 to 65535", port), below...)
	}
}

// portRange checks fields that hold port numbers; 0 and absent mean none.
func portRange(fields ...string) check {
	return func(w *walk, m map[string]any) {
		for _, field := range fields {
			if port, ok := m[field].(int64); ok && (port != 0 || field == "containerPort") {
				w.portNumber(port, field)
			}
		}
	}
}

func checkPolicyPeer(w *walk, peer map[string]any) {
	selectors := 0
	for _, field := range []string{"podSelector", "namespaceSelector"} {
		if peer[field] != nil {
			selectors++
		}
	}
	switch {
	case peer["ipBlock"] != nil && selectors > 0:
		w.problem("cannot be combined with selectors; make it an item of its own", "ipBlock")
	case peer["ipBlock"] == nil && selectors == 0:
		w.problem("is empty; set ipBlock, podSelector or namespaceSelector")
	}
}

func checkIPBlock(w *walk, block map[string]any) {
	cidr, _ := block["cidr"].(string)
	whole, ok := w.cidr(cidr, "cidr")
	except, _ := block["except"].([]any)
	for i, e := range except {
		text, _ := e.(string)
		part, valid := w.cidr(text, "except", i)
		if ok && valid && (!whole.Contains(part.Addr()) || part.Bits() <= whole.Bits()) {
			w.problem(fmt.Sprintf("%s does not lie within %s", part, whole), "except", i)
		}
	}
}

func (w *walk) cidr(text string, below ...any) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		w.problem(fmt.Sprintf("%s is not a network; write 10.0.0.0/8 or 2001:db8::/32", short(text)), below...)
		return netip.Prefix{}, false
	}
	if prefix != prefix.Masked() {
		w.problem(fmt.Sprintf("%s has bits set beyond its length; write %s", prefix, prefix.Masked()), below...)
	}
	return prefix, true
}

func checkService(w *walk, service map[string]any) {
	w.labels(service["selector"], "selector")
	ports, _ := service["ports"].([]any)
	kind, _ := service["type"].(string)
	if len(ports) == 0 && kind != "ExternalName" && service["clusterIP"] != "None" {
		w.problem("is required: list at least one port", "ports")
	}
	names := make(map[string]bool, len(ports))
	for i, p := range ports {
		port, _ := p.(map[string]any)
		if number, ok := port["port"].(int64); ok {
			w.portNumber(number, "ports", i, "port")
		}
		if target, ok := port["targetPort"].(int64); ok {
			w.portNumber(target, "ports", i, "targetPort")
		}
		name, _ := port["name"].(string)
		switch {
		case name == "" && len(ports) > 1:
			w.problem("is required when there are several ports", "ports", i, "name")
		case name != "" && names[name]:
			w.problem(short(name)+" is the name of an earlier port", "ports", i, "name")
		case name != "":
			if said := validation.IsDNS1123Label(name); len(said) > 0 {
				w.problem(fmt.Sprintf("%s is not a port's name: %s", short(name), said[0]), "ports", i, "name")
			}
		}
		names[name] = true
	}
	if external, _ := service["externalName"].(string); kind == "ExternalName" {
		if said := validation.IsDNS1123Subdomain(strings.TrimSuffix(external, ".")); len(said) > 0 {
			w.problem("must be a DNS name when type is ExternalName", "externalName")
		}
	}
}

// portOf reads a port's number, from 1 to 65535.
func portOf(text string) (int64, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int64(n), err == nil && n > 0 //nolint:gosec // 16 bits
}
