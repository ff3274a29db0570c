package fleet

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// Delivery is where a new sync object of a cluster goes, and what those that
// are there have in common.
type Delivery struct {
	Dir           string                  // of the repository, "." is its root
	Kustomization string                  // of Dir, which has to list a new file; "" when there is none
	ByHand        bool                    // nothing in Git applies Dir
	Namespace     string                  // of the cluster's sync objects; "" when they name none
	Destination   controllers.Destination // of Argo CD's, zero when there are none
	Source        kustomize.Source        // what the controller gets of the repository
}

// Delivery finds where the cluster's controller would be told of more. It is
// false where no bootstrap is known.
func (ix *Index) Delivery(ctx context.Context) (d Delivery, ok bool, err error) {
	operated, err := ix.fleet.operated(ctx)
	if err != nil {
		return d, false, err
	}
	const byController, byHand, byFile, none = 0, 1, 2, 3
	best := none
	for _, b := range ix.cluster.Bootstrap {
		e, err := ix.fleet.tree.Stat(ctx, b)
		found, err := missing(ctx, b, err)
		if err != nil {
			return d, false, err
		}
		at, rank := Delivery{Dir: b, ByHand: true}, byHand
		root, known := ix.roots[b]
		switch {
		case found != nil:
			continue
		case e.Mode != gitops.Dir:
			at.Dir, rank = path.Dir(b), byFile
		case known && (root.sync != nil || operated[b]):
			at.ByHand, rank = false, byController
		}
		if rank < best {
			best, d = rank, at
		}
	}
	if best != byController && ix.cluster.GitOps == controllers.ArgoCD {
		at, err := ix.appOfApps(ctx)
		if err != nil {
			return d, false, err
		}
		if at != "" {
			best, d = byController, Delivery{Dir: at}
		}
	}
	if best == none {
		return d, false, nil
	}
	if d.Kustomization, err = kustomizationIn(ctx, ix.fleet.tree, d.Dir); err != nil {
		return d, false, err
	}
	d.Namespace, d.Destination = ix.habits()
	d.Source = ix.source(d.Dir)
	return d, true, nil
}

// appOfApps is the directory that Argo CD applies to its own cluster and that
// holds most of what goes to this one, "" when there is none.
func (ix *Index) appOfApps(ctx context.Context) (string, error) {
	all, err := ix.fleet.everywhere(ctx, ix.cluster)
	if err != nil {
		return "", err
	}
	roots, count := map[string]*appliedRoot{}, map[string]int{}
	for _, r := range all.roots {
		roots[r.id] = r
	}
	_, destination := ix.habits()
	for _, r := range all.roots {
		parent := roots[r.parent]
		if r.sync == nil || r.sync.Destination != destination || parent == nil || parent.sync == nil {
			continue
		}
		stopped := slices.ContainsFunc(parent.sync.Rules.Obstacles("argoproj.io", "ApplicationSet", cmp.Or(r.sync.Object.Namespace, "argocd"), "irgit", nil), func(o controllers.Obstacle) bool { return o.Blocking })
		if ofController(parent.sync.Destination) && !stopped {
			count[parent.Path]++
		}
	}
	return most(count, cmp.Compare[string]), nil
}

// source is what the controller gets of the repository in general: as the
// bootstrap is told, or else the first root that is not of an artifact.
func (ix *Index) source(bootstrap string) kustomize.Source {
	for _, id := range append([]string{bootstrap}, ix.order...) {
		if r, known := ix.roots[id]; known && r.sync != nil && !r.isRelease() && len(r.options.Source.Copies) == 0 {
			return r.options.Source
		}
	}
	return kustomize.Source{Ignores: ix.cluster.GitOps == controllers.FluxCD}
}

// operated are the directories that Flux's operator has the clusters apply.
func (f *Fleet) operated(ctx context.Context) (map[string]bool, error) {
	s, err := f.scan(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, o := range s.objects {
		if b, ok := controllers.Bootstrap(o.obj); ok {
			out[clean(b.Path)] = true
		}
	}
	return out, nil
}

func kustomizationIn(ctx context.Context, tree *gitops.Tree, dir string) (string, error) {
	for _, name := range kustomize.FileNames() {
		file := path.Join(dir, name)
		_, err := tree.Stat(ctx, file)
		if err == nil {
			return file, nil
		}
		if found, err := missing(ctx, file, err); found == nil {
			return "", err
		}
	}
	return "", nil
}

// habits are the namespace and the destination that most of the cluster's sync
// objects have.
func (ix *Index) habits() (string, controllers.Destination) {
	namespaces, destinations := map[string]int{}, map[controllers.Destination]int{}
	for _, r := range ix.roots {
		if r.sync == nil || r.isRelease() {
			continue
		}
		if n := r.sync.Object.Namespace; n != "" {
			namespaces[n]++
		}
		if r.sync.Destination != (controllers.Destination{}) {
			destinations[r.sync.Destination]++
		}
	}
	inOrder := func(a, b controllers.Destination) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Server, b.Server))
	}
	return most(namespaces, cmp.Compare[string]), most(destinations, inOrder)
}

func most[K comparable](count map[K]int, inOrder func(a, b K) int) (best K) {
	for k, n := range count {
		if n > count[best] || n == count[best] && inOrder(k, best) < 0 {
			best = k
		}
	}
	return best
}

// Response lists what applies irgit's own directories to the cluster.
func (ix *Index) Response() []controllers.Sync { return slices.Clone(ix.response) }

// applying lists what of that applies a directory.
func (ix *Index) applying(dir string) (out []controllers.Sync) {
	for _, s := range ix.response {
		if within(dir, s.Path) {
			out = append(out, s)
		}
	}
	return out
}

// Undelivered says why new objects in the cluster's directory of incidents
// would not reach it, "" when they do as far as Git tells. Where a controller
// starts has to be known, and an ApplicationSet makes nothing of a directory
// without incidents: of Argo CD nothing is said.
func (ix *Index) Undelivered(ctx context.Context) (string, error) {
	dir := ix.cluster.Response
	if len(ix.cluster.Bootstrap) == 0 || ix.cluster.GitOps != controllers.FluxCD {
		return "", nil
	}
	applying := ix.applying(dir)
	if len(applying) == 0 {
		return fmt.Sprintf("nothing is seen to apply %s: run irgit init", dir), nil
	}
	s := applying[0]
	if s.Rules.Suspended != "" {
		return fmt.Sprintf("nothing of %s is applied: %s %s/%s is suspended", dir, s.Object.Kind, s.Object.Namespace, s.Object.Name), nil
	}
	hidden, err := s.Build.Source.Hidden(ctx, ix.fleet.tree, path.Join(dir, "incident", "kustomization.yaml"))
	if hidden {
		return fmt.Sprintf("nothing of %s is applied: the source of %s %s/%s leaves it out", dir, s.Object.Kind, s.Object.Namespace, s.Object.Name), nil
	}
	return "", err
}
