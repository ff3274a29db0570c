package gitops

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Merge puts together what two trees make of t, as git merges two branches
// that fork there, renames apart: a name that one of them leaves as it was is
// the other's, and of a file that both change, changes that do not touch. All
// three are of one Remote. Where something cannot be put together, conflicts
// lists the paths and merged is nil. Only directories that both change are read.
func (t *Tree) Merge(ctx context.Context, ours, theirs *Tree) (merged *Tree, conflicts []string, err error) {
	m := merger{store: t.store}
	root, err := m.dirs(ctx, t.root, ours.root, theirs.root, "")
	if err != nil {
		return nil, nil, fmt.Errorf("merge trees: %w", err)
	}
	if len(m.conflicts) > 0 {
		slices.Sort(m.conflicts)
		return nil, m.conflicts, nil
	}
	if root.IsZero() {
		root = t.store.put(plumbing.TreeObject, nil)
	}
	return &Tree{store: t.store, root: root}, nil, nil
}

type merger struct {
	store     *objects
	conflicts []string
}

// dirs merges directories by their ids, zero for none, and returns the id of
// what comes of it, zero when nothing is left in it.
func (m *merger) dirs(ctx context.Context, base, ours, theirs plumbing.Hash, at string) (plumbing.Hash, error) {
	switch {
	case ours == theirs, base == theirs:
		return ours, nil
	case base == ours:
		return theirs, nil
	}
	b, err1 := m.read(ctx, base)
	o, err2 := m.read(ctx, ours)
	t, err3 := m.read(ctx, theirs)
	if err := errors.Join(err1, err2, err3); err != nil {
		return plumbing.ZeroHash, err
	}
	names := maps.Clone(o)
	maps.Copy(names, t)
	var entries []treeEntry
	for name := range names { // what is in neither is gone
		e, err := m.entry(ctx, b[name], o[name], t[name], path.Join(at, name))
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if !e.none() {
			e.name = name
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	slices.SortFunc(entries, compareEntries)
	return m.store.put(plumbing.TreeObject, encodeTree(entries)), nil
}

func (m *merger) read(ctx context.Context, dir plumbing.Hash) (map[string]treeEntry, error) {
	byName := make(map[string]treeEntry)
	if dir.IsZero() {
		return byName, nil
	}
	entries, err := m.store.tree(ctx, dir)
	for _, e := range entries {
		byName[e.name] = e
	}
	return byName, err
}

func (e treeEntry) none() bool     { return e.hash.IsZero() }
func (e treeEntry) is(k Mode) bool { return !e.none() && e.kind() == k }
func (e treeEntry) text() bool     { return e.is(File) || e.is(Executable) }

// entry merges what a name stands for; the zero entry is nothing.
func (m *merger) entry(ctx context.Context, base, ours, theirs treeEntry, full string) (e treeEntry, err error) {
	switch {
	case ours == theirs, base == theirs:
		return ours, nil
	case base == ours:
		return theirs, nil
	}
	e.mode = ours.mode
	if ours.mode == base.mode {
		e.mode = theirs.mode
	}
	switch {
	case m.bothDirs(base, ours, theirs):
		if !base.is(Dir) {
			base = treeEntry{}
		}
		e.mode = cmp.Or(e.mode, ours.mode, theirs.mode)
		e.hash, err = m.dirs(ctx, base.hash, ours.hash, theirs.hash, full)
	case ours.text() && theirs.text() && (base.text() || base.none()) && (ours.mode == theirs.mode || !base.none()):
		e.hash, err = m.files(ctx, base.hash, ours.hash, theirs.hash, full)
	default:
		m.conflicts = append(m.conflicts, full)
	}
	return e, err
}

// bothDirs reports whether both are directories, or one is and the other has
// removed it.
func (m *merger) bothDirs(base, ours, theirs treeEntry) bool {
	was := base.is(Dir)
	return (ours.is(Dir) || was && ours.none()) && (theirs.is(Dir) || was && theirs.none())
}

// files merges the content of files, zero for one that is not there.
func (m *merger) files(ctx context.Context, base, ours, theirs plumbing.Hash, full string) (plumbing.Hash, error) {
	switch {
	case ours == theirs, base == theirs:
		return ours, nil
	case base == ours:
		return theirs, nil
	}
	var lines [3][]string
	for i, h := range []plumbing.Hash{base, ours, theirs} {
		if h.IsZero() {
			continue
		}
		data, err := m.store.get(ctx, h, plumbing.BlobObject)
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("%s: %w", full, err)
		}
		if bytes.IndexByte(data, 0) >= 0 { // what git takes for binary
			m.conflicts = append(m.conflicts, full)
			return plumbing.ZeroHash, nil
		}
		lines[i] = slices.Collect(strings.Lines(string(data)))
	}
	merged, ok := mergeLines(lines[0], lines[1], lines[2])
	if !ok {
		m.conflicts = append(m.conflicts, full)
		return plumbing.ZeroHash, nil
	}
	return m.store.put(plumbing.BlobObject, []byte(strings.Join(merged, ""))), nil
}
