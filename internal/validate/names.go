package validate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// names checks what the API server asks of the object's own name, namespace
// and scope.
func (w *walk) names(obj map[string]any) {
	if w.kind.buildFile() {
		return
	}
	meta, ok := obj["metadata"].(map[string]any)
	if !ok {
		if obj["metadata"] == nil {
			w.problem("is required", "metadata", "name")
		}
		return
	}
	switch name := meta["name"].(type) {
	case nil:
		w.problem("is required", "metadata", "name")
	case string:
		if said := w.kind.nameRule(name); said != "" {
			w.problem(fmt.Sprintf("%s is not a valid name: %s", short(name), said), "metadata", "name")
		}
	}
	namespace, ok := meta["namespace"].(string)
	if !ok {
		return
	}
	if !w.kind.namespaced {
		w.problem(w.kind.name+" belongs to no namespace; leave the field out", "metadata", "namespace")
	} else if said := validation.IsDNS1123Label(namespace); len(said) > 0 {
		w.problem(fmt.Sprintf("%s is not a valid namespace: %s", short(namespace), said[0]), "metadata", "namespace")
	}
}

// nameRule says why name does not suit the kind, or "". The rules are those of
// the API server's validation of each kind.
func (k *kind) nameRule(name string) string {
	var said []string
	switch {
	case strings.HasPrefix(k.apiVersion, "rbac.authorization.k8s.io/"):
		if name == "." || name == ".." || strings.ContainsAny(name, "/%") {
			return `it must not be "." or ".." or hold / or %`
		}
	case k.apiVersion == "v1" && k.name == "Namespace":
		said = validation.IsDNS1123Label(name)
	case k.apiVersion == "v1" && k.name == "Service":
		said = validation.IsDNS1035Label(name)
	default:
		said = validation.IsDNS1123Subdomain(name)
	}
	if len(said) > 0 {
		return said[0]
	}
	// a CronJob's jobs and a workload's pods get longer names made of it
	if limit := map[string]int{"CronJob": 52, "Job": 63}[k.name]; limit > 0 && k.builtin() && len(name) > limit {
		return fmt.Sprintf("it must have at most %d characters", limit)
	}
	return ""
}

const maxAnnotations = 256 << 10 // bytes of all keys and values together, as the API server has it

// checkObjectMeta checks labels and annotations wherever metadata stands: also
// in pod templates.
func checkObjectMeta(w *walk, meta map[string]any) {
	w.labels(meta["labels"], "labels")
	annotations, _ := meta["annotations"].(map[string]any)
	size := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		value, _ := annotations[key].(string)
		size += len(key) + len(value)
		if said := validation.IsQualifiedName(strings.ToLower(key)); len(said) > 0 {
			w.problem("is not a valid annotation key: "+said[0], "annotations", key)
		}
	}
	if size > maxAnnotations {
		w.problem(fmt.Sprintf("must have at most %d bytes altogether, has %d", maxAnnotations, size), "annotations")
	}
}

// labels checks keys and values of a map of labels; below is the way to it.
func (w *walk) labels(v any, below ...any) {
	labels, _ := v.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		at := append(slices.Clone(below), key)
		if said := validation.IsQualifiedName(key); len(said) > 0 {
			w.problem("is not a valid label key: "+said[0], at...)
		}
		if value, ok := labels[key].(string); ok {
			w.labelValue(value, at...)
		}
	}
}

func (w *walk) labelValue(value string, at ...any) {
	if said := validation.IsValidLabelValue(value); len(said) > 0 {
		w.problem(fmt.Sprintf("%s is not a valid label value: %s", short(value), said[0]), at...)
	}
}

// checkLabelSelector follows the API server's rules for metav1.LabelSelector.
func checkLabelSelector(w *walk, selector map[string]any) {
	w.labels(selector["matchLabels"], "matchLabels")
	expressions, _ := selector["matchExpressions"].([]any)
	for i, e := range expressions {
		m, ok := e.(map[string]any)
		if !ok {
			continue
		}
		if key, ok := m["key"].(string); ok {
			if said := validation.IsQualifiedName(key); len(said) > 0 {
				w.problem(fmt.Sprintf("%s is not a valid label key: %s", short(key), said[0]), "matchExpressions", i, "key")
			}
		}
		values, _ := m["values"].([]any)
		switch operator, _ := m["operator"].(string); operator {
		case "In", "NotIn":
			if len(values) == 0 {
				w.problem("is required: "+operator+" needs at least one value", "matchExpressions", i, "values")
			}
		case "Exists", "DoesNotExist":
			if len(values) > 0 {
				w.problem(operator+" takes no values; leave them out", "matchExpressions", i, "values")
			}
		}
		for j, value := range values {
			if text, ok := value.(string); ok {
				w.labelValue(text, "matchExpressions", i, "values", j)
			}
		}
	}
}
