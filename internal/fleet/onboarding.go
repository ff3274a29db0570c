package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// With is the same fleet with files changed. The cache is read and not written.
func (f *Fleet) With(ctx context.Context, changes ...gitops.Change) (*Fleet, error) {
	tree, err := f.tree.With(ctx, changes...)
	if err != nil {
		return nil, err
	}
	return f.in(tree, f.clusters), nil
}

// Reloaded is the fleet as the .irgit.yaml in its tree declares it. A
// *ConfigError holds everything wrong with that.
func (f *Fleet) Reloaded(ctx context.Context) (*Fleet, error) {
	o := f.options
	o.keep, o.Discover = true, false
	return Load(ctx, f.tree, o)
}

// in is the fleet of the clusters in a tree.
func (f *Fleet) in(tree *gitops.Tree, clusters []Cluster) *Fleet {
	o := f.options
	o.keep = true
	return newFleet(tree, config{Clusters: clusters, Repositories: f.urls}, o)
}

// Completed is the fleet in which every cluster has the bootstraps that reading
// the repository finds for it, besides those that it declares. Clusters that
// reading finds and nobody declares are the second answer. What is read has the
// files changed: an ApplicationSet leads nowhere while no directory is there.
func (f *Fleet) Completed(ctx context.Context, changes ...gitops.Change) (*Fleet, []Cluster, error) {
	tree, err := f.tree.With(ctx, changes...)
	if err != nil {
		return nil, nil, err
	}
	o := f.options
	o.keep = true
	found, err := Discover(ctx, tree, o)
	if err != nil {
		return nil, nil, err
	}
	clusters, taken := slices.Clone(f.clusters), map[string]bool{}
	for i, c := range clusters {
		for _, other := range found.clusters {
			same, err := f.same(ctx, found, c, other)
			if err != nil {
				return nil, nil, err
			}
			if !same {
				continue
			}
			taken[other.Name] = true
			for _, b := range other.Bootstrap {
				if !slices.Contains(clusters[i].Bootstrap, b) {
					clusters[i].Bootstrap = append(slices.Clone(clusters[i].Bootstrap), b)
				}
			}
		}
	}
	rest := slices.DeleteFunc(slices.Clone(found.clusters), func(c Cluster) bool { return taken[c.Name] })
	whole := f.in(f.tree, clusters)
	for _, url := range found.urls {
		if !slices.Contains(whole.urls, url) {
			whole.urls = append(whole.urls, url)
		}
	}
	return whole, rest, nil
}

// same reports whether a cluster that was found is one that is declared: by
// what it is called, by where it starts, or by what it applies.
func (f *Fleet) same(ctx context.Context, found *Fleet, c, other Cluster) (bool, error) {
	if c.GitOps != other.GitOps {
		return false, nil
	}
	if named, ok := f.Cluster(other.Name); ok {
		return named.Name == c.Name, nil
	}
	starts := func(b string) bool { return slices.Contains(c.Bootstrap, b) }
	if slices.ContainsFunc(other.Aliases, c.answersTo) || c.GitOps == controllers.FluxCD && slices.ContainsFunc(other.Bootstrap, starts) {
		return true, nil
	}
	if other.InCluster && c.InCluster && slices.ContainsFunc(other.Bootstrap, starts) {
		return true, nil
	}
	all, err := found.closure(ctx, other)
	if err != nil {
		return false, err
	}
	for _, declared := range c.Roots {
		dir, glob := strings.CutSuffix(declared.Path, "/*")
		for _, r := range all.roots {
			if !r.start && (r.Path == dir || glob && path.Dir(r.Path) == dir) {
				return true, nil
			}
		}
	}
	return false, nil
}

// Names lists the URLs by which sync objects call this repository, as they
// spell them, the most usual first and one spelling of each.
func (f *Fleet) Names(ctx context.Context) (names []string, err error) {
	s, err := f.scan(ctx)
	if err != nil {
		return nil, err
	}
	own, count := map[string]bool{}, map[string]int{}
	note := func(url string) {
		own[normalURL(url)] = true
		count[url] += 0
	}
	for _, url := range f.urls {
		note(url)
	}
	var apps []map[string]any
	for _, o := range s.objects {
		if kind := o.obj.GetKind(); kind == "Application" || kind == "ApplicationSet" || kind == "AppProject" {
			apps = append(apps, o.obj.Object)
		}
		for _, c := range f.clusters {
			source, namespace := c.Flux.Source, cmp.Or(o.obj.GetNamespace(), c.Flux.Namespace)
			url := text(dig(o.obj.Object, "spec", "url"))
			if url != "" && c.GitOps == controllers.FluxCD && o.obj.GetKind() == source.Kind && o.obj.GetName() == source.Name && namespace == c.Flux.Namespace {
				note(url)
				count[url]++
			}
		}
	}
	if url := f.mostNamed(ctx, apps); url != "" && len(own) == 0 {
		own[url] = true
	}
	for _, o := range apps {
		for _, source := range sourcesIn(o) {
			if url := text(source["repoURL"]); own[normalURL(url)] {
				count[url]++
			}
		}
	}
	names = slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(url string) bool {
		again := seen[normalURL(url)]
		seen[normalURL(url)] = true
		return again
	}), nil
}

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
		rules, to := parent.sync.Rules, parent.sync.Destination
		own := to == controllers.Destination{} || to.Name == inClusterName || to.Server == inClusterServer
		stopped := slices.ContainsFunc(rules.Obstacles("argoproj.io", "ApplicationSet", cmp.Or(r.sync.Object.Namespace, "argocd"), "irgit", nil), func(o controllers.Obstacle) bool { return o.Blocking })
		if own && !stopped {
			count[parent.Path]++
		}
	}
	return most(count, cmp.Compare[string]), nil
}

