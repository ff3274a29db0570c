package incident

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/proposal"
	"github.com/irgit/irgit/internal/redact"
	"github.com/irgit/irgit/internal/render"
	"github.com/irgit/irgit/internal/validate"
)

// composed is an incident that may be committed: rendered, judged, proven and
// recorded.
type composed struct {
	record       *Record
	recordDigest string
	bundle       *render.Bundle
	proof        render.Proof
	changes      []gitops.Change     // against the tree it is committed on
	files        []gitops.FileChange // the same
	all          []gitops.FileChange // against the tree without the incident
	patch        string              // the same
	warnings     []string            // in the record too
	notes        []string            // of this moment, so not in the record
	document     proposal.Document
}

// newRecord opens a record for a group, without its alerts.
func (s *session) newRecord(g *group) *Record {
	first := g.decisions[0]
	plan, w := first.plan, first.target
	r := &Record{
		APIVersion: apiVersion, Kind: recordKind,
		Metadata: RecordMetadata{Name: idOf(first.alert.Time, w, g.key)},
		Spec: RecordSpec{
			Status: "open", Assessment: "Suspected", Key: g.key, Cluster: first.cluster.Name,
			Target: RecordTarget{
				APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, Root: w.Root,
				ServiceAccount: w.ServiceAccount, Evidence: first.evidence, Doubts: first.doubts,
			},
			Expires: expiryOf(first.alert.Time, plan),
			Policy: RecordPolicy{
				Name: plan.Policy, Merged: plan.Policies, Digest: plan.PolicyDigest, Tier: plan.Tier, Description: plan.Description,
				Why: plan.Why, Response: slices.Clone(plan.Actions), Expiry: policy.Duration(plan.Expiry).String(),
				Approval: plan.Approval, Guardrails: plan.Guardrails,
			},
			Base: s.revision, Tool: "irgit " + s.o.Version,
		},
	}
	if len(plan.Policies) < 2 {
		r.Spec.Policy.Merged = nil
	}
	for _, c := range w.Containers {
		r.Spec.Target.Images = append(r.Spec.Target.Images, c.Image)
	}
	return r
}

// without is the session on the tree that has everything but the incident.
func (s *session) without(ctx context.Context, tree *gitops.Tree, c fleet.Cluster, id string) (*session, error) {
	changes, err := render.Release(ctx, tree, c, id)
	if err != nil {
		return nil, fmt.Errorf("incident %s: %w", id, err)
	}
	before, err := tree.With(ctx, changes...)
	if err != nil {
		return nil, fmt.Errorf("incident %s: %w", id, err)
	}
	return s.at(ctx, before, s.revision)
}

