package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
)

// checkAdmissionPolicy: it denies new pods by their images, see
// checkDeniedImages, or it judges changes and deletions of the target and its
// autoscalers, each by name, in the target's namespace, and nothing else; and
// asked as the API server would ask, it denies a stranger a change, but no
// write of metadata or status, which controllers need, and nothing to those as
// whom changes from Git are applied.
func checkAdmissionPolicy(s Surroundings, target fleet.Workload, obj map[string]any) (refusals []Refusal) {
	spec, _ := obj["spec"].(map[string]any)
	refuse := func(guardrail, format string, args ...any) {
		refusals = append(refusals, Refusal{guardrail, fmt.Sprintf(format, args...)})
	}
	if _, has := spec["paramKind"]; has {
		refuse("A9", "takes parameters: what it denies would not be in Git")
	}
	constraints, _ := spec["matchConstraints"].(map[string]any)
	selector, _ := constraints["namespaceSelector"].(map[string]any)
	labels, _ := selector["matchLabels"].(map[string]any)
	if len(selector) != 1 || len(labels) != 1 || labels[fleet.NamespaceName] != target.Namespace {
		refuse("G3", "has a namespaceSelector that is not the target's namespace by its label %s", fleet.NamespaceName)
	}
	for field := range constraints {
		if !slices.Contains([]string{"matchPolicy", "namespaceSelector", "resourceRules"}, field) {
			refuse("G3", "has %s beside the names of what it judges", field)
		}
	}
	if fleet.OnPods(spec) {
		return append(refusals, checkDeniedImages(spec)...)
	}
	rules, _ := constraints["resourceRules"].([]any)
	if len(rules) == 0 {
		refuse("K3", "has no resourceRules, so that it denies nothing")
	}
	frozen := append(s.Autoscalers(target), target.Ref())
	for _, rule := range rules {
		r, _ := rule.(map[string]any)
		if !slices.ContainsFunc(frozen, func(ref fleet.ObjectRef) bool { return isRuleOn(r, ref) }) {
			refuse("G3", "has a resourceRule that is not changes and deletions of the target or of one of its autoscalers, by name")
		}
	}
	if len(refusals) > 0 {
		return refusals
	}
	return checkAnswers(s, target, spec)
}

// isRuleOn reports whether a rule is about changes of one object alone.
func isRuleOn(rule map[string]any, ref fleet.ObjectRef) bool {
	only := func(field string, allowed ...string) bool {
		list, _ := rule[field].([]any)
		return len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool {
			s, isText := v.(string)
			return !isText || !slices.Contains(allowed, s)
		})
	}
	resource := strings.ToLower(ref.Kind) + "s"
	return only("apiGroups", fleet.GroupOf(ref.APIVersion)) && only("resources", resource, resource+"/scale") &&
		only("resourceNames", ref.Name) && only("operations", "UPDATE", "DELETE")
}

// checkAnswers asks a policy what the API server would ask it.
func checkAnswers(s Surroundings, target fleet.Workload, spec map[string]any) (refusals []Refusal) {
	const stranger = "irgit:nobody"
	object := map[string]any{"metadata": map[string]any{"name": target.Name, "namespace": target.Namespace}, "spec": map[string]any{"replicas": int64(1)}}
	if rendered, ok := s.Object(target.Ref()); ok {
		object = rendered.Object
	}
	other := maps.Clone(object)
	other["spec"] = map[string]any{"changed": true}
	ask := func(user, operation string, now any) (denied bool) {
		denied, err := denies(spec, expr.Vars{"object": now, "oldObject": object, "request": expr.AdmissionRequest{
			Kind:     expr.GroupVersionKind{Group: fleet.GroupOf(target.APIVersion), Kind: target.Kind},
			Resource: expr.GroupVersionResource{Group: fleet.GroupOf(target.APIVersion), Resource: strings.ToLower(target.Kind) + "s"},
			Name:     target.Name, Namespace: target.Namespace, Operation: operation, UserInfo: expr.UserInfo{Username: user},
		}})
		if err != nil {
			refusals = append(refusals, Refusal{"K3", "cannot be asked: " + err.Error()})
		}
		return denied
	}
	if !ask(stranger, "UPDATE", other) {
		refusals = append(refusals, Refusal{"K3", "lets everybody change the target: it would contain nothing"})
	}
	if ask(stranger, "UPDATE", object) {
		refusals = append(refusals, Refusal{"G3", "denies writes that leave the spec as it is: controllers need them"})
	}
	for _, user := range s.Appliers(append(s.Autoscalers(target), target.Ref())...).Users {
		if ask(user, "UPDATE", other) || ask(user, "DELETE", nil) {
			refusals = append(refusals, Refusal{"G1", fmt.Sprintf("denies %s, as whom changes from Git are applied", user)})
		}
	}
	return slices.Compact(refusals)
}

// denies answers a request that a policy's rules match, as the API server does
// (k8s.io/apiserver: pkg/admission/plugin/policy/validating, pkg/admission/plugin/webhook/matchconditions):
// an expression that fails counts as failurePolicy says.
func denies(spec map[string]any, vars expr.Vars) (bool, error) {
	env, err := expr.AdmissionEnv()
	if err != nil {
		return false, err
	}
	fails := spec["failurePolicy"] != "Ignore"
	ask := func(list string) (no, failed bool, err error) {
		items, _ := spec[list].([]any)
		for _, item := range items {
			m, _ := item.(map[string]any)
			source, _ := m["expression"].(string)
			program, err := env.Condition(source)
			if err != nil {
				return false, false, err
			}
			yes, err := program.True(context.Background(), vars)
			no, failed = no || err == nil && !yes, failed || err != nil
		}
		return no, failed, nil
	}
	switch unmatched, failed, err := ask("matchConditions"); {
	case err != nil, unmatched:
		return false, err
	case failed:
		return fails, nil
	}
	no, failed, err := ask("validations")
	return no || failed && fails, err
}

// checkBindings: each denies by a policy that is created with it, everywhere
// that the policy says.
func checkBindings(objs []*unstructured.Unstructured) (refusals []Refusal) {
	made := map[string]bool{}
	for _, obj := range objs {
		if obj.GetKind() == admissionPolicy {
			made[obj.GetName()] = true
		}
	}
	bound := map[string]bool{}
	for _, obj := range objs {
		if obj.GetKind() != admissionBinding {
			continue
		}
		spec, _ := obj.Object["spec"].(map[string]any)
		name, _ := spec["policyName"].(string)
		actions, _ := spec["validationActions"].([]any)
		bound[name] = true
		refuse := func(guardrail, what string) {
			refusals = append(refusals, Refusal{guardrail, nameObject(obj) + " " + what})
		}
		if !made[name] {
			refuse("G3", "binds another policy than the containment's own")
		}
		if !slices.Contains(actions, any("Deny")) {
			refuse("K3", "does not say Deny: it would contain nothing")
		}
		for _, field := range []string{"paramRef", "matchResources"} {
			if _, has := spec[field]; has {
				refuse("A9", "has "+field+": what is denied is the policy's to say")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if !bound[name] {
			refusals = append(refusals, Refusal{"K3", admissionPolicy + " " + name + " is bound by nothing: it would contain nothing"})
		}
	}
	return refusals
}
