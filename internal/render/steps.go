package render

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/strict"
)

// incidentForm is what an incident's id looks like: day, slug, key. It becomes
// part of paths and names, so nothing else gets in (THREATS B1).
var incidentForm = regexp.MustCompile(`^\d{8}-[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?-[0-9a-f]{8}$`)

// Render writes the files that contain the target. An optional action that
// does not fit is skipped, with the reason in its step; a required one is a
// *NotFittingError, in which Unwrap gives a *fleet.HookError where that is the
// reason. Output that must not be written is a *RefusedError. Any other error
// is of the repository or the context.
func (c *Catalogue) Render(ctx context.Context, r Request) (*Bundle, error) {
	if !incidentForm.MatchString(r.Incident) {
		return nil, fmt.Errorf("render: %q is not the id of an incident: want <yyyymmdd>-<slug>-<key>", r.Incident)
	}
	target, ok := rendered(r.Index, r.Target)
	if !ok {
		return nil, fmt.Errorf("render incident %s: the target is not a workload that cluster %s renders", r.Incident, r.Index.Cluster().Name)
	}
	b := &bundler{catalogue: c, request: r, target: target, vars: variables(r, target), bundle: &Bundle{}, roots: map[string]*placement{}}
	for _, a := range r.Actions {
		if err := b.add(ctx, a); err != nil {
			return nil, err
		}
	}
	if err := b.finish(ctx); err != nil {
		return nil, err
	}
	return b.bundle, nil
}

// rendered finds the workload as the index has it, so that nothing about it
// comes from the caller.
func rendered(ix *fleet.Index, w fleet.Workload) (fleet.Workload, bool) {
	all := ix.Workloads()
	i := slices.IndexFunc(all, func(o fleet.Workload) bool { return o.Ref() == w.Ref() })
	if i < 0 {
		return fleet.Workload{}, false
	}
	return all[i], true
}

// bundler collects what the actions of one request render.
type bundler struct {
	catalogue *Catalogue
	request   Request
	target    fleet.Workload
	vars      expr.Vars
	bundle    *Bundle
	contain   []file                // of created objects
	roots     map[string]*placement // of the patched objects; roots may share one
	places    []*placement
	size      int
}

type file struct {
	name string // within its directory
	data []byte
}

// placement is a hook and what goes into it.
type placement struct {
	hook  fleet.Hook
	files []file
}

func (b *bundler) add(ctx context.Context, a policy.Action) error {
	t := b.catalogue.templates[a.Name]
	if t == nil {
		return fmt.Errorf("render incident %s: unknown action %q%s", b.request.Incident, a.Name, strict.Suggest(a.Name, b.catalogue.Names()))
	}
	if wrong := b.catalogue.CheckParameters(a.Name, a.Parameters); len(wrong) > 0 {
		return fmt.Errorf("render action %s: %s", a.Name, strings.Join(wrong, "; "))
	}
	step := Step{Action: a.Name, Digest: t.action.Digest, Optional: a.Optional}
	step.Parameters, _ = t.fill(a.Parameters)
	vars := maps.Clone(b.vars)
	vars["params"] = step.Parameters
	err := b.run(ctx, t, vars, &step)
	var misfit *NotFittingError
	if errors.As(err, &misfit) && a.Optional {
		b.bundle.Steps = append(b.bundle.Steps, Step{
			Action: a.Name, Digest: step.Digest, Parameters: step.Parameters, Optional: true, Skipped: misfit.Reason,
		})
		return nil
	}
	if err != nil {
		return err
	}
	b.bundle.Steps = append(b.bundle.Steps, step)
	return nil
}

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
	s := t.spec
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
	patches, err := b.patches(ctx, step.Action, slices.Concat(t.common.patches, v.patches), vars)
	var bad *fleet.HookError
	if errors.As(err, &bad) {
		return misfit(bad.Error(), bad)
	}
	if err != nil {
		return failed(err)
	}
	for _, n := range slices.Concat(t.common.resources, v.resources) {
		obj, err := n.object(ctx, vars)
		if err != nil {
			return failed(err)
		}
		if err := b.create(step, obj); err != nil {
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

// patches evaluates patches and makes sure that a hook reaches each object.
func (b *bundler) patches(ctx context.Context, action string, nodes []patchNode, vars expr.Vars) (all []Patch, err error) {
	for _, n := range nodes {
		refs := []fleet.ObjectRef{b.target.Ref()}
		if n.on == onAutoscalers {
			refs = b.request.Index.Autoscalers(b.target)
		}
		for _, ref := range refs {
			vars["each"] = objectView{ref.APIVersion, ref.Kind, ref.Namespace, ref.Name}
			fields, err := n.fields.object(ctx, vars)
			if err != nil {
				return nil, err
			}
			if err := b.reach(ref.Root); err != nil {
				return nil, err
			}
			all = append(all, Patch{Action: action, Object: ref, Fields: fields})
		}
	}
	return all, nil
}

// reach finds the hook of a root.
func (b *bundler) reach(root string) error {
	if b.roots[root] != nil {
		return nil
	}
	hook, err := hookOf(b.request, root)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(b.places, func(p *placement) bool { return p.hook.Dir == hook.Dir })
	if i < 0 {
		i = len(b.places)
		b.places = append(b.places, &placement{hook: hook})
	}
	b.roots[root] = b.places[i]
	return nil
}

// hookOf asks for the hook of a root by its target, seen as if that root
// rendered it: an autoscaler may be in another root than what it scales.
func hookOf(r Request, root string) (fleet.Hook, error) {
	w := r.Target
	w.Root = root
	return r.Index.Hook(w)
}