// compose renders what the record's policy asks for on the session's tree,
// which does not hold the incident, and finishes the record. onto is the tree
// that the commit goes on top of.
func (s *session) compose(ctx context.Context, r *Record, onto *gitops.Tree) (*composed, *refusal, error) {
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
	request := render.Request{
		Incident: r.Metadata.Name, Expires: r.Spec.Expires, Target: target, Index: ix, Tree: s.tree, Actions: r.Spec.Policy.Response,
	}
	bundle, err := s.o.Actions.Render(ctx, request)
	if err != nil {
		return refuseRendering(err)
	}
	if len(bundle.Changes) == 0 {
		return nil, &refusal{fault: Guardrail, reason: "none of the actions fits the target: " + skipped(bundle)}, nil
	}
	others, no := judge(ix, r, bundle, target)
	if no != nil {
		return nil, no, nil
	}
	after, err := s.tree.With(ctx, bundle.Changes...)
	if err != nil { // a symlink or a name in another case stands in the way
		no := &refusal{fault: Invalid, reason: "the files cannot be written: " + err.Error()}
		return nil, no, ctx.Err()
	}
	proof, err := render.Prove(ctx, s.tree, after, request, bundle)
	var unproven *render.ProofError
	if errors.As(err, &unproven) {
		return nil, &refusal{fault: Guardrail, reason: err.Error()}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	c := &composed{record: r, bundle: bundle, proof: proof}
	c.warnings = warnings(r, bundle)
	unsure, err := delivery(ctx, ix, after, r.Metadata.Name, bundle)
	if err != nil {
		return nil, nil, err
	}
	c.warnings = append(c.warnings, unsure...)
	c.finish(target, others)
	data, err := c.seal(s.o.Redactor)
	if err != nil {
		return nil, nil, err
	}
	c.recordDigest = digestOf(data)
	if after, err = after.With(ctx, gitops.Change{Path: path.Join(ix.Cluster().Response, r.Metadata.Name, recordFile), Content: data}); err != nil {
		return nil, nil, fmt.Errorf("incident %s: %w", r.Metadata.Name, err)
	}
	if c.changes, c.files, err = changesBetween(ctx, onto, after); err != nil {
		return nil, nil, err
	}
	if c.patch, c.all, err = Patch(ctx, s.tree, after); err != nil {
		return nil, nil, err
	}
	c.document = s.documentOf(c, target, others, ix)
	return c, nil, nil
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

// refuseRendering sorts what rendering can end in.
func refuseRendering(err error) (*composed, *refusal, error) {
	var unfit *render.NotFittingError
	var refused *render.RefusedError
	var hook *fleet.HookError
	switch {
	case errors.As(err, &hook):
		return nil, &refusal{Invalid, err.Error(), []validate.Problem{{File: hook.File, Message: hook.Reason + "; " + hook.Step}}}, nil
	case errors.As(err, &unfit):
		return nil, &refusal{fault: Guardrail, reason: err.Error()}, nil
	case errors.As(err, &refused):
		return nil, &refusal{Guardrail, err.Error(), refused.Problems}, nil
	}
	return nil, nil, err
}

// judge is the floor and the policy's own limits, on what was rendered.
func judge(ix *fleet.Index, r *Record, b *render.Bundle, target fleet.Workload) (others []fleet.Workload, no *refusal) {
	var patched []fleet.ObjectRef
	for _, p := range b.Patches {
		patched = append(patched, p.Object)
	}
	refusals := policy.CheckObjects(ix, b.Objects, patched, target)
	others, err := policy.Collateral(ix, b.Objects, target)
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

// warnings are what a reviewer must know besides the change itself.
func warnings(r *Record, b *render.Bundle) (out []string) {
	if r.Spec.Target.Evidence == fleet.EvidencePod {
		out = append(out, "only the pod's name says that this workload is meant, and whoever creates a pod chooses its name")
	}
	out = append(out, r.Spec.Target.Doubts...)
	for _, s := range b.Steps {
		for _, w := range s.Warnings {
			out = append(out, s.Action+": "+w)
		}
	}
	return out
}

// finish writes what was rendered and proven into the record.
func (c *composed) finish(target fleet.Workload, others []fleet.Workload) {
	s := &c.record.Spec
	s.Warnings, s.Proof = c.warnings, c.proof.Digest()
	s.BlastRadius = []Hit{hit(target, "target")}
	for _, w := range others {
		s.BlastRadius = append(s.BlastRadius, hit(w, "selector"))
	}
	s.Actions = nil
	for _, step := range c.bundle.Steps {
		a := RecordAction{
			Name: step.Action, Variant: step.Variant, Template: step.Digest, Parameters: step.Parameters,
			Skipped: step.Skipped, Files: step.Files,
		}
		if v := step.Vocabulary; v != nil {
			a.D3FEND, a.OpenC2, a.Phase, a.CSF = v.D3FEND, v.OpenC2, v.Phase, v.CSF
		}
		s.Actions = append(s.Actions, a)
	}
	s.Edits = nil
	for _, e := range c.bundle.Edits {
		for _, l := range e.Lines() {
			s.Edits = append(s.Edits, RecordEdit{e.File, e.How, l.Line, l.Removed, l.Added})
		}
	}
}

func hit(w fleet.Workload, why string) Hit {
	return Hit{Cluster: w.Cluster, Namespace: w.Namespace, Kind: w.Kind, Name: w.Name, Why: why}
}

// seal encodes the record after a last look for secrets over its final bytes:
// one may show only there, put together from several fields. An alert in which
// one does loses what its sender wrote, and only if that is not enough do all.
func (c *composed) seal(redactor *redact.Redactor) ([]byte, error) {
	r := c.record
	data, err := r.encode()
	if err != nil || redactor == nil {
		return data, err
	}
	clean := func() bool { _, found := redactor.Bytes(data); return len(found) == 0 }
	if clean() {
		return data, nil
	}
	c.notes = append(c.notes, "evidence was left out of the record, since it looked like a secret when it was put together")
	for i := range r.Spec.Alerts {
		alone := Record{Spec: RecordSpec{Alerts: r.Spec.Alerts[i : i+1]}}
		text, err := alone.encode()
		if err != nil {
			return nil, err
		}
		if _, found := redactor.Bytes(text); len(found) > 0 {
			r.Spec.Alerts[i].strip()
		}
	}
	if data, err = r.encode(); err != nil || clean() {
		return data, err
	}
	for i := range r.Spec.Alerts {
		r.Spec.Alerts[i].strip()
	}
	r.Spec.Indicators = nil
	if data, err = r.encode(); err != nil || clean() {
		return data, err
	}
	return nil, fmt.Errorf("incident %s: its record looks as if it held a secret even without evidence: look at the names in the policy and in the fleet", r.Metadata.Name)
}

// fill copies what was composed into an outcome.
func (c *composed) fill(o *Outcome) {
	o.Files, o.Proof, o.Warnings = c.files, &c.proof, append(slices.Clone(c.warnings), c.notes...)
	o.BlastRadius = &BlastRadius{Workloads: c.record.Spec.BlastRadius}
	o.Actions = nil
	for _, step := range c.bundle.Steps {
		o.Actions = append(o.Actions, ActionFiles{Name: step.Action, Files: step.Files, Skipped: step.Skipped})
	}
}
