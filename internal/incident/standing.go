package incident

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
)

// Stage is how far an incident has come.
type Stage string

// The stages of an incident.
const (
	StageProposed  Stage = "proposed"  // on its branch, for people to decide
	StageExpired   Stage = "expired"   // the same, and its time was over before anybody did
	StageVetoed    Stage = "vetoed"    // a person closed its pull request without a merge
	StageMerged    Stage = "merged"    // on the base branch; whether it is applied is the controllers' to say
	StageOverdue   Stage = "overdue"   // the same, its time is over, and no release is proposed
	StageReleasing Stage = "releasing" // its release is proposed
	StageReleased  Stage = "released"  // its record is in the history
	StageUnclear   Stage = "unclear"   // its branch or record cannot be understood; Reason says why
)

// Standing is where an incident stands, by what Git and the forge hold of it.
type Standing struct {
	ID          string           `json:"id"`
	Stage       Stage            `json:"stage"`
	Reason      string           `json:"reason"` // what stands in the way, or what comes next
	Cluster     string           `json:"cluster,omitempty"`
	Target      string           `json:"target,omitempty"` // Kind namespace/name
	Policy      string           `json:"policy,omitempty"`
	Severity    alert.Severity   `json:"severity"`
	Alerts      int              `json:"alerts"`
	FirstEvent  time.Time        `json:"firstEvent,omitzero"`
	Expires     time.Time        `json:"expires,omitzero"`
	Released    time.Time        `json:"released,omitzero"`
	Branch      string           `json:"branch,omitempty"` // that it is proposed on, or its release is
	Revision    gitops.Revision  `json:"revision,omitempty"`
	PullRequest *PullRequestLink `json:"pullRequest,omitempty"`
	Record      string           `json:"record,omitempty"` // file of the base branch, or of Branch

	record *Record
	ours   bool // irgit made the branch's tip
	stale  bool // the base has moved since the branch was made
}

// Incidents lists the incidents that are not over, by id; with closed those of
// the history as well.
func (e *Engine) Incidents(ctx context.Context, closed bool) ([]*Standing, error) {
	s, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.open(ctx)
	if err != nil || !closed {
		return all, err
	}
	over, err := s.history(ctx)
	all = append(all, over...)
	slices.SortFunc(all, func(a, b *Standing) int { return strings.Compare(a.ID, b.ID) })
	return all, err
}

