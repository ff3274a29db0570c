package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

// indexes measures what understanding the whole fleet costs: every cluster's
// roots, from what .irgit.yaml declares and from Flux's own objects alone.
func (m *measurement) indexes(ctx context.Context) (err error) {
	for _, way := range []string{"declared", "discovered"} {
		r := &reading{measurement: m, way: way, cache: filepath.Join(m.dir, "index-"+way)}
		var cold, same, one spent
		cold.begin()
		if err := m.profiled(way+"-cold", func() error { return r.cold(ctx) }); err != nil {
			return err
		}
		cold.end()
		// Each round is measured by itself: one change follows on another.
		if same, err = r.rounds(ctx, way+"-warm", func(int) error { return nil }); err != nil {
			return err
		}
		if one, err = r.rounds(ctx, way+"-changed", func(i int) error { return r.change(ctx, i) }); err != nil {
			return err
		}
		fmt.Printf("index of all clusters, %s: cold %s (bound 20 s); warm %s, one file changed %s (bound 100 ms)\n", way, cold, same, one)
	}
	return nil
}

// reading is one way to read the fleet, with a cache of its own.
type reading struct {
	*measurement
	way, cache string
	tree       *gitops.Tree
}

func (r *reading) cold(ctx context.Context) (err error) {
	if r.tree, err = r.open(ctx, r.cache); err != nil {
		return err
	}
	return r.indexAll(ctx)
}

// change changes one file, another one each time.
func (r *reading) change(ctx context.Context, i int) (err error) {
	file := fmt.Sprintf("clusters/%s/t%02d/%s/configmap.yaml", cluster(0), i, app(i, 0))
	r.tree, err = r.tree.With(ctx, gitops.Change{Path: file, Content: fmt.Appendf(nil, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: changed-%d, namespace: t%02d}\n", i, i)})
	return err
}

// rounds is the median of reading again after each preparation.
func (r *reading) rounds(ctx context.Context, name string, prepare func(i int) error) (spent, error) {
	var all []spent
	err := r.profiled(name, func() error {
		for i := range rounds {
			if err := prepare(i); err != nil {
				return err
			}
			var s spent
			s.begin()
			if err := r.indexAll(ctx); err != nil {
				return err
			}
			s.end()
			all = append(all, s)
		}
		return nil
	})
	if err != nil {
		return spent{}, err
	}
	slices.SortFunc(all, func(a, b spent) int { return cmp.Compare(a.processor, b.processor) })
	return all[len(all)/2], nil
}

func (m *measurement) open(ctx context.Context, cache string) (*gitops.Tree, error) {
	remote, err := gitops.Open(ctx, gitops.Options{URL: m.url, CacheDir: cache})
	if err != nil {
		return nil, err
	}
	_, base, err := remote.Base("main")
	if err != nil {
		return nil, err
	}
	return remote.Tree(ctx, base)
}

// indexAll answers for every cluster, and checks that it does.
func (r *reading) indexAll(ctx context.Context) error {
	load := fleet.Load
	if r.way == "discovered" {
		load = fleet.Discover
	}
	f, err := load(ctx, r.tree, fleet.Options{CacheDir: r.cache})
	if err != nil {
		return err
	}
	for _, c := range f.Clusters() {
		ix, err := f.Index(ctx, c.Name)
		if err != nil {
			return err
		}
		if n := len(ix.Workloads()); n != teams*apps {
			return fmt.Errorf("index of %s, %s: %d workloads, want %d; %v", c.Name, r.way, n, teams*apps, ix.Findings())
		}
	}
	return nil
}
