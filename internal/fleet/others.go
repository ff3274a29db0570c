package fleet

import (
	"context"
	"iter"
	"slices"
)

// builtEntry is what a root of some cluster was built from.
type builtEntry struct {
	cluster, root string
	entry         *entry
}

// others is what all clusters apply, as far as one has to know it of the
// others. It is the same for each of them.
type others struct {
	entries map[string][]builtEntry // by cluster
	sharing map[string][]string     // the clusters that apply a directory, by its path
}

// others looks at all clusters, once. What is declared of one is only
// followed; what its bootstraps lead to is built where it leads to more.
func (f *Fleet) others(ctx context.Context) (*others, error) {
	f.mu.Lock()
	have := f.around
	f.mu.Unlock()
	if have != nil {
		return have, nil
	}
	made, err := f.lookAround(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.around = made
	return made, nil
}

func (f *Fleet) lookAround(ctx context.Context) (*others, error) {
	n := &others{map[string][]builtEntry{}, map[string][]string{}}
	if len(f.clusters) < 2 {
		return n, nil
	}
	if err := f.prefetchRoots(ctx, f.clusters...); err != nil {
		return nil, err
	}
	var declared []*follower
	for _, c := range f.clusters {
		if len(c.Bootstrap) == 0 {
			roots, _, err := f.roots(ctx, c) // its findings belong to its own index
			if err != nil {
				return nil, err
			}
			declared = append(declared, &follower{cluster: c, roots: roots})
			for _, r := range roots {
				n.share(r.Path, c.Name)
			}
			continue
		}
		all, err := f.closure(ctx, c)
		if err != nil {
			return nil, err
		}
		for i, r := range all.roots {
			n.share(r.Path, c.Name)
			n.entries[c.Name] = append(n.entries[c.Name], builtEntry{c.Name, r.id, all.entries[i]})
		}
	}
	if err := f.follow(ctx, declared); err != nil {
		return nil, err
	}
	for _, d := range declared {
		for i, e := range d.builder.pick(d.keys) {
			n.entries[d.cluster.Name] = append(n.entries[d.cluster.Name], builtEntry{d.cluster.Name, d.roots[i].Path, e})
		}
		d.builder.finish(ctx)
	}
	return n, nil
}

func (n *others) share(dir, cluster string) {
	if !slices.Contains(n.sharing[dir], cluster) {
		n.sharing[dir] = append(n.sharing[dir], cluster)
	}
}

// follower finds out what the declared roots of a cluster read.
type follower struct {
	cluster Cluster
	roots   []Root
	keys    []entryKey
	builder *builder
}

// follow makes what the caches do not hold, for all clusters together: round
// trips are for each level of bases, however many roots there are.
func (f *Fleet) follow(ctx context.Context, all []*follower) error {
	stale, errs := make([][]want, len(all)), make([]error, len(all))
	parallel(len(all), func(i int) {
		d := all[i]
		wanted := make([]want, len(d.roots))
		for j, r := range d.roots {
			wanted[j] = want{path: r.Path, options: d.cluster.buildOptions(), follow: true}
		}
		d.builder, d.keys = f.builder("readers of "+d.cluster.Name), keysOf(wanted)
		stale[i], errs[i] = d.builder.sift(ctx, wanted, d.keys)
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return f.make(ctx, slices.Concat(stale...))
}

// share notes which roots' directories other clusters apply, too.
func (ix *Index) share() {
	for id, r := range ix.roots {
		for _, cluster := range ix.around.sharing[r.Path] {
			if cluster != ix.cluster.Name {
				r.sharers = append(r.sharers, cluster)
			}
		}
		ix.roots[id] = r
	}
}

// everyone is what the roots of all clusters were built from, the index's own
// first.
func (ix *Index) everyone() iter.Seq[builtEntry] {
	return func(yield func(builtEntry) bool) {
		for _, b := range ix.own {
			if !yield(b) {
				return
			}
		}
		for _, c := range ix.fleet.clusters {
			if c.Name == ix.cluster.Name {
				continue
			}
			for _, b := range ix.around.entries[c.Name] {
				if !yield(b) {
					return
				}
			}
		}
	}
}
