package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

// indexes measures what understanding the whole fleet costs: every cluster's
// roots, from what .irgit.yaml declares and from Flux's own objects alone.
func (m *measurement) indexes(ctx context.Context) error {
	for _, way := range []string{"declared", "discovered"} {
		cache := filepath.Join(m.dir, "index-"+way)
		start := time.Now()
		tree, err := m.tree(ctx, cache)
		if err != nil {
			return err
		}
		if err := indexAll(ctx, tree, cache, way); err != nil {
			return err
		}
		cold := time.Since(start)
		var same, one []time.Duration
		for i := range rounds {
			took, err := indexed(ctx, tree, cache, way)
			if err != nil {
				return err
			}
			same = append(same, took)
			file := fmt.Sprintf("clusters/%s/t%02d/%s/configmap.yaml", cluster(0), i, app(i, 0))
			if tree, err = tree.With(ctx, gitops.Change{Path: file, Content: fmt.Appendf(nil, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: changed-%d, namespace: t%02d}\n", i, i)}); err != nil {
				return err
			}
			if took, err = indexed(ctx, tree, cache, way); err != nil {
				return err
			}
			one = append(one, took)
		}
		fmt.Printf("index of all clusters, %s: cold %.1f s (bound 20 s); warm %s, one file changed %s (bound 100 ms)\n",
			way, cold.Seconds(), ms(median(same)), ms(median(one)))
	}
	return nil
}

func (m *measurement) tree(ctx context.Context, cache string) (*gitops.Tree, error) {
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

func indexed(ctx context.Context, tree *gitops.Tree, cache, way string) (time.Duration, error) {
	start := time.Now()
	err := indexAll(ctx, tree, cache, way)
	return time.Since(start), err
}

// indexAll answers for every cluster, and checks that it does.
func indexAll(ctx context.Context, tree *gitops.Tree, cache, way string) error {
	load := fleet.Load
	if way == "discovered" {
		load = fleet.Discover
	}
	f, err := load(ctx, tree, fleet.Options{CacheDir: cache})
	if err != nil {
		return err
	}
	for _, c := range f.Clusters() {
		ix, err := f.Index(ctx, c.Name)
		if err != nil {
			return err
		}
		if n := len(ix.Workloads()); n != teams*apps {
			return fmt.Errorf("index of %s, %s: %d workloads, want %d; %v", c.Name, way, n, teams*apps, ix.Findings())
		}
	}
	return nil
}
