package kustomize

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
)

// Hidden reports whether what is, or were, at a path of the repository is left
// out of what the controller gets. An error means that the repository could not
// be read.
func (s Source) Hidden(ctx context.Context, tree *gitops.Tree, name string) (bool, error) {
	v := newView(tree, s, func(string) {}, func(string) {})
	name = clean(name)
	e, err := tree.Stat(ctx, name)
	if unreadable(ctx, err) != nil {
		return false, err
	}
	if err == nil && e.Mode == gitops.Dir {
		there, err := v.keeps(ctx, name)
		return !there || !s.places(name), err
	}
	ignored, err := v.ignored(ctx, name, false)
	return ignored || !v.checkedOut(name) || !s.places(name), err
}

// places reports whether copies, if there are any, take name along.
func (s Source) places(name string) bool {
	_, ok := s.Artifact(name)
	return ok
}

// Artifact is the path at which a file or directory of the repository comes to
// lie for the build, which is its own where there are no Copies. It follows
// from the copies alone: what is ignored has one too. Of several the last wins.
func (s Source) Artifact(name string) (artifact string, ok bool) {
	name = clean(name)
	if len(s.Copies) == 0 {
		return name, true
	}
	for _, c := range slices.Backward(copiers(s.Copies)) {
		if at, ok := c.place(name); ok && !defaults.Match(segments(at), false) {
			return at, true
		}
	}
	return "", false
}

// view is the repository as its source controller ships it. Paths of a view
// are those of the artifact. It is used by one goroutine.
type view struct {
	tree   *gitops.Tree
	source Source
	// looked and consulted are told the paths in the repository that an answer
	// depends on, and those of ignore files that were read.
	looked, consulted func(name string)
	copies            []copier
	proven            bool // every copy has something to copy
	rules             map[string]rules
	anyRules          *bool
}

func newView(tree *gitops.Tree, source Source, looked, consulted func(string)) *view {
	return &view{tree: tree, source: source, looked: looked, consulted: consulted, copies: copiers(source.Copies), rules: map[string]rules{}}
}

// whole reports whether everything is shipped as it is.
func (v *view) whole() bool {
	return !v.source.Ignores && len(v.source.Sparse) == 0 && len(v.source.Copies) == 0
}

// stat finds what is at name, and where it lies in the repository. Errors are
// those of gitops.Tree.
func (v *view) stat(ctx context.Context, name string) (e gitops.Entry, where string, err error) {
	if len(v.copies) == 0 {
		e, err = v.shipped(ctx, name)
		return e, name, err
	}
	if err := v.prove(ctx); err != nil {
		return gitops.Entry{}, "", err
	}
	inner := name == ""
	for _, c := range slices.Backward(v.copies) {
		e, from, taken, err := v.copied(ctx, c, name)
		switch {
		case err != nil:
			return gitops.Entry{}, "", err
		case taken:
			e.Name = path.Base(name)
			return e, from, nil
		}
		inner = inner || c.opens(name) || e.Mode == gitops.Dir
		if where == "" {
			where = from
		}
	}
	if inner {
		return gitops.Entry{Name: path.Base(name), Mode: gitops.Dir}, where, nil
	}
	return gitops.Entry{}, where, fmt.Errorf("%s: %w", name, gitops.ErrNotFound)
}

// copied is what a copy puts at name. What is not taken as it is may be a
// directory that the copy takes something from.
func (v *view) copied(ctx context.Context, c copier, name string) (e gitops.Entry, from string, taken bool, err error) {
	from, taken = c.source(name)
	if !taken {
		var onTheWay bool
		if from, onTheWay = c.dir(name); !onTheWay {
			return gitops.Entry{}, "", false, nil
		}
	}
	if e, err = v.shipped(ctx, from); err != nil || defaults.Match(segments(name), false) {
		return gitops.Entry{}, from, false, unreadable(ctx, err)
	}
	dir := e.Mode == gitops.Dir
	switch {
	case c.single(name):
		taken = taken && !dir
	case !c.glob && !c.into && from == path.Join(c.from...):
		if taken = taken && dir; !dir {
			e = gitops.Entry{}
		}
	}
	return e, from, taken, nil
}

// shipped is what is at a path of the repository, if the source has it.
func (v *view) shipped(ctx context.Context, name string) (gitops.Entry, error) {
	v.looked(name)
	e, err := v.tree.Stat(ctx, name)
	if err != nil || v.whole() {
		return e, err
	}
	var there bool
	switch e.Mode {
	case gitops.Symlink: // are never packed
	case gitops.Dir:
		there, err = v.keeps(ctx, name)
	default:
		var ignored bool
		ignored, err = v.ignored(ctx, name, false)
		there = !ignored && v.checkedOut(name)
	}
	if err == nil && !there {
		err = fmt.Errorf("%s: is not in what the source controller ships: %w", name, gitops.ErrNotFound)
	}
	return e, err
}

