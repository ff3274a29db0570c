package kustomize

import (
	"context"
	"maps"
	"path"
	"slices"

	"github.com/irgit/irgit/internal/gitops"
)

// Follow lists the kustomization files that a build of root would read,
// without building: files that do not parse are listed and lead nowhere.
// looked are the other paths that this depends on. Both are paths of the
// repository. An error means that the repository could not be read.
func Follow(ctx context.Context, tree *gitops.Tree, root string, o Options) (files, looked []string, err error) {
	w := &walk{ctx: ctx, seen: map[string]bool{}}
	all := map[string]bool{}
	w.view = newView(tree, o.Source, func(name string) { all[name] = true }, func(string) {})
	root = clean(root)
	if o.Directory == nil || *o.Directory == (Directory{}) {
		err = w.visit(root, true)
	}
	for _, c := range (Root{root, o}).components() {
		if err == nil {
			err = w.visit(c, false)
		}
	}
	all[root] = true
	slices.Sort(w.files)
	return w.files, slices.Sorted(maps.Keys(all)), err
}

type walk struct {
	ctx   context.Context // of this one walk
	view  *view
	seen  map[string]bool
	files []string
}

// visit takes in a path; plain directories are searched where Flux would
// search them.
func (w *walk) visit(name string, plain bool) error {
	if w.seen[name] || len(w.seen) > maxKustomizations {
		return nil
	}
	w.seen[name] = true
	entries, err := w.view.list(w.ctx, name)
	if err != nil {
		return unreadable(w.ctx, err) // or a file, or nothing
	}
	found := false
	for _, e := range entries {
		if e.Mode != gitops.Dir && isKustomization(e.Name) {
			found = true
			if err := w.follow(name, path.Join(name, e.Name)); err != nil {
				return err
			}
		}
	}
	if found || !plain {
		return nil
	}
	for _, e := range entries {
		if e.Mode == gitops.Dir {
			if err := w.visit(path.Join(name, e.Name), true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) follow(dir, name string) error {
	data, where, err := w.view.read(w.ctx, name)
	w.files = append(w.files, where)
	if err != nil {
		return unreadable(w.ctx, err)
	}
	if inflated(data) != "" {
		return nil
	}
	k, _ := parseKustomization(data) // Build says what is wrong with it
	for _, p := range within(dir, k.bases) {
		if err := w.visit(p, false); err != nil {
			return err
		}
	}
	return nil
}
