package validate

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// The rules below are those of Istio's admission webhook
// (istio.io/istio: pkg/config/validation), which the CRDs do not carry.

// checkSidecar follows ValidateSidecar.
func checkSidecar(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	egress, _ := spec["egress"].([]any)
	ingress, _ := spec["ingress"].([]any)
	if len(egress)+len(ingress) == 0 && spec["outboundTrafficPolicy"] == nil && spec["inboundConnectionPool"] == nil {
		w.problem("configures nothing; set egress, ingress or outboundTrafficPolicy", "spec")
	}
	w.workloadSelector(spec)
	for i, e := range egress {
		listener, _ := e.(map[string]any)
		if listener["port"] == nil && i < len(egress)-1 {
			w.problem("is required on all listeners but the last", "spec", "egress", i, "port")
		}
		hosts, _ := listener["hosts"].([]any)
		if len(hosts) == 0 {
			w.problem(`must list at least one host; "./*" is the own namespace, "~/*" is none`, "spec", "egress", i, "hosts")
		}
		for j, h := range hosts {
			text, _ := h.(string)
			if !namespacedHost(text) {
				w.problem(short(text)+` is not of the form namespace/host; write "./*" or "web/shop.web.svc.cluster.local"`, "spec", "egress", i, "hosts", j)
			}
		}
	}
	for i, l := range ingress {
		if listener, _ := l.(map[string]any); listener["port"] == nil {
			w.problem("is required", "spec", "ingress", i, "port")
		}
	}
	policy, _ := spec["outboundTrafficPolicy"].(map[string]any)
	if mode := policy["mode"]; policy["egressProxy"] != nil && mode != "ALLOW_ANY" {
		w.problem("goes with mode ALLOW_ANY only", "spec", "outboundTrafficPolicy", "egressProxy")
	}
}

func namespacedHost(text string) bool {
	namespace, host, ok := strings.Cut(text, "/")
	if !ok || host == "" {
		return false
	}
	switch namespace {
	case "*", ".", "~":
	default:
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			return false
		}
	}
	return host == "*" || wildcardDomain(host)
}

// workloadSelector refuses a selector without labels: Istio takes it for all
// workloads of the namespace.
func (w *walk) workloadSelector(spec map[string]any) {
	selector, ok := spec["workloadSelector"].(map[string]any)
	if !ok {
		return
	}
	labels, _ := selector["labels"].(map[string]any)
	if len(labels) == 0 {
		w.problem("is empty and stands for the whole namespace; name labels, or leave workloadSelector out", "spec", "workloadSelector", "labels")
	}
	w.labels(selector["labels"], "spec", "workloadSelector", "labels")
}

var dnsLabel = regexp.MustCompile(`^[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9_])?$`)

// wildcardDomain tells whether text is a domain, or one below a leading "*.".
func wildcardDomain(text string) bool {
	const longest = 255
	if text == "" || len(text) > longest {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(text, "*."), "."), ".") {
		if len(label) > validation.DNS1123LabelMaxLength || !dnsLabel.MatchString(label) {
			return false
		}
	}
	return true
}

// checkServiceEntry follows ValidateServiceEntry.
func checkServiceEntry(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	w.workloadSelector(spec)
	resolution, _ := spec["resolution"].(string)
	endpoints, _ := spec["endpoints"].([]any)
	hosts, _ := spec["hosts"].([]any)
	for i, h := range hosts {
		host, _ := h.(string)
		wild := strings.Contains(host, "*")
		switch {
		case !wildcardDomain(host):
			w.problem(short(host)+" is not a host; write a domain, or *. and a domain", "spec", "hosts", i)
		case wild && strings.HasPrefix(resolution, "DNS") && len(endpoints) == 0:
			w.problem("is a wildcard, which DNS cannot look up; write the host, or resolution: DYNAMIC_DNS or NONE", "spec", "hosts", i)
		case !wild && resolution == "DYNAMIC_DNS":
			w.problem("must be a wildcard with resolution DYNAMIC_DNS", "spec", "hosts", i)
		}
	}
}

// checkVirtualService follows ValidateVirtualService.
func checkVirtualService(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	routes := 0
	for _, field := range []string{"http", "tcp", "tls"} {
		list, _ := spec[field].([]any)
		routes += len(list)
	}
	if routes == 0 {
		w.problem("routes nothing; set http, tcp or tls", "spec")
	}
	gateways, _ := spec["gateways"].([]any)
	hosts, _ := spec["hosts"].([]any)
	inMesh := len(gateways) == 0
	for _, g := range gateways {
		inMesh = inMesh || g == "mesh" && len(gateways) == 1
	}
	for i, h := range hosts {
		host, _ := h.(string)
		switch {
		case host == "*" && inMesh:
			w.problem(`"*" is for gateways only; name the host, or the gateways`, "spec", "hosts", i)
		case host != "*" && !wildcardDomain(host):
			w.problem(short(host)+" is not a host", "spec", "hosts", i)
		}
	}
	https, _ := spec["http"].([]any)
	for i, r := range https {
		route, _ := r.(map[string]any)
		w.httpRoute(route, len(hosts) == 0, "spec", "http", i)
	}
}

func (w *walk) httpRoute(route map[string]any, delegated bool, at ...any) {
	destinations, _ := route["route"].([]any)
	others := 0
	for _, field := range []string{"redirect", "directResponse", "delegate"} {
		if route[field] != nil {
			others++
		}
	}
	switch {
	case len(destinations) == 0 && others == 0 && !delegated:
		w.problem("goes nowhere; set route, redirect, directResponse or delegate", at...)
	case len(destinations) > 0 && others > 0 || others > 1:
		w.problem("must hold one of route, redirect, directResponse and delegate", at...)
	}
	total := int64(0)
	for i, d := range destinations {
		destination, _ := d.(map[string]any)
		weight, _ := destination["weight"].(int64)
		if weight < 0 {
			w.problem("must not be negative", below(at, "route", i, "weight")...)
		}
		total += weight
	}
	if len(destinations) > 1 && total == 0 {
		w.problem(fmt.Sprintf("needs weights: the %d destinations have none", len(destinations)), below(at, "route")...)
	}
}
