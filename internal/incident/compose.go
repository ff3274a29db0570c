package incident

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/proposal"
	"github.com/irgit/irgit/internal/redact"
	"github.com/irgit/irgit/internal/render"
)

// composed is an incident that may be committed: rendered, judged, proven and
// recorded.
type composed struct {
	record       *Record
	recordDigest string
	bundle       *render.Bundle
	proof        render.Proof
	tree         *gitops.Tree        // with the incident and its record
	changes      []gitops.Change     // against the tree it is committed on
	files        []gitops.FileChange // the same
	all          []gitops.FileChange // against the tree without the incident
	patch        string              // the same
	warnings     []string            // in the record too
	notes        []string            // of this moment, so not in the record
	reason       string              // of the answer, "" for that of the decision
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

// without is a branch's tree without the incident: that of the base which the
// branch was made from.
func without(ctx context.Context, tree *gitops.Tree, c fleet.Cluster, id string) (*gitops.Tree, error) {
	changes, err := render.Release(ctx, tree, c, id)
	if err != nil {
		return nil, fmt.Errorf("incident %s: %w", id, err)
	}
	before, err := tree.With(ctx, changes...)
	if err != nil {
		return nil, fmt.Errorf("incident %s: %w", id, err)
	}
	return before, nil
}

// compose renders what the record's policy asks for on the session's tree,
// which does not hold the incident, and finishes the record. onto is the tree
// that the commit goes on top of.
func (s *session) compose(ctx context.Context, r *Record, onto *gitops.Tree) (*composed, *refusal, error) {
	d, no, err := s.draw(ctx, r)
	if err != nil || no != nil {
		return nil, no, err
	}
	return s.prove(ctx, r, d, onto)
}

// prove composes what was drawn.
func (s *session) prove(ctx context.Context, r *Record, d *drawn, onto *gitops.Tree) (*composed, *refusal, error) {
	proof, err := render.Prove(ctx, s.tree, d.after, d.request, d.bundle)
	var unproven *render.ProofError
	if errors.As(err, &unproven) {
		return nil, &refusal{fault: Guardrail, reason: err.Error()}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	c := &composed{record: r, bundle: d.bundle, proof: proof, warnings: warnings(r, d.bundle)}
	ix := d.request.Index
	unsure, err := delivery(ctx, ix, s.tree, d.after, r.Metadata.Name, d.bundle)
	if err != nil {
		return nil, nil, err
	}
	c.warnings = append(c.warnings, unsure...)
	c.finish(d.request.Target, d.others)
	data, err := c.seal(s.o.Redactor)
	if err != nil {
		return nil, nil, err
	}
	c.recordDigest = digestOf(data)
	if c.tree, err = d.after.With(ctx, gitops.Change{Path: r.file(ix.Cluster()), Content: data}); err != nil {
		return nil, nil, fmt.Errorf("incident %s: %w", r.Metadata.Name, err)
	}
	if c.changes, c.files, err = changesBetween(ctx, onto, c.tree); err != nil {
		return nil, nil, err
	}
	if c.patch, c.all, err = Patch(ctx, s.tree, c.tree); err != nil {
		return nil, nil, err
	}
	c.document = s.documentOf(c, d.request.Target, d.others, ix)
	return c, nil, nil
}

// warnings are what a reviewer must know besides the change itself.
func warnings(r *Record, b *render.Bundle) (out []string) {
	if r.Spec.Target.Evidence == fleet.EvidencePod {
		out = append(out, "only the pod's name says that this workload is meant, and whoever creates a pod chooses its name")
	}
	if r.Spec.Regrafted != "" {
		out = append(out, fmt.Sprintf("the branch was grafted anew onto %.12s, since %s. Merge or squash it: a rebase plays its earlier commits again, which may conflict", r.Spec.Base, r.Spec.Regrafted))
	}
	out = append(out, r.Spec.Target.Doubts...)
	if others := otherPods(r, b); others != "" {
		out = append(out, others)
	}
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
	// Addresses stay: what was rendered of them has to be rendered again.
	r.Spec.Indicators = slices.DeleteFunc(r.Spec.Indicators, func(i alert.Indicator) bool { return i.Type != "ip" && i.Type != "cidr" })
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
