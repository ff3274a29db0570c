package fleet

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync"

	"github.com/irgit/irgit/internal/kustomize"
)

// make makes entries from the tree.
func (f *Fleet) make(ctx context.Context, stale []want) error {
	asked := map[entryKey]bool{}
	stale = slices.DeleteFunc(stale, func(w want) bool {
		twice := asked[w.key()]
		asked[w.key()] = true
		return twice
	})
	if len(stale) == 0 {
		return nil
	}
	made, errs := make([]*entry, len(stale)), make([]error, len(stale))
	for batch := range f.ahead(ctx, stale) {
		if batch.err != nil {
			return batch.err
		}
		parallel(batch.to-batch.from, func(i int) {
			i += batch.from
			made[i], errs[i] = f.build(ctx, stale[i])
		})
	}
	if err := errors.Join(append(errs, ctx.Err())...); err != nil { // the last: not all batches came
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range stale {
		f.entries[w.key()] = made[i]
	}
	return nil
}

// atOnce is how many roots are built from what one exchange brought.
const atOnce = 16

// batch is a part of a list whose files are here.
type batch struct {
	from, to int
	err      error
}

// ahead brings what is read, and while one batch is built brings the next. What
// is only followed is little, and comes at once.
func (f *Fleet) ahead(ctx context.Context, stale []want) iter.Seq[batch] {
	var followed []kustomize.Root
	for _, w := range stale {
		if w.follow {
			followed = append(followed, kustomize.Root{Path: w.path, Options: w.options})
		}
	}
	return func(yield func(batch) bool) {
		if err := kustomize.PrefetchFollow(ctx, f.tree, followed...); err != nil {
			yield(batch{err: err})
			return
		}
		ctx, stop := context.WithCancel(ctx)
		ready := make(chan batch)
		var reading sync.WaitGroup
		defer reading.Wait()
		defer stop()
		reading.Go(func() {
			defer close(ready)
			for from := 0; from < len(stale); from += atOnce {
				b := batch{from: from, to: min(from+atOnce, len(stale))}
				b.err = f.prefetch(ctx, stale[b.from:b.to])
				select {
				case ready <- b:
				case <-ctx.Done():
					return
				}
			}
		})
		for b := range ready {
			if !yield(b) {
				return
			}
		}
	}
}

func (f *Fleet) prefetch(ctx context.Context, wanted []want) error {
	var roots []kustomize.Root
	for _, w := range wanted {
		if !w.follow {
			roots = append(roots, kustomize.Root{Path: w.path, Options: w.options})
		}
	}
	return kustomize.Prefetch(ctx, f.tree, roots...)
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