// source is what the controller gets of the repository in general: as the
// bootstrap is told, or else the first root that is not of an artifact.
func (ix *Index) source(bootstrap string) kustomize.Source {
	for _, id := range append([]string{bootstrap}, ix.order...) {
		if r, known := ix.roots[id]; known && r.sync != nil && len(r.options.Source.Copies) == 0 {
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
		if r.sync == nil {
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

// Patchable lists the objects of a root that a containment may have to patch:
// workloads, their autoscalers, and what installs a chart.
func (ix *Index) Patchable(root string) (refs []ObjectRef) {
	for _, w := range ix.workloads {
		if w.Root == root {
			refs = append(refs, w.Ref())
		}
	}
	for _, objects := range ix.objects {
		for _, o := range objects {
			if o.ref.Root == root && (o.ref.Kind == "HorizontalPodAutoscaler" || o.ref.Kind == "HelmRelease") {
				refs = append(refs, o.ref)
			}
		}
	}
	slices.SortFunc(refs, compareRefs)
	return refs
}

// Wiring is what one root needs so that its objects can be patched.
type Wiring struct {
	Root    string
	Needs   []Placement  // ByWiring, one for each file
	Refused []*HookError // what cannot be patched, each reason once
	// Wired, Elsewhere and Unplaced count the objects that are patched through
	// a hook that is there, in another file without any wiring, and not at all.
	Objects, Wired, Elsewhere, Unplaced int
}

// Wiring looks at everything patchable of a root.
func (ix *Index) Wiring(ctx context.Context, root string) (w Wiring, err error) {
	w.Root = root
	refs := ix.Patchable(root)
	w.Objects = len(refs)
	one := ix.roots[root].kustomization != ""
	for i, ref := range refs {
		n := 1
		if one { // the answer is the same for all of them
			n = len(refs)
		}
		p, err := ix.Placement(ctx, ref)
		var refused *HookError
		switch {
		case errors.As(err, &refused):
			w.Unplaced += n
			if !slices.ContainsFunc(w.Refused, func(e *HookError) bool { return *e == *refused }) {
				w.Refused = append(w.Refused, refused)
			}
		case err != nil:
			return w, err
		case p.How == ThroughHook:
			w.Wired += n
		case p.How == ByWiring:
			if !slices.ContainsFunc(w.Needs, func(o Placement) bool { return o.File == p.File }) {
				w.Needs = append(w.Needs, p)
			}
		default:
			w.Elsewhere += n
		}
		if one && i == 0 {
			break
		}
	}
	return w, nil
}

// Touched lists the roots of the cluster whose build may come out differently
// when the files change.
func (ix *Index) Touched(files []string) (roots []string) {
	for _, b := range ix.everyone {
		covers := func(file string) bool {
			return slices.ContainsFunc(b.entry.Cover, func(c string) bool { return c == file || c == "." || strings.HasPrefix(file, c+"/") })
		}
		if b.cluster == ix.cluster.Name && slices.ContainsFunc(files, covers) {
			roots = append(roots, b.root)
		}
	}
	return roots
}

// Remedy is the way out of a finding, "" where Git does not tell one.
func (f Finding) Remedy() string {
	switch {
	case f.Step != "" || f.Unknown:
		return f.Step
	case f.File == ConfigFile:
		return "correct the root " + f.Root + " there"
	}
	return "repair the root " + f.Root + ": until then no alert finds all of its workloads"
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
	for _, s := range ix.response {
		if s.Path != dir && !strings.HasPrefix(dir, s.Path+"/") {
			continue
		}
		if s.Rules.Suspended != "" {
			return fmt.Sprintf("nothing of %s is applied: %s %s/%s is suspended", dir, s.Object.Kind, s.Object.Namespace, s.Object.Name), nil
		}
		hidden, err := s.Build.Source.Hidden(ctx, ix.fleet.tree, path.Join(dir, "incident", "kustomization.yaml"))
		if hidden {
			return fmt.Sprintf("nothing of %s is applied: the source of %s %s/%s leaves it out", dir, s.Object.Kind, s.Object.Namespace, s.Object.Name), nil
		}
		return "", err
	}
	return fmt.Sprintf("nothing is seen to apply %s: run irgit init", dir), nil
}
