package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"

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
	mode := modeOf(w.options)
	switch {
	case w.follow:
		mode = readOnly + mode
	case w.maps:
		mode = "maps " + mode
	}
	return entryKey{mode, w.path}
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
		fleet: f, disk: disk, state: &snapshot{now: f.hashes, old: disk.load(), dirs: map[string]bool{}}, known: map[entryKey]*entry{},
	}
}

// entries returns the entry of each, in order.
func (b *builder) entries(ctx context.Context, wanted []want) ([]*entry, error) {
	keys := keysOf(wanted)
	stale, err := b.sift(ctx, wanted, keys)
	if err != nil {
		return nil, err
	}
	if err := b.fleet.make(ctx, stale); err != nil {
		return nil, err
	}
	return b.pick(keys), nil
}

func keysOf(wanted []want) []entryKey {
	keys := make([]entryKey, len(wanted))
	for i, w := range wanted {
		keys[i] = w.key()
	}
	return keys
}

// sift takes what is known already, and returns what has to be made.
func (b *builder) sift(ctx context.Context, wanted []want, keys []entryKey) (stale []want, err error) {
	asked := map[entryKey]bool{}
	for i, key := range keys {
		if b.known[key] != nil || asked[key] {
			continue
		}
		if made := b.fleet.made(key); made != nil { // for another cluster
			b.known[key], b.changed = made, true
			continue
		}
		old := b.state.old.entries[key]
		fresh, err := b.state.fresh(ctx, old)
		switch {
		case err != nil:
			return nil, err
		case fresh:
			b.known[key] = old
		default:
			asked[key] = true
			stale = append(stale, wanted[i])
		}
	}
	return stale, nil
}

// pick returns entries that are known, or were made since they were sifted.
func (b *builder) pick(keys []entryKey) []*entry {
	out := make([]*entry, len(keys))
	for i, key := range keys {
		if b.known[key] == nil {
			b.known[key], b.changed = b.fleet.made(key), true
		}
		out[i] = b.known[key]
	}
	return out
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
		if err != nil {
			return err
		}
		e.pack(objects)
		return nil
	}
	for _, u := range out.Objects {
		if _, owns := templates[GroupOf(u.GetAPIVersion())+"/"+u.GetKind()]; owns && u.GetName() == "" {
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
	if err != nil {
		return err
	}
	e.pack(objects)
	return nil
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
