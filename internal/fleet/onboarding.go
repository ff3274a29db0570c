package fleet

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/gitops"
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
	one := ix.roots[root].kustomization != "" && !ix.roots[root].isRelease()
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
	for b := range ix.everyone() {
		if b.cluster == ix.cluster.Name && slices.ContainsFunc(files, b.entry.mayRead) {
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
