package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// NamespaceName is the label by which the API server names every namespace; no
// one can change it (https://kubernetes.io/docs/reference/labels-annotations-taints/).
const NamespaceName = "kubernetes.io/metadata.name"

// watched lists the workloads whose changes, or whose autoscalers' changes, a
// ValidatingAdmissionPolicy judges, or those whose pods it denies by their
// images. One that is held neither to objects by name nor to images, in one
// namespace by name, may judge anything, and is an error.
func (ix *Index) watched(u *unstructured.Unstructured) (hit []Workload, err error) {
	constraints, _ := dig(u.Object, "spec", "matchConstraints").(map[string]any)
	selector, _ := constraints["namespaceSelector"].(map[string]any)
	names := texts(selector["matchLabels"])
	if len(selector) != 1 || len(names) != 1 || names[NamespaceName] == "" {
		return nil, errors.New("its namespaceSelector is not one namespace by its label " + NamespaceName)
	}
	spec, _ := u.Object["spec"].(map[string]any)
	if images, ok := DeniedImages(spec); ok {
		return ix.imaged(names[NamespaceName], images), nil
	}
	rules, _ := constraints["resourceRules"].([]any)
	for _, rule := range rules {
		r, _ := rule.(map[string]any)
		groups, resources, named := words(r["apiGroups"]), words(r["resources"]), words(r["resourceNames"])
		if len(groups) == 0 || len(resources) == 0 || len(named) == 0 || slices.Contains(slices.Concat(groups, resources, named), "*") {
			return nil, errors.New("one of its resourceRules is not held to objects by name")
		}
		for _, w := range ix.inNamespace(names[NamespaceName]) {
			if slices.ContainsFunc(append(ix.Autoscalers(w), w.Ref()), func(ref ObjectRef) bool { return rulesOn(ref, groups, resources, named) }) {
				hit = append(hit, w)
			}
		}
		for _, resource := range resources {
			kind, _, _ := strings.Cut(resource, "/")
			if !slices.Contains(watchable, kind) {
				return nil, fmt.Errorf("whom changes of %s concern is not known to irgit", resource)
			}
		}
	}
	slices.SortFunc(hit, func(a, b Workload) int { return compareRefs(a.Ref(), b.Ref()) })
	return slices.CompactFunc(hit, func(a, b Workload) bool { return a.Ref() == b.Ref() }), nil
}

// watchable are the resources of workloads and of what scales them.
var watchable = []string{
	"deployments", "statefulsets", "daemonsets", "replicasets", "replicationcontrollers", "cronjobs", "jobs", "pods", "rollouts",
	"horizontalpodautoscalers", "scaledobjects",
}

func rulesOn(ref ObjectRef, groups, resources, names []string) bool {
	of := func(r string) bool {
		kind, _, _ := strings.Cut(r, "/")
		return kind == strings.ToLower(ref.Kind)+"s"
	}
	return slices.Contains(groups, GroupOf(ref.APIVersion)) && slices.Contains(names, ref.Name) && slices.ContainsFunc(resources, of)
}

func words(v any) (out []string) {
	list, _ := v.([]any)
	for _, item := range list {
		out = append(out, text(item))
	}
	return out
}
