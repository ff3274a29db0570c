package render

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// held says why a change of the pods' template that the patches make would not
// reach the pods, "" when it does or when they make none. Patches of earlier
// actions count: to pause a rollout and to ask for one cancel each other out
// (TRAPS 40).
func (b *bundler) held(patches []Patch) string {
	object, ok := b.request.Index.Object(b.target.Ref())
	if !ok {
		return ""
	}
	before, _ := withoutNulls(object.Object).(map[string]any)
	after := before
	for _, all := range [][]Patch{b.bundle.Patches, patches} {
		for _, p := range all {
			if identity(p.Object) == identity(b.target.Ref()) {
				after = merged(after, p.Fields)
			}
		}
	}
	at := podTemplate(b.target.Kind)
	was, _, _ := unstructured.NestedFieldNoCopy(before, at...)
	is, _, _ := unstructured.NestedFieldNoCopy(after, at...)
	if at == nil || reflect.DeepEqual(was, is) {
		return ""
	}
	return holds(b.target.Kind, after)
}

// holds says what keeps the pods of a workload in their version.
func holds(kind string, object map[string]any) string {
	const why = "the template of its pods would change, and "
	spec, _ := object["spec"].(map[string]any)
	switch kind {
	case "Job":
		return why + "that of a Job cannot"
	case "Deployment", "Rollout":
		if spec["paused"] == true {
			return why + "spec.paused keeps the pods as they are"
		}
	case "StatefulSet", "DaemonSet":
		strategy, _ := spec["updateStrategy"].(map[string]any)
		rolling, _ := strategy["rollingUpdate"].(map[string]any)
		if strategy["type"] == "OnDelete" {
			return why + "spec.updateStrategy is OnDelete: the pods stay as they are until somebody deletes them"
		}
		if n, _ := rolling["partition"].(int64); n > 0 {
			return why + fmt.Sprintf("spec.updateStrategy.rollingUpdate.partition keeps the pods below %d as they are", n)
		}
	}
	return ""
}
