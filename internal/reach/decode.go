package reach

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func group(o *unstructured.Unstructured) string {
	g, _, ok := strings.Cut(o.GetAPIVersion(), "/")
	if !ok {
		return ""
	}
	return g
}

// name is how answers name an object. Calico has a NetworkPolicy too.
func name(o *unstructured.Unstructured) string {
	kind := o.GetKind()
	if kind == "NetworkPolicy" && group(o) != "networking.k8s.io" {
		kind = "Calico " + kind
	}
	if o.GetNamespace() == "" {
		return kind + " " + o.GetName()
	}
	return kind + " " + o.GetNamespace() + "/" + o.GetName()
}

// decode reads a part of an object strictly: a field that into does not have is
// an error, since it may mean anything, and so is an item of a list that is null. A part that
// is not there is left alone.
func decode(o *unstructured.Unstructured, into any, path ...string) error {
	field, found, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	if err != nil {
		return fmt.Errorf("read %s: %w", name(o), err)
	}
	if !found || field == nil {
		return nil
	}
	part, ok := field.(map[string]any)
	if !ok {
		return fmt.Errorf("read %s: %s is no mapping", name(o), strings.Join(path, "."))
	}
	if hasNullItem(part) {
		return fmt.Errorf("read %s: an item of a list in %s is null", name(o), strings.Join(path, "."))
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(part, into, true); err != nil {
		return fmt.Errorf("read %s: %w", name(o), err)
	}
	return nil
}

func hasNullItem(field any) bool {
	switch v := field.(type) {
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hasNullItem)
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return item == nil || hasNullItem(item) })
	}
	return false
}

func stringMap(o *unstructured.Unstructured, path ...string) map[string]string {
	m, _, _ := unstructured.NestedStringMap(o.Object, path...)
	return m
}
