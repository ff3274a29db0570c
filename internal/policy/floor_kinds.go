package policy

import (
	"maps"
	"slices"
	"strings"
)

// checkNetworkPolicy: the pod selector names something, both directions are
// written down or the one meant (an omitted policyTypes is guessed from the
// rules), and no rule lets everything through. NetworkPolicies add up, so an
// allow-all rule would open what another policy had closed.
func checkNetworkPolicy(obj map[string]any) (refusals []Refusal) {
	spec, _ := obj["spec"].(map[string]any)
	if emptySelector(spec["podSelector"]) {
		refusals = append(refusals, Refusal{"G3", "has an empty podSelector: it would select the whole namespace"})
	}
	if types, _ := spec["policyTypes"].([]any); len(types) == 0 {
		refusals = append(refusals, Refusal{"K3", "has no policyTypes, so that its directions are guessed"})
	}
	for _, way := range []struct{ direction, peers string }{{"ingress", "from"}, {"egress", "to"}} {
		rules, _ := spec[way.direction].([]any)
		for _, rule := range rules {
			r, _ := rule.(map[string]any)
			peerList, _ := r[way.peers].([]any)
			ports, _ := r["ports"].([]any)
			if len(peerList) == 0 && len(ports) == 0 || slices.ContainsFunc(peerList, opens) {
				refusals = append(refusals, Refusal{"K3", "has an " + way.direction + " rule that allows everything"})
			}
		}
	}
	return refusals
}

// checkAuthorizationPolicy: it denies, it selects something by labels or by
// targetRefs, and its rules match something. Istio reads an absent rules list
// of a DENY as "never", and an empty list within a rule as "no condition", and
// the CRD's schema lets both pass.
func checkAuthorizationPolicy(obj map[string]any) (refusals []Refusal) {
	spec, _ := obj["spec"].(map[string]any)
	refusals = checkMeshSelection(spec)
	if action, _ := spec["action"].(string); action != "DENY" {
		refusals = append(refusals, Refusal{"K3", "does not say action DENY: a containment only denies"})
	}
	rules, _ := spec["rules"].([]any)
	if len(rules) == 0 {
		refusals = append(refusals, Refusal{"K3", "has no rules: a DENY without rules never matches"})
	}
	for _, rule := range rules {
		if where := emptyWithin(rule, "rule"); where != "" {
			refusals = append(refusals, Refusal{"K3", "has an empty " + where + ": it would mean something else than it says"})
			continue
		}
		if r, _ := rule.(map[string]any); onlyHTTP(r) {
			refusals = append(refusals, Refusal{"K4", "denies by HTTP properties without naming ports: it would deny every TCP connection"})
		}
	}
	return refusals
}

// checkMeshSelection: a policy of Istio selects something by labels or by
// targetRefs, and not by both.
func checkMeshSelection(spec map[string]any) (refusals []Refusal) {
	refs, _ := spec["targetRefs"].([]any)
	_, byLabels := spec["selector"]
	switch {
	case byLabels && emptySelector(spec["selector"]):
		refusals = append(refusals, Refusal{"G3", "has an empty selector: it would rule the whole namespace"})
	case !byLabels && len(refs) == 0:
		refusals = append(refusals, Refusal{"G3", "has neither selector nor targetRefs: it would rule the whole namespace"})
	case byLabels && len(refs) > 0:
		refusals = append(refusals, Refusal{"K5", "has both selector and targetRefs: one of them would be ignored"})
	}
	for _, ref := range refs {
		r, _ := ref.(map[string]any)
		if kind, _ := r["kind"].(string); kind != "Service" {
			refusals = append(refusals, Refusal{"G3", "refers to something else than a Service: a gateway stands for more than the target"})
		}
	}
	return refusals
}

// emptySelector reports whether a label selector (podSelector, or Istio's with
// matchLabels alone) is absent or selects everything.
func emptySelector(v any) bool {
	selector, _ := v.(map[string]any)
	labels, _ := selector["matchLabels"].(map[string]any)
	expressions, _ := selector["matchExpressions"].([]any)
	return len(labels) == 0 && len(expressions) == 0
}

// emptyWithin returns the name of a field below v that holds nothing.
func emptyWithin(v any, name string) string {
	switch v := v.(type) {
	case nil:
		return name
	case string:
		if strings.TrimSpace(v) == "" {
			return name
		}
	case []any:
		if len(v) == 0 {
			return name
		}
		for _, entry := range v {
			if where := emptyWithin(entry, name); where != "" {
				return where
			}
		}
	case map[string]any:
		if len(v) == 0 {
			return name
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if where := emptyWithin(v[key], key); where != "" {
				return where
			}
		}
	}
	return ""
}

var httpOperation = []string{"hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"}

// onlyHTTP reports whether a rule has conditions on HTTP and none on the port.
// On a port that Istio takes for TCP such conditions are dropped, and what
// remains of a DENY denies.
func onlyHTTP(rule map[string]any) bool {
	http, port := false, false
	operations, _ := rule["to"].([]any)
	withoutPort := len(operations) == 0
	for _, to := range operations {
		t, _ := to.(map[string]any)
		operation, _ := t["operation"].(map[string]any)
		has := false
		for key := range operation {
			http = http || slices.Contains(httpOperation, key)
			has = has || key == "ports"
		}
		withoutPort = withoutPort || !has
	}
	sources, _ := rule["from"].([]any)
	for _, from := range sources {
		f, _ := from.(map[string]any)
		source, _ := f["source"].(map[string]any)
		_, principals := source["requestPrincipals"]
		_, not := source["notRequestPrincipals"]
		http = http || principals || not
	}
	conditions, _ := rule["when"].([]any)
	for _, when := range conditions {
		w, _ := when.(map[string]any)
		key, _ := w["key"].(string)
		http = http || strings.HasPrefix(key, "request.")
		port = port || key == "destination.port"
	}
	return http && withoutPort && !port
}
