package strict

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Decode fills what into points to. It goes on after a problem, so that all
// are reported at once. Field names are the structs' json keys; a type that
// reads itself from text does so; an interface gets nil, bool, int64, float64,
// string, []any or map[string]any.
func (d *Document) Decode(into any) { d.decode(d.root, "", reflect.ValueOf(into).Elem()) }

func (d *Document) decode(n *yaml.Node, path string, v reflect.Value) {
	d.positions[path] = n
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if s, ok := d.text(n, path); ok {
			if err := text.UnmarshalText([]byte(s)); err != nil {
				d.Problem(path, "%s", err)
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, path, v)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.Problem(path, "want a list, have %s", describe(n))
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
			d.Problem(path, "want a whole number, have %s", describe(n))
			return
		}
		v.SetInt(int64(i))
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			d.Problem(path, "want true or false, have %s", describe(n))
			return
		}
		v.SetBool(n.Value == "true" || n.Value == "True" || n.Value == "TRUE")
	default:
		panic("strict: no decoding for " + v.Type().String())
	}
}

func (d *Document) decodeStruct(n *yaml.Node, path string, v reflect.Value) {
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
			d.ProblemAt(Position{k.Line, k.Column}, Join(path, key), "unknown field%s", Suggest(key, names))
			return
		}
		d.decode(value, Join(path, key), v.Field(i))
	})
}

func (d *Document) decodeMap(n *yaml.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	d.eachKey(n, path, func(key string, _, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, Join(path, key), item)
		v.SetMapIndex(reflect.ValueOf(key), item)
	})
}

// eachKey goes over a mapping's entries and reports keys that are no text or
// stand twice.
func (d *Document) eachKey(n *yaml.Node, path string, entry func(key string, k, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.Problem(path, "want a mapping, have %s", describe(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		at := Position{k.Line, k.Column}
		if k.Kind != yaml.ScalarNode || k.Tag != "!!str" {
			d.ProblemAt(at, path, "a key must be text, have %s", describe(k))
			continue
		}
		if line, twice := seen[k.Value]; twice {
			d.ProblemAt(at, Join(path, k.Value), "the key stands twice, first on line %d: keep one", line)
			continue
		}
		seen[k.Value] = k.Line
		entry(k.Value, k, value)
	}
}

func (d *Document) text(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.Problem(path, "want text, have %s", describe(n))
		return "", false
	}
	if n.Tag != "!!str" {
		d.Problem(path, "want text, have %s: put it in quotes", describe(n))
		return "", false
	}
	return n.Value, true
}

// plain turns a node into nil, bool, int64, float64, string, []any and
// map[string]any.
func (d *Document) plain(n *yaml.Node, path string) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		d.eachKey(n, path, func(key string, _, value *yaml.Node) {
			d.positions[Join(path, key)] = value
			out[key] = d.plain(value, Join(path, key))
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
	d.Problem(path, "%s is not allowed here: put it in quotes if it is text", describe(n))
	return nil
}
