package policy

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
)

// A policy of Calico's that selects a pod denies what no policy of its tier
// allows (docs.tigera.io/calico/latest/reference/resources/networkpolicy). So
// one that denies a part needs either another policy that governs the pod
// already, or a second one beside it, the rest, that lets everything else
// through after all others were asked.

// restOrder is the least order of a rest: behind what people write and behind
// every deny of a containment.
const restOrder = 100_000

var directions = []string{"Ingress", "Egress"}

// checkCalicoPolicy: it selects by labels and says its directions, and either
// denies, and lets through name resolution at most, or is a rest.
func checkCalicoPolicy(s Surroundings, _ fleet.Workload, obj map[string]any) (refusals []Refusal) {
	refuse := func(format string, args ...any) {
		refusals = append(refusals, Refusal{"K3", fmt.Sprintf(format, args...)})
	}
	spec, _ := obj["spec"].(map[string]any)
	for field := range spec {
		if !slices.Contains([]string{"order", "selector", "types", "ingress", "egress"}, field) {
			refuse("has %s beside order, selector, types and rules", field)
		}
	}
	types, _ := spec["types"].([]any)
	if len(types) == 0 {
		refuse("has no types, so that its directions are guessed")
	}
	for _, direction := range directions {
		rules := calicoRules(spec, direction)
		if slices.Contains(types, any(direction)) != (len(rules) > 0) {
			refuse("names %s in types and has no rules for it, or the other way round", direction)
		}
		for _, why := range calicoWrong(rules) {
			refuse("has %s rules that %s", strings.ToLower(direction), why)
		}
		if !isRest(rules) {
			continue
		}
		if order, ok := number(spec["order"]); !ok || order < restOrder {
			refuse("lets everything through before other policies are asked: want an order of at least %d", restOrder)
		}
		if w, all := everyHit(s, obj, direction, "no"); !all {
			refuse("lets everything through, which another policy may deny to %s", w)
		}
	}
	return refusals
}

// checkRests: where a policy denies a part, either something governs all whom
// it selects, or a rest is created with it; and none is without.
func checkRests(s Surroundings, objs []*unstructured.Unstructured) (refusals []Refusal) {
	for _, direction := range directions {
		var parts, rests []*unstructured.Unstructured
		for _, obj := range objs {
			spec, _ := obj.Object["spec"].(map[string]any)
			rules := calicoRules(spec, direction)
			switch {
			case fleet.GroupOf(obj.GetAPIVersion()) != "projectcalico.org" || len(rules) == 0:
			case isRest(rules):
				rests = append(rests, obj)
			case unconditional(rules[len(rules)-1]) == "":
				parts = append(parts, obj)
			}
		}
		for _, obj := range parts {
			beside := slices.ContainsFunc(rests, func(rest *unstructured.Unstructured) bool { return selector(rest) == selector(obj) })
			if w, all := everyHit(s, obj.Object, direction, "yes"); !all && !beside {
				refusals = append(refusals, Refusal{"K3", fmt.Sprintf("%s denies a part of the %s of %s, and thereby all the rest, which nothing allows", nameObject(obj), strings.ToLower(direction), w)})
			}
		}
		for _, rest := range rests {
			if !slices.ContainsFunc(parts, func(obj *unstructured.Unstructured) bool { return selector(rest) == selector(obj) }) {
				refusals = append(refusals, Refusal{"K3", nameObject(rest) + " lets everything through, and nothing beside it denies"})
			}
		}
	}
	return refusals
}

func selector(obj *unstructured.Unstructured) string {
	s, _, _ := unstructured.NestedString(obj.Object, "spec", "selector")
	return obj.GetNamespace() + " " + s
}

// everyHit reports whether a direction of all whom a policy selects is governed
// as wanted, or names one of which it is not.
func everyHit(s Surroundings, obj map[string]any, direction, want string) (name string, all bool) {
	hit, err := s.Hits(&unstructured.Unstructured{Object: obj})
	if err != nil {
		return "nobody knows whom", false
	}
	for _, w := range hit {
		if s.Governed(w, direction) != want {
			return w.String(), false
		}
	}
	return "", true
}

func calicoRules(spec map[string]any, direction string) []any {
	rules, _ := spec[strings.ToLower(direction)].([]any)
	return rules
}

// unconditional is the action of a rule that holds for everything, else "".
func unconditional(rule any) string {
	r, _ := rule.(map[string]any)
	if len(r) != 1 {
		return ""
	}
	action, _ := r["action"].(string)
	return action
}

func isRest(rules []any) bool { return len(rules) == 1 && unconditional(rules[0]) == "Allow" }

// calicoWrong says what is wrong with the rules of a direction that are no rest.
func calicoWrong(rules []any) (wrong []string) {
	if len(rules) == 0 || isRest(rules) {
		return nil
	}
	denies := false
	for _, rule := range rules {
		r, _ := rule.(map[string]any)
		switch {
		case r["action"] == "Deny":
			denies = true
			if where := emptyWithin(rule, "rule"); where != "" {
				wrong = append(wrong, "have an empty "+where)
			}
		case r["action"] != "Allow" || !isCalicoDNS(r):
			wrong = append(wrong, "let through something else than name resolution")
		}
		if mixesFamilies(r) {
			wrong = append(wrong, "name networks of IPv4 and IPv6 in one, which Calico refuses")
		}
	}
	if !denies {
		wrong = append(wrong, "deny nothing")
	}
	return wrong
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
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
