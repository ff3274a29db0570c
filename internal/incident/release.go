package incident

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/proposal"
	"github.com/irgit/irgit/internal/render"
)

const historyRoot = "incident-response/history"

// ErrNoIncident is an id that the base branch holds no incident of.
var ErrNoIncident = errors.New("no such incident on the base branch")

// Release proposes to take a merged containment back: its directory and its
// patches go, its record moves to the history, and everything else keeps its
// bytes. A release that is proposed already is answered with Unchanged, one that
// would not merge any more, or not take everything back, is grafted anew onto
// today's base and answered with Updated, and one that a person closed without
// a merge with Vetoed.
func (e *Engine) Release(ctx context.Context, id string) (o *Outcome, err error) {
	for try := 1; ; try++ {
		s, err := e.open(ctx)
		if err != nil {
			return nil, err
		}
		o, err = s.release(ctx, id)
		if !errors.Is(err, gitops.ErrMoved) || try == maxTries {
			return o, err
		}
	}
}

func (s *session) release(ctx context.Context, id string) (*Outcome, error) {
	cluster, r, data, err := s.locate(ctx, id)
	if err != nil {
		return nil, err
	}
	branch := releasePrefix + id
	head, there := s.remote.Branch(branch)
	now := s.now.UTC().Truncate(time.Second)
	var on *gitops.Tree // of the branch
	if there {
		if now, on, err = s.released(ctx, branch, head, id); err != nil {
			return nil, err
		}
	}
	changes, err := render.Release(ctx, s.tree, cluster, id)
	if err != nil {
		return nil, err
	}
	r.Spec.Status, r.Spec.Released, r.Spec.Previous = "released", &now, digestOf(data)
	closed, err := r.encode()
	if err != nil {
		return nil, err
	}
	changes = append(changes, gitops.Change{Path: historyFile(id), Content: closed})
	after, err := s.tree.With(ctx, changes...)
	if err != nil {
		return nil, fmt.Errorf("release incident %s: %w", id, err)
	}
	o := &Outcome{State: Proposed, Reason: "the release of incident " + id, Incident: s.summary(r)}
	o.Incident.Branch = branch
	if o.Patch, o.Files, err = Patch(ctx, s.tree, after); err != nil {
		return nil, err
	}
	text := s.releaseText(r, o.Files)
	spec := gitops.CommitSpec{Parent: s.revision, Changes: changes}
	if there {
		why, err := s.outdated(ctx, head, on, after)
		if err != nil {
			return nil, fmt.Errorf("release incident %s: %w", id, err)
		}
		spec.Continues = head
		o.State, o.Reason = Updated, fmt.Sprintf("branch %s was grafted anew onto %s at %.12s, since %s", branch, s.base, s.revision, why)
		if why == "" {
			o.State, o.Reason, o.Incident.Revision = Unchanged, fmt.Sprintf("the release of incident %s is proposed already", id), head
		}
	}
	if o.State != Unchanged {
		commit, err := s.releaseCommit(ctx, r, text, spec, closed)
		if err != nil {
			return nil, fmt.Errorf("release incident %s: %w", id, err)
		}
		o.Release, o.Incident.Revision = &text, commit.Revision
	}
	if s.o.DryRun {
		return o, nil
	}
	if o.State != Unchanged {
		if err := s.remote.Push(ctx, gitops.Update{Branch: branch, Old: head, New: o.Incident.Revision}); err != nil {
			return nil, fmt.Errorf("release incident %s: %w", id, err)
		}
	}
	title, body := proposal.RenderRelease(text)
	result, err := s.o.Forge.Propose(ctx, forge.Request{
		Branch: branch, Base: s.base, Revision: string(o.Incident.Revision), Title: title, Body: body,
		Labels: r.Spec.Policy.Approval.Labels, Urgent: true,
	})
	if err != nil {
		return nil, fmt.Errorf("the release of incident %s is on branch %s, but not proposed: %w", id, branch, err)
	}
	pr := request{&result.PullRequest}
	o.Incident.PullRequest, o.Warnings = pr.link(), result.Warnings
	if result.Change == forge.Vetoed {
		o.State, o.Reason = Vetoed, fmt.Sprintf("pull request %d, the release of incident %s, was closed without a merge: reopen it to release", pr.Number, id)
	}
	return o, nil
}

