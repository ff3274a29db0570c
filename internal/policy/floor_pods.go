package policy

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irgit/irgit/internal/fleet"
)

var (
	uidForm   = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	apartForm = regexp.MustCompile(`^irgit-[0-9a-f]{8}$`)
)

// podAnnotations are what the declaration of a pod may say to Flux.
var podAnnotations = map[string]string{
	"kustomize.toolkit.fluxcd.io/substitute": "disabled",
	"kustomize.toolkit.fluxcd.io/prune":      "disabled",
}

// checkPod: it is a part of a manifest, of one pod of the target, guarded by
// its uid. It may take the pod out of what selects it, by labels that nothing
// of a team selects by, and put it into nothing; and it may stop it.
func checkPod(s Surroundings, target fleet.Workload, obj map[string]any) (refusals []Refusal) {
	refuse := func(guardrail, reason string) { refusals = append(refusals, Refusal{guardrail, reason}) }
	pod := &unstructured.Unstructured{Object: obj}
	meta, _ := obj["metadata"].(map[string]any)
	if !only(obj, "apiVersion", "kind", "metadata", "spec") || !only(meta, "name", "namespace", "uid", "labels", "annotations") {
		refuse("A9", "says more of the pod than its labels and its end")
	}
	if !uidForm.MatchString(string(pod.GetUID())) {
		refuse("G7", "has no uid, and could hit a later pod of the name")
	}
	found := s.Resolve(fleet.Query{Namespace: pod.GetNamespace(), Pod: pod.GetName(), Kind: target.Kind, Name: target.Name})
	if found.State != fleet.Found || !sameAs(target)(*found.Workload) {
		refuse("G7", "is none of "+target.String())
	}
	for key, value := range pod.GetAnnotations() {
		if podAnnotations[key] != value {
			refuse("A9", "has an annotation beside those that keep Flux from changing or deleting it")
		}
	}
	changes := 0
	for key, value := range pod.GetLabels() {
		domain, _, _ := strings.Cut(key, "/")
		if domain == "istio.io" || strings.HasSuffix(domain, ".istio.io") {
			refuse("K3", "has a label of the mesh: without that the pod may talk past the proxy")
		} else if domain != "irgit.dev" && !apartForm.MatchString(value) {
			refuse("G3", "has a label by which others may select it")
		}
		if key != "irgit.dev/incident" {
			changes++
		}
	}
	switch spec, has := obj["spec"].(map[string]any); {
	case !has && changes == 0:
		refuse("K3", "changes nothing: it would contain nothing")
	case has && (!only(spec, "activeDeadlineSeconds") || !equals(spec["activeDeadlineSeconds"], 1)):
		refuse("A9", "changes more of the pod than when it ends")
	}
	slices.SortFunc(refusals, func(a, b Refusal) int { return strings.Compare(a.Guardrail+a.Reason, b.Guardrail+b.Reason) })
	return slices.Compact(refusals)
}

func only(m map[string]any, keys ...string) bool {
	for key := range m {
		if !slices.Contains(keys, key) {
			return false
		}
	}
	return true
}

// relabeled are surroundings in which pods that a containment gives labels
// count as what they are, pods of the target, for what selects by those.
type relabeled struct {
	Surroundings
	target fleet.Workload
	pods   []*unstructured.Unstructured
}

func withPods(s Surroundings, objs []*unstructured.Unstructured, target fleet.Workload) Surroundings {
	r := relabeled{Surroundings: s, target: target}
	for _, obj := range objs {
		if obj.GetKind() == "Pod" && fleet.GroupOf(obj.GetAPIVersion()) == "" {
			r.pods = append(r.pods, obj)
		}
	}
	if len(r.pods) == 0 {
		return s
	}
	return r
}

// Hits adds the target where a NetworkPolicy selects one of its pods by the
// labels that the containment gives it.
func (r relabeled) Hits(obj *unstructured.Unstructured) ([]fleet.Workload, error) {
	hit, err := r.Surroundings.Hits(obj)
	if err != nil || obj.GetKind() != "NetworkPolicy" || obj.GetNamespace() != r.target.Namespace || slices.ContainsFunc(hit, sameAs(r.target)) {
		return hit, err
	}
	field, _, err := unstructured.NestedMap(obj.Object, "spec", "podSelector")
	if err != nil {
		return nil, err
	}
	var selector metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(field, &selector); err != nil {
		return nil, err
	}
	chosen, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return nil, err
	}
	for _, pod := range r.pods {
		all := labels.Set(maps.Clone(r.target.Labels))
		if all == nil {
			all = labels.Set{}
		}
		maps.Copy(all, pod.GetLabels())
		if chosen.Matches(all) {
			return append(slices.Clone(hit), r.target), nil
		}
	}
	return hit, nil
}
