package fleet

import (
	"context"
	"errors"
	"path"
	"runtime"
	"slices"
	"sync"

	"github.com/irgit/irgit/internal/kustomize"
)

// foreignRoot is a root of another cluster.
type foreignRoot struct{ cluster, path string }

// foreign lists what the other clusters apply. Roots that are shared stand in
// rootInfo.sharers.
func (f *Fleet) foreign(ctx context.Context, own Cluster) (others []foreignRoot, err error) {
	for _, c := range f.clusters {
		if c.Name == own.Name {
			continue
		}
		roots, _, err := f.roots(ctx, c) // its findings belong to its own index
		if err != nil {
			return nil, err
		}
		for _, r := range roots {
			others = append(others, foreignRoot{c.Name, r.Path})
		}
	}
	return others, nil
}

// entries returns the entry of every root, then of every foreign one, from the
// cache or anew.
func (f *Fleet) entries(ctx context.Context, c Cluster, roots []Root, foreign []foreignRoot) ([]*entry, error) {
	disk := openCache(f.options.CacheDir, c.Name)
	state := &snapshot{tree: f.tree, old: disk.load(), now: map[string]string{}}
	wanted := make([]entryKey, 0, len(roots)+len(foreign))
	for _, r := range roots {
		wanted = append(wanted, entryKey{c.GitOps, r.Path})
	}
	for _, r := range foreign {
		wanted = append(wanted, entryKey{readOnly, r.path})
	}
	known := map[entryKey]*entry{}
	var stale []entryKey
	var built, followed []string // roots
	for _, key := range wanted {
		if _, twice := known[key]; twice {
			continue
		}
		old := state.old.entries[key]
		fresh, err := state.fresh(ctx, old)
		if err != nil {
			return nil, err
		}
		known[key] = old
		switch {
		case fresh:
			continue
		case key.mode == readOnly:
			followed = append(followed, key.root)
		default:
			built = append(built, key.root)
		}
		stale = append(stale, key)
	}
	if len(stale) > 0 {
		err := errors.Join(kustomize.Prefetch(ctx, f.tree, built...), kustomize.PrefetchFollow(ctx, f.tree, followed...))
		if err != nil {
			return nil, err
		}
		made, errs := make([]*entry, len(stale)), make([]error, len(stale))
		parallel(len(stale), func(i int) { made[i], errs[i] = f.build(ctx, c, stale[i]) })
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		for i, key := range stale {
			known[key] = made[i]
		}
	}
	entries := make([]*entry, len(wanted))
	for i, key := range wanted {
		entries[i] = known[key]
	}
	if len(stale) > 0 {
		_ = state.save(ctx, disk, known) // the next Index is slower, and as good
	}
	return entries, nil
}

func parallel(n int, work func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// build makes the entry of one root. Its error is one of the repository as a
// whole; a root that does not build has an entry that says so.
func (f *Fleet) build(ctx context.Context, c Cluster, key entryKey) (*entry, error) {
	e := &entry{Mode: key.mode, Root: key.root}
	if key.mode == readOnly {
		return e, f.readers(ctx, e)
	}
	out, err := kustomize.Build(ctx, f.tree, key.root, c.BuildOptions())
	var broken *kustomize.Error
	switch {
	case errors.As(err, &broken):
		if err := f.readers(ctx, e); err != nil {
			return nil, err
		}
		e.Failure, e.FailureFile, e.Cover = broken.Reason, broken.File, cover(e.Root, slices.Concat(e.Cover, broken.Looked))
		return e, nil
	case err != nil:
		return nil, err
	}
	if e.Objects, err = keep(out.Objects); err != nil {
		return nil, err
	}
	e.Kustomization, e.Transformers, e.Kustomizations = out.Kustomization, out.Transformers, kustomizationsIn(out.Files)
	e.Cover = cover(e.Root, out.Files)
	return e, nil
}

// readers finds out which kustomizations a build reads without building.
func (f *Fleet) readers(ctx context.Context, e *entry) error {
	files, looked, err := kustomize.Follow(ctx, f.tree, e.Root)
	e.Kustomizations, e.Cover = files, cover(e.Root, slices.Concat(files, looked))
	return err
}

func kustomizationsIn(files []string) (out []string) {
	for _, f := range files {
		if slices.Contains(kustomize.FileNames(), path.Base(f)) {
			out = append(out, f)
		}
	}
	return out
}
