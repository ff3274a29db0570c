package incident

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

// found is what the repository holds of an incident that is not over.
type found struct {
	id      string
	cluster fleet.Cluster
	merged  bool // its directory is on the base branch

	// Of a branch that is not merged:
	head   gitops.Commit
	tree   *gitops.Tree
	record *Record
	digest string            // of the record's file
	forks  []gitops.Revision // of the base's history, that the branch's commits were made from
	ours   bool              // irgit made the tip

	doubts []string // branches of the incident's key that are not taken for it
}

// find looks for an open incident by its key, on the base branch and among the
// irgit branches: ids end in the key. A branch is spent when its incident is in
// the history or its tip in that of the base. Anybody who may push can make a
// branch of any name and a record of any content, so a branch counts only if
// its record is about this target and this policy.
func (s *session) find(ctx context.Context, d *decision) (found, error) {
	entries, err := s.tree.ReadDir(ctx, d.cluster.Response)
	if err != nil && !errors.Is(err, gitops.ErrNotFound) {
		return found{}, fmt.Errorf("list incidents of %s: %w", d.cluster.Name, err)
	}
	for _, e := range entries {
		if e.Mode == gitops.Dir && keyFrom(e.Name) == d.key {
			return found{id: e.Name, merged: true}, nil
		}
	}
	var f found
	branches := s.remote.Branches(branchPrefix)
	for _, name := range slices.Sorted(maps.Keys(branches)) {
		id := strings.TrimPrefix(name, branchPrefix)
		if keyFrom(id) != d.key {
			continue
		}
		ahead, err := s.ahead(ctx, id, branches[name])
		if err != nil {
			return found{}, err
		}
		if ahead.Commits == 0 {
			continue
		}
		one, why, err := s.branch(ctx, d, id, branches[name])
		switch {
		case err != nil:
			return found{}, err
		case why != "":
			f.doubts = append(f.doubts, fmt.Sprintf("branch %s is not taken for this incident: %s", name, why))
		case f.id == "":
			one.doubts, one.forks = f.doubts, ahead.Forks
			f = one
		default:
			f.doubts = append(f.doubts, fmt.Sprintf("branch %s is of the same incident: close it", name))
		}
	}
	return f, nil
}

// ahead is what a branch has and the base has not: nothing when its incident is
// over.
func (s *session) ahead(ctx context.Context, id string, head gitops.Revision) (gitops.Ahead, error) {
	closed, err := s.closed(ctx, id)
	if closed || err != nil {
		return gitops.Ahead{}, err
	}
	return s.remote.Ahead(ctx, head, s.revision)
}

// branch reads an incident from its branch; why says what is wrong with it.
func (s *session) branch(ctx context.Context, d *decision, id string, head gitops.Revision) (f found, why string, err error) {
	f, err = s.branchOf(ctx, id, head)
	switch {
	case transient(ctx, err) != nil:
		return f, "", err
	case err != nil:
		return f, err.Error(), nil //nolint:nilerr // it is the answer
	case f.cluster.Name != d.cluster.Name:
		return f, "its record is about another cluster", nil
	}
	return f, f.record.differs(d), nil
}

// differs says in what a record is not about a decision's incident.
func (r *Record) differs(d *decision) string {
	t, p := r.Spec.Target, r.Spec.Policy
	switch {
	case r.Spec.Key != d.key || p.Name != d.plan.Policy:
		return "its record is about another policy"
	case t.Kind != d.target.Kind || t.Namespace != d.target.Namespace || t.Name != d.target.Name:
		return "its record is about another workload"
	case r.Spec.Expires.After(r.Spec.LastEvent.Add(maxExpiry)):
		return "its record expires later than any policy allows"
	}
	return ""
}

// ours reports whether irgit made the branch's tip for this record: its
// trailers name the incident and the record's digest, and where commits are
// signed its signature is ours. What somebody else committed is left to them.
func (s *session) ours(f found) (bool, error) {
	trailers := gitops.ParseTrailers(f.head.Message)
	for _, want := range []gitops.Trailer{{Key: gitops.TrailerIncident, Value: f.id}, {Key: gitops.TrailerRecord, Value: f.digest}} {
		if !slices.Contains(trailers, want) {
			return false, nil
		}
	}
	if s.o.Signer == nil {
		return true, nil
	}
	return f.head.SignedBy(s.o.Signer)
}

// maxRecord is far above what add lets a record grow to, in bytes.
const maxRecord = 4 << 20

// readRecord reads an incident's record from a tree.
func readRecord(ctx context.Context, tree *gitops.Tree, c fleet.Cluster, id string) (*Record, []byte, error) {
	file := path.Join(c.Response, id, recordFile)
	data, err := tree.ReadFile(ctx, file)
	if err != nil {
		return nil, nil, fmt.Errorf("read record: %w", err)
	}
	if len(data) > maxRecord {
		return nil, nil, fmt.Errorf("read record %s: it is larger than %d MiB", file, maxRecord>>20)
	}
	r, err := parseRecord(file, data)
	if err != nil {
		return nil, nil, err
	}
	if r.Metadata.Name != id || r.Spec.Cluster != c.Name || r.Spec.Key != keyFrom(id) {
		return nil, nil, fmt.Errorf("read record %s: it is of another incident or cluster than its path says", file)
	}
	return r, data, nil
}
