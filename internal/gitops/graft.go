package gitops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// graftNode is what changes in one directory.
type graftNode struct {
	files map[string][]byte // content, nil to delete
	dirs  map[string]*graftNode
}

func newGraftNode() *graftNode {
	return &graftNode{files: make(map[string][]byte), dirs: make(map[string]*graftNode)}
}

// With returns a tree in which the changes are made and everything else is
// shared: only the directories along the changed paths are built anew, and
// entries in them that are not touched keep their bytes. A directory that
// becomes empty goes. It refuses a path that passes through a symlink or
// submodule, that replaces a directory by a file or the reverse, or that
// differs from an existing name only in case.
func (t *Tree) With(ctx context.Context, changes ...Change) (*Tree, error) {
	top := newGraftNode()
	for _, c := range changes {
		if err := CheckPath(c.Path); err != nil {
			return nil, err
		}
		node := top
		dir, file := path.Split(c.Path)
		if dir != "" {
			for segment := range strings.SplitSeq(strings.TrimSuffix(dir, "/"), "/") {
				if node.dirs[segment] == nil {
					node.dirs[segment] = newGraftNode()
				}
				node = node.dirs[segment]
			}
		}
		if _, twice := node.files[file]; twice {
			return nil, fmt.Errorf("path %q is changed twice", c.Path)
		}
		node.files[file] = c.Content
	}
	hash, err := t.store.graft(ctx, t.root, top, "")
	if err != nil {
		return nil, err
	}
	if hash.IsZero() {
		hash = t.store.put(plumbing.TreeObject, nil)
	}
	return &Tree{store: t.store, root: hash}, nil
}

// graft applies node to the directory with the id, zero for a new one, and
// returns the new id, zero when nothing is left in it.
func (s *objects) graft(ctx context.Context, dir plumbing.Hash, node *graftNode, at string) (plumbing.Hash, error) {
	var entries []treeEntry
	if !dir.IsZero() {
		old, err := s.tree(ctx, dir)
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("%s: %w", at, err)
		}
		entries = slices.Clone(old)
	}
	for _, name := range slices.Sorted(maps.Keys(node.dirs)) {
		full := path.Join(at, name)
		old, exists := lookup(entries, name)
		if exists && old.kind() != Dir {
			return plumbing.ZeroHash, fmt.Errorf("%s is a %s; irgit does not write through it", full, old.kind())
		}
		if _, both := node.files[name]; both {
			return plumbing.ZeroHash, fmt.Errorf("%s would be a file and a directory", full)
		}
		hash, err := s.graft(ctx, old.hash, node.dirs[name], full)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		mode := modeDir
		if exists {
			mode = old.mode
		}
		if entries, err = replace(entries, treeEntry{mode, name, hash}, full); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(node.files)) {
		full, content := path.Join(at, name), node.files[name]
		old, exists := lookup(entries, name)
		e := treeEntry{mode: modeFile, name: name}
		switch {
		case exists && old.kind() != File && old.kind() != Executable:
			return plumbing.ZeroHash, fmt.Errorf("%s is a %s; irgit does not replace it", full, old.kind())
		case content == nil && !exists:
			return plumbing.ZeroHash, fmt.Errorf("delete %s: %w", full, ErrNotFound)
		case exists:
			e.mode = old.mode
		}
		if content != nil {
			e.hash = s.put(plumbing.BlobObject, content)
		}
		var err error
		if entries, err = replace(entries, e, full); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	if len(entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	return s.put(plumbing.TreeObject, encodeTree(entries)), nil
}

// replace sets, adds or (zero hash) removes one entry, keeping git's order.
func replace(entries []treeEntry, e treeEntry, full string) ([]treeEntry, error) {
	i := slices.IndexFunc(entries, func(o treeEntry) bool { return o.name == e.name })
	switch {
	case i >= 0 && e.hash.IsZero():
		return slices.Delete(entries, i, i+1), nil
	case i >= 0:
		entries[i] = e
		return entries, nil
	case e.hash.IsZero():
		return entries, nil
	}
	for _, o := range entries {
		if strings.EqualFold(o.name, e.name) {
			return nil, fmt.Errorf("%s differs only in case from %s, which exists", full, o.name)
		}
	}
	at, _ := slices.BinarySearchFunc(entries, e, compareEntries)
	return slices.Insert(entries, at, e), nil
}

// FileChange is one path in which two trees differ.
type FileChange struct {
	Path   string `json:"path"`
	Change string `json:"change"` // add, edit, delete
}

// Diff lists, in path order, what changes from t to after. Equal directories
// are not read: the cost is that of the difference.
func (t *Tree) Diff(ctx context.Context, after *Tree) ([]FileChange, error) {
	var changes []FileChange
	err := diffTrees(ctx, t.store, after.store, t.root, after.root, "", &changes)
	slices.SortFunc(changes, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) })
	return changes, err
}

func diffTrees(ctx context.Context, sa, sb *objects, a, b plumbing.Hash, at string, out *[]FileChange) error {
	if a == b {
		return nil
	}
	read := func(s *objects, h plumbing.Hash) (map[string]treeEntry, error) {
		byName := make(map[string]treeEntry)
		if h.IsZero() {
			return byName, nil
		}
		entries, err := s.tree(ctx, h)
		for _, e := range entries {
			byName[e.name] = e
		}
		return byName, err
	}
	before, err := read(sa, a)
	after, err2 := read(sb, b)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	names := maps.Clone(before)
	maps.Copy(names, after)
	for name := range names {
		full := path.Join(at, name)
		x, had := before[name]
		y, has := after[name]
		if had && has && x.hash == y.hash && x.mode == y.mode {
			continue
		}
		var xDir, yDir plumbing.Hash
		if had && x.kind() == Dir {
			xDir = x.hash
		}
		if has && y.kind() == Dir {
			yDir = y.hash
		}
		if err := diffTrees(ctx, sa, sb, xDir, yDir, full, out); err != nil {
			return err
		}
		xFile, yFile := had && xDir.IsZero(), has && yDir.IsZero()
		switch {
		case xFile && yFile:
			*out = append(*out, FileChange{full, "edit"})
		case xFile:
			*out = append(*out, FileChange{full, "delete"})
		case yFile:
			*out = append(*out, FileChange{full, "add"})
		}
	}
	return nil
}
