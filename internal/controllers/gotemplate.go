package controllers

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// renderer fills in the templates of one ApplicationSet, with a bound on all
// that they may do together. They come from whoever may write to the
// repository, so they reach neither the environment nor files nor the network,
// and nothing in them that loops or grows goes on for long. What it refuses
// depends on the templates alone, not on the machine.
type renderer struct {
	ctx     context.Context
	left    int // units: about a byte written, or given to a function
	goes    bool
	options []string
	base    *template.Template
	parsed  map[string]*template.Template
}

const (
	renderUnits = 64 << 20
	stepUnits   = 64        // of a step of a loop, of a write, or of a value
	maxTemplate = 64 << 10  // bytes of one template
	maxRendered = 256 << 10 // bytes that one makes
	maxArgument = 64 << 10  // bytes of all arguments of a call
	maxProduct  = 4 << 20   // of the sizes of the largest two
	callOverAll = 64        // part of the product that a call costs
)

var errTooMuch = errors.New("its templates make, or do, too much")

func newRenderer(ctx context.Context, goes bool, options []string) *renderer {
	r := &renderer{ctx: ctx, left: renderUnits, goes: goes, options: options, parsed: map[string]*template.Template{}}
	if goes {
		r.base = template.New("").Funcs(r.functions())
	}
	return r
}

func (r *renderer) spend(units int) error {
	if r.left -= units; r.left < 0 || units < 0 {
		return errTooMuch
	}
	return r.ctx.Err()
}

// fill replaces what stands in braces in a text.
func (r *renderer) fill(text string, params map[string]any) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	if len(text) > maxTemplate {
		return "", fmt.Errorf("has a template of more than %d KiB", maxTemplate>>10)
	}
	if !r.goes {
		return r.fillFast(text, params)
	}
	return r.fillGo(text, params, r.options)
}

var fastTemplated = regexp.MustCompile(`{{.*}}`)

// fillFast replaces {{name}} and leaves what it does not know (argo-cd:
// Render.Replace in applicationset/utils, by valyala/fasttemplate).
func (r *renderer) fillFast(text string, params map[string]any) (string, error) {
	if !fastTemplated.MatchString(text) {
		return text, nil
	}
	var out strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{{")
		out.WriteString(before)
		if !open {
			break
		}
		tag, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return "", fmt.Errorf("has a template without its end: %q", text)
		}
		if value, ok := params[strings.TrimSpace(tag)].(string); ok {
			out.WriteString(value)
		} else {
			out.WriteString("{{" + tag + "}}")
		}
		if text = after; out.Len() > maxRendered {
			return "", errTooMuch
		}
	}
	return out.String(), r.spend(stepUnits + out.Len())
}

// changing are templates that may change their parameters, of which others are
// to know nothing.
var changing = regexp.MustCompile(`set|[mM]erge`)

func (r *renderer) fillGo(text string, params map[string]any, options []string) (out string, err error) {
	key := strings.Join(options, " ") + "\x00" + text
	t, ok := r.parsed[key]
	if !ok {
		if t, err = r.parse(text, options); err != nil {
			return "", fmt.Errorf("has a template that Argo CD refuses: %w", err)
		}
		r.parsed[key] = t
	}
	if changing.MatchString(text) {
		params, _ = copied(reflect.ValueOf(params)).Interface().(map[string]any)
	}
	w := &boundedWriter{renderer: r}
	if err := t.Execute(w, params); err != nil {
		return "", fmt.Errorf("has a template that cannot be filled in: %w", err)
	}
	return w.text.String(), nil
}

func (r *renderer) parse(text string, options []string) (*template.Template, error) {
	t, err := r.base.Clone()
	if err != nil {
		return nil, err
	}
	for _, o := range options {
		if !slices.Contains([]string{"missingkey=default", "missingkey=invalid", "missingkey=zero", "missingkey=error"}, o) {
			return nil, fmt.Errorf("spec.goTemplateOptions has %q, which there is not", o)
		}
		t.Option(o)
	}
	if t, err = t.Parse(text); err != nil {
		return nil, err
	}
	if len(t.Templates()) > 1 || t.Tree == nil {
		return nil, errors.New("it defines templates within it, which irgit does not follow")
	}
	return t, stepped(t.Root)
}

// stepped puts an empty text in front of every list of nodes: it is written at
// each step of a loop, so the writer sees loops that write nothing.
func stepped(list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	var err error
	branch := func(b *parse.BranchNode) {
		err = errors.Join(err, stepped(b.List), stepped(b.ElseList))
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.IfNode:
			branch(&n.BranchNode)
		case *parse.RangeNode:
			branch(&n.BranchNode)
		case *parse.WithNode:
			branch(&n.BranchNode)
		case *parse.TemplateNode:
			return errors.New("it uses templates within it, which irgit does not follow")
		}
	}
	list.Nodes = slices.Insert(list.Nodes, 0, parse.Node(&parse.TextNode{NodeType: parse.NodeText, Pos: list.Pos}))
	return err
}

type boundedWriter struct {
	*renderer
	text strings.Builder
}

func (w *boundedWriter) Write(p []byte) (int, error) {
	if err := w.spend(stepUnits + len(p)); err != nil {
		return 0, err
	}
	if w.text.Len()+len(p) > maxRendered {
		return 0, errTooMuch
	}
	return w.text.Write(p)
}

// size is about how many bytes a value has, at most limit+1.
func size(v reflect.Value, limit int) int {
	sum := 1
	switch v.Kind() {
	case reflect.String:
		sum += v.Len()
	case reflect.Interface:
		if !v.IsNil() {
			return size(v.Elem(), limit)
		}
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len() && sum <= limit; i++ {
			sum += size(v.Index(i), limit-sum)
		}
	case reflect.Map:
		for it := v.MapRange(); sum <= limit && it.Next(); {
			sum += size(it.Key(), limit) + size(it.Value(), limit-sum)
		}
	case reflect.Pointer, reflect.Struct:
		sum += 64
	}
	return min(sum, limit+1)
}