// Incident is where one incident stands, and its record. The error is
// ErrNoIncident when nothing is known of it.
func (e *Engine) Incident(ctx context.Context, id string) (*Standing, *Record, error) {
	s, err := e.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if keyFrom(id) == "" {
		return nil, nil, fmt.Errorf("incident %q: an id is <yyyymmdd>-<name>-<8 hex digits>: %w", id, ErrNoIncident)
	}
	over, err := s.closed(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if over {
		one, err := s.past(ctx, historyFile(id))
		if err != nil {
			return nil, nil, err
		}
		return one, one.record, nil
	}
	for _, c := range s.fleet.Clusters() {
		e, err := s.tree.Stat(ctx, path.Join(c.Response, id))
		if errors.Is(err, gitops.ErrNotFound) || err == nil && e.Mode != gitops.Dir {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("look for incident %s: %w", id, err)
		}
		one, err := s.contained(ctx, c, id)
		if err != nil {
			return nil, nil, err
		}
		return one, one.record, nil
	}
	if head, there := s.remote.Branch(branchPrefix + id); there {
		if one, err := s.proposal(ctx, id, head); err != nil {
			return nil, nil, err
		} else if one != nil {
			return one, one.record, nil
		}
	}
	return nil, nil, fmt.Errorf("incident %q: neither on %s nor on a branch: %w", id, s.base, ErrNoIncident)
}

// open lists the incidents of the base branch and of irgit's branches.
func (s *session) open(ctx context.Context) (all []*Standing, err error) {
	known := map[string]bool{}
	for _, c := range s.fleet.Clusters() {
		entries, err := s.tree.ReadDir(ctx, c.Response)
		if err != nil && !errors.Is(err, gitops.ErrNotFound) {
			return nil, fmt.Errorf("list incidents of %s: %w", c.Name, err)
		}
		for _, e := range entries {
			if e.Mode != gitops.Dir || keyFrom(e.Name) == "" {
				continue
			}
			one, err := s.contained(ctx, c, e.Name)
			if err != nil {
				return nil, err
			}
			all, known[e.Name] = append(all, one), true
		}
	}
	branches := s.remote.Branches(branchPrefix)
	for _, name := range slices.Sorted(maps.Keys(branches)) {
		id := strings.TrimPrefix(name, branchPrefix)
		if keyFrom(id) == "" || known[id] {
			continue
		}
		one, err := s.proposal(ctx, id, branches[name])
		if err != nil {
			return nil, err
		}
		if one != nil {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b *Standing) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// contained is an incident whose directory is on the base branch.
func (s *session) contained(ctx context.Context, c fleet.Cluster, id string) (*Standing, error) {
	one := &Standing{ID: id, Stage: StageMerged, Record: path.Join(c.Response, id, recordFile)}
	r, _, err := readRecord(ctx, s.tree, c, id)
	if one, err = one.of(ctx, r, err); err != nil {
		return nil, err
	}
	return one, s.ending(ctx, one)
}

// of takes what a record says. One that cannot be read makes the incident
// unclear; what is wrong with the repository or the context stays an error.
func (one *Standing) of(ctx context.Context, r *Record, err error) (*Standing, error) {
	if err := transient(ctx, err); err != nil {
		return nil, err
	}
	if err != nil {
		one.Stage, one.Reason = StageUnclear, err.Error()
		return one, nil //nolint:nilerr // it is the answer
	}
	s := &r.Spec
	one.Cluster, one.Target, one.Policy, one.Severity, one.Alerts = s.Cluster, s.Target.String(), s.Policy.Name, s.Severity, s.AlertCount
	one.FirstEvent, one.Expires, one.record = s.FirstEvent, s.Expires, r
	if s.Released != nil {
		one.Released = *s.Released
	}
	return one, nil
}

// ending says what becomes of a merged incident.
func (s *session) ending(ctx context.Context, one *Standing) error {
	branch := releasePrefix + one.ID
	if head, there := s.remote.Branch(branch); there {
		pr, err := s.o.Forge.Find(ctx, branch)
		if err != nil {
			return fmt.Errorf("find the release of incident %s: %w", one.ID, err)
		}
		one.Branch, one.Revision, one.PullRequest = branch, head, request{pr}.link()
		switch {
		case one.Stage == StageUnclear:
		case request{pr}.vetoes():
			one.Reason = fmt.Sprintf("pull request %d, its release, was closed without a merge: reopen it to release", pr.Number)
		default:
			one.Stage, one.Reason = StageReleasing, "merge the release to take the containment back"
		}
		return nil
	}
	switch {
	case one.Stage == StageUnclear:
	case one.Expires.Before(s.now):
		one.Stage, one.Reason = StageOverdue, fmt.Sprintf("its time was over at %s: `irgit reconcile` or `irgit incident release %s` proposes its release", one.Expires.Format(time.RFC3339), one.ID)
	default:
		one.Reason = "it stands until its release is merged, which is proposed at " + one.Expires.Format(time.RFC3339)
	}
	return nil
}

// proposal is an incident that is on a branch alone; nil when it is over.
func (s *session) proposal(ctx context.Context, id string, head gitops.Revision) (*Standing, error) {
	ahead, err := s.ahead(ctx, id, head)
	if err != nil || ahead.Commits == 0 {
		return nil, err
	}
	one := &Standing{ID: id, Stage: StageProposed, Branch: branchPrefix + id, Revision: head}
	f, err := s.branchOf(ctx, id, head)
	if one, err = one.of(ctx, f.record, err); err != nil {
		return nil, err
	}
	pr, err := s.pullRequest(ctx, id)
	if err != nil {
		return nil, err
	}
	one.PullRequest = pr.link()
	if one.Stage == StageUnclear {
		return one, nil
	}
	one.ours, one.stale, one.Record = f.ours, f.record.Spec.Base != s.revision, f.record.file(f.cluster)
	switch {
	case pr.vetoes():
		one.Stage, one.Reason = StageVetoed, fmt.Sprintf("pull request %d was closed without a merge: reopen it to have the containment back", pr.Number)
	case pr.PullRequest != nil && pr.State == forge.Merged:
		one.Reason = fmt.Sprintf("pull request %d was merged into another branch than %s, or %s does not show it yet", pr.Number, s.base, s.base)
	case one.Expires.Before(s.now):
		one.Stage, one.Reason = StageExpired, "its time was over before anybody decided: close it, or merge it and release it"
	case !one.ours:
		one.Reason = "the last commit of its branch is not irgit's, so the branch is left to whoever made it"
	default:
		one.Reason = "it is for a person to merge or to close"
	}
	return one, nil
}

// branchOf reads an incident from its branch, of whichever cluster it is.
func (s *session) branchOf(ctx context.Context, id string, head gitops.Revision) (f found, err error) {
	f.id = id
	if f.head, err = s.remote.Read(ctx, head); err != nil {
		return f, err
	}
	if f.tree, err = s.remote.Tree(ctx, head); err != nil {
		return f, err
	}
	for _, f.cluster = range s.fleet.Clusters() {
		var data []byte
		f.record, data, err = readRecord(ctx, f.tree, f.cluster, id)
		if errors.Is(err, gitops.ErrNotFound) {
			continue
		}
		if err != nil {
			return f, err
		}
		f.digest = digestOf(data)
		f.ours, err = s.ours(f)
		return f, err
	}
	return f, fmt.Errorf("branch %s%s holds no record of the incident in a directory of a declared cluster", branchPrefix, id)
}

// history lists the incidents that are over.
func (s *session) history(ctx context.Context) (all []*Standing, err error) {
	years, err := s.tree.ReadDir(ctx, historyRoot)
	if errors.Is(err, gitops.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the history of incidents: %w", err)
	}
	for _, year := range years {
		dir := path.Join(historyRoot, year.Name)
		if year.Mode != gitops.Dir {
			continue
		}
		records, err := s.tree.ReadDir(ctx, dir)
		if err != nil {
			return nil, fmt.Errorf("list the history of incidents: %w", err)
		}
		for _, e := range records {
			if keyFrom(strings.TrimSuffix(e.Name, ".yaml")) == "" {
				continue
			}
			one, err := s.past(ctx, path.Join(dir, e.Name))
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// past is an incident that is over, by its record.
func (s *session) past(ctx context.Context, file string) (*Standing, error) {
	one := &Standing{ID: strings.TrimSuffix(path.Base(file), ".yaml"), Stage: StageReleased, Record: file, Reason: "it is over"}
	data, err := s.tree.ReadFile(ctx, file)
	var r *Record
	if err == nil {
		r, err = parseRecord(file, data)
	}
	return one.of(ctx, r, err)
}
