package render

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
)

const admissionGroup = "admissionregistration.k8s.io"

// freezes says what is wrong with what an admission policy judges: changes of
// the target or of what scales it, by name, or new pods by their images, in the
// target's namespace.
func (b *bundler) freezes(spec map[string]any) (wrong string) {
	named := []string{b.target.Name}
	for _, a := range b.request.Index.Autoscalers(b.target) {
		named = append(named, a.Name)
	}
	namespace, _, _ := unstructured.NestedStringMap(spec, "matchConstraints", "namespaceSelector", "matchLabels")
	if len(namespace) != 1 || namespace[fleet.NamespaceName] != b.target.Namespace {
		return "has a namespaceSelector that is not the target's namespace by its label " + fleet.NamespaceName
	}
	if fleet.OnPods(spec) {
		_, ok := fleet.DeniedImages(spec)
		return unless(ok, "judges pods by something else than a list of denied images, or more than their creation")
	}
	rules, _, _ := unstructured.NestedSlice(spec, "matchConstraints", "resourceRules")
	for _, rule := range rules {
		r, _ := rule.(map[string]any)
		names, _ := r["resourceNames"].([]any)
		if len(names) == 0 || slices.ContainsFunc(names, func(n any) bool { return !slices.Contains(named, text(n)) }) {
			return "has a resourceRule with resourceNames that are not the target's or its autoscalers'"
		}
	}
	return ""
}

// binds says what is wrong with the policy that a binding puts into force.
func (b *bundler) binds(spec map[string]any) (wrong string) {
	for _, o := range b.bundle.Objects {
		if o.GetKind() == "ValidatingAdmissionPolicy" && o.GetName() == text(spec["policyName"]) {
			return ""
		}
	}
	return "binds a policy that the incident does not create before it"
}
