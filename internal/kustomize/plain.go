package kustomize

import (
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resmap"
)

// plain turns what the library rendered into objects as its own JSON has them.
// That JSON is made by way of text, twice: it is asked for only where the nodes
// themselves leave room for doubt.
func plain(rendered resmap.ResMap) ([]*unstructured.Unstructured, error) {
	objects := make([]*unstructured.Unstructured, 0, rendered.Size())
	for _, r := range rendered.Resources() {
		u := &unstructured.Unstructured{}
		if object, ok := ordinary(r.YNode()); ok {
			if u.Object, _ = object.(map[string]any); u.GetKind() != "" {
				objects = append(objects, u)
				continue
			}
		}
		data, err := r.MarshalJSON()
		if err != nil {
			return nil, err
		}
		if err := u.UnmarshalJSON(data); err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.GetKind(), r.GetName(), err)
		}
		objects = append(objects, u)
	}
	return objects, nil
}

// ordinary is the value of a node in the types of unstructured objects. It is
// false of one that could come out otherwise when it is written and read again:
// aliases, merges, keys that stand twice, texts of several lines or with
// letters that YAML escapes, numbers that are not decimal.
func ordinary(n *yaml.Node) (value any, ok bool) {
	if n == nil || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0 {
		return nil, false
	}
	switch {
	case n.Kind == yaml.ScalarNode:
		return ordinaryScalar(n)
	case n.Style&yaml.FlowStyle != 0 && (n.HeadComment != "" || n.LineComment != "" || n.FootComment != ""):
		return nil, false
	case n.Kind == yaml.MappingNode && n.ShortTag() == "!!map":
		return ordinaryMapping(n)
	case n.Kind == yaml.SequenceNode && n.ShortTag() == "!!seq":
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			if list[i], ok = ordinary(item); !ok {
				return nil, false
			}
		}
		return list, true
	}
	return nil, false
}

// maxSimpleKey is the longest key that is written on the line of its value.
const maxSimpleKey = 128

func ordinaryMapping(n *yaml.Node) (value any, ok bool) {
	m := make(map[string]any, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, isScalar := ordinary(n.Content[i])
		text, isText := key.(string)
		if _, twice := m[text]; !isScalar || !isText || twice || len(text) > maxSimpleKey {
			return nil, false
		}
		if m[text], ok = ordinary(n.Content[i+1]); !ok {
			return nil, false
		}
	}
	return m, true
}

func ordinaryScalar(n *yaml.Node) (value any, ok bool) {
	for _, c := range []byte(n.Value) {
		if c < ' ' || c > '~' {
			return nil, false
		}
	}
	switch n.ShortTag() {
	case "!!str":
		return n.Value, true
	case "!!null":
		return nil, n.Value != "" // which would become a text in {}
	case "!!bool":
		return n.Value == "true", n.Value == "true" || n.Value == "false"
	case "!!int":
		whole, err := strconv.ParseInt(n.Value, 10, 64)
		return whole, err == nil && strconv.FormatInt(whole, 10) == n.Value
	case "!!float":
		number, err := strconv.ParseFloat(n.Value, 64)
		if whole := int64(number); float64(whole) == number && math.Abs(number) < 1<<53 {
			return whole, err == nil && !math.Signbit(number)
		}
		return number, err == nil && strconv.FormatFloat(number, 'f', -1, 64) == n.Value
	}
	return nil, false
}
