package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"runtime"
	"slices"
	"sync"

	"github.com/irgit/irgit/internal/kustomize"
)

// want is one directory and how it is built.
type want struct {
	path    string
	options kustomize.Options
	follow  bool // not built: only what it reads counts
	maps    bool // ConfigMaps are kept, and nothing else
}

func (w want) key() entryKey {
	switch {
	case w.follow:
		return entryKey{readOnly, w.path}
	case w.maps:
		return entryKey{"maps " + modeOf(w.options), w.path}
	}
	return entryKey{modeOf(w.options), w.path}
}

func modeOf(o kustomize.Options) string {
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // it holds texts, lists and maps of them only
	}
	return string(data)
}

// builder makes entries, or takes them from a cluster's cache.
type builder struct {
	fleet   *Fleet
	disk    cache
	state   *snapshot
	known   map[entryKey]*entry
	changed bool // something is known that the cache does not hold
}

func (f *Fleet) builder(cluster string) *builder {
	disk := openCache(f.options.CacheDir, cluster)
	return &builder{
		fleet: f, disk: disk, state: &snapshot{tree: f.tree, old: disk.load(), now: map[string]string{}}, known: map[entryKey]*entry{},
	}
}

// entries returns the entry of each, in order.
func (b *builder) entries(ctx context.Context, wanted []want) ([]*entry, error) {
	var stale []want
	var built, followed []kustomize.Root
	asked := map[entryKey]bool{}
	for _, w := range wanted {
		key := w.key()
		if b.known[key] != nil || asked[key] {
			continue
		}
		if made := b.fleet.made(key); made != nil { // for another cluster
			b.known[key], b.changed = made, true
			continue
		}
		old := b.state.old.entries[key]
		fresh, err := b.state.fresh(ctx, old)
		if err != nil {
			return nil, err
		}
		if fresh {
			b.known[key] = old
			continue
		}
		asked[key] = true
		stale = append(stale, w)
		if w.follow {
			followed = append(followed, kustomize.Root{Path: w.path, Options: w.options})
		} else {
			built = append(built, kustomize.Root{Path: w.path, Options: w.options})
		}
	}
	if err := b.make(ctx, stale, built, followed); err != nil {
		return nil, err
	}
	out := make([]*entry, len(wanted))
	for i, w := range wanted {
		out[i] = b.known[w.key()]
	}
	return out, nil
}

func (b *builder) make(ctx context.Context, stale []want, built, followed []kustomize.Root) error {
	if len(stale) == 0 {
		return nil
	}
	b.changed = true
	tree := b.fleet.tree
	err := errors.Join(kustomize.Prefetch(ctx, tree, built...), kustomize.PrefetchFollow(ctx, tree, followed...))
	if err != nil {
		return err
	}
	made, errs := make([]*entry, len(stale)), make([]error, len(stale))
	parallel(len(stale), func(i int) { made[i], errs[i] = b.fleet.build(ctx, stale[i]) })
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, w := range stale {
		b.known[w.key()] = made[i]
	}
	b.fleet.mu.Lock()
	defer b.fleet.mu.Unlock()
	for i, w := range stale {
		b.fleet.entries[w.key()] = made[i]
	}
	return nil
}

// made is an entry that was made from the fleet's tree before.
func (f *Fleet) made(key entryKey) *entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries[key]
}

// finish keeps what was made for the next time.
func (b *builder) finish(ctx context.Context) {
	if b.changed && !b.fleet.options.keep {
		_ = b.state.save(ctx, b.disk, b.known) // the next Index is slower, and as good
	}
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
func (f *Fleet) build(ctx context.Context, w want) (*entry, error) {
	e := &entry{Mode: w.key().mode, Root: w.path}
	if w.follow {
		return e, f.readers(ctx, e, w.options)
	}
	w.options.Origins = !w.maps
	out, err := kustomize.Build(ctx, f.tree, w.path, w.options)
	var broken *kustomize.Error
	looked := []string(nil)
	if errors.As(err, &broken) && broken.Outside && !w.options.Partial {
		// What lies elsewhere cannot be known, and the rest can.
		e.Outside, looked = broken.Reason, broken.Looked
		part := w.options
		part.Partial = true
		if less, err := kustomize.Build(ctx, f.tree, w.path, part); err == nil {
			e.Missing = less.Missing
			return e, e.take(w, less, looked)
		}
	}
	switch {
	case broken != nil:
		if err := f.readers(ctx, e, w.options); err != nil {
			return nil, err
		}
		e.Failure, e.FailureFile, e.Cover = broken.Reason, broken.File, cover(e.Root, slices.Concat(e.Cover, broken.Looked))
		return e, nil
	case err != nil:
		return nil, err
	}
	return e, e.take(w, out, looked)
}

// take fills an entry with what was built.
func (e *entry) take(w want, out *kustomize.Result, looked []string) error {
	e.Kustomization, e.Transformers, e.Kustomizations = out.Kustomization, out.Transformers, kustomizationsIn(out.Files)
	e.Cover = cover(e.Root, slices.Concat(out.Files, out.Looked, looked))
	if w.maps {
		objects, err := keepMaps(out.Objects)
		return errors.Join(err, e.pack(objects))
	}
	for _, u := range out.Objects {
		if _, owns := templates[group(u.GetAPIVersion())+"/"+u.GetKind()]; owns && u.GetName() == "" {
			e.Nameless = append(e.Nameless, u.GetKind()+" "+u.GetGenerateName())
		}
		if u.GetKind() == "ConfigMap" {
			e.ConfigMaps = append(e.ConfigMaps, u.GetNamespace()+"/"+u.GetName())
		}
		if u.GetKind() == helmRelease {
			e.Releases = append(e.Releases, u.GetNamespace()+"/"+u.GetName())
		}
	}
	objects, err := keep(out.Objects, out.Origins)
	return errors.Join(err, e.pack(objects))
}

// readers finds out which kustomizations a build reads without building.
func (f *Fleet) readers(ctx context.Context, e *entry, o kustomize.Options) error {
	files, looked, err := kustomize.Follow(ctx, f.tree, e.Root, o)
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
