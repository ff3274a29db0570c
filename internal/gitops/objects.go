package gitops

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// gitObject is one git object by its raw content.
type gitObject struct {
	kind plumbing.ObjectType
	data []byte
}

func (o gitObject) hash() plumbing.Hash { return plumbing.ComputeHash(o.kind, o.data) }

// fetcher brings objects from a remote into keep. deep asks for everything
// below the wanted trees as well.
type fetcher interface {
	fetch(ctx context.Context, wants []plumbing.Hash, deep bool, keep func(gitObject)) error
}

// objects is a content-addressed store: what was read, what was made, and
// behind it the disk cache and the remote.
type objects struct {
	remote fetcher // nil: what is not here is not to be had
	disk   *diskCache

	mu    sync.Mutex
	known map[plumbing.Hash]gitObject
	trees map[plumbing.Hash][]treeEntry // decoded
}

func newObjects(remote fetcher, disk *diskCache) *objects {
	return &objects{
		remote: remote, disk: disk,
		known: make(map[plumbing.Hash]gitObject), trees: make(map[plumbing.Hash][]treeEntry),
	}
}

// put takes in an object made here and returns its id.
func (s *objects) put(kind plumbing.ObjectType, data []byte) plumbing.Hash {
	o := gitObject{kind, data}
	h := o.hash()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.known[h]; !ok {
		s.known[h] = o
	}
	return h
}

// keep takes in an object that came from the remote.
func (s *objects) keep(o gitObject) {
	h := s.put(o.kind, o.data)
	s.disk.store(h, o)
}

// local finds an object in memory or on disk.
func (s *objects) local(h plumbing.Hash) (gitObject, bool) {
	s.mu.Lock()
	o, ok := s.known[h]
	s.mu.Unlock()
	if ok {
		return o, true
	}
	if o, ok = s.disk.load(h); ok {
		s.put(o.kind, o.data)
	}
	return o, ok
}

func (s *objects) get(ctx context.Context, h plumbing.Hash, kind plumbing.ObjectType) ([]byte, error) {
	o, ok := s.local(h)
	if !ok {
		if err := s.fetch(ctx, []plumbing.Hash{h}, false); err != nil {
			return nil, err
		}
		if o, ok = s.local(h); !ok {
			return nil, fmt.Errorf("read %s %s: the remote did not send it: %w", kind, h, ErrNotFound)
		}
	}
	if o.kind != kind {
		return nil, fmt.Errorf("read object %s: it is a %s, want a %s", h, o.kind, kind)
	}
	return o.data, nil
}

// fetch brings the wanted objects that are not here.
func (s *objects) fetch(ctx context.Context, wants []plumbing.Hash, deep bool) error {
	if len(wants) == 0 {
		return nil
	}
	if s.remote == nil {
		return errors.New("the object is not in this tree and there is no remote to ask")
	}
	return s.remote.fetch(ctx, wants, deep, s.keep)
}

func (s *objects) tree(ctx context.Context, h plumbing.Hash) ([]treeEntry, error) {
	s.mu.Lock()
	entries, ok := s.trees[h]
	s.mu.Unlock()
	if ok {
		return entries, nil
	}
	raw, err := s.get(ctx, h, plumbing.TreeObject)
	if err != nil {
		return nil, err
	}
	entries, err = decodeTree(raw)
	if err != nil {
		return nil, fmt.Errorf("decode tree %s: %w", h, err)
	}
	s.mu.Lock()
	s.trees[h] = entries
	s.mu.Unlock()
	return entries, nil
}
