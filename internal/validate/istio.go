package validate

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	security "istio.io/api/security/v1beta1"
)

// secondOpinion decodes the policies that irgit writes strictly into Istio's own
// Go types, once nothing else was found. RequestAuthentication is left to its
// CRD: protojson takes no durations such as 1h, which Istio reads.
func secondOpinion(w *walk, obj map[string]any) {
	if !strings.HasPrefix(w.kind.apiVersion, "security.istio.io/") {
		return
	}
	var into proto.Message
	switch w.kind.name {
	case "AuthorizationPolicy":
		into = &security.AuthorizationPolicy{}
	case "PeerAuthentication":
		into = &security.PeerAuthentication{}
	default:
		return
	}
	spec, ok := obj["spec"]
	if !ok {
		return
	}
	text, err := json.Marshal(spec)
	if err == nil {
		err = protojson.Unmarshal(text, into)
	}
	if err != nil {
		w.problem("Istio cannot read it: "+oneLine(err.Error()), "spec") // protobuf varies its spaces on purpose
	}
}

// targets are the kinds that targetRefs may name, by group.
var targets = map[string][]string{
	"": {"Service"}, "core": {"Service"}, "networking.istio.io": {"ServiceEntry"},
	"gateway.networking.k8s.io": {"Gateway", "GatewayClass"},
}

// checkIstioTarget checks spec.selector, spec.targetRef and spec.targetRefs by
// Istio's own rules (pkg/config/validation, validatePolicyTargetReference).
func checkIstioTarget(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	selector, _ := spec["selector"].(map[string]any)
	w.labels(selector["matchLabels"], "spec", "selector", "matchLabels")
	if ref, ok := spec["targetRef"].(map[string]any); ok {
		w.istioTarget(ref, "spec", "targetRef")
	}
	refs, _ := spec["targetRefs"].([]any)
	for i, r := range refs {
		if ref, ok := r.(map[string]any); ok {
			w.istioTarget(ref, "spec", "targetRefs", i)
		}
	}
}

func (w *walk) istioTarget(ref map[string]any, at ...any) {
	group, _ := ref["group"].(string)
	name, _ := ref["kind"].(string)
	if !slices.Contains(targets[group], name) {
		w.problem(short(group+"/"+name)+` is nothing that enforces a policy; write kind: Service with group: "", ServiceEntry of networking.istio.io, or Gateway of gateway.networking.k8s.io`, below(at, "kind")...)
	}
}

// ofHTTP are the fields of a source or an operation that TCP has not. Istio
// leaves them out where a port is not HTTP (pilot/pkg/security/authz/model).
var ofHTTP = []string{
	"requestPrincipals", "notRequestPrincipals", "hosts", "notHosts", "methods", "notMethods", "paths", "notPaths",
}

// httpOnly refuses a DENY rule that has conditions of HTTP and neither ports nor
// another condition that TCP has: on every port that is not HTTP, Istio leaves
// the conditions out and denies all (istio/istio#25832). Its webhook warns.
func (w *walk) httpOnly(rule map[string]any, at ...any) {
	http := false
	conditions := func(list, item string) (some, all bool) {
		entries, _ := rule[list].([]any)
		some, all = len(entries) > 0, len(entries) > 0
		for _, e := range entries {
			entry, _ := e.(map[string]any)
			fields, _ := entry[item].(map[string]any)
			tcp := false
			for field := range fields {
				if slices.Contains(ofHTTP, field) {
					http = true
				} else {
					tcp = true
				}
			}
			all = all && tcp
		}
		return some, all
	}
	hasFrom, tcpFrom := conditions("from", "source")
	hasTo, tcpTo := conditions("to", "operation")
	tcpWhen, sourceWhen := false, false
	when, _ := rule["when"].([]any)
	for _, c := range when {
		condition, _ := c.(map[string]any)
		key, _ := condition["key"].(string)
		http = http || strings.HasPrefix(key, "request.")
		tcpWhen = tcpWhen || key == "destination.port"
		sourceWhen = sourceWhen || strings.HasPrefix(key, "source.") || key == "remote.ip"
	}
	if !http || tcpWhen || hasTo && tcpTo || !hasTo && (sourceWhen || hasFrom && tcpFrom) {
		return
	}
	w.problem("has conditions of HTTP only, and denies everything on ports that are not HTTP; name the HTTP ports in every to[].operation.ports", at...)
}

