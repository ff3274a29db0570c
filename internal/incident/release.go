package incident

import (
	"context"
	"errors"
	"fmt"
	"path"
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
// bytes. A release that is proposed already is answered with Unchanged.
func (e *Engine) Release(ctx context.Context, id string) (*Outcome, error) {
	s, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	cluster, r, data, err := s.locate(ctx, id)
	if err != nil {
		return nil, err
	}
	changes, err := render.Release(ctx, s.tree, cluster, id)
	if err != nil {
		return nil, err
	}
	now := e.now().UTC().Truncate(time.Second)
	r.Spec.Status, r.Spec.Released, r.Spec.Previous = "released", &now, digestOf(data)
	closed, err := r.encode()
	if err != nil {
		return nil, err
	}
	changes = append(changes, gitops.Change{Path: historyFile(r), Content: closed})
	after, err := s.tree.With(ctx, changes...)
	if err != nil {
		return nil, fmt.Errorf("release incident %s: %w", id, err)
	}
	o := &Outcome{State: Proposed, Reason: "the release of incident " + id}
	if o.Patch, o.Files, err = Patch(ctx, s.tree, after); err != nil {
		return nil, err
	}
	text := s.releaseText(r, o.Files)
	o.Release = &text
	branch := releasePrefix + id
	o.Incident = s.summary(r)
	o.Incident.Branch = branch
	if head, there := s.remote.Branch(branch); there {
		o.State, o.Incident.Revision = Unchanged, head
		o.Reason = fmt.Sprintf("the release of incident %s is proposed already", id)
		return o, nil
	}
	message, err := gitops.Message{
		Subject: proposal.ReleaseSubject(text), Body: proposal.ReleaseCommitBody(text),
		Trailers: []gitops.Trailer{
			{Key: gitops.TrailerIncident, Value: id},
			{Key: gitops.TrailerPolicy, Value: r.Spec.Policy.Name + " " + r.Spec.Policy.Digest},
			{Key: gitops.TrailerRecord, Value: digestOf(closed)},
		},
	}.Format()
	if err != nil {
		return nil, fmt.Errorf("release incident %s: %w", id, err)
	}
	commit, err := s.remote.Commit(ctx, gitops.CommitSpec{
		Parent: s.revision, Changes: changes, Message: message, Signer: s.o.Signer,
		Author: gitops.Signature{Name: s.o.Author.Name, Email: s.o.Author.Email, When: now},
	})
	if err != nil {
		return nil, fmt.Errorf("release incident %s: %w", id, err)
	}
	o.Incident.Revision = commit.Revision
	if s.o.DryRun {
		return o, nil
	}
	if err := s.remote.Push(ctx, gitops.Update{Branch: branch, New: commit.Revision}); err != nil {
		return nil, fmt.Errorf("release incident %s: %w", id, err)
	}
	title, body := proposal.RenderRelease(text)
	result, err := s.o.Forge.Propose(ctx, forge.Request{Branch: branch, Base: s.base, Revision: string(commit.Revision), Title: title, Body: body, Labels: r.Spec.Policy.Approval.Labels})
	if err != nil {
		return nil, fmt.Errorf("the release of incident %s is on branch %s, but not proposed: %w", id, branch, err)
	}
	o.Incident.PullRequest = request{&result.PullRequest}.link()
	return o, nil
}

func historyFile(r *Record) string {
	return path.Join(historyRoot, r.Metadata.Name[:4], r.Metadata.Name+".yaml")
}

// locate finds a merged incident and its record.
func (s *session) locate(ctx context.Context, id string) (fleet.Cluster, *Record, []byte, error) {
	if keyFrom(id) == "" {
		return fleet.Cluster{}, nil, nil, fmt.Errorf("incident %q: an id is <yyyymmdd>-<name>-<8 hex digits>: %w", id, ErrNoIncident)
	}
	for _, c := range s.fleet.Clusters() {
		r, data, err := readRecord(ctx, s.tree, c, id)
		if errors.Is(err, gitops.ErrNotFound) {
			continue
		}
		return c, r, data, err
	}
	return fleet.Cluster{}, nil, nil, fmt.Errorf("incident %s: %w", id, ErrNoIncident)
}

// releaseText is what the reviewer of a release has to know.
func (s *session) releaseText(r *Record, files []gitops.FileChange) proposal.Release {
	t := proposal.Release{
		Incident: r.Metadata.Name, Key: r.Spec.Key, Cluster: r.Spec.Cluster, Base: s.base, Expires: r.Spec.Expires, History: historyFile(r),
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
