package incident

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/render"
)

// podOf is the pod that actions on a single one are about: the first that an
// alert of the record names together with its uid. Nothing else of an alert
// says which.
func podOf(r *Record) render.Pod {
	for _, a := range r.Spec.Alerts {
		if pod := (render.Pod{Name: a.Pod, UID: a.PodUID}); pod.Known() {
			return pod
		}
	}
	return render.Pod{}
}

// otherPods says which pods the alerts name besides the one that a bundle is
// about, "" when there are none.
func otherPods(r *Record, b *render.Bundle) string {
	if !slices.ContainsFunc(b.Parts, func(p render.Part) bool { return p.Name == "pods" }) {
		return ""
	}
	pod, others := podOf(r), []string(nil)
	for _, a := range r.Spec.Alerts {
		if a.Pod != "" && a.Pod != pod.Name && !slices.Contains(others, a.Pod) {
			others = append(others, a.Pod)
		}
	}
	if len(others) == 0 {
		return ""
	}
	names := strings.Join(others[:min(len(others), maxCandidates)], ", ")
	if more := len(others) - maxCandidates; more > 0 {
		names += fmt.Sprintf(", %d more", more)
	}
	return fmt.Sprintf("the alerts name other pods, too (%s): what is done to a single pod is done to %s alone", names, pod.Name)
}

// podFields writes what is declared of a pod as a line for each field.
func podFields(pod map[string]any) []string {
	declared := map[string]any{}
	if labels, ok, _ := unstructured.NestedFieldNoCopy(pod, "metadata", "labels"); ok {
		declared["metadata"] = map[string]any{"labels": labels}
	}
	if spec, ok := pod["spec"]; ok {
		declared["spec"] = spec
	}
	return fieldsOf("", declared)
}
