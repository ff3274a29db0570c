package render

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	syaml "sigs.k8s.io/yaml"
)

// encode writes plain data as one YAML document below a comment of one line:
// two spaces of indent, apiVersion, kind, metadata and spec first, all other
// keys sorted. Equal data gives equal bytes, and what is read back is the same
// data, by YAML 1.1 and 1.2.
func encode(comment string, v map[string]any) ([]byte, error) {
	node, err := yamlNode(v, topKeys)
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
	back, err := decode(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("write YAML: read it back: %w", err)
	}
	if !reflect.DeepEqual(back, v) {
		return nil, errors.New("write YAML: what is read back is not what was written")
	}
	return out.Bytes(), nil
}

// decode reads one YAML document of an object, with whole numbers as int64.
func decode(data []byte) (map[string]any, error) {
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

// plainCopy is v as JSON has it: it shares nothing with v, and lists and maps
// have the types that unstructured objects have.
func plainCopy(v map[string]any) map[string]any { return runtime.DeepCopyJSON(v) }

var (
	topKeys  = []string{"apiVersion", "kind", "metadata", "spec"}
	metaKeys = []string{"name", "namespace"}
)

func yamlNode(v any, first []string) (*yaml.Node, error) {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		keys := sorted(v)
		slices.SortStableFunc(keys, func(a, b string) int { return rank(first, a) - rank(first, b) })
		for _, key := range keys {
			var next []string
			if key == "metadata" {
				next = metaKeys
			}
			value, err := yamlNode(v[key], next)
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
			value, err := yamlNode(item, nil)
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
