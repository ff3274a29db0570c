package render

import (
	"context"
	"fmt"
	"strings"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/strict"
)

// node is a value of a template whose texts are compiled. Keys are literal, so
// that a node evaluates to its own structure, with values in the place of
// expressions.
type node struct {
	path   string
	leaf   *expr.Leaf // a text with expressions
	plain  any        // any other scalar
	fields map[string]*node
	items  []*node
	kind   nodeKind
}

type nodeKind uint8

const (
	scalarNode nodeKind = iota
	mapNode
	listNode
)

// compile makes a node of plain data and reports what does not compile.
func (c *compiler) node(env *expr.Env, path string, v any) *node {
	n := &node{path: path}
	switch v := v.(type) {
	case map[string]any:
		n.kind, n.fields = mapNode, make(map[string]*node, len(v))
		for _, key := range sorted(v) {
			below := strict.Join(path, key)
			if strings.Contains(key, "${") {
				c.doc.Problem(below, "a key cannot be an expression: structure is fixed; put an expression that gives a map in the value's place")
			}
			n.fields[key] = c.node(env, below, v[key])
		}
	case []any:
		n.kind = listNode
		for i, item := range v {
			n.items = append(n.items, c.node(env, fmt.Sprintf("%s[%d]", path, i), item))
		}
	case string:
		if n.plain = v; strings.Contains(v, "${") {
			n.leaf = c.leaf(env, path, v)
		}
	default:
		n.plain = v
	}
	return n
}

// eval gives the node's value. present is false for an expression that gave
// optional.none(): the field or item is left out.
func (n *node) eval(ctx context.Context, vars expr.Vars) (value any, present bool, err error) {
	switch n.kind {
	case mapNode:
		out := make(map[string]any, len(n.fields))
		for _, key := range sorted(n.fields) {
			v, present, err := n.fields[key].eval(ctx, vars)
			if err != nil {
				return nil, false, err
			}
			if present {
				out[key] = v
			}
		}
		return out, true, nil
	case listNode:
		out := make([]any, 0, len(n.items))
		for _, item := range n.items {
			v, present, err := item.eval(ctx, vars)
			if err != nil {
				return nil, false, err
			}
			if present {
				out = append(out, v)
			}
		}
		return out, true, nil
	}
	if n.leaf == nil {
		return n.plain, true, nil
	}
	value, present, err = n.leaf.Eval(ctx, vars)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", n.path, err)
	}
	return value, present, nil
}

// object evaluates a map node.
func (n *node) object(ctx context.Context, vars expr.Vars) (map[string]any, error) {
	v, _, err := n.eval(ctx, vars)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}
