package render

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
)

// run evaluates a template. Nothing is added to the bundle before all of it is
// known to fit.
func (b *bundler) run(ctx context.Context, t *template, vars expr.Vars, step *Step) error {
	misfit := func(reason string, err error) error {
		return &NotFittingError{Action: step.Action, Reason: reason, Err: err}
	}
	failed := func(err error) error { return fmt.Errorf("render action %s (%s): %w", step.Action, t.action.File, err) }
	if reason, err := unmet(ctx, t.common.requires, vars); err != nil {
		return failed(err)
	} else if reason != "" {
		return misfit(reason, nil)
	}
	v, err := t.variant(ctx, vars)
	if err != nil {
		return failed(err)
	}
	if v == nil {
		return misfit("none of its variants is for this cluster and workload", nil)
	}
	if reason, err := unmet(ctx, v.requires, vars); err != nil {
		return failed(err)
	} else if reason != "" {
		return misfit(reason, nil)
	}
	s := *t.spec // the step owns what it points to
	step.Variant, step.Cuts, step.Summary, step.Vocabulary, step.Undo = v.Name, v.Cuts, s.Summary, &s.Vocabulary, &s.Undo
	step.DoesNot = slices.Concat(s.DoesNot, v.DoesNot)
	for _, w := range slices.Concat(t.common.warnings, v.warnings) {
		holds, err := w.program.True(ctx, vars)
		if err != nil {
			return failed(err)
		}
		if holds {
			step.Warnings = append(step.Warnings, w.say(ctx, vars))
		}
	}
	pods := slices.Concat(t.common.pods, v.pods)
	if len(pods) > 0 {
		if reason, err := b.reachable(ctx); err != nil {
			return err
		} else if reason != "" {
			return misfit(reason, nil)
		}
	}
	d := b.draft.clone()
	patches, err := b.patches(ctx, &d, step.Action, slices.Concat(t.common.patches, v.patches), vars)
	var bad *fleet.HookError
	if errors.As(err, &bad) {
		return misfit(bad.Error(), bad)
	}
	if err != nil {
		return failed(err)
	}
	if reason := cmp.Or(b.contradiction(patches), b.held(patches), b.unliftable(patches), b.twoPhased(patches)); reason != "" {
		return misfit(reason, nil)
	}
	for _, n := range slices.Concat(t.common.resources, v.resources) {
		all, err := n.objects(ctx, vars)
		if err != nil {
			return failed(err)
		}
		for _, obj := range all {
			if err := b.create(step, obj); err != nil {
				return err
			}
		}
	}
	for _, n := range pods {
		said, err := n.object(ctx, vars)
		if err != nil {
			return failed(err)
		}
		if err := b.pod(step, said); err != nil {
			return err
		}
	}
	for _, p := range patches {
		if err := b.patch(step, p); err != nil {
			return err
		}
	}
	if len(step.Files) == 0 {
		return misfit("it changes nothing on this workload", nil)
	}
	b.draft = d
	return nil
}

// variant is the first whose condition holds, nil when none does.
func (t *template) variant(ctx context.Context, vars expr.Vars) (*variant, error) {
	for i := range t.variants {
		v := &t.variants[i]
		if v.when == nil {
			return v, nil
		}
		if holds, err := v.when.True(ctx, vars); err != nil || holds {
			return v, err
		}
	}
	return nil, nil
}

// unmet gives the sentence of the first requirement that does not hold.
func unmet(ctx context.Context, requires []condition, vars expr.Vars) (string, error) {
	for _, r := range requires {
		holds, err := r.program.True(ctx, vars)
		if err != nil {
			return "", err
		}
		if !holds {
			return r.say(ctx, vars), nil
		}
	}
	return "", nil
}

// say evaluates the sentence. One that fails still says that it stands there:
// the condition is what counts.
func (c condition) say(ctx context.Context, vars expr.Vars) string {
	v, _, err := c.sentence.Eval(ctx, vars)
	if err != nil {
		return "a condition of the template does not hold, and its sentence fails: " + err.Error()
	}
	return strings.Join(strings.Fields(fmt.Sprint(v)), " ")
}

// objects evaluates a resource: one object, or one for each item of its list.
func (n resourceNode) objects(ctx context.Context, vars expr.Vars) (all []map[string]any, err error) {
	if n.list == nil {
		obj, err := n.object.object(ctx, vars)
		return []map[string]any{obj}, err
	}
	list, err := n.list.Eval(ctx, vars)
	if err != nil {
		return nil, fmt.Errorf("%s.%s: %w", n.object.path, forEach, err)
	}
	items, ok := list.([]any)
	if !ok {
		return nil, fmt.Errorf("%s.%s: want a list, have %T", n.object.path, forEach, list)
	}
	vars = maps.Clone(vars)
	for _, item := range items {
		vars["item"] = item
		obj, err := n.object.object(ctx, vars)
		if err != nil {
			return nil, err
		}
		all = append(all, obj)
	}
	return all, nil
}
