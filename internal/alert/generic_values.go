package alert

import (
	"encoding/json"
	"strconv"
	"time"
)

// one reads text that an expression gave, or a number as text.
func (r *reading) one(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	}
	r.fail(problemf("%s: the expression of the mapping must give text", name))
	return ""
}

// many reads text or a list of it.
func (r *reading) many(name string, value any) (all []string) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, v := range list {
		if s := r.one(name, v); s != "" {
			all = append(all, s)
		}
	}
	return all
}

func (r *reading) mappedTime(value any) time.Time {
	switch v := value.(type) {
	case nil:
		return time.Time{}
	case int64:
		if v > 0 && v <= int64(maxTime/time.Second) {
			return time.Unix(v, 0).UTC()
		}
	case string:
		if t, err := time.Parse(time.RFC3339, v); v == "" || err == nil {
			return t.UTC()
		}
	}
	r.fail("time: the expression of the mapping must give RFC 3339 text or seconds since 1970")
	return time.Time{}
}

// asText is a value as evidence.
func asText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "" // cannot be: expressions give what JSON can say
	}
	return string(text)
}

// data is a value as expressions see it. Integers that fit stay whole.
func (n *node) data() any {
	switch n.kind {
	case null:
		return nil
	case boolean:
		return n.text == "true"
	case text:
		return n.text
	case number:
		if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
			return i
		}
		f, err := strconv.ParseFloat(n.text, 64)
		if err != nil {
			return n.text
		}
		return f
	case array:
		out := make([]any, len(n.items))
		for i := range n.items {
			out[i] = n.items[i].data()
		}
		return out
	}
	out := make(map[string]any, len(n.members))
	for i := range n.members {
		out[n.members[i].name] = n.members[i].value.data()
	}
	return out
}
