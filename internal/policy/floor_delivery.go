package policy

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/irgit/irgit/internal/fleet"
)

// suspensions are the only fields that a containment may set of a sync object.
var suspensions = map[string][]map[string]any{
	"kustomize.toolkit.fluxcd.io/Kustomization": {{"spec": map[string]any{"suspend": true}}},
	"helm.toolkit.fluxcd.io/HelmRelease":        {{"spec": map[string]any{"suspend": true}}},
	"argoproj.io/Application": {
		{"spec": map[string]any{"syncPolicy": map[string]any{"automated": nil}}},
		{"spec": map[string]any{"syncPolicy": map[string]any{"automated": map[string]any{"enabled": false}}}},
	},
}

// checkDelivery: the patch suspends the sync object that delivers the target,
// and sets nothing else of it; a commit can resume it; neither irgit's incidents
// nor a protected workload are delivered by it.
func checkDelivery(s Surroundings, p Patch, target fleet.Workload) (refusals []Refusal) {
	name := nameOf(p.Object)
	refuse := func(guardrail, format string, args ...any) {
		refusals = append(refusals, Refusal{guardrail, fmt.Sprintf(format, args...)})
	}
	if sync, known := s.Delivering(target.Root); !known || !sameObject(sync, p.Object) {
		refuse("G3", "%s does not deliver %s", name, target.String())
	}
	forms := suspensions[fleet.GroupOf(p.Object.APIVersion)+"/"+p.Object.Kind]
	if !slices.ContainsFunc(forms, func(form map[string]any) bool { return reflect.DeepEqual(form, p.Fields) }) {
		refuse("A9", "the patch of %s does something else than to suspend it", name)
	}
	if why := s.Unliftable(p.Object); why != "" {
		refuse("G1", "%s may not be suspended: %s", name, why)
	}
	for _, w := range delivered(s, p, target) {
		if r, is := protection(s.Cluster(), w); is {
			refuse(r.Guardrail, "%s delivers a protected workload: %s", name, r.Reason)
		}
	}
	return refusals
}

// delivered lists the other workloads that a sync object applies.
func delivered(s Surroundings, p Patch, target fleet.Workload) (others []fleet.Workload) {
	for _, w := range s.Workloads() {
		if sync, known := s.Delivering(w.Root); known && sameObject(sync, p.Object) && !sameAs(target)(w) {
			others = append(others, w)
		}
	}
	return others
}
