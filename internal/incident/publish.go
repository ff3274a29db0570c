package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/proposal"
)

// request is the pull request as the forge knows it, nil when there is none.
type request struct{ *forge.PullRequest }

// pullRequest asks the forge about an incident's branch.
func (s *session) pullRequest(ctx context.Context, id string) (request, error) {
	pr, err := s.o.Forge.Find(ctx, branchPrefix+id)
	if err != nil {
		return request{}, fmt.Errorf("find the pull request of incident %s: %w", id, err)
	}
	return request{pr}, nil
}

// vetoes reports whether a person closed it without merging.
func (r request) vetoes() bool { return r.PullRequest != nil && r.State == forge.Closed }

func (r request) link() *PullRequestLink {
	if r.PullRequest == nil || r.Number == 0 {
		return nil
	}
	return &PullRequestLink{r.Number, r.URL}
}

// at completes a summary.
func (sum *Summary) at(revision gitops.Revision, pr request) *Summary {
	sum.Revision, sum.PullRequest = revision, pr.link()
	return sum
}

// answerVeto leaves an incident as a person left it.
func (s *session) answerVeto(g *group, r *Record, pr request) {
	for _, d := range g.decisions {
		d.outcome.State = Vetoed
		d.outcome.Incident = s.summary(r).at("", pr)
		d.outcome.Reason = fmt.Sprintf("pull request %d of incident %s was closed without a merge: reopen it to have the containment back", pr.Number, r.Metadata.Name)
	}
}

// plainGit reports whether the branch is all that is ever proposed.
func (s *session) plainGit() bool {
	_, plain := s.o.Forge.(forge.Git)
	return plain
}

const maxActionTrailers, maxDigestTrailers = 12, 12

// message is the commit's. It holds names of the fleet and digests, and no
// text of an alert.
func (s *session) message(c *composed) (string, error) {
	spec := &c.record.Spec
	m := gitops.Message{Subject: proposal.Subject(c.document), Body: proposal.CommitBody(c.document)}
	add := func(key, value string) { m.Trailers = append(m.Trailers, gitops.Trailer{Key: key, Value: value}) }
	add(gitops.TrailerIncident, c.record.Metadata.Name)
	add(gitops.TrailerPolicy, spec.Policy.Name+" "+spec.Policy.Digest)
	for _, a := range spec.Alerts[max(0, len(spec.Alerts)-maxDigestTrailers):] {
		add(gitops.TrailerDigest, a.Digest)
	}
	for _, a := range spec.Actions[:min(len(spec.Actions), maxActionTrailers)] {
		if a.Skipped == "" {
			add(gitops.TrailerAction, a.Name+" "+a.Template)
		}
	}
	add(gitops.TrailerExpires, spec.Expires.UTC().Format(time.RFC3339))
	add(gitops.TrailerRecord, c.recordDigest)
	return m.Format()
}

// commit makes the incident's commit of a spec that has the trees; it is pushed
// by publish.
func (s *session) commit(ctx context.Context, c *composed, spec gitops.CommitSpec, when time.Time) (gitops.Commit, error) {
	message, err := s.message(c)
	if err != nil {
		return gitops.Commit{}, fmt.Errorf("incident %s: %w", c.record.Metadata.Name, err)
	}
	return s.remote.Commit(ctx, s.signed(spec, message, when))
}

// signed is a spec with what all commits have.
func (s *session) signed(spec gitops.CommitSpec, message string, when time.Time) gitops.CommitSpec {
	spec.Message, spec.Signer = message, s.o.Signer
	spec.Author = gitops.Signature{Name: s.o.Author.Name, Email: s.o.Author.Email, When: when.UTC().Truncate(time.Second)}
	return spec
}

// preparePush has the server asked what a push needs while the incident is
// composed, unless nothing will be pushed.
func (s *session) preparePush(ctx context.Context) (stop func()) {
	if s.o.DryRun {
		return func() {}
	}
	return s.remote.PreparePush(ctx)
}

// yield takes a new branch back when another run has opened the same incident
// under another id meanwhile, because it saw another first event. The caller
// reads again and finds that one.
func (s *session) yield(ctx context.Context, branch string, revision gitops.Revision) error {
	key := keyFrom(strings.TrimPrefix(branch, branchPrefix))
	for name := range s.remote.Branches(branchPrefix) {
		if name == branch || slices.Contains(s.known, name) || keyFrom(strings.TrimPrefix(name, branchPrefix)) != key {
			continue
		}
		if err := s.remote.Push(ctx, gitops.Update{Branch: branch, Old: revision}); err != nil {
			return fmt.Errorf("take back branch %s, of which %s is a twin: %w", branch, name, err)
		}
		return fmt.Errorf("branch %s: %w", name, gitops.ErrMoved)
	}
	return nil
}

// publish pushes the commit, unless the branch is there already, sees to the
// pull request and fills the outcomes.
func (s *session) publish(ctx context.Context, g *group, c *composed, commit gitops.Commit, old gitops.Revision) error {
	branch := branchPrefix + c.record.Metadata.Name
	c.document.Warnings = append(slices.Clone(c.warnings), c.notes...)
	if s.o.Signer == nil {
		c.document.Warnings = append(c.document.Warnings, "the commit is not signed")
	}
	if over := c.record.Spec.Expires; over.Before(s.now) {
		c.document.Warnings = append(c.document.Warnings, "its time was over before it was proposed: the alert is old")
	}
	var pr request
	if !s.o.DryRun {
		if commit.Revision != old {
			if err := s.remote.Push(ctx, gitops.Update{Branch: branch, Old: old, New: commit.Revision}); err != nil {
				return fmt.Errorf("incident %s: %w", c.record.Metadata.Name, err)
			}
			if old == "" {
				if err := s.yield(ctx, branch, commit.Revision); err != nil {
					return err
				}
			}
		}
		title, body := proposal.Render(c.document)
		approval := c.record.Spec.Policy.Approval
		result, err := s.o.Forge.Propose(ctx, forge.Request{
			Branch: branch, Base: s.base, Revision: string(commit.Revision), Title: title, Body: body,
			Labels: approval.Labels, Reviewers: approval.Reviewers, Teams: approval.Teams, Urgent: c.record.Spec.Severity >= alert.Critical,
		})
		if err != nil {
			return fmt.Errorf("incident %s is on branch %s, but not proposed: %w", c.record.Metadata.Name, branch, err)
		}
		pr = request{&result.PullRequest}
		if result.Change == forge.Vetoed {
			s.answerVeto(g, c.record, pr)
			return nil
		}
		c.notes = append(c.notes, result.Warnings...)
	}
	for i, d := range g.decisions {
		o := d.outcome
		o.State, o.Reason = d.state, c.reason
		if o.Reason == "" && d.again {
			o.Reason = fmt.Sprintf("incident %s was on its branch, and not proposed until now", c.record.Metadata.Name)
		} else if o.Reason == "" {
			o.Reason = d.outcome.Decision.Reason
		}
		o.Incident = s.summary(c.record).at(commit.Revision, pr)
		c.fill(o)
		if i == 0 {
			o.Document, o.Patch = &c.document, c.patch
		}
	}
	return nil
}
