package controllers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// applicationSetSpec is what irgit reads of an ApplicationSet's spec (argo-cd:
// pkg/apis/application/v1alpha1/applicationset_types.go).
type applicationSetSpec struct {
	GoTemplate        bool             `json:"goTemplate"`
	GoTemplateOptions []string         `json:"goTemplateOptions"`
	Generators        []map[string]any `json:"generators"`
	Template          map[string]any   `json:"template"`
	TemplatePatch     *string          `json:"templatePatch"`
}

// generation is an ApplicationSet on its way to its Applications.
type generation struct {
	env      Env
	obj      *unstructured.Unstructured
	spec     applicationSetSpec
	renderer *renderer
	entries  int // of the repository that were looked at
	out      []*unstructured.Unstructured
	unknowns []Unknown
}

// parameters are what one Application is made with.
type parameters = map[string]any

// problem is why something of an ApplicationSet cannot be told.
type problem struct{ reason, step string }

func (p *problem) Error() string { return p.reason }

func problemf(step, format string, args ...any) error {
	return &problem{fmt.Sprintf(format, args...), step}
}

const (
	maxApplications = 10_000
	maxUnknowns     = 100
	maxEntries      = 500_000 // of directories that git generators look through
	declare         = "declare the roots that it leads to in .irgit.yaml"
)

// Generate makes the Applications of an ApplicationSet, in the order of its
// generators. What a generator, or one of its Applications, cannot be told of
// is in the second answer; what the others make is in the first.
func Generate(ctx context.Context, env Env, obj *unstructured.Unstructured) ([]*unstructured.Unstructured, []Unknown, error) {
	g := &generation{env: env, obj: obj}
	if err := decode(obj.Object["spec"], &g.spec); err != nil {
		return nil, []Unknown{*unknownf(obj, "has a spec that Argo CD refuses: %v", err).with("correct it")}, nil
	}
	g.renderer = newRenderer(ctx, g.spec.GoTemplate, g.spec.GoTemplateOptions)
	if len(g.spec.Generators) == 0 {
		g.note(problemf("give it one", "has no generator"))
	}
	for _, raw := range g.spec.Generators {
		found, err := g.transform(ctx, raw, g.spec.Template, nil, 0)
		if gone(ctx, err) != nil {
			return nil, nil, err
		}
		g.note(err)
		for _, t := range found {
			g.applications(t)
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
	return g.out, g.unknowns, nil
}

// note keeps a problem, once.
func (g *generation) note(err error) {
	if err == nil {
		return
	}
	u := unknownf(g.obj, "%s", shortened(err.Error())).with(declare)
	var p *problem
	if errors.As(err, &p) && p.step != "" {
		u.Step = p.step
	}
	if !slices.Contains(g.unknowns, *u) && len(g.unknowns) < maxUnknowns {
		g.unknowns = append(g.unknowns, *u)
	}
}

// shortened is a reason in one line, without what a template may have put in.
func shortened(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// applications fills in the template for each set of parameters.
func (g *generation) applications(t transformed) {
	names := map[string]bool{}
	for _, app := range g.out {
		names[app.GetName()] = true
	}
	for _, params := range t.params {
		app, err := g.application(t.template, params)
		switch {
		case err != nil:
			g.note(err)
			if errors.Is(err, errTooMuch) {
				return
			}
		case app.GetName() == "" || strings.Contains(app.GetName(), "{{"):
			g.note(problemf("", "makes an Application with the name %q, in which nothing fills in a template", app.GetName()))
		case names[app.GetName()]:
			g.note(problemf("give each Application a name of its own", "makes more than one Application with the name %s, which Argo CD refuses", app.GetName()))
		case len(g.out) == maxApplications:
			g.note(problemf("", "makes more than %d Applications", maxApplications))
			return
		default:
			names[app.GetName()] = true
			g.out = append(g.out, app)
		}
	}
}

// application is the template filled in (argo-cd: GenerateApplications in
// applicationset/controllers/template).
func (g *generation) application(tmpl map[string]any, params parameters) (*unstructured.Unstructured, error) {
	meta, _ := tmpl["metadata"].(map[string]any)
	plain := map[string]any{"spec": tmpl["spec"]}
	kept := map[string]any{}
	for _, key := range []string{"name", "labels", "annotations", "finalizers"} {
		if meta[key] != nil {
			kept[key] = meta[key]
		}
	}
	plain["metadata"] = kept
	filled, err := g.renderer.deep(plain, params, 0)
	if err != nil {
		return nil, err
	}
	content, err := g.patched(filled.(map[string]any), params)
	if err != nil {
		return nil, err
	}
	app := &unstructured.Unstructured{Object: content}
	app.SetAPIVersion("argoproj.io/v1alpha1")
	app.SetKind("Application")
	app.SetNamespace(g.obj.GetNamespace())
	named(app)
	return app, nil
}

// patched applies spec.templatePatch, which leaves the project as it is.
func (g *generation) patched(filled map[string]any, params parameters) (map[string]any, error) {
	if g.spec.TemplatePatch == nil {
		return filled, nil
	}
	text, err := g.renderer.fill(*g.spec.TemplatePatch, params)
	if err != nil {
		return nil, err
	}
	var patch map[string]any
	if err := readYAML([]byte(text), &patch); err != nil {
		return nil, problemf("correct it", "has a templatePatch that is no object: %v", err)
	}
	if directive(patch) {
		return nil, problemf("", "has a templatePatch with $patch, which irgit does not follow")
	}
	project, has, _ := unstructured.NestedFieldNoCopy(filled, "spec", "project")
	app := mergePatch(filled, patch).(map[string]any)
	if spec, ok := app["spec"].(map[string]any); ok {
		if spec["project"] = project; !has {
			delete(spec, "project")
		}
	}
	if _, ok := app["metadata"].(map[string]any); !ok {
		return nil, problemf("correct it", "has a templatePatch that leaves no metadata")
	}
	return app, nil
}

// directive reports whether a strategic merge patch has instructions in it.
func directive(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if strings.HasPrefix(key, "$") || directive(value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, directive)
	}
	return false
}

// deep is a copy of a value with all texts filled in, keys too. Without
// parameters they stay as they are, as Argo CD has it.
func (r *renderer) deep(v any, params parameters, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooMuch
	}
	if err := r.spend(stepUnits); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		return r.each(v, params)
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range keysOf(v) {
			value, err := r.deep(v[key], params, depth+1)
			if err != nil {
				return nil, err
			}
			name, err := r.each(key, params)
			if err != nil {
				return nil, err
			}
			out[name] = value
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = r.deep(v[i], params, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

func (r *renderer) each(text string, params parameters) (string, error) {
	if err := r.spend(len(text)); err != nil || len(params) == 0 {
		return text, err
	}
	return r.fill(text, params)
}

const maxDepth = 100 // of a template's values
