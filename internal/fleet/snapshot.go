package fleet

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// snapshot compares what the cache was made from with a tree. Where a
// directory has its old hash, nothing below it is looked at.
type snapshot struct {
	tree *gitops.Tree
	old  cached
	now  map[string]string // hashes of this tree, "" for what is not there
}

// fresh reports whether everything an entry was built from is unchanged.
func (s *snapshot) fresh(ctx context.Context, e *entry) (bool, error) {
	if e == nil {
		return false, nil
	}
	for _, name := range e.Cover {
		same, err := s.same(ctx, name)
		if !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *snapshot) same(ctx context.Context, name string) (bool, error) {
	was, known := s.old.hashes[name]
	if !known {
		return false, nil
	}
	if name != "." {
		if same, err := s.same(ctx, path.Dir(name)); same || err != nil {
			return same, err
		}
	}
	now, err := s.hash(ctx, name)
	return now == was, err
}

// hash is the id of a file or directory in the tree. A directory's siblings
// are read with it, since one of them is asked for next.
func (s *snapshot) hash(ctx context.Context, name string) (string, error) {
	if h, ok := s.now[name]; ok {
		return h, nil
	}
	if name == "." {
		s.now[name] = s.tree.Root()
		return s.now[name], nil
	}
	dir := path.Dir(name)
	if above, err := s.hash(ctx, dir); above == "" || err != nil {
		s.now[name] = ""
		return "", err
	}
	listed := dir + "/" // no clean path ends so: marks a directory as read
	if _, ok := s.now[listed]; !ok {
		s.now[listed] = ""
		entries, err := s.tree.ReadDir(ctx, dir)
		switch {
		case errors.Is(err, gitops.ErrNotFound):
		case err != nil && ctx.Err() != nil:
			return "", err
		case err != nil: // a file, symlink or submodule stands there now
		}
		for _, e := range entries {
			s.now[path.Join(dir, e.Name)] = e.Hash + modeMark(e.Mode)
		}
	}
	if _, ok := s.now[name]; !ok {
		s.now[name] = ""
	}
	return s.now[name], nil
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
	doc := cacheDocument{Hashes: map[string]string{}}
	for _, e := range entries {
		doc.Entries = append(doc.Entries, e)
		for _, name := range e.Cover {
			for ; ; name = path.Dir(name) {
				if _, done := doc.Hashes[name]; done {
					break
				}
				h, err := s.current(ctx, name)
				if err != nil {
					return err
				}
				doc.Hashes[name] = h
				if name == "." {
					break
				}
			}
		}
	}
	return c.store(doc)
}

// current is hash, without reading where a directory above is unchanged.
func (s *snapshot) current(ctx context.Context, name string) (string, error) {
	if same, err := s.same(ctx, name); err != nil {
		return "", err
	} else if same {
		return s.old.hashes[name], nil
	}
	return s.hash(ctx, name)
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
