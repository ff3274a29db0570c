package validate

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// The rules below are those of Kubernetes' validation of claims, quotas and
// limits (k8s.io/kubernetes: pkg/apis/core/validation), which the OpenAPI does not carry.

func checkClaim(w *walk, spec map[string]any) {
	modes, _ := spec["accessModes"].([]any)
	switch {
	case len(modes) == 0:
		w.problem("must name at least one of ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod", "accessModes")
	case len(modes) > 1 && slices.Contains(modes, any("ReadWriteOncePod")):
		w.problem("must name ReadWriteOncePod alone", "accessModes")
	}
	resources, _ := spec["resources"].(map[string]any)
	requests, _ := resources["requests"].(map[string]any)
	if requests["storage"] == nil {
		w.problem("is required: say how much, for example 1Gi", "resources", "requests", "storage")
	} else if size, err := resource.ParseQuantity(fmt.Sprint(requests["storage"])); err == nil && size.Sign() <= 0 {
		w.problem("must be greater than zero", "resources", "requests", "storage")
	}
}

func checkQuota(w *walk, spec map[string]any) {
	hard, _ := spec["hard"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(hard)) {
		if most, err := resource.ParseQuantity(fmt.Sprint(hard[name])); err == nil && most.Sign() < 0 {
			w.problem("must not be negative; 0 allows none", "hard", name)
		}
	}
}

// checkLimits asks that min ≤ defaultRequest ≤ default ≤ max, as far as they
// are given.
func checkLimits(w *walk, item map[string]any) {
	if item["type"] == "Pod" {
		for _, field := range []string{"default", "defaultRequest"} {
			if item[field] != nil {
				w.problem("cannot be set for Pod; set it for Container", field)
			}
		}
	}
	order := []string{"min", "defaultRequest", "default", "max"}
	for i, lower := range order {
		less, _ := item[lower].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(less)) {
			low, err := resource.ParseQuantity(fmt.Sprint(less[name]))
			if err != nil {
				continue
			}
			for _, upper := range slices.Backward(order[i+1:]) {
				more, _ := item[upper].(map[string]any)
				high, err := resource.ParseQuantity(fmt.Sprint(more[name]))
				if err == nil && low.Cmp(high) > 0 {
					w.problem(fmt.Sprintf("%v is more than %s %v", less[name], upper, more[name]), lower, name)
					break
				}
			}
		}
	}
}
