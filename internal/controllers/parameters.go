package controllers

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// addValues adds a generator's values, filled in with its parameters.
func (g *generation) addValues(values map[string]string, params parameters) error {
	filled := map[string]string{}
	for _, key := range sortedKeys(values) {
		text, err := g.renderer.fill(values[key], params)
		if err != nil {
			return err
		}
		filled[key] = text
	}
	if g.spec.GoTemplate && len(filled) > 0 {
		params["values"] = filled
		return nil
	}
	for key, value := range filled {
		params["values."+key] = value
	}
	return nil
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func sizeOf(v any) int { return size(reflect.ValueOf(v), maxRendered) }

func copyOf(v any) any {
	if v == nil {
		return nil
	}
	return copied(reflect.ValueOf(v)).Interface()
}

// overlaid puts the values of over into a map that is the caller's, maps
// within maps key by key (dario.cat/mergo: WithOverride).
func overlaid(into, over any) any {
	switch over := over.(type) {
	case map[string]any:
		out, ok := into.(map[string]any)
		if !ok {
			return copyOf(over)
		}
		for key, value := range over {
			out[key] = overlaid(out[key], value)
		}
		return out
	case map[string]string:
		out, ok := into.(map[string]string)
		if !ok {
			return copyOf(over)
		}
		maps.Copy(out, over)
		return out
	}
	return copyOf(over)
}

// filledUp is a generator's own template with what it leaves out taken from the
// set's.
func filledUp(own, from map[string]any) map[string]any {
	if len(own) == 0 {
		return from
	}
	out := maps.Clone(own)
	for key, value := range from {
		mine, ok := out[key].(map[string]any)
		theirs, too := value.(map[string]any)
		switch {
		case ok && too:
			out[key] = filledUp(mine, theirs)
		case !ok && zero(out[key]):
			out[key] = value
		}
	}
	return out
}

func zero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case string, bool, int64, float64:
		return reflect.ValueOf(v).IsZero()
	}
	return false
}

// flattened are parameters as labels: a.b.c, and a.0 for entries of lists.
func flattened(params parameters) map[string]string {
	out := map[string]string{}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		at := func(key string) string {
			if prefix == "" {
				return key
			}
			return prefix + "." + key
		}
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				walk(at(key), value)
			}
		case map[string]string:
			for key, value := range v {
				walk(at(key), value)
			}
		case []any:
			for i, value := range v {
				walk(at(fmt.Sprint(i)), value)
			}
		default:
			out[prefix] = fmt.Sprint(v)
		}
	}
	walk("", params)
	return out
}

// selector is a label selector without rules for values, so that it may be
// about addresses too (argo-cd: applicationset/utils/selector.go).
type selector struct {
	MatchLabels      map[string]string `json:"matchLabels"`
	MatchExpressions []struct {
		Key      string   `json:"key"`
		Operator string   `json:"operator"`
		Values   []string `json:"values"`
	} `json:"matchExpressions"`
}

func (s selector) empty() bool { return len(s.MatchLabels)+len(s.MatchExpressions) == 0 }

func (s selector) matches(labels map[string]string) bool {
	for key, want := range s.MatchLabels {
		if got, ok := labels[key]; !ok || got != want {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		got, ok := labels[e.Key]
		among := ok && slices.Contains(e.Values, got)
		switch e.Operator {
		case "In":
			ok = among
		case "NotIn":
			ok = !among
		case "DoesNotExist":
			ok = !ok
		case "Exists":
		default:
			return false
		}
		if !ok {
			return false
		}
	}
	return true
}
