// Package manifest writes plain data as YAML whose bytes are a function of the
// data, and which every parser reads alike, be it of YAML 1.1 or 1.2.
//
// [Encode] reads back what it wrote and refuses to give out anything else.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	syaml "sigs.k8s.io/yaml"
)

// Encode writes plain data as one YAML document below a comment of one line, ""
// for none: two spaces of indent; apiVersion, kind, metadata and spec first;
// within spec the keys that are named, in their order; all other keys sorted.
func Encode(comment string, v map[string]any, spec ...string) ([]byte, error) {
	order := map[string][]string{"": {"apiVersion", "kind", "metadata", "spec"}, "metadata": {"name", "namespace"}, "spec": spec}
	node, err := yamlNode(v, order[""], order)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if comment != "" {
		fmt.Fprintf(&out, "# %s\n", comment)
	}
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(node); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	back, err := Decode(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("write YAML: read it back: %w", err)
	}
	if !reflect.DeepEqual(back, v) {
		return nil, errors.New("write YAML: what is read back is not what was written")
	}
	return out.Bytes(), nil
}

// Decode reads one YAML document of an object, with whole numbers as int64. A
// key that stands twice is an error.
func Decode(data []byte) (map[string]any, error) {
	text, err := syaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	err = unstructuredJSON(text, &out)
	return out, err
}

func unstructuredJSON(text []byte, out *map[string]any) error {
	var u unstructured.Unstructured
	if err := u.UnmarshalJSON(text); err == nil {
		*out = u.Object
		return nil
	}
	return syaml.UnmarshalStrict(text, out) // no kind: not an object
}

// yamlNode writes v; first are the keys of it that come first, below says
// which are first in its maps.
func yamlNode(v any, first []string, below map[string][]string) (*yaml.Node, error) {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		keys := slices.Sorted(maps.Keys(v))
		slices.SortStableFunc(keys, func(a, b string) int { return rank(first, a) - rank(first, b) })
		for _, key := range keys {
			value, err := yamlNode(v[key], below[key], nil)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			n.Content = append(n.Content, scalar(key), value)
		}
		return n, nil
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, item := range v {
			value, err := yamlNode(item, nil, nil)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, value)
		}
		return n, nil
	case string:
		return scalar(v), nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}, nil
	case int64:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(v, 10)}, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("a number is none")
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: strconv.FormatFloat(v, 'g', -1, 64)}, nil
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	}
	return nil, fmt.Errorf("a %T is no plain data", v)
}

func rank(first []string, key string) int {
	if i := slices.Index(first, key); i >= 0 {
		return i
	}
	return len(first)
}

var (
	// bare needs no quotes in any YAML: words, names, paths, durations.
	bare      = regexp.MustCompile(`^(\./)?[A-Za-z]([-A-Za-z0-9_./]*[A-Za-z0-9])?$|^[0-9]{1,4}[smh]$`)
	meantElse = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null)$`)
)

// scalar writes text in quotes unless it cannot be taken for anything else.
// Text of several lines without anything unusual becomes a block.
func scalar(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
	switch {
	case bare.MatchString(s) && !meantElse.MatchString(s):
		n.Style = 0
	case block.MatchString(s) && !strings.HasSuffix(s, "\n"):
		n.Style = yaml.LiteralStyle
	}
	return n
}

// block is text that a literal block carries byte for byte.
var block = regexp.MustCompile(`^[!-~][ -~]*(\n[ -~]+)+$`)
