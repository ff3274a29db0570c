package kustomize

import (
	"context"
	"path"
	"slices"

	"github.com/irgit/irgit/internal/gitops"
)

// Follow lists the kustomization files that a build of root would read,
// without building: files that do not parse are listed and lead nowhere.
// looked are the other paths that this depends on. An error means that the
// repository could not be read.
func Follow(ctx context.Context, tree *gitops.Tree, root string) (files, looked []string, err error) {
	w := &walk{ctx: ctx, tree: tree, seen: map[string]bool{}}
	err = w.visit(clean(root), true)
	slices.Sort(w.files)
	slices.Sort(w.looked)
	return w.files, w.looked, err
}

type walk struct {
	ctx           context.Context // of this one walk
	tree          *gitops.Tree
	seen          map[string]bool
	files, looked []string
}

// visit takes in a path; plain directories are searched where Flux would
// search them.
func (w *walk) visit(name string, plain bool) error {
	if w.seen[name] || len(w.seen) > maxKustomizations {
		return nil
	}
	w.seen[name] = true
	w.looked = append(w.looked, name)
	entries, err := w.tree.ReadDir(w.ctx, name)
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

func (w *walk) follow(dir, file string) error {
	w.files = append(w.files, file)
	data, err := w.tree.ReadFile(w.ctx, file)
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
