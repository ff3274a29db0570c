package incident

import (
	"context"
	"fmt"
	"time"

	"github.com/irgit/irgit/internal/gitops"
)

// update adds alerts to an incident whose branch is not merged. The branch is
// continued, never rewritten: what a reviewer has read stays in its history. It
// stays on its base for as long as it merges into today's as it should.
func (s *session) update(ctx context.Context, g *group, f found) error {
	r := f.record
	pr, err := s.pullRequest(ctx, f.id)
	if err != nil {
		return err
	}
	if pr.vetoes() {
		s.answerVeto(g, r, pr)
		return nil
	}
	news := g.addTo(f)
	settled := !f.ours || !news && (pr.PullRequest != nil || s.plainGit())
	moved := f.ours && r.Spec.Base != s.revision
	if settled && !moved {
		s.answerKnown(g, f, pr)
		return nil
	}
	if news {
		r.Spec.Previous = f.digest
		defer s.preparePush(ctx)()
	}
	before, err := without(ctx, f.tree, g.decisions[0].cluster, f.id)
	if err != nil {
		return err
	}
	var c *composed
	if !settled {
		branch, err := s.at(ctx, before)
		if err != nil {
			return err
		}
		var no *refusal
		if c, no, err = branch.compose(ctx, r, f.tree); err != nil || no != nil {
			return g.answer(no, err)
		}
	}
	if moved {
		if done, err := s.regraft(ctx, g, f, pr, before, c); err != nil || done {
			return err
		}
	}
	if settled {
		s.answerKnown(g, f, pr)
		return nil
	}
	c.notes = append(c.notes, f.doubts...)
	if len(c.changes) == 0 {
		return s.publish(ctx, g, c, f.head, f.head.Revision)
	}
	commit, err := s.commit(ctx, c, gitops.CommitSpec{Parent: f.head.Revision, Changes: c.changes}, f.next())
	if err != nil {
		return err
	}
	return s.publish(ctx, g, c, commit, f.head.Revision)
}

// addTo puts the alerts that are news into the record of a branch that is
// irgit's.
func (g *group) addTo(f found) (news bool) {
	for _, d := range g.decisions {
		d.state = Unchanged
		if d.again {
			d.state = Proposed // if anything comes of it
		}
		if f.ours && !d.again && f.record.add(d.alert, d.plan) {
			d.state, news = Updated, true
		}
	}
	return news
}

// next is the time of a commit on top of the branch: that of the last event,
// and no earlier than the commit below.
func (f found) next() time.Time {
	if when := f.record.Spec.LastEvent; when.After(f.head.Author.When) {
		return when
	}
	return f.head.Author.When
}

// answerKnown answers alerts that change nothing of a branch.
func (s *session) answerKnown(g *group, f found, pr request) {
	r := f.record
	for _, d := range g.decisions {
		o := d.outcome
		o.State, o.Incident, o.Warnings = Unchanged, s.summary(r).at(f.head.Revision, pr), f.doubts
		switch {
		case !f.ours:
			o.Reason = fmt.Sprintf("the last commit of branch %s%s is not irgit's: the branch is left to whoever made it, and the alert is not in its record", branchPrefix, f.id)
		case d.again:
			o.Reason = fmt.Sprintf("incident %s is proposed, and its branch merges as it should", f.id)
		case r.full() && !r.knows(d.alert):
			o.Reason = fmt.Sprintf("the record of incident %s holds %d alerts and takes no more", f.id, maxAlerts)
		default:
			o.Reason = fmt.Sprintf("the alert is in the record of incident %s", f.id)
		}
	}
}
