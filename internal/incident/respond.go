package incident

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/validate"
)

// maxTries is how often a lost compare-and-swap is answered by reading again.
const maxTries = 4

// maxSkew is how far ahead of this clock an event may be.
const maxSkew = 24 * time.Hour

// Respond answers every item, in their order. Alerts about one target that
// one policy answers become one incident. An error means that the answers that
// are missing could not be found or carried out; what has a State was.
func (e *Engine) Respond(ctx context.Context, items []alert.Item) ([]*Outcome, error) {
	s, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	outcomes := make([]*Outcome, len(items))
	for i := range outcomes {
		outcomes[i] = &Outcome{}
	}
	return outcomes, e.respond(ctx, s, items, outcomes, 1)
}

// group is the alerts of one incident.
type group struct {
	key       string
	places    []int // in items and outcomes
	decisions []*decision
}

func (e *Engine) respond(ctx context.Context, s *session, items []alert.Item, outcomes []*Outcome, try int) error {
	var groups []*group
	byKey := make(map[string]*group)
	for i, item := range items {
		*outcomes[i] = Outcome{}
		if a := item.Alert; a != nil {
			if why := e.checkTime(a); why != "" {
				item.Problem = why
			}
		}
		d, err := s.decide(ctx, item, outcomes[i])
		if err != nil {
			return err
		}
		if d == nil {
			continue
		}
		g := byKey[d.key]
		if g == nil {
			g = &group{key: d.key}
			byKey[d.key] = g
			groups = append(groups, g)
		}
		g.places, g.decisions = append(g.places, i), append(g.decisions, d)
	}
	var failures []error
	for _, g := range groups {
		err := s.carry(ctx, g)
		if errors.Is(err, gitops.ErrMoved) && try < maxTries {
			err = e.again(ctx, items, outcomes, g, try+1)
		}
		if err != nil {
			failures = append(failures, err)
			for _, d := range g.decisions {
				d.outcome.State = ""
			}
		}
	}
	return errors.Join(failures...)
}

// again decides about a group anew: somebody else was faster.
func (e *Engine) again(ctx context.Context, items []alert.Item, outcomes []*Outcome, g *group, try int) error {
	s, err := e.open(ctx)
	if err != nil {
		return err
	}
	var some []alert.Item
	var theirs []*Outcome
	for _, i := range g.places {
		some, theirs = append(some, items[i]), append(theirs, outcomes[i])
	}
	return e.respond(ctx, s, some, theirs, try)
}

// checkTime refuses times that would make an id or an expiry of nonsense.
func (e *Engine) checkTime(a *alert.Alert) string {
	switch now := e.now(); {
	case a.Time.Year() < 2000:
		return "it does not say when the event happened"
	case a.Time.After(now.Add(maxSkew)):
		return fmt.Sprintf("its event lies more than %s in the future: check the sender's clock", maxSkew)
	}
	return ""
}

func (e *Engine) now() time.Time {
	if e.o.Now != nil {
		return e.o.Now()
	}
	return time.Now()
}

// carry takes one incident as far as it goes.
func (s *session) carry(ctx context.Context, g *group) error {
	slices.SortStableFunc(g.decisions, func(a, b *decision) int {
		return cmp.Or(a.alert.Time.Compare(b.alert.Time), cmp.Compare(a.alert.ID, b.alert.ID))
	})
	first := g.decisions[0]
	f, err := s.find(ctx, first.cluster, g.key)
	if err != nil {
		return err
	}
	switch {
	case f.merged:
		return s.standing(ctx, g, f)
	case f.head != "":
		return s.update(ctx, g, f)
	}
	return s.propose(ctx, g)
}

// standing answers alerts for a containment that is merged.
func (s *session) standing(ctx context.Context, g *group, f found) error {
	r, _, err := readRecord(ctx, s.tree, g.decisions[0].cluster, f.id)
	if err != nil {
		return err
	}
	for _, d := range g.decisions {
		o := d.outcome
		o.State, o.Incident = Unchanged, s.summary(r)
		o.Reason = fmt.Sprintf("incident %s contains %s since its merge into %s", f.id, nameWorkload(d.target), s.base)
		if !r.knows(d.alert) {
			o.Reason += "; the alert is not in its record"
		}
	}
	return nil
}

