package incident

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
)

// Step is one thing that Reconcile did, or could not do.
type Step struct {
	Incident string   `json:"incident"`
	Did      string   `json:"did"` // a sentence; "" when Err says why nothing came of it
	Outcome  *Outcome `json:"outcome,omitempty"`
	Err      error    `json:"-"`
}

// Reconcile brings what can be brought further without an alert and without a
// person:
//
//   - an incident whose time is over gets its release proposed;
//   - a proposal or a release that does not merge any more, or would do
//     something else on today's base than it shows, is grafted anew;
//   - a proposal that was pushed and never opened is opened;
//   - the branches of incidents that are over, and of those that are merged, go.
//
// It holds no state: what it finds is in Git and the forge, so that it may be
// stopped and begun anew at any moment, by anybody, and a second run does
// nothing. A step that fails is among the steps and does not stop the others;
// the error is of what stopped all.
func (e *Engine) Reconcile(ctx context.Context) (steps []Step, err error) {
	s, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		var step *Step
		switch one.Stage {
		case StageOverdue, StageReleasing:
			step = e.advance(ctx, one, e.Release)
		case StageProposed, StageExpired:
			if one.ours && (one.stale || one.PullRequest == nil && !s.plainGit()) {
				step = e.advance(ctx, one, e.Sync)
			}
		}
		if step != nil {
			steps = append(steps, *step)
		}
		if ctx.Err() != nil {
			return steps, context.Cause(ctx)
		}
	}
	more, err := s.tidy(ctx)
	return append(steps, more...), err
}

// advance does something about an incident, and says what if it did anything.
func (e *Engine) advance(ctx context.Context, one *Standing, do func(context.Context, string) (*Outcome, error)) *Step {
	o, err := do(ctx, one.ID)
	if err != nil {
		return &Step{Incident: one.ID, Err: err}
	}
	if o.State == Unchanged || o.State == Vetoed {
		return nil
	}
	if o.State == Refused {
		return &Step{Incident: one.ID, Outcome: o, Err: errors.New(o.Reason)}
	}
	did := o.Reason
	if one.Stage == StageOverdue {
		did = "proposed " + o.Reason + ", whose time was over"
	}
	return &Step{Incident: one.ID, Did: did, Outcome: o}
}

// Sync looks again at an incident that is proposed and not merged, as an alert
// of it would: its pull request is opened if it is missing, and its branch is
// grafted anew if it would not merge as it should.
func (e *Engine) Sync(ctx context.Context, id string) (*Outcome, error) {
	for try := 1; ; try++ {
		s, err := e.open(ctx)
		if err != nil {
			return nil, err
		}
		o, err := s.sync(ctx, id)
		if !errors.Is(err, gitops.ErrMoved) || try == maxTries {
			return o, err
		}
	}
}

func (s *session) sync(ctx context.Context, id string) (*Outcome, error) {
	head, there := s.remote.Branch(branchPrefix + id)
	if !there || keyFrom(id) == "" {
		return nil, fmt.Errorf("incident %q: there is no branch %s%s: %w", id, branchPrefix, id, ErrNoIncident)
	}
	ahead, err := s.ahead(ctx, id, head)
	if err != nil {
		return nil, err
	}
	if ahead.Commits == 0 {
		return nil, fmt.Errorf("incident %q: it is merged, or over: %w", id, ErrNoIncident)
	}
	f, err := s.branchOf(ctx, id, head)
	if err != nil {
		return nil, err
	}
	f.forks = ahead.Forks
	o := &Outcome{}
	g := &group{key: keyFrom(id), decisions: []*decision{{outcome: o, cluster: f.cluster, again: true}}}
	return o, s.update(ctx, g, f)
}

// tidy deletes the branches that nobody needs any more. Those whose tip is not
// irgit's, and not in the base either, are left.
func (s *session) tidy(ctx context.Context) (steps []Step, err error) {
	branches := s.remote.Branches(branchPrefix)
	for _, name := range slices.Sorted(maps.Keys(branches)) {
		id := strings.TrimPrefix(strings.TrimPrefix(name, releasePrefix), branchPrefix)
		if keyFrom(id) == "" {
			continue
		}
		why, err := s.spent(ctx, name, id, branches[name])
		if err != nil {
			return steps, err
		}
		if why == "" {
			continue
		}
		step := Step{Incident: id, Did: fmt.Sprintf("deleted branch %s: %s", name, why)}
		if !s.o.DryRun {
			err := s.remote.Push(ctx, gitops.Update{Branch: name, Old: branches[name]})
			if errors.Is(err, gitops.ErrMoved) {
				continue // somebody has it: the next run looks again
			}
			if err != nil {
				step = Step{Incident: id, Err: fmt.Errorf("delete branch %s, which is not needed any more: %w", name, err)}
			}
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// spent says why a branch is not needed any more, "" when it is. Merges that
// are squashed or rebased are known by what they brought.
func (s *session) spent(ctx context.Context, name, id string, head gitops.Revision) (why string, err error) {
	release := strings.HasPrefix(name, releasePrefix)
	in, err := s.remote.Contains(ctx, s.revision, head)
	switch {
	case err != nil:
		return "", err
	case in && release:
		return "the release is merged", nil
	case in:
		return "it is merged", nil
	}
	over, err := s.closed(ctx, id)
	if err != nil {
		return "", err
	}
	where := historyFile(id)
	if !release {
		f, err := s.branchOf(ctx, id, head)
		if err != nil || !f.ours {
			return "", transient(ctx, err)
		}
		if over {
			return "the incident is over", nil
		}
		where = f.record.file(f.cluster)
	}
	tree, err := s.remote.Tree(ctx, head)
	if err != nil {
		return "", err
	}
	same, err := sameFile(ctx, s.tree, tree, where)
	switch {
	case err != nil || !same:
		return "", err
	case release:
		return "the release is merged, by other commits", nil
	}
	return "it is merged, by other commits", nil
}

// transient is an error that is not about what was read.
func transient(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, gitops.ErrUnreachable) || errors.Is(err, gitops.ErrAuthentication) {
		return err
	}
	return nil
}

// sameFile reports whether both trees hold a file with the same content.
func sameFile(ctx context.Context, a, b *gitops.Tree, name string) (bool, error) {
	var found [2]gitops.Entry
	for i, tree := range []*gitops.Tree{a, b} {
		var err error
		if found[i], err = tree.Stat(ctx, name); errors.Is(err, gitops.ErrNotFound) {
			return false, nil
		} else if err != nil {
			return false, fmt.Errorf("look for %s: %w", name, err)
		}
	}
	return found[0] == found[1], nil
}