// outdated says why the branch of a release cannot stay as it is: merged into
// today's base it has to give what would be released there.
func (s *session) outdated(ctx context.Context, head gitops.Revision, on, after *gitops.Tree) (why string, err error) {
	ahead, err := s.remote.Ahead(ctx, head, s.revision)
	if err != nil {
		return "", err
	}
	tip, err := s.remote.Read(ctx, head)
	if err != nil {
		return "", err
	}
	from := tip.Parents[len(tip.Parents)-1] // irgit's tip is made from a base, and goes on from what it was before
	if !slices.Contains(ahead.Forks, from) {
		return fmt.Sprintf("%s does not go on from the commit that the branch was made from", s.base), nil
	}
	fork, err := s.remote.Tree(ctx, from)
	if err != nil {
		return "", err
	}
	merged, conflicts, err := fork.Merge(ctx, s.tree, on)
	if err != nil {
		return "", err
	}
	if len(conflicts) > 0 {
		return fmt.Sprintf("%s and the branch have both changed %s, so that it could not be merged", s.base, some(conflicts)), nil
	}
	changes, err := merged.Diff(ctx, after)
	if err != nil || len(changes) == 0 {
		return "", err
	}
	var paths []string
	for _, c := range changes {
		paths = append(paths, c.Path)
	}
	return "merged as it was, it would not have taken everything back: " + some(paths), nil
}

// released is when a release that is on a branch already was made, and the
// branch's tree. The branch must be irgit's.
func (s *session) released(ctx context.Context, branch string, head gitops.Revision, id string) (when time.Time, tree *gitops.Tree, err error) {
	foreign := fmt.Errorf("branch %s is there and is not irgit's release of incident %s: delete it", branch, id)
	f := found{id: id}
	if f.head, err = s.remote.Read(ctx, head); err != nil {
		return when, nil, err
	}
	if tree, err = s.remote.Tree(ctx, head); err != nil {
		return when, nil, err
	}
	data, err := tree.ReadFile(ctx, historyFile(id))
	if errors.Is(err, gitops.ErrNotFound) {
		return when, nil, foreign
	}
	if err != nil {
		return when, nil, err
	}
	r, err := parseRecord(historyFile(id), data)
	if err != nil || r.Spec.Released == nil {
		return when, nil, foreign
	}
	f.digest = digestOf(data)
	ours, err := s.ours(f)
	if err != nil {
		return when, nil, err
	}
	if !ours {
		return when, nil, foreign
	}
	return *r.Spec.Released, tree, nil
}

func (s *session) releaseCommit(ctx context.Context, r *Record, text proposal.Release, spec gitops.CommitSpec, closed []byte) (gitops.Commit, error) {
	message, err := gitops.Message{
		Subject: proposal.ReleaseSubject(text), Body: proposal.ReleaseCommitBody(text),
		Trailers: []gitops.Trailer{
			{Key: gitops.TrailerIncident, Value: r.Metadata.Name},
			{Key: gitops.TrailerPolicy, Value: r.Spec.Policy.Name + " " + r.Spec.Policy.Digest},
			{Key: gitops.TrailerRecord, Value: digestOf(closed)},
		},
	}.Format()
	if err != nil {
		return gitops.Commit{}, err
	}
	return s.remote.Commit(ctx, s.signed(spec, message, *r.Spec.Released))
}

// historyFile is where the record of a closed incident is.
func historyFile(id string) string { return path.Join(historyRoot, id[:4], id+".yaml") }

// locate finds a merged incident and its record.
func (s *session) locate(ctx context.Context, id string) (fleet.Cluster, *Record, []byte, error) {
	none := func(format string, args ...any) (fleet.Cluster, *Record, []byte, error) {
		return fleet.Cluster{}, nil, nil, fmt.Errorf("incident %q: %s: %w", id, fmt.Sprintf(format, args...), ErrNoIncident)
	}
	if keyFrom(id) == "" {
		return none("an id is <yyyymmdd>-<name>-<8 hex digits>")
	}
	for _, c := range s.fleet.Clusters() {
		r, data, err := readRecord(ctx, s.tree, c, id)
		if errors.Is(err, gitops.ErrNotFound) {
			continue
		}
		return c, r, data, err
	}
	closed, err := s.closed(ctx, id)
	if err != nil {
		return fleet.Cluster{}, nil, nil, err
	}
	if closed {
		return none("it was released already, see %s", historyFile(id))
	}
	return none("nothing of it is merged")
}

// releaseText is what the reviewer of a release has to know.
func (s *session) releaseText(r *Record, files []gitops.FileChange) proposal.Release {
	t := proposal.Release{
		Incident: r.Metadata.Name, Key: r.Spec.Key, Cluster: r.Spec.Cluster, Base: s.base, Expires: r.Spec.Expires, History: historyFile(r.Metadata.Name),
		Target: proposal.Object{Kind: r.Spec.Target.Kind, Namespace: r.Spec.Target.Namespace, Name: r.Spec.Target.Name},
		Files:  proposedFiles(files),
	}
	for _, a := range r.Spec.Actions {
		if a.Skipped != "" {
			continue
		}
		ending := proposal.Ending{Name: a.Name}
		if known, ok := s.o.Actions.Action(a.Name); ok {
			ending.How, ending.Hurts = known.Undo.How, known.Undo.Hurts
		}
		t.Actions = append(t.Actions, ending)
	}
	return t
}
