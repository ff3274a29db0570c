package incident

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/validate"
)

const (
	// maxTries is how often a lost compare-and-swap is answered by reading again.
	maxTries = 10
	maxWait  = 2 * time.Second // before one of them

	// maxSkew is how far ahead of this clock an event may be.
	maxSkew = 24 * time.Hour

	maxExpiry = policy.MaxExpiry + maxSkew
)

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
			item.Problem = e.checkTime(a)
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

// again decides about a group anew: somebody else was faster. It waits a
// little, and not as long as the others who lost.
func (e *Engine) again(ctx context.Context, items []alert.Item, outcomes []*Outcome, g *group, try int) error {
	most := min(maxWait, 20*time.Millisecond<<try)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(rand.N(most)): //nolint:gosec // spreads competitors
	}
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
	f, err := s.find(ctx, g.decisions[0])
	if err != nil {
		return err
	}
	switch {
	case f.merged:
		return s.standing(ctx, g, f)
	case f.id != "":
		return s.update(ctx, g, f)
	}
	return s.propose(ctx, g, f)
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
		o.Reason = fmt.Sprintf("incident %s contains %s since its merge into %s", f.id, d.target, s.base)
		if !r.knows(d.alert) {
			o.Reason += "; the alert is not in its record"
		}
		if d.alert.Time.After(r.Spec.Expires) {
			o.Reason += "; its time was over before this alert, release it"
		}
	}
	return nil
}

// propose opens an incident.
func (s *session) propose(ctx context.Context, g *group, f found) error {
	r := s.newRecord(g)
	if err := s.number(ctx, r); err != nil {
		return err
	}
	pr, err := s.pullRequest(ctx, r.Metadata.Name)
	if err != nil {
		return err
	}
	if pr.vetoes() {
		s.answerVeto(g, r, pr)
		return nil
	}
	for i, d := range g.decisions {
		d.state = Updated
		if i == 0 {
			d.state = Proposed
		}
		if added := r.add(d.alert, d.plan); !added {
			d.state = Unchanged // twice in one input
		}
	}
	defer s.preparePush(ctx)()
	c, no, err := s.compose(ctx, r, s.tree)
	if err != nil || no != nil {
		return g.answer(no, err)
	}
	c.notes = append(c.notes, f.doubts...)
	commit, err := s.commit(ctx, c, gitops.CommitSpec{Parent: s.revision, Changes: c.changes}, r.Spec.FirstEvent)
	if err != nil {
		return err
	}
	return s.publish(ctx, g, c, commit, "")
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
		ID: id, Key: r.Spec.Key, Cluster: r.Spec.Cluster, Target: r.Spec.Target.String(),
		Branch: branchPrefix + id, Base: s.base, Expires: r.Spec.Expires,
	}
}
