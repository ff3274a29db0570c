package gitops

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Tree is an immutable view of the files of a repository at one moment. Its
// methods are safe for concurrent use, and fetch what they need from the
// remote the tree came from.
type Tree struct {
	store *objects
	root  plumbing.Hash
}

// NewTree makes a tree in memory from path to content.
func NewTree(files map[string][]byte) (*Tree, error) {
	store := newObjects(nil, nil)
	t := &Tree{store: store, root: store.put(plumbing.TreeObject, nil)}
	changes := make([]Change, 0, len(files))
	for name, content := range files {
		if content == nil {
			content = []byte{}
		}
		changes = append(changes, Change{Path: name, Content: content})
	}
	return t.With(context.Background(), changes...)
}

// DirTree reads a directory on disk into memory, without its .git.
func DirTree(dir string) (*Tree, error) {
	files := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)] = data
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read directory %s: %w", dir, err)
	}
	return NewTree(files)
}

// Root is the id of the tree in hex: equal ids, equal files.
func (t *Tree) Root() string { return t.root.String() }

// Stat finds the entry at name; "" or "." is the root. Errors: ErrNotFound,
// and an error that names the symlink or submodule when one leads there.
func (t *Tree) Stat(ctx context.Context, name string) (Entry, error) {
	e, err := t.find(ctx, name)
	if err != nil {
		return Entry{}, err
	}
	return e.entry(), nil
}

func (t *Tree) find(ctx context.Context, name string) (treeEntry, error) {
	current := treeEntry{mode: modeDir, hash: t.root}
	if name == "" || name == "." {
		return current, nil
	}
	if path.Clean(name) != name || path.IsAbs(name) || strings.HasPrefix(name, "../") || name == ".." {
		return treeEntry{}, fmt.Errorf("%q leaves the repository or is not clean: %w", name, ErrNotFound)
	}
	walked := ""
	for segment := range strings.SplitSeq(name, "/") {
		switch current.kind() {
		case Dir:
		case Symlink, Submodule:
			return treeEntry{}, fmt.Errorf("%s is a %s and irgit does not follow it (on the way to %s)", walked, current.kind(), name)
		default:
			return treeEntry{}, fmt.Errorf("%s: %w", name, ErrNotFound)
		}
		entries, err := t.store.tree(ctx, current.hash)
		if err != nil {
			return treeEntry{}, fmt.Errorf("%s: %w", name, err)
		}
		next, ok := lookup(entries, segment)
		if !ok {
			return treeEntry{}, fmt.Errorf("%s: %w", name, ErrNotFound)
		}
		current, walked = next, path.Join(walked, segment)
	}
	return current, nil
}

// ReadFile returns the content of the regular file at name, at most the
// remote's MaxBlob bytes.
func (t *Tree) ReadFile(ctx context.Context, name string) ([]byte, error) {
	e, err := t.find(ctx, name)
	if err != nil {
		return nil, err
	}
	switch e.kind() {
	case File, Executable:
	default:
		return nil, fmt.Errorf("%s is a %s, not a file", name, e.kind())
	}
	data, err := t.store.get(ctx, e.hash, plumbing.BlobObject)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// ReadDir lists the directory at name in git's order.
func (t *Tree) ReadDir(ctx context.Context, name string) ([]Entry, error) {
	e, err := t.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if e.kind() != Dir {
		return nil, fmt.Errorf("%s is a %s, not a directory", name, e.kind())
	}
	entries, err := t.store.tree(ctx, e.hash)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out := make([]Entry, 0, len(entries))
	for _, e := range entries {
		out = append(out, e.entry())
	}
	return out, nil
}

// Prefetch brings files, and directories with all that is below them, in one
// round trip, after one for each level of directories on the way that is not
// here yet. Paths that lead nowhere are passed over, as is what is here
// already. It is a hint: reading works without it, one round trip an object.
func (t *Tree) Prefetch(ctx context.Context, names ...string) error {
	return t.bring(ctx, names, true)
}

// PrefetchListings brings the listings of directories, without what is in
// them, as Prefetch does. Names of files are passed over.
func (t *Tree) PrefetchListings(ctx context.Context, names ...string) error {
	return t.bring(ctx, names, false)
}

func (t *Tree) bring(ctx context.Context, names []string, deep bool) error {
	found, err := t.findAll(ctx, names)
	if err != nil {
		return fmt.Errorf("fetch %d paths: %w", len(names), err)
	}
	missing := make(map[plumbing.Hash]bool)
	var wants []plumbing.Hash
	for _, e := range found {
		if missing[e.hash] || e.kind() == Symlink || e.kind() == Submodule || !deep && e.kind() != Dir {
			continue
		}
		_, here := t.store.local(e.hash)
		if here && deep {
			here = t.complete(e)
		}
		if missing[e.hash] = true; !here {
			wants = append(wants, e.hash)
		}
	}
	for batch := range slices.Chunk(wants, maxWants) {
		if err := t.store.fetch(ctx, batch, deep); err != nil {
			return fmt.Errorf("fetch %d paths: %w", len(batch), err)
		}
	}
	return nil
}

// maxWants bounds one request: a server looks up each of them.
const maxWants = 4096

// findAll goes down to all names side by side, so that the directories of one
// level come together.
func (t *Tree) findAll(ctx context.Context, names []string) (found []treeEntry, err error) {
	type walk struct {
		at   treeEntry
		rest []string
	}
	var walks []walk
	for _, name := range names {
		if name == "." {
			name = ""
		}
		if name == "" || path.Clean(name) == name && !path.IsAbs(name) {
			walks = append(walks, walk{treeEntry{mode: modeDir, hash: t.root}, strings.FieldsFunc(name, func(r rune) bool { return r == '/' })})
		}
	}
	for len(walks) > 0 {
		asked := make(map[plumbing.Hash]bool)
		var missing []plumbing.Hash
		for _, w := range walks {
			if len(w.rest) == 0 || asked[w.at.hash] {
				continue
			}
			asked[w.at.hash] = true
			if _, here := t.store.local(w.at.hash); !here {
				missing = append(missing, w.at.hash)
			}
		}
		for batch := range slices.Chunk(missing, maxWants) {
			if err := t.store.fetch(ctx, batch, false); err != nil {
				return nil, err
			}
		}
		var next []walk
		for _, w := range walks {
			if len(w.rest) == 0 {
				found = append(found, w.at)
				continue
			}
			entries, err := t.store.tree(ctx, w.at.hash)
			if err != nil {
				return nil, err
			}
			if e, ok := lookup(entries, w.rest[0]); ok && (e.kind() == Dir || len(w.rest) == 1) {
				next = append(next, walk{e, w.rest[1:]})
			}
		}
		walks = next
	}
	return found, nil
}

// complete reports whether e and everything below it is here.
func (t *Tree) complete(e treeEntry) bool {
	if e.kind() == Symlink || e.kind() == Submodule {
		return true
	}
	o, ok := t.store.local(e.hash)
	if !ok || e.kind() != Dir {
		return ok
	}
	entries, err := decodeTree(o.data)
	if err != nil {
		return true // reading it will say so
	}
	for _, below := range entries {
		if !t.complete(below) {
			return false
		}
	}
	return true
}
