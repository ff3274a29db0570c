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

// found is what the repository holds of an incident.
type found struct {
	id     string
	merged bool            // its directory is on the base branch
	head   gitops.Revision // of its branch, "" when there is none
}

// find looks for an open incident by its key, on the base branch and among
// the irgit branches. Ids end in the key, so names alone answer.
func (s *session) find(ctx context.Context, c fleet.Cluster, key string) (found, error) {
	entries, err := s.tree.ReadDir(ctx, c.Response)
	if err != nil && !errors.Is(err, gitops.ErrNotFound) {
		return found{}, fmt.Errorf("list incidents of %s: %w", c.Name, err)
	}
	for _, e := range entries {
		if e.Mode == gitops.Dir && keyFrom(e.Name) == key {
			return found{id: e.Name, merged: true}, nil
		}
	}
	// Two branches of one key were pushed by two runs that had different first
	// events; the older one is the incident.
	branches := s.remote.Branches(branchPrefix)
	for _, name := range slices.Sorted(maps.Keys(branches)) {
		if id := strings.TrimPrefix(name, branchPrefix); keyFrom(id) == key {
			return found{id: id, head: branches[name]}, nil
		}
	}
	return found{}, nil
}

// readRecord reads an incident's record from a tree.
func readRecord(ctx context.Context, tree *gitops.Tree, c fleet.Cluster, id string) (*Record, []byte, error) {
	file := path.Join(c.Response, id, recordFile)
	data, err := tree.ReadFile(ctx, file)
	if err != nil {
		return nil, nil, fmt.Errorf("read record: %w", err)
	}
	r, err := parseRecord(file, data)
	if err != nil {
		return nil, nil, err
	}
	if r.Metadata.Name != id || r.Spec.Cluster != c.Name {
		return nil, nil, fmt.Errorf("read record %s: it is of incident %s in cluster %s", file, r.Metadata.Name, r.Spec.Cluster)
	}
	return r, data, nil
}

// ours reports whether the commit is one that irgit made for the incident. A
// branch on which somebody else has committed is left to them.
func ours(c gitops.Commit, id string) bool {
	return slices.Contains(gitops.ParseTrailers(c.Message), gitops.Trailer{Key: gitops.TrailerIncident, Value: id})
}
