package policy

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/irgit/irgit/internal/fleet"
)

// checkBinding: the patch of a RoleBinding or ClusterRoleBinding takes the
// target's ServiceAccount out of its subjects, and does nothing else: it adds
// none, keeps the others in their order, and leaves the role alone. The account
// is neither that of a protected workload nor one as whom changes from Git are
// applied, or nothing could lift the containment.
func checkBinding(s Surroundings, p Patch, target fleet.Workload) (refusals []Refusal) {
	name := nameOf(p.Object)
	refuse := func(guardrail, format string, args ...any) {
		refusals = append(refusals, Refusal{guardrail, fmt.Sprintf(format, args...)})
	}
	binding, known := s.Object(p.Object)
	if !known {
		return []Refusal{{"A9", "the patch of " + name + " cannot be judged: no root renders it"}}
	}
	old, _ := binding.Object["subjects"].([]any)
	left, isList := p.Fields["subjects"].([]any)
	want := slices.DeleteFunc(slices.Clone(old), func(subject any) bool { return fleet.IsSubject(subject, target) })
	switch {
	case len(p.Fields) != 1 || !isList:
		refuse("A9", "the patch of %s touches more than its subjects", name)
	case !slices.EqualFunc(left, want, reflect.DeepEqual):
		refuse("A9", "the patch of %s leaves other subjects than those beside the ServiceAccount of %s", name, target.String())
	case len(want) == len(old):
		refuse("K3", "%s does not name the ServiceAccount of %s: its patch would contain nothing", name, target.String())
	}
	refs := []fleet.ObjectRef{p.Object}
	for _, w := range s.Workloads() {
		refs = append(refs, w.Ref())
	}
	if slices.Contains(s.Appliers(refs...).Users, target.User()) {
		refuse("G1", "the patch of %s takes its rights from %s, as whom changes from Git are applied", name, target.User())
	}
	for _, w := range sharing(s, p, target) {
		if r, is := protection(s.Cluster(), w); is {
			refuse(r.Guardrail, "the patch of %s takes its rights from a protected workload: %s", name, r.Reason)
		}
	}
	return refusals
}

// sharing lists the other workloads of the target's ServiceAccount.
func sharing(s Surroundings, _ Patch, target fleet.Workload) (others []fleet.Workload) {
	for _, w := range s.Workloads() {
		if w.Namespace == target.Namespace && w.ServiceAccount == target.ServiceAccount && !sameAs(target)(w) {
			others = append(others, w)
		}
	}
	return others
}
