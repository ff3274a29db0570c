package validate

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// node is a compiled schema. It is immutable once its kind is compiled.
type node struct {
	typ         string // object, array, string, integer, number, boolean; "" = any
	format      string
	nullable    bool // null may stand here; in built-in kinds and build files it means absent
	intOrString bool
	quantity    bool // text or a number
	open        bool // unknown fields are allowed
	logic       bool // part of an allOf, anyOf, oneOf or not: never judges unknown fields

	fields     map[string]*node
	names      []string // of fields, sorted
	required   []string
	additional *node
	items      *node
	def        any // default, nil for none
	defaults   bool

	enum                       []any
	pattern                    *regexp.Regexp
	minLength, maxLength       *int64
	minItems, maxItems         *int64
	minFields, maxFields       *int64
	minimum, maximum           *float64
	exclusiveMin, exclusiveMax bool
	multipleOf                 *float64
	unique                     bool
	mapKeys                    []string // x-kubernetes-list-type: map

	allOf, anyOf, oneOf []*node
	not                 *node
	rules               []rule
	checks              []check
}

// check is a hand-written rule over an object that already has the right shape.
type check func(w *walk, m map[string]any)

type compiler struct {
	v      *Validator
	bundle *bundle
	crd    bool // defaults apply and null is a value; built-in kinds differ
}

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

// kind compiles the schema of a kind; CRDs get what the API server adds.
func (c *compiler) kind(apiVersion, name string, raw json.RawMessage) (*node, error) {
	c.crd = c.bundle.name != builtins
	n, err := c.raw(raw)
	if err != nil {
		return nil, fmt.Errorf("compile schema of %s/%s: %w", apiVersion, name, err)
	}
	if c.crd {
		if err := c.addMeta(n); err != nil {
			return nil, fmt.Errorf("compile schema of %s/%s: %w", apiVersion, name, err)
		}
		group, _, _ := strings.Cut(apiVersion, "/")
		n.checks = append(n.checks, kindChecks[group+"/"+name]...)
		if err := c.embed(n, group+"/"+name); err != nil {
			return nil, fmt.Errorf("compile schema of %s/%s: %w", apiVersion, name, err)
		}
	}
	return n, nil
}

// embed has a field judged by a built-in definition as well.
func (c *compiler) embed(n *node, kind string) error {
	e, ok := embedded[kind]
	if !ok || n.fields["spec"] == nil || n.fields["spec"].fields[e.field] == nil {
		return nil
	}
	def, err := c.builtin(e.definition)
	if err != nil {
		return err
	}
	f := n.fields["spec"].fields[e.field]
	f.checks = append(f.checks, func(w *walk, m map[string]any) { w.value(def, m) })
	return nil
}

// builtin compiles a definition of Kubernetes.
func (c *compiler) builtin(name string) (*node, error) {
	b := c.v.bundles[builtins]
	if err := b.load(); err != nil {
		return nil, err
	}
	return (&compiler{v: c.v, bundle: b}).definition(name)
}

func (c *compiler) addMeta(n *node) error {
	meta, err := c.builtin(objectMeta)
	if err != nil {
		return err
	}
	n.typ = "object"
	if n.fields == nil {
		n.fields = make(map[string]*node)
	}
	n.fields["apiVersion"], n.fields["kind"] = &node{typ: "string"}, &node{typ: "string"}
	n.fields["metadata"] = meta
	n.names = slices.Sorted(maps.Keys(n.fields))
	return nil
}

func (c *compiler) raw(raw json.RawMessage) (*node, error) {
	var s spec.Schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	return c.schema(&s, false)
}

// definition compiles a named schema once; a schema may refer to itself.
func (c *compiler) definition(name string) (*node, error) {
	if n, ok := c.bundle.nodes[name]; ok {
		return n, nil
	}
	raw, ok := c.bundle.Definitions[name]
	if !ok {
		return nil, fmt.Errorf("definition %s does not exist", name)
	}
	n := &node{}
	c.bundle.nodes[name] = n
	compiled, err := c.raw(raw)
	if err != nil {
		return nil, fmt.Errorf("definition %s: %w", name, err)
	}
	*n = *compiled
	n.quantity = name == "io.k8s.apimachinery.pkg.api.resource.Quantity"
	label := strings.TrimPrefix(name, "io.k8s.api.")
	n.checks = definitionChecks[strings.TrimPrefix(label, "io.k8s.apimachinery.pkg.apis.")]
	for field, values := range enums[label] {
		f, ok := n.fields[field]
		if !ok {
			return nil, fmt.Errorf("definition %s has no field %s", name, field)
		}
		limited := *f
		if limited.items != nil {
			item := *limited.items
			item.enum = values
			limited.items = &item
		} else {
			limited.enum = values
		}
		n.fields[field] = &limited
	}
	return n, nil
}

