package fleet

import "slices"

// Telemetries lists the rendered Telemetries of Istio that are about w, by its
// labels or by a Service. Istio takes the oldest of several and leaves the
// others (istio.io/latest/docs/reference/config/telemetry), so that one more
// has no effect. One that is for the whole namespace is not among them: a
// Telemetry about w goes before it. One that irgit does not understand may be
// about w.
func (ix *Index) Telemetries(w Workload) (refs []ObjectRef) {
	for _, o := range ix.objects[w.Namespace] {
		if o.ref.Kind != "Telemetry" || GroupOf(o.ref.APIVersion) != "telemetry.istio.io" {
			continue
		}
		if u := o.object(); u != nil {
			spec, _ := u.Object["spec"].(map[string]any)
			selector, err := labelSelector(spec["selector"])
			if targets, _ := targetRefs(spec); err == nil && selector.Empty() && len(targets) == 0 {
				continue
			}
		}
		if ix.mayHit(o, w) {
			refs = append(refs, o.ref)
		}
	}
	slices.SortFunc(refs, compareRefs)
	return refs
}
