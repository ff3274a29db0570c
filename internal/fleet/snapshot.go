package fleet

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// hashes are the ids of the files and directories of a tree. Directories are
// listed as they are asked for.
type hashes struct {
	tree *gitops.Tree

	mu   sync.Mutex
	dirs map[string]map[string]string // by path, then by name
}

// of is the id of a file or directory, "" for what is not there.
func (h *hashes) of(ctx context.Context, name string) (string, error) {
	if name == "." {
		return h.tree.Root(), nil
	}
	listed, err := h.list(ctx, path.Dir(name))
	return listed[path.Base(name)], err
}

func (h *hashes) list(ctx context.Context, dir string) (map[string]string, error) {
	h.mu.Lock()
	listed, have := h.dirs[dir]
	h.mu.Unlock()
	if have {
		return listed, nil
	}
	if there, err := h.of(ctx, dir); err != nil {
		return nil, err
	} else if there != "" {
		entries, err := h.tree.ReadDir(ctx, dir)
		switch {
		case errors.Is(err, gitops.ErrNotFound):
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil: // a file, symlink or submodule stands there now
		}
		listed = make(map[string]string, len(entries))
		for _, e := range entries {
			listed[e.Name] = e.Hash + modeMark(e.Mode)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dirs[dir] = listed
	return listed, nil
}

// snapshot compares what the cache was made from with a tree. Where a
// directory has its old hash, nothing below it is looked at.
type snapshot struct {
	now *hashes
	old cached
	// dirs are those that were compared, and whether they are unchanged.
	dirs map[string]bool
}

// fresh reports whether everything an entry was built from is unchanged.
func (s *snapshot) fresh(ctx context.Context, e *entry) (bool, error) {
	if e == nil {
		return false, nil
	}
	if s.old.root == s.now.tree.Root() {
		return true, nil
	}
	for _, name := range e.Cover {
		same, err := s.same(ctx, name)
		if !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *snapshot) same(ctx context.Context, name string) (same bool, err error) {
	if same, compared := s.dirs[name]; compared {
		return same, nil
	}
	was, known := s.old.hash(name)
	if !known {
		return false, nil
	}
	if name != "." {
		if same, err = s.same(ctx, path.Dir(name)); err != nil {
			return false, err
		}
	}
	if !same {
		now, err := s.now.of(ctx, name)
		if err != nil {
			return false, err
		}
		same = now == was
	}
	s.dirs[name] = same
	return same, nil
}

// modeMark tells a symlink from a file of the same bytes.
func modeMark(m gitops.Mode) string {
	if m == gitops.File || m == gitops.Executable || m == gitops.Dir {
		return ""
	}
	return fmt.Sprintf("/%d", m)
}

// save writes the entries with the hashes they hold for.
func (s *snapshot) save(ctx context.Context, c cache, entries map[entryKey]*entry) error {
	if c.file == "" {
		return nil
	}
	doc := cacheDocument{Root: s.now.tree.Root()}
	found := map[string]string{}
	for _, e := range entries {
		doc.Entries = append(doc.Entries, e)
		for _, name := range e.Cover {
			for ; ; name = path.Dir(name) {
				if _, done := found[name]; done {
					break
				}
				h, err := s.current(ctx, name)
				if err != nil {
					return err
				}
				found[name] = h
				if name == "." {
					break
				}
			}
		}
	}
	doc.Hashes = string(write(&found, func(c *codec, m *map[string]string) { c.labels(m) }))
	return c.store(write(&doc, func(c *codec, d *cacheDocument) { d.code(c) }))
}

// current is the hash in the tree, without reading where a directory above is
// unchanged.
func (s *snapshot) current(ctx context.Context, name string) (string, error) {
	if same, err := s.same(ctx, name); err != nil {
		return "", err
	} else if same {
		h, _ := s.old.hash(name)
		return h, nil
	}
	return s.now.of(ctx, name)
}

// cover is the smallest set of paths whose hashes change whenever a build that
// asked for the paths could come out differently: the directories that are
// built (a kustomization file may appear in them), and single paths elsewhere,
// those that are not there included.
func cover(root string, asked []string) (out []string) {
	dirs := map[string]bool{path.Clean(root): true}
	for _, p := range asked {
		if slices.Contains(kustomize.FileNames(), path.Base(p)) {
			dirs[path.Dir(p)] = true
		}
	}
	for _, p := range asked {
		if p = path.Clean(p); p == "." || !below(dirs, path.Dir(p)) {
			out = append(out, p)
		}
	}
	for d := range dirs {
		if d == "." || !below(dirs, path.Dir(d)) {
			out = append(out, d)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mayRead reports whether a build may come out differently when a file changes.
func (e *entry) mayRead(file string) bool {
	return slices.ContainsFunc(e.Cover, func(c string) bool { return c == "." || within(file, c) })
}

// within reports whether a path is a directory or lies below it.
func within(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

// below reports whether name is one of dirs or lies in one.
func below(dirs map[string]bool, name string) bool {
	for ; !dirs[name]; name = path.Dir(name) {
		if name == "." {
			return false
		}
	}
	return true
}