func (c *compiler) schema(s *spec.Schema, logic bool) (*node, error) {
	if ref := s.Ref.String(); ref != "" {
		return c.definition(ref)
	}
	n := &node{
		format: s.Format, nullable: s.Nullable || !c.crd || c.bundle.name == buildFiles, logic: logic, required: s.Required, enum: s.Enum,
		minLength: s.MinLength, maxLength: s.MaxLength, minItems: s.MinItems, maxItems: s.MaxItems,
		minFields: s.MinProperties, maxFields: s.MaxProperties, minimum: s.Minimum, maximum: s.Maximum,
		exclusiveMin: s.ExclusiveMinimum, exclusiveMax: s.ExclusiveMaximum, multipleOf: s.MultipleOf, unique: s.UniqueItems,
	}
	if len(s.Type) > 1 {
		return nil, errors.New("a schema with several types is not supported")
	}
	if len(s.Type) == 1 {
		n.typ = s.Type[0]
	}
	n.intOrString = s.Format == "int-or-string" || extension[bool](s, "x-kubernetes-int-or-string")
	if n.intOrString {
		n.typ, n.format = "", ""
	}
	n.open = extension[bool](s, "x-kubernetes-preserve-unknown-fields")
	if s.Pattern != "" {
		var err error
		if n.pattern, err = regexp.Compile(s.Pattern); err != nil {
			return nil, fmt.Errorf("pattern: %w", err)
		}
	}
	for _, rule := range extension[[]any](s, "x-kubernetes-validations") {
		if err := c.rule(n, rule); err != nil {
			return nil, err
		}
	}
	switch extension[string](s, "x-kubernetes-list-type") {
	case "set":
		n.unique = true
	case "map":
		for _, key := range extension[[]any](s, "x-kubernetes-list-map-keys") {
			if text, ok := key.(string); ok {
				n.mapKeys = append(n.mapKeys, text)
			}
		}
	}
	if c.crd {
		n.def = s.Default
	}
	if err := c.below(n, s, logic); err != nil {
		return nil, err
	}
	if extension[bool](s, "x-kubernetes-embedded-resource") {
		if err := c.addMeta(n); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// below compiles what a schema holds.
func (c *compiler) below(n *node, s *spec.Schema, logic bool) error {
	var err error
	if len(s.Properties) > 0 {
		n.fields = make(map[string]*node, len(s.Properties))
		for name := range s.Properties {
			sub := s.Properties[name]
			f, err := c.schema(&sub, logic)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			n.fields[name] = f
			n.defaults = n.defaults || f.defaults || f.def != nil
		}
		n.names = slices.Sorted(maps.Keys(n.fields))
	}
	if s.AdditionalProperties != nil {
		if n.open = n.open || s.AdditionalProperties.Allows && s.AdditionalProperties.Schema == nil; s.AdditionalProperties.Schema != nil {
			if n.additional, err = c.schema(s.AdditionalProperties.Schema, logic); err != nil {
				return err
			}
			n.defaults = n.defaults || n.additional.defaults
		}
	}
	if n.typ == "object" && n.fields == nil && n.additional == nil && !c.crd {
		n.open = true // RawExtension and the like
	}
	if s.Items != nil && s.Items.Schema != nil {
		if n.items, err = c.schema(s.Items.Schema, logic); err != nil {
			return err
		}
		n.defaults = n.defaults || n.items.defaults
	}
	for _, group := range []struct {
		from []spec.Schema
		to   *[]*node
	}{{s.AllOf, &n.allOf}, {s.AnyOf, &n.anyOf}, {s.OneOf, &n.oneOf}} {
		for i := range group.from {
			sub, err := c.schema(&group.from[i], true)
			if err != nil {
				return err
			}
			*group.to = append(*group.to, sub)
		}
	}
	if s.Not != nil {
		n.not, err = c.schema(s.Not, true)
	}
	return err
}

// extension reads an x-kubernetes-… key, or the zero value.
func extension[T any](s *spec.Schema, name string) T {
	value, _ := s.Extensions[name].(T)
	return value
}
