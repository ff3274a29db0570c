package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxConfig = 1 << 20 // bytes of .irgit.yaml
	maxDepth  = 100     // far above what the format nests
)

// decoder fills a struct from YAML and goes on after a problem, so that a
// person sees all of them at once.
type decoder struct{ problems []Problem }

func (d *decoder) problem(at, format string, args ...any) {
	d.problems = append(d.problems, Problem{ConfigFile, at, fmt.Sprintf(format, args...)})
}

// document decodes the one document in data and reports whether there is
// anything to check in v.
func (d *decoder) document(data []byte, v any) bool {
	if len(data) > maxConfig {
		d.problem("", "is larger than %d KiB", maxConfig>>10)
		return false
	}
	if line := tooDeep(data); line > 0 {
		d.problem("", "line %d nests deeper than %d levels", line, maxDepth)
		return false
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.problem("", "is empty: declare apiVersion %s, kind Fleet and clusters", apiVersion)
		return false
	case err != nil:
		d.problem("", "is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return false
	}
	if err := dec.Decode(&next); !errors.Is(err, io.EOF) {
		d.problem("", "holds more than one document: keep one")
	}
	d.value(doc.Content[0], "", reflect.ValueOf(v).Elem())
	return true
}

// tooDeep returns the first line that nests too deep, before a parser sees
// it: the parser's own limit is 10,000 levels, and takes it long.
func tooDeep(data []byte) int {
	flow, number := 0, 0
	for line := range bytes.Lines(data) {
		number++
		if lead := len(line) - len(bytes.TrimLeft(line, " -?:")); lead > 2*maxDepth {
			return number
		}
		for _, c := range line {
			switch c {
			case '[', '{':
				flow++
			case ']', '}':
				flow = max(0, flow-1)
			}
		}
		if flow > maxDepth {
			return number
		}
	}
	return 0
}

func (d *decoder) value(n *yaml.Node, at string, v reflect.Value) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.problem(at, "line %d: anchors and aliases are not taken here: write it out", n.Line)
		return
	case n.Tag == "!!null":
		return // as if the key were not there
	}
	switch v.Kind() {
	case reflect.Struct:
		d.fields(n, at, v)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			d.problem(at, "line %d: want a list", n.Line)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			d.value(item, fmt.Sprintf("%s[%d]", at, i), v.Index(i))
		}
	case reflect.Map: // from text to text
		d.texts(n, at, v)
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			d.problem(at, "line %d: want true or false", n.Line)
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	default: // string: the format has nothing else
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
			d.problem(at, "line %d: want text; put it in quotes if it is", n.Line)
			return
		}
		v.SetString(n.Value)
	}
}

func (d *decoder) texts(n *yaml.Node, at string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.problem(at, "line %d: want a mapping", n.Line)
		return
	}
	out := make(map[string]string, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, where := n.Content[i].Value, at+"."+n.Content[i].Value
		if _, twice := out[key]; twice {
			d.problem(where, "line %d: the key stands twice", n.Content[i].Line)
		}
		var value string
		d.value(n.Content[i+1], where, reflect.ValueOf(&value).Elem())
		out[key] = value
	}
	v.Set(reflect.ValueOf(out))
}

func (d *decoder) fields(n *yaml.Node, at string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.problem(at, "line %d: want a mapping", n.Line)
		return
	}
	fields, names := map[string]int{}, []string{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Tag.Get("config") != "-" {
			fields[f.Tag.Get("json")] = i
			names = append(names, f.Tag.Get("json"))
		}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		where := strings.TrimPrefix(at+"."+key.Value, ".")
		index, known := fields[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag != "!!str":
			d.problem(at, "line %d: a key must be text", key.Line)
		case seen[key.Value]:
			d.problem(where, "line %d: the key stands twice", key.Line)
		case !known:
			d.problem(where, "line %d: unknown field; known are %s", key.Line, strings.Join(slices.Sorted(slices.Values(names)), ", "))
		default:
			d.value(value, where, v.Field(index))
		}
		seen[key.Value] = true
	}
}
