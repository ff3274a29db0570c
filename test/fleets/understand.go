package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/irgit/irgit/internal/fleet"
)

// understood is what internal/fleet makes of a repository.
type understood struct {
	Overlaid                         bool // no cluster of its own: see overlay.go
	Clusters                         []clusterCount
	Roots, Rendered, Partial, Failed int
	SyncRoots                        int // roots that a sync object applies
	Workloads                        int
	Unknowns, Findings               map[string]int // by group of reasons
	Details                          []string
	Cold, Warm                       time.Duration // Load and the Index of each cluster, without and with a cache
	CPU                              time.Duration // of Cold, the git program included
	PeakRSS                          int64         // bytes, after Cold
	Placed                           map[string]*placed
	Samples                          []string // workloads with where they come from, to be checked by eye
}

type clusterCount struct {
	Name, Start                 string // Start is the path that it is found by
	SyncRoots, Roots, Workloads int
}

// loaded is a fleet with the index of each of its clusters.
type loaded struct {
	fleet   *fleet.Fleet
	indexes []*fleet.Index
}

func understand(ctx context.Context, c clone) (*understood, error) {
	u := &understood{Unknowns: map[string]int{}, Findings: map[string]int{}}
	start := time.Now()
	l, err := u.load(ctx, c)
	if err != nil {
		return nil, err
	}
	u.Cold, u.PeakRSS, u.CPU = time.Since(start), peakRSS(), cpuTime()
	start = time.Now()
	if _, err := u.load(ctx, c); err != nil {
		return nil, err
	}
	u.Warm = time.Since(start)
	for _, ix := range l.indexes {
		u.count(ix)
	}
	u.Samples = samples(l)
	u.Placed, err = placeAll(ctx, c, l)
	return u, err
}

// load reads the repository anew.
func (u *understood) load(ctx context.Context, c clone) (*loaded, error) {
	tree, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	o := fleet.Options{CacheDir: filepath.Join(c.dir, "cache"), URL: "https://github.com/" + c.Name, Discover: true}
	l := &loaded{}
	if !c.AsOne {
		if l.fleet, err = fleet.Load(ctx, tree, o); err != nil {
			return nil, err
		}
	}
	if u.Overlaid = c.AsOne || len(l.fleet.Clusters()) == 0; u.Overlaid {
		if tree, err = overlay(ctx, tree, c.checkout()); err != nil {
			return nil, err
		}
		if l.fleet, err = fleet.Load(ctx, tree, o); err != nil {
			return nil, err
		}
	}
	for _, cluster := range l.fleet.Clusters() {
		ix, err := l.fleet.Index(ctx, cluster.Name)
		if err != nil {
			return nil, fmt.Errorf("index %s: %w", cluster.Name, err)
		}
		l.indexes = append(l.indexes, ix)
	}
	return l, nil
}

func (u *understood) count(ix *fleet.Index) {
	cluster := ix.Cluster()
	n := clusterCount{Name: cluster.Name, Start: cmp.Or(strings.Join(cluster.Bootstrap, " "), cluster.Name), Workloads: len(ix.Workloads())}
	for _, r := range ix.Roots() {
		n.Roots++
		if r.Sync != nil {
			n.SyncRoots++
		}
		switch {
		case r.Failure != "":
			u.Failed++
			u.note("failed root", ix, r.ID, r.Failure)
		case len(r.Missing) > 0:
			u.Partial++
			for _, m := range r.Missing {
				u.note("left out of root", ix, r.ID, m)
			}
		default:
			u.Rendered++
		}
	}
	for _, f := range ix.Findings() {
		into, word := u.Findings, "finding"
		if f.Unknown {
			into, word = u.Unknowns, "unknown"
		}
		into[group(f.Message)]++
		u.note(word, ix, f.Root+" "+f.File, f.Message)
	}
	u.Clusters = append(u.Clusters, n)
	u.Roots, u.SyncRoots, u.Workloads = u.Roots+n.Roots, u.SyncRoots+n.SyncRoots, u.Workloads+n.Workloads
}

func (u *understood) note(what string, ix *fleet.Index, where, why string) {
	u.Details = append(u.Details, fmt.Sprintf("%s: %s: %s: %s", ix.Cluster().Name, what, where, why))
}

func peakRSS() int64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	const kilobyte = 1024 // Linux counts in it
	return r.Maxrss * kilobyte
}

func cpuTime() (d time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		if syscall.Getrusage(who, &r) == nil {
			d += time.Duration(r.Utime.Nano() + r.Stime.Nano())
		}
	}
	return d
}