// propose opens an incident.
func (s *session) propose(ctx context.Context, g *group) error {
	r := s.newRecord(g)
	if err := s.number(ctx, r); err != nil {
		return err
	}
	pr, err := s.pullRequest(ctx, r.Metadata.Name)
	if err != nil {
		return err
	}
	if pr.vetoes() {
		return s.answerVeto(g, r, pr)
	}
	c, no, err := s.compose(ctx, r, nil)
	if err != nil || no != nil {
		return g.answer(no, err)
	}
	commit, err := s.commit(ctx, c, s.revision, r.Spec.FirstEvent)
	if err != nil {
		return err
	}
	return s.publish(ctx, g, c, commit, "", func(i int) State {
		if i == 0 {
			return Proposed
		}
		return Updated
	})
}

// update adds alerts to an incident whose branch is not merged. The branch is
// continued, never rewritten: what a reviewer has read stays in its history.
func (s *session) update(ctx context.Context, g *group, f found) error {
	first := g.decisions[0]
	head, err := s.remote.Read(ctx, f.head)
	if err != nil {
		return err
	}
	tree, err := s.remote.Tree(ctx, f.head)
	if err != nil {
		return err
	}
	r, data, err := readRecord(ctx, tree, first.cluster, f.id)
	if err != nil {
		return fmt.Errorf("branch %s%s: %w", branchPrefix, f.id, err)
	}
	pr, err := s.pullRequest(ctx, f.id)
	if err != nil {
		return err
	}
	if pr.vetoes() {
		return s.answerVeto(g, r, pr)
	}
	known := make([]bool, len(g.decisions))
	news := 0
	for i, d := range g.decisions {
		if known[i] = r.knows(d.alert); !known[i] {
			news += r.add(d.alert)
			r.merge(d.plan)
		}
	}
	if news == 0 && (pr.PullRequest != nil || s.plainGit()) {
		for _, d := range g.decisions {
			d.outcome.State, d.outcome.Incident = Unchanged, s.summary(r).at(f.head, pr)
			d.outcome.Reason = fmt.Sprintf("the alert is in the record of incident %s", f.id)
		}
		return nil
	}
	if !ours(head, f.id) {
		for _, d := range g.decisions {
			d.outcome.State, d.outcome.Incident = Unchanged, s.summary(r).at(f.head, pr)
			d.outcome.Reason = fmt.Sprintf("somebody else has committed on branch %s%s: it is left to them", branchPrefix, f.id)
		}
		return nil
	}
	before, err := s.without(ctx, tree, first.cluster, f.id)
	if err != nil {
		return err
	}
	if news > 0 {
		r.Spec.Previous = digestOf(data)
	}
	c, no, err := before.compose(ctx, r, tree)
	if err != nil || no != nil {
		return g.answer(no, err)
	}
	state := func(i int) State {
		if known[i] {
			return Unchanged
		}
		return Updated
	}
	if news == 0 {
		return s.publish(ctx, g, c, head, f.head, state)
	}
	when := r.Spec.LastEvent
	if when.Before(head.Author.When) {
		when = head.Author.When
	}
	commit, err := s.commit(ctx, c, f.head, when)
	if err != nil {
		return err
	}
	return s.publish(ctx, g, c, commit, f.head, state)
}

// answer gives all alerts of a group the same refusal.
func (g *group) answer(no *refusal, err error) error {
	if err != nil {
		return err
	}
	for _, d := range g.decisions {
		d.outcome.refuse(no.fault, no.reason)
		d.outcome.Problems = no.problems
	}
	return nil
}

// refusal is why an incident is not proposed.
type refusal struct {
	fault    Fault
	reason   string
	problems []validate.Problem
}

func (s *session) summary(r *Record) *Summary {
	id := r.Metadata.Name
	return &Summary{
		ID: id, Key: r.Spec.Key, Cluster: r.Spec.Cluster,
		Target: nameWorkload(fleet.Workload{Kind: r.Spec.Target.Kind, Namespace: r.Spec.Target.Namespace, Name: r.Spec.Target.Name}),
		Branch: branchPrefix + id, Base: s.base, Expires: r.Spec.Expires,
	}
}
