package kustomize

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/irgit/irgit/internal/gitops"
)

// mountPoint is where the tree appears to the library. Were it the root, a
// path that climbs out of the tree would come back in.
const mountPoint = "/tree"

func mount(name string) string { return path.Join(mountPoint, name) }

// unmount is the inverse; ok is false for a path outside the tree.
func unmount(name string) (inside string, ok bool) {
	name = path.Clean(name)
	if name == mountPoint {
		return "", true
	}
	return strings.CutPrefix(name, mountPoint+"/")
}

// session is the file system of one build: the tree, read-only, behind the
// guard. The library calls it from one goroutine.
type session struct {
	ctx           context.Context // of this one build
	view          *view
	root          string
	options       Options
	alone         bool // no other build runs
	read          map[string]bool
	looked        map[string]bool // paths that were asked for
	checked       map[string]bool // files that passed the guard
	known         map[string]kustomization
	last          string // the file that was read last
	pointer       bool   // which is one of Git LFS
	reads         int
	bytes         int
	steps         int
	plugins       map[string]bool // directories whose objects configure plugins
	generated     []byte          // the root's kustomization, when it has none of its own
	kustomization string          // the root's own
	transformers  []string
	missing       []string          // what a Partial build left out
	stripped      map[string]bool   // files that something was left out of
	prepared      map[string][]byte // files that the library sees otherwise than they are
	origins       []string          // of the objects
	tracking      bool              // the notes of origins are ours
	growth        growth
	failure       error // the guard's word, which the library may have swallowed
	outside       error // the repository could not be read
}

func newSession(ctx context.Context, tree *gitops.Tree, root string, o Options) *session {
	s := &session{
		ctx: ctx, root: root, options: o, read: map[string]bool{}, looked: map[string]bool{},
		checked: map[string]bool{}, known: map[string]kustomization{}, plugins: map[string]bool{}, stripped: map[string]bool{}, prepared: map[string][]byte{},
	}
	s.growth.waiting, s.growth.kinds = map[string]bool{}, map[string]*measure{}
	s.view = newView(tree, o.Source, func(name string) { s.looked[name] = true }, func(file string) { s.read[file] = true })
	return s
}

var errReadOnly = errors.New("the tree is read-only")

func (s *session) stat(name string) (gitops.Entry, error) {
	inside, ok := unmount(name)
	if !ok {
		return gitops.Entry{}, &fs.PathError{Op: "open", Path: name, Err: errors.New("it is outside the repository")}
	}
	if inside == "" {
		return gitops.Entry{Mode: gitops.Dir}, nil
	}
	if s.generated != nil && inside == path.Join(s.root, generatedName) {
		return gitops.Entry{Name: generatedName, Mode: gitops.File}, nil
	}
	e, _, err := s.view.stat(s.ctx, inside)
	return e, s.note(err, name)
}

// note tells what is missing from what could not be asked.
func (s *session) note(err error, name string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, gitops.ErrNotFound) {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if unreadable(s.ctx, err) != nil {
		s.outside = err
	}
	return err
}

// ReadFile is the one way in for content.
func (s *session) ReadFile(name string) ([]byte, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	if s.failure != nil {
		return nil, s.failure
	}
	inside, ok := unmount(name)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("it is outside the repository")}
	}
	data := s.generated
	if data == nil || inside != path.Join(s.root, generatedName) {
		var err error
		if data, err = s.raw(inside); err != nil {
			return nil, err
		}
	}
	data, err := s.admit(inside, data)
	if err != nil {
		s.failure = err
	}
	return data, err
}

// raw is a file as it is in the repository.
func (s *session) raw(inside string) ([]byte, error) {
	data, where, err := s.view.read(s.ctx, inside)
	if err != nil {
		return nil, s.unread(err, inside)
	}
	s.read[where], s.last, s.pointer = true, where, isPointer(data)
	return data, nil
}

// admit is what the library is given of a file.
func (s *session) admit(inside string, data []byte) ([]byte, error) {
	if !s.checked[inside] {
		prepared, err := s.prepare(inside, data)
		if err != nil {
			return nil, err
		}
		if err := s.check(inside, prepared); err != nil {
			return nil, err
		}
		s.checked[inside], s.prepared[inside] = true, prepared
	}
	data = s.prepared[inside]
	s.growth.note(inside, data)
	if err := s.growth.check(); err != nil {
		return nil, s.refuse(inside, err.Error())
	}
	return data, s.count(inside, data)
}

