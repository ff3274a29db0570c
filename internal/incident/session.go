package incident

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

// session is the repository as it was when a call began. Everything a call
// decides, it decides about this one state.
type session struct {
	o        Options
	remote   *gitops.Remote
	base     string // branch
	revision gitops.Revision
	tree     *gitops.Tree
	fleet    *fleet.Fleet
	indexes  map[string]*fleet.Index
	known    []string // irgit's branches at the beginning
	now      time.Time
}

func newSession(ctx context.Context, o Options, now time.Time, remote *gitops.Remote, base string, revision gitops.Revision, tree *gitops.Tree) (*session, error) {
	f, err := fleet.Load(ctx, tree, fleet.Options{CacheDir: o.CacheDir})
	if err != nil {
		return nil, fmt.Errorf("fleet at %s of %s: %w", base, remote, err)
	}
	if _, known := f.Cluster(o.Cluster); o.Cluster != "" && !known {
		e := &ClusterError{Name: o.Cluster}
		for _, c := range f.Clusters() {
			e.Declared = append(e.Declared, c.Name)
		}
		return nil, e
	}
	return &session{
		o: o, remote: remote, base: base, revision: revision, tree: tree,
		fleet: f, indexes: make(map[string]*fleet.Index), now: now,
		known: slices.Collect(maps.Keys(remote.Branches(branchPrefix))),
	}, nil
}

// ClusterError is an Options.Cluster that the fleet does not declare.
type ClusterError struct {
	Name     string
	Declared []string
}

func (e *ClusterError) Error() string {
	return fmt.Sprintf(".irgit.yaml declares no cluster %q; it declares %s", e.Name, strings.Join(e.Declared, ", "))
}

// index renders a cluster once per session.
func (s *session) index(ctx context.Context, cluster string) (*fleet.Index, error) {
	if ix, ok := s.indexes[cluster]; ok {
		return ix, nil
	}
	ix, err := s.fleet.Index(ctx, cluster)
	if err != nil {
		return nil, err
	}
	s.indexes[cluster] = ix
	return ix, nil
}

// at is the session with another tree, of an open incident's branch.
func (s *session) at(ctx context.Context, tree *gitops.Tree) (*session, error) {
	if tree.Root() == s.tree.Root() {
		return s, nil
	}
	return newSession(ctx, s.o, s.now, s.remote, s.base, s.revision, tree)
}