// checkedOut reports whether a file is in the sparse checkout. As with the
// library that Flux uses, directories are prefixes of names.
func (v *view) checkedOut(name string) bool {
	return len(v.source.Sparse) == 0 || slices.ContainsFunc(v.source.Sparse, func(dir string) bool {
		return strings.HasPrefix(name, strings.TrimPrefix(dir, "./"))
	})
}

// keeps reports whether there is something of a directory.
func (v *view) keeps(ctx context.Context, dir string) (bool, error) {
	if dir == "" {
		return true, nil
	}
	if len(v.source.Sparse) > 0 && !slices.ContainsFunc(v.source.Sparse, func(s string) bool {
		s = strings.TrimPrefix(s, "./")
		return strings.HasPrefix(dir+"/", s) || strings.HasPrefix(s, dir+"/")
	}) {
		return false, nil
	}
	ignored, err := v.ignored(ctx, dir, true)
	if !ignored || err != nil {
		return !ignored, err
	}
	r, err := v.rulesIn(ctx, dir)
	if err != nil || !r.and([]byte(v.source.Ignore), "").mayTake(dir) {
		return false, err
	}
	entries, err := v.tree.ReadDir(ctx, dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		var there bool
		if e.Mode == gitops.Dir {
			there, err = v.keeps(ctx, name)
		} else {
			there, err = v.ignored(ctx, name, false)
			there = !there && v.checkedOut(name)
		}
		if there || err != nil {
			return there, err
		}
	}
	return false, nil
}

// read is the content of a file.
func (v *view) read(ctx context.Context, name string) (data []byte, where string, err error) {
	where = name
	if v.whole() {
		v.looked(name)
	} else if _, where, err = v.stat(ctx, name); err != nil {
		return nil, where, err
	}
	data, err = v.tree.ReadFile(ctx, where)
	return data, where, err
}

// list is what there is in a directory, by name. Directories may be in it that
// nothing is left of.
func (v *view) list(ctx context.Context, name string) ([]gitops.Entry, error) {
	entries, err := v.candidates(ctx, name)
	if err != nil {
		return nil, err
	}
	if !v.whole() {
		kept := entries[:0]
		for _, e := range entries {
			there := true
			if e.Mode != gitops.Dir && listable(e.Name) {
				_, _, err := v.stat(ctx, path.Join(name, e.Name))
				if unreadable(ctx, err) != nil {
					return nil, err
				}
				there = err == nil
			}
			if there && e.Mode != gitops.Symlink {
				kept = append(kept, e)
			}
		}
		entries = kept
	}
	slices.SortFunc(entries, func(a, b gitops.Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

// listable reports whether a build picks a file by listing its directory. The
// rest is not looked at one by one.
func listable(name string) bool {
	return isKustomization(name) || slices.Contains([]string{".yaml", ".yml", ".json", ".jsonnet"}, path.Ext(name))
}

// candidates are the entries of a directory before files are looked at.
func (v *view) candidates(ctx context.Context, name string) ([]gitops.Entry, error) {
	if len(v.copies) == 0 {
		v.looked(name)
		return v.tree.ReadDir(ctx, name)
	}
	if _, _, err := v.stat(ctx, name); err != nil {
		return nil, err
	}
	found := map[string]gitops.Entry{}
	for _, c := range v.copies {
		if next, deeper := c.next(name); next != "" {
			e, _, err := v.stat(ctx, path.Join(name, next))
			if unreadable(ctx, err) != nil {
				return nil, err
			}
			if deeper || err == nil {
				e.Name = next
				found[next] = e
			}
		}
		dir, ok := c.dir(name)
		if !ok {
			continue
		}
		v.looked(dir)
		entries, err := v.tree.ReadDir(ctx, dir)
		if unreadable(ctx, err) != nil {
			return nil, err
		}
		for _, e := range entries { // none of what is no directory
			from := path.Join(dir, e.Name)
			if c.covers(segments(from)) || e.Mode == gitops.Dir && c.leads(segments(from)) {
				found[e.Name] = e
			}
		}
	}
	out := make([]gitops.Entry, 0, len(found))
	for _, e := range found {
		out = append(out, e)
	}
	return out, nil
}
