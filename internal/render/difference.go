package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// The functions below compare plain data in which null is the same as absent,
// as it is for the API server.

// listKeys are the fields of a pod whose lists a strategic merge takes item by
// item, and the field that tells items apart (k8s.io/api, patchMergeKey).
var listKeys = map[string]string{
	"containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "imagePullSecrets": "name", "volumeMounts": "mountPath",
}

// keyed gives the items of a list by what tells them apart, and their order.
// It is false where something does not, and then a list is one value.
func keyed(field string, list []any) (items map[string]any, order []string, ok bool) {
	key, known := listKeys[field]
	items = make(map[string]any, len(list))
	for _, item := range list {
		m, _ := item.(map[string]any)
		name, _ := m[key].(string)
		if _, twice := items[name]; !known || twice || name == "" {
			return nil, nil, false
		}
		items[name], order = item, append(order, name)
	}
	return items, order, known
}

// joined is a list with the items of a patch merged into it by what tells them
// apart. New items come first, as kustomize puts them.
func joined(field string, old, patch []any) ([]any, bool) {
	was, order, ok := keyed(field, old)
	want, first, also := keyed(field, patch)
	if !ok || !also {
		return nil, false
	}
	var out []any
	for _, name := range first {
		if _, there := was[name]; !there {
			out = append(out, merged(nil, want[name].(map[string]any)))
		}
	}
	for _, name := range order {
		if change, changes := want[name]; changes {
			out = append(out, merged(was[name], change.(map[string]any)))
		} else {
			out = append(out, was[name])
		}
	}
	return out, true
}

// merged is v with a strategic merge patch applied, of which irgit writes what
// is a JSON merge patch (RFC 7396) but for the lists of a pod; neither is
// changed.
func merged(v any, patch map[string]any) map[string]any {
	old, _ := v.(map[string]any)
	out := make(map[string]any, len(old)+len(patch))
	for key, value := range old {
		out[key] = value
	}
	for key, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(out, key)
		case map[string]any:
			out[key] = merged(out[key], value)
		case []any:
			old, _ := out[key].([]any)
			if list, ok := joined(key, old, value); ok {
				out[key] = list
			} else {
				out[key] = value
			}
		default:
			out[key] = value
		}
	}
	return out
}

// appended is v with an item added to the list at a path; v is not changed.
func appended(v map[string]any, path []string, item any) map[string]any {
	out := maps.Clone(v)
	if out == nil {
		out = map[string]any{}
	}
	if key := path[0]; len(path) > 1 {
		below, _ := out[key].(map[string]any)
		out[key] = appended(below, path[1:], item)
	} else {
		list, _ := out[key].([]any)
		out[key] = append(slices.Clone(list), item)
	}
	return out
}

// withoutNulls drops null fields of maps, at every depth.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			if value != nil {
				out[key] = withoutNulls(value)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = withoutNulls(item)
		}
		return out
	}
	return v
}

// fieldChanges lists where two values differ, by path, at the smallest fields
// that do. Values on one side alone are shown whole.
func fieldChanges(before, after any) (changes []FieldChange) {
	compare(nil, before, after, &changes)
	return changes
}

func compare(path []string, before, after any, changes *[]FieldChange) {
	if reflect.DeepEqual(before, after) {
		return
	}
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok {
			break
		}
		keys := sorted(b)
		for key := range a {
			if _, has := b[key]; !has {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		for _, key := range keys {
			compare(append(slices.Clone(path), fieldName(key, len(path) > 0)), b[key], a[key], changes)
		}
		return
	case []any:
		a, ok := after.([]any)
		if ok && compareKeyed(path, b, a, changes) {
			return
		}
		if !ok || len(a) != len(b) {
			break
		}
		for i := range b {
			compare(append(slices.Clone(path), fmt.Sprintf("[%d]", i)), b[i], a[i], changes)
		}
		return
	}
	*changes = append(*changes, FieldChange{strings.Join(path, ""), before, after})
}

// compareKeyed compares lists whose items are told apart by a name. The order
// of those in both counts as well.
func compareKeyed(path []string, before, after []any, changes *[]FieldChange) bool {
	if len(path) == 0 {
		return false
	}
	field := strings.TrimPrefix(path[len(path)-1], ".")
	was, first, ok := keyed(field, before)
	is, then, also := keyed(field, after)
	if !ok || !also {
		return false
	}
	both := func(in map[string]any) func(string) bool { return func(name string) bool { return in[name] == nil } }
	if stayed, now := slices.DeleteFunc(slices.Clone(first), both(is)), slices.DeleteFunc(slices.Clone(then), both(was)); !slices.Equal(stayed, now) {
		*changes = append(*changes, FieldChange{strings.Join(path, ""), strings.Join(first, ", "), strings.Join(then, ", ")})
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(first, then)))) {
		compare(append(slices.Clone(path), fmt.Sprintf("[%q]", name)), was[name], is[name], changes)
	}
	return true
}

var plainField = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func fieldName(key string, below bool) string {
	switch {
	case !plainField.MatchString(key):
		return fmt.Sprintf("[%q]", key)
	case below:
		return "." + key
	}
	return key
}

// show writes a value for a message, in one short line.
func show(v any) string {
	if v == nil {
		return "nothing"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("a %T", v)
	}
	const most = 120
	if len(data) > most {
		return strings.ToValidUTF8(string(data[:most]), "") + "…"
	}
	return string(data)
}
