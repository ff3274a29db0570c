package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/irgit/irgit/internal/fleet"
)

const mostSamples = 25

// samples describes some workloads, the same in every run, for a person to
// look up in the repository.
func samples(l *loaded) (out []string) {
	random := rand.New(rand.NewPCG(3, 4))
	type sample struct {
		ix *fleet.Index
		w  fleet.Workload
	}
	var all []sample
	for _, ix := range l.indexes {
		for _, w := range ix.Workloads() {
			all = append(all, sample{ix, w})
		}
	}
	random.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	for _, s := range all[:min(len(all), mostSamples)] {
		owner, _ := s.ix.Owner(s.w.Ref())
		sync := "declared"
		if owner.Sync != nil {
			sync = owner.Sync.String() + " in " + owner.Sync.File
		}
		out = append(out, fmt.Sprintf("%s: %s root=%s file=%s sync=%s", s.ix.Cluster().Name, s.w, s.w.Root, s.w.File, sync))
	}
	slices.Sort(out)
	return out
}
