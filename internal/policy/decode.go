package policy

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Duration is a time span written as Go does ("90m", "24h"), or in days
// ("7d").
type Duration time.Duration

// MarshalText writes the span in Go's notation.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

var days = regexp.MustCompile(`^(\d{1,4})d$`)

func parseDuration(s string) (Duration, error) {
	if m := days.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		return Duration(time.Duration(n) * 24 * time.Hour), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration: write 30m, 24h or 7d", s)
	}
	return Duration(d), nil
}

// decode fills v from the node. It goes on after a problem, so that all are
// reported at once. Field names are the struct's json keys.
func (d *document) decode(n *yaml.Node, path string, v reflect.Value) {
	d.positions[path] = n
	if v.Type() == reflect.TypeFor[Duration]() {
		if s, ok := d.text(n, path); ok {
			span, err := parseDuration(s)
			if err != nil {
				d.problem(path, "%s", err)
			}
			v.SetInt(int64(span))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, path, v)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.problem(path, "want a list, have %s", describe(n))
			return
		}
		out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
		for i, c := range n.Content {
			d.decode(c, fmt.Sprintf("%s[%d]", path, i), out.Index(i))
		}
		v.Set(out)
	case reflect.Map:
		d.decodeMap(n, path, v)
	case reflect.Interface:
		if plain := d.plain(n, path); plain != nil {
			v.Set(reflect.ValueOf(plain))
		}
	case reflect.String:
		if s, ok := d.text(n, path); ok {
			v.SetString(s)
		}
	case reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
			d.problem(path, "want a whole number, have %s", describe(n))
			return
		}
		v.SetInt(int64(i))
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			d.problem(path, "want true or false, have %s", describe(n))
			return
		}
		v.SetBool(n.Value == "true" || n.Value == "True" || n.Value == "TRUE")
	default:
		panic("policy: no decoding for " + v.Type().String())
	}
}

func (d *document) decodeStruct(n *yaml.Node, path string, v reflect.Value) {
	fields := map[string]int{}
	var names []string
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			fields[name] = i
			names = append(names, name)
		}
	}
	d.eachKey(n, path, func(key string, k, value *yaml.Node) {
		i, ok := fields[key]
		if !ok {
			d.problemAt(position{k.Line, k.Column}, join(path, key), "unknown field%s", suggest(key, names))
			return
		}
		d.decode(value, join(path, key), v.Field(i))
	})
}

func (d *document) decodeMap(n *yaml.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	d.eachKey(n, path, func(key string, _, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, join(path, key), item)
		v.SetMapIndex(reflect.ValueOf(key), item)
	})
}

// eachKey goes over a mapping's entries and reports keys that are no text or
// stand twice.
func (d *document) eachKey(n *yaml.Node, path string, entry func(key string, k, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.problem(path, "want a mapping, have %s", describe(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		at := position{k.Line, k.Column}
		if k.Kind != yaml.ScalarNode || k.Tag != "!!str" {
			d.problemAt(at, path, "a key must be text, have %s", describe(k))
			continue
		}
		if line, twice := seen[k.Value]; twice {
			d.problemAt(at, join(path, k.Value), "the key stands twice, first on line %d: keep one", line)
			continue
		}
		seen[k.Value] = k.Line
		entry(k.Value, k, value)
	}
}

func (d *document) text(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.problem(path, "want text, have %s", describe(n))
		return "", false
	}
	if n.Tag != "!!str" {
		d.problem(path, "want text, have %s: put it in quotes", describe(n))
		return "", false
	}
	return n.Value, true
}

// plain turns a node into nil, bool, int64, float64, string, []any and
// map[string]any.
func (d *document) plain(n *yaml.Node, path string) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		d.eachKey(n, path, func(key string, _, value *yaml.Node) {
			d.positions[join(path, key)] = value
			out[key] = d.plain(value, join(path, key))
		})
		return out
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			out[i] = d.plain(c, fmt.Sprintf("%s[%d]", path, i))
		}
		return out
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!str":
		return n.Value
	}
	var v any
	if err := n.Decode(&v); err == nil {
		switch v := v.(type) {
		case bool, string:
			return v
		case float64:
			if !math.IsInf(v, 0) && !math.IsNaN(v) {
				return v
			}
		case int:
			return int64(v)
		}
	}
	d.problem(path, "%s is not allowed here: put it in quotes if it is text", describe(n))
	return nil
}
