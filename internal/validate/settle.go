package validate

import (
	"encoding/json"
	"maps"
	"math"
)

// settle gives v as the checks and rules want it: whole numbers as int64 where
// the schema has integers (YAML decoders give float64), numbers as float64
// where it has numbers, and a CRD's defaults filled in. v itself stays as it
// is; changed tells whether the result is another value.
func settle(n *node, v any, depth int) (out any, changed bool) {
	if n == nil || depth > maxDepth {
		n = &node{}
	}
	switch v := v.(type) {
	case map[string]any:
		return settleMap(n, v, depth)
	case []any:
		if depth > maxDepth {
			return v, false
		}
		var list []any
		for i := range v {
			item, changed := settle(n.items, v[i], depth+1)
			if !changed {
				continue
			}
			if list == nil {
				list = append([]any(nil), v...)
			}
			list[i] = item
		}
		if list != nil {
			return list, true
		}
		return v, false
	}
	return settleScalar(n, v)
}

func settleMap(n *node, v map[string]any, depth int) (any, bool) {
	if depth > maxDepth {
		return v, false
	}
	m, changed := v, false
	set := func(key string, value any) {
		if !changed {
			m, changed = make(map[string]any, len(v)+1), true
			maps.Copy(m, v)
		}
		m[key] = value
	}
	for key, value := range v {
		f := n.fields[key]
		if f == nil {
			f = n.additional
		}
		if item, other := settle(f, value, depth+1); other {
			set(key, item)
		}
	}
	if n.defaults {
		for name, f := range n.fields {
			if _, ok := v[name]; ok || f.def == nil {
				continue
			}
			item, _ := settle(f, f.def, depth+1)
			set(name, item)
		}
	}
	return m, changed
}

func settleScalar(n *node, v any) (any, bool) {
	switch x := v.(type) {
	case int:
		return settled(n, int64(x)), true
	case int32:
		return settled(n, int64(x)), true
	case int64:
		if n.typ == "number" {
			return float64(x), true
		}
	case float32:
		return float64(x), true
	case float64:
		if n.typ != "number" && x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int64(x), true
		}
	case json.Number:
		if i, err := x.Int64(); err == nil {
			return settled(n, i), true
		}
		if f, err := x.Float64(); err == nil {
			return f, true
		}
	}
	return v, false
}

func settled(n *node, i int64) any {
	if n.typ == "number" {
		return float64(i)
	}
	return i
}
