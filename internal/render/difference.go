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

// merged is v with a JSON merge patch applied (RFC 7396); neither is changed.
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
