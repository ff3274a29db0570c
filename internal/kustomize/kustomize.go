// Package kustomize builds kustomization roots straight from a git tree, and
// is the only package that knows the kustomize library.
//
// [Build] is the place to start. It is a guard as much as a build: nothing of
// the repository is executed, nothing is fetched, nothing outside the tree is
// read, YAML that would grow without bound is refused before the library sees
// it, and a panic of the library becomes an error. Every file that was read is
// in the result, so that a caller knows what the result depends on.
//
// What a root reads is bounded, and so are what can be made of it, the memory
// that this takes and the time that is waited for it.
//
// The library keeps one schema per process. Builds that would change it run
// alone; all others run side by side, and Build may be called from any
// goroutine.
package kustomize

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"github.com/irgit/irgit/internal/gitops"
)

// Result is what a root renders to.
type Result struct {
	Objects []*unstructured.Unstructured // in the order of the build
	Files   []string                     // every file that was read, sorted
	// Kustomization is the root's own kustomization file, "" when it has none.
	Kustomization string
	// Transformers are the paths in the repository that this file lists in
	// transformers.
	Transformers []string
	// Looked holds every path that the build asked for, those that are not there
	// included: as long as they are the same, so is the result.
	Looked []string
	// Origins are the manifests that the objects come from, in their order, ""
	// where that cannot be told; nil unless asked for.
	Origins []string
	// Missing says what a Partial build left out, one sentence each.
	Missing []string
}

// Build renders the kustomization at root. Paths may lead out of the root's
// directory, as they may under Flux, and never out of the tree. Objects come
// in the order of the build, which is not sorted.
//
// An error is an *Error unless the repository could not be read or ctx ended.
func Build(ctx context.Context, tree *gitops.Tree, root string, o Options) (*Result, error) {
	root = clean(root)
	limited, cancel := context.WithTimeoutCause(ctx, maxTime, errTooLong)
	defer cancel()
	// The library cannot be stopped. When time is up it is left alone, and
	// ends where it asks for its next file.
	done := make(chan outcome, 1)
	go func() { done <- build(limited, tree, root, o) }()
	select {
	case out := <-done:
		return out.result, out.err
	case <-limited.Done():
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("build %s: %w", display(root), context.Cause(ctx))
	}
	return nil, &Error{Root: root, File: display(root), Reason: errTooLong.Error(), Looked: []string{""}}
}

// maxTime is far above what a root within the other bounds takes.
const maxTime = 2 * time.Minute

var errTooLong = fmt.Errorf("takes longer than %s to build: split it into several roots", maxTime)

type outcome struct {
	result *Result
	err    error
}

// schemas is held for writing by builds that set the library's schema.
var schemas sync.RWMutex

// parsed reads the library's own schema before the first build. The library
// would do so in the middle of a build that needs it, while others read.
var parsed = sync.OnceFunc(func() { openapi.Schema() })

var errOwnSchema = errors.New("the kustomization sets a schema of its own")

func build(ctx context.Context, tree *gitops.Tree, root string, o Options) outcome {
	parsed()
	s := newSession(ctx, tree, root, o)
	objects, err := s.attempt(schemas.RLocker())
	if schema := errors.Is(err, errOwnSchema); schema || errors.Is(err, errTooLarge) {
		s = newSession(ctx, tree, root, o)
		s.alone = true
		objects, err = s.attempt(&schemas)
	}
	if err != nil {
		return outcome{err: s.explain(err)}
	}
	return outcome{result: &Result{
		Objects: objects, Files: slices.Sorted(maps.Keys(s.read)), Kustomization: s.kustomization, Transformers: s.transformers,
		Looked: slices.Sorted(maps.Keys(s.looked)), Origins: s.origins, Missing: s.missing,
	}}
}

// attempt builds under a lock and the eyes of the watch. Of builds that ran
// side by side nobody can tell which one took the memory: each of them has
// another attempt alone.
func (s *session) attempt(lock sync.Locker) ([]*unstructured.Unstructured, error) {
	lock.Lock()
	defer lock.Unlock()
	if s.alone {
		runtime.GC() // what the first attempt held is not held against this one
		defer func() { openapi.ResetOpenAPI(); openapi.Schema() }()
	}
	outer := s.ctx
	ctx, stop := context.WithCancelCause(outer)
	defer stop(nil)
	defer memory.begin(s, stop)()
	s.ctx = ctx
	objects, err := s.run()
	s.ctx = outer
	if err != nil && errors.Is(context.Cause(ctx), errTooLarge) {
		return nil, errTooLarge // whatever the library made of it
	}
	return objects, err
}

func (s *session) run() (objects []*unstructured.Unstructured, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("kustomize gave up: %v", p)
		}
	}()
	if err := s.view.prove(s.ctx); err != nil {
		return nil, err
	}
	directory, err := s.isDirectory()
	if err != nil {
		return nil, err
	}
	if directory {
		objects, err = s.directory()
	} else {
		objects, err = s.kustomize()
	}
	s.adorn(objects)
	return objects, err
}

// kustomize runs the library.
func (s *session) kustomize() ([]*unstructured.Unstructured, error) {
	if err := s.generate(); err != nil {
		return nil, err
	}
	options := krusty.MakeDefaultOptions() // no plugins, no functions, no helm
	options.LoadRestrictions = types.LoadRestrictionsNone
	if s.sorts() {
		options.Reorder = krusty.ReorderOptionUnspecified // or else the library logs that two orders are set
	}
	rendered, err := krusty.MakeKustomizer(options).Run(s, mount(s.root))
	if s.failure != nil {
		return nil, s.failure // the library swallows some errors of its file system
	}
	if err != nil {
		return nil, err
	}
	if err := s.originsOf(rendered); err != nil {
		return nil, err
	}
	if s.options.Substitute != nil {
		if err := s.substitute(rendered); err != nil {
			return nil, err
		}
	}
	return plain(rendered)
}

// sorts reports whether the root's kustomization sets an order of its own.
func (s *session) sorts() bool {
	for _, name := range FileNames() {
		data, _, err := s.view.read(s.ctx, path.Join(s.root, name))
		if err == nil && inflated(data) == "" {
			k, err := parseKustomization(data)
			return err == nil && k.sorts
		}
	}
	return false
}