// checkAuthorizationPolicy follows Istio's admission webhook
// (pkg/config/validation, ValidateAuthorizationPolicy): a policy that can never
// match, or a source or operation without a condition, is refused there.
func checkAuthorizationPolicy(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	action, _ := spec["action"].(string)
	rules, _ := spec["rules"].([]any)
	if action != "" && action != "ALLOW" && len(rules) == 0 {
		w.problem(action+" without rules never applies; write rules: [{}] to apply it to every request", "spec", "rules")
	}
	if (action == "CUSTOM") != (spec["provider"] != nil) {
		w.problem("goes together with action CUSTOM, and CUSTOM needs it", "spec", "provider")
	}
	for i, r := range rules {
		rule, _ := r.(map[string]any)
		for _, side := range []struct{ list, item string }{{"from", "source"}, {"to", "operation"}} {
			list, ok := rule[side.list].([]any)
			if ok && len(list) == 0 {
				w.problem("must not be an empty list; leave it out to mean everything", "spec", "rules", i, side.list)
			}
			for j, l := range list {
				m, _ := l.(map[string]any)
				item, _ := m[side.item].(map[string]any)
				if len(item) == 0 {
					w.problem("must hold at least one condition", "spec", "rules", i, side.list, j, side.item)
				}
				w.conditions(item, "spec", "rules", i, side.list, j, side.item)
			}
		}
		if action == "DENY" {
			w.httpOnly(rule, "spec", "rules", i)
		}
		when, _ := rule["when"].([]any)
		for j, c := range when {
			condition, _ := c.(map[string]any)
			if key, _ := condition["key"].(string); key == "" {
				w.problem("is required", "spec", "rules", i, "when", j, "key")
			}
			values, _ := condition["values"].([]any)
			not, _ := condition["notValues"].([]any)
			if len(values)+len(not) == 0 {
				w.problem("must have values or notValues", "spec", "rules", i, "when", j)
			}
		}
	}
}

// conditions checks the lists of a source or an operation. An empty list, most
// of all an empty notPrincipals, would be no condition at all.
func (w *walk) conditions(item map[string]any, below ...any) {
	for field, v := range item {
		list, _ := v.([]any)
		at := func(more ...any) []any { return append(append([]any(nil), below...), more...) }
		if len(list) == 0 {
			w.problem("must not be empty: an empty list is no condition and matches everything", at(field)...)
		}
		for i, entry := range list {
			text, _ := entry.(string)
			switch {
			case text == "":
				w.problem("must not be empty", at(field, i)...)
			case field == "ports" || field == "notPorts":
				if port, err := strconv.ParseUint(text, 10, 16); err != nil || port == 0 {
					w.problem(short(text)+" is no port; ports go from 1 to 65535", at(field, i)...)
				}
			case strings.HasSuffix(strings.ToLower(field), "ipblocks"):
				_, errAddr := netip.ParseAddr(text)
				_, errNet := netip.ParsePrefix(text)
				if errAddr != nil && errNet != nil {
					w.problem(short(text)+" is neither an address nor a network", at(field, i)...)
				}
			}
		}
	}
}

// checkPeerAuthentication follows ValidatePeerAuthentication.
func checkPeerAuthentication(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	ports, _ := spec["portLevelMtls"].(map[string]any)
	selector, _ := spec["selector"].(map[string]any)
	labels, _ := selector["matchLabels"].(map[string]any)
	if spec["portLevelMtls"] == nil {
		return
	}
	if len(labels) == 0 {
		w.problem("needs a selector: Istio applies it to chosen workloads only", "spec", "portLevelMtls")
	}
	if len(ports) == 0 {
		w.problem("must not be empty", "spec", "portLevelMtls")
	}
	for port := range ports {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			w.problem("is no port; ports go from 1 to 65535", "spec", "portLevelMtls", port)
		}
	}
}