// prepare sets what the sync object sets, and takes out what a Partial build
// leaves out.
func (s *session) prepare(inside string, data []byte) ([]byte, error) {
	if reason := inflated(data); reason != "" {
		return nil, s.refuse(inside, reason)
	}
	if isKustomization(inside) && isPointer(data) {
		return nil, s.refuse(inside, isLFS)
	}
	if s.generated == nil && isKustomization(inside) && tidy(path.Dir(inside)) == s.root {
		var err error
		if data, err = s.merged(data, nil); err != nil {
			return nil, s.refuse(inside, notKustomization(err))
		}
	}
	if s.options.Partial {
		return s.strip(inside, data)
	}
	return data, nil
}

// unread is what the library is told of a file that could not be read. Of a
// link it would only say that it is not there.
func (s *session) unread(err error, inside string) error {
	noted := s.note(err, mount(inside))
	if errors.Is(noted, fs.ErrNotExist) || s.outside != nil {
		return noted
	}
	if e, _, err := s.view.stat(s.ctx, inside); err == nil && e.Mode == gitops.Dir {
		return noted // it asks for a file first, then for a directory
	}
	s.failure = &Error{Root: s.root, File: s.where(inside), Reason: oneLine(err), Outside: s.inSubmodule(inside)}
	return s.failure
}

// inSubmodule reports whether a path leads into another repository.
func (s *session) inSubmodule(inside string) bool {
	for ; inside != "." && inside != ""; inside = path.Dir(inside) {
		if e, _, err := s.view.stat(s.ctx, inside); err == nil && e.Mode == gitops.Submodule {
			return true
		}
	}
	return false
}

// IsDir reports whether name is a directory.
func (s *session) IsDir(name string) bool {
	e, err := s.stat(name)
	return err == nil && e.Mode == gitops.Dir
}

// Exists reports whether there is a file or directory at name.
func (s *session) Exists(name string) bool {
	_, err := s.stat(name)
	return err == nil
}

// CleanedAbs splits name into its directory and file.
func (s *session) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	if !path.IsAbs(name) {
		name = mount(name)
	}
	name = path.Clean(name)
	e, err := s.stat(name)
	if err != nil {
		return "", "", err
	}
	if e.Mode == gitops.Dir {
		return filesys.ConfirmedDir(name), "", nil
	}
	return filesys.ConfirmedDir(path.Dir(name)), path.Base(name), nil
}

// ReadDir lists the names in a directory.
func (s *session) ReadDir(name string) ([]string, error) {
	inside, ok := unmount(name)
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("it is outside the repository")}
	}
	entries, err := s.list(inside)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	return names, nil
}

// list is what there is in a directory, by name.
func (s *session) list(inside string) ([]gitops.Entry, error) {
	entries, err := s.view.list(s.ctx, inside)
	return entries, s.note(err, mount(inside))
}

// where is the path in the repository of what a build knows as inside.
func (s *session) where(inside string) string {
	if s.view.whole() {
		return inside
	}
	if _, where, _ := s.view.stat(s.ctx, inside); where != "" {
		return where
	}
	return inside
}

// Glob matches names in one directory, as far as the library needs it.
func (s *session) Glob(pattern string) ([]string, error) {
	dir, base := path.Split(pattern)
	if strings.ContainsAny(dir, `*?[\`) {
		return nil, errors.New("a pattern may stand only in the last part of a path")
	}
	names, _ := s.ReadDir(dir) // filepath.Glob too passes over what it cannot list
	var out []string
	for _, n := range names {
		matched, err := path.Match(base, n)
		if err != nil {
			return nil, err
		}
		if matched {
			out = append(out, path.Join(dir, n))
		}
	}
	return out, nil
}

// The rest of the interface is what a build never needs of a tree.

// Create refuses.
func (s *session) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir refuses.
func (s *session) Mkdir(string) error { return errReadOnly }

// MkdirAll refuses.
func (s *session) MkdirAll(string) error { return errReadOnly }

// RemoveAll refuses.
func (s *session) RemoveAll(string) error { return errReadOnly }

// WriteFile refuses.
func (s *session) WriteFile(string, []byte) error { return errReadOnly }

// Open refuses: content is read through ReadFile.
func (s *session) Open(string) (filesys.File, error) {
	return nil, &fs.PathError{Op: "open", Err: os.ErrPermission}
}

// Walk refuses: the library walks only on disk.
func (s *session) Walk(string, filepath.WalkFunc) error {
	return errors.New("walking the tree is not supported")
}
