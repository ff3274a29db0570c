package incident

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
	"github.com/irgit/irgit/internal/validate"
)

// drawn is an incident that was rendered and judged, and is not proven yet.
type drawn struct {
	request render.Request
	bundle  *render.Bundle
	others  []fleet.Workload // that the selectors hit besides the target
	after   *gitops.Tree     // with the bundle, without the record
}

// draw renders what the record's policy asks for on the session's tree, which
// does not hold the incident.
func (s *session) draw(ctx context.Context, r *Record) (*drawn, *refusal, error) {
	ix, err := s.index(ctx, r.Spec.Cluster)
	if err != nil {
		return nil, nil, err
	}
	target, no := targetOf(ix, r)
	if no != nil {
		return nil, no, nil
	}
	if refusals := policy.CheckTarget(ix, target, alert.Alert{}); len(refusals) > 0 {
		return nil, &refusal{fault: Guardrail, reason: sentences(refusals)}, nil
	}
	d := &drawn{request: render.Request{
		Incident: r.Metadata.Name, Expires: r.Spec.Expires, Target: target, Index: ix, Tree: s.tree, Actions: r.Spec.Policy.Response,
		Indicators: indicatorsOf(r), Pod: podOf(r),
	}}
	if d.bundle, err = s.o.Actions.Render(ctx, d.request); err != nil {
		no, err := refuseRendering(err)
		return nil, no, err
	}
	if len(d.bundle.Changes) == 0 {
		return nil, &refusal{fault: Guardrail, reason: "none of the actions fits the target: " + skipped(d.bundle)}, nil
	}
	if d.others, no = judge(ix, r, d.bundle, target); no != nil {
		return nil, no, nil
	}
	if d.after, err = s.tree.With(ctx, d.bundle.Changes...); err != nil { // a symlink or a name in another case stands in the way
		no := &refusal{fault: Invalid, reason: "the files cannot be written: " + err.Error()}
		return nil, no, ctx.Err()
	}
	return d, nil, nil
}

// targetOf finds the recorded target in the index that the incident is
// rendered against.
func targetOf(ix *fleet.Index, r *Record) (fleet.Workload, *refusal) {
	t := r.Spec.Target
	for _, w := range ix.Workloads() {
		if w.Kind == t.Kind && w.Namespace == t.Namespace && w.Name == t.Name && w.Root == t.Root {
			return w, nil
		}
	}
	return fleet.Workload{}, &refusal{fault: Guardrail, reason: fmt.Sprintf("%s is not rendered by %s any more", t, t.Root)}
}

// indicatorsOf are the recorded indicators as templates take them, in the
// record's order: what is rendered is a function of the record.
func indicatorsOf(r *Record) []render.Indicator {
	all := make([]render.Indicator, 0, len(r.Spec.Indicators))
	for _, i := range r.Spec.Indicators {
		all = append(all, render.Indicator{Type: i.Type, Value: i.Value})
	}
	return all
}

// refuseRendering sorts what rendering can end in.
func refuseRendering(err error) (*refusal, error) {
	var unfit *render.NotFittingError
	var refused *render.RefusedError
	var hook *fleet.HookError
	switch {
	case errors.As(err, &hook):
		return &refusal{Invalid, err.Error(), []validate.Problem{{File: hook.File, Message: hook.Reason + "; " + hook.Step}}}, nil
	case errors.As(err, &unfit):
		return &refusal{fault: Guardrail, reason: err.Error()}, nil
	case errors.As(err, &refused):
		return &refusal{Guardrail, err.Error(), refused.Problems}, nil
	}
	return nil, err
}

// judge is the floor and the policy's own limits, on what was rendered.
func judge(ix *fleet.Index, r *Record, b *render.Bundle, target fleet.Workload) (others []fleet.Workload, no *refusal) {
	patches := make([]policy.Patch, len(b.Patches))
	for i, p := range b.Patches {
		patches[i] = policy.Patch{Object: p.Object, Fields: p.Fields}
	}
	refusals := policy.CheckObjects(ix, b.Objects, patches, target)
	others, err := policy.Collateral(ix, b.Objects, patches, target)
	if err != nil && len(refusals) == 0 {
		return nil, &refusal{fault: Guardrail, reason: err.Error()}
	}
	refusals = append(refusals, r.Spec.Policy.Guardrails.Check(target, others)...)
	if len(refusals) > 0 {
		return nil, &refusal{fault: Guardrail, reason: sentences(refusals)}
	}
	return others, nil
}

func skipped(b *render.Bundle) string {
	var out []string
	for _, s := range b.Steps {
		out = append(out, s.Action+": "+s.Skipped)
	}
	return strings.Join(out, "; ")
}
