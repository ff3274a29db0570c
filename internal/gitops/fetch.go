package gitops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Commit is a commit as read or made.
type Commit struct {
	Revision Revision
	Parents  []Revision
	Tree     string // hex
	Message  string
	Author   Signature
	Raw      []byte // the object's bytes
}

// Tree is the view of a revision. Nothing but the commit is fetched for it.
func (r *Remote) Tree(ctx context.Context, rev Revision) (*Tree, error) {
	c, err := r.Read(ctx, rev)
	if err != nil {
		return nil, err
	}
	return &Tree{store: r.store, root: plumbing.NewHash(c.Tree)}, nil
}

// Read returns a commit. One that no branch points at can be read only where
// the server allows it.
func (r *Remote) Read(ctx context.Context, rev Revision) (Commit, error) {
	h := plumbing.NewHash(string(rev))
	o, ok := r.store.local(h)
	if !ok {
		if err := r.fetchCommit(ctx, h); err != nil {
			return Commit{}, fmt.Errorf("read commit %s: %w", rev, err)
		}
		if o, ok = r.store.local(h); !ok {
			return Commit{}, fmt.Errorf("read commit %s: the remote did not send it: %w", rev, ErrNotFound)
		}
	}
	return decodeCommit(o)
}

func decodeCommit(o gitObject) (Commit, error) {
	memory := new(plumbing.MemoryObject)
	memory.SetType(o.kind)
	_, _ = memory.Write(o.data)
	var c object.Commit
	if err := c.Decode(memory); err != nil {
		return Commit{}, fmt.Errorf("decode commit: %w", err)
	}
	out := Commit{
		Revision: Revision(o.hash().String()), Tree: c.TreeHash.String(), Message: c.Message,
		Author: Signature{c.Author.Name, c.Author.Email, c.Author.When.UTC()}, Raw: o.data,
	}
	for _, p := range c.ParentHashes {
		out.Parents = append(out.Parents, Revision(p.String()))
	}
	return out, nil
}

func (r *Remote) fetchCommit(ctx context.Context, h plumbing.Hash) error {
	r.mu.Lock()
	lazy := r.lazy
	r.mu.Unlock()
	if lazy {
		return r.ask(ctx, question{wants: []plumbing.Hash{h}, filter: packp.FilterTreeDepth(0), depth: 1}, r.store.keep)
	}
	return r.fetchAll(ctx, h)
}

// fetchAll brings a commit with all its files: what is left where the server
// does not filter.
func (r *Remote) fetchAll(ctx context.Context, h plumbing.Hash) error {
	if err := r.ask(ctx, question{wants: []plumbing.Hash{h}, depth: 1}, r.store.keep); err != nil {
		return err
	}
	r.mu.Lock()
	r.full[h] = true
	r.mu.Unlock()
	return nil
}

// fetch implements fetcher. A server may advertise filters and still refuse to
// send objects by id (it must allow reachable or any SHA-1 in wants): then
// every commit that was looked at is fetched whole, once.
func (r *Remote) fetch(ctx context.Context, wants []plumbing.Hash, deep bool, keep func(gitObject)) error {
	r.mu.Lock()
	lazy := r.lazy
	r.mu.Unlock()
	if lazy {
		filter := packp.FilterTreeDepth(0)
		if deep {
			filter = ""
		}
		err := r.ask(ctx, question{wants: wants, filter: filter}, keep)
		if err == nil || errors.Is(err, ErrTooLarge) || errors.Is(err, ErrAuthentication) || ctx.Err() != nil {
			return err
		}
		r.mu.Lock()
		r.lazy = false
		r.mu.Unlock()
	}
	return r.fetchWhole(ctx)
}

func (r *Remote) fetchWhole(ctx context.Context) error {
	r.mu.Lock()
	var missing []plumbing.Hash
	r.store.mu.Lock()
	for h, o := range r.store.known {
		if o.kind == plumbing.CommitObject && !r.full[h] && r.commits[h] == nil {
			missing = append(missing, h)
		}
	}
	r.store.mu.Unlock()
	r.mu.Unlock()
	for _, h := range missing {
		if err := r.fetchAll(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// question is what is asked of upload-pack.
type question struct {
	wants, haves []plumbing.Hash
	filter       packp.Filter
	depth        int // of commits; 0 for all
}

// ask is one upload-pack exchange.
func (r *Remote) ask(ctx context.Context, q question, keep func(gitObject)) error {
	ctx, cancel := r.exchange(ctx)
	defer cancel()
	session, caps, done, err := r.upload(ctx)
	if err != nil {
		return err
	}
	defer done()
	req := packp.NewUploadPackRequestFromCapabilities(caps)
	for _, c := range []capability.Capability{capability.MultiACK, capability.MultiACKDetailed, capability.ThinPack} {
		req.Capabilities.Delete(c)
	}
	if caps.Supports(capability.NoProgress) {
		_ = req.Capabilities.Set(capability.NoProgress)
	}
	req.Wants, req.Haves = q.wants, q.haves
	if q.depth > 0 && caps.Supports(capability.Shallow) {
		_ = req.Capabilities.Set(capability.Shallow)
		req.Depth = packp.DepthCommits(q.depth)
	}
	if q.filter != "" && caps.Supports("filter") {
		_ = req.Capabilities.Set("filter")
		req.Filter = q.filter
	}
	response, err := session.UploadPack(ctx, req)
	if err != nil {
		return r.classify(ctx, err)
	}
	defer response.Close() //nolint:errcheck // everything was read
	var body io.Reader = response
	switch {
	case req.Capabilities.Supports(capability.Sideband64k):
		body = sideband.NewDemuxer(sideband.Sideband64k, response)
	case req.Capabilities.Supports(capability.Sideband):
		body = sideband.NewDemuxer(sideband.Sideband, response)
	}
	if err := r.unpack(body, keep); err != nil {
		return r.classify(ctx, err)
	}
	return nil
}

// upload gives a session that is ready for one UploadPack. Over http it is the
// one that read the refs; the other transports need a new one each time.
func (r *Remote) upload(ctx context.Context) (transport.UploadPackSession, *capability.List, func(), error) {
	r.mu.Lock()
	session, caps := r.session, r.caps.Capabilities
	r.mu.Unlock()
	if session != nil {
		return session, caps, func() {}, nil
	}
	session, err := r.client.NewUploadPackSession(r.target(), r.auth)
	if err != nil {
		return nil, nil, nil, r.classify(ctx, err)
	}
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		_ = session.Close()
		return nil, nil, nil, r.classify(ctx, err)
	}
	return session, adv.Capabilities, func() { _ = session.Close() }, nil
}

// unpack takes the objects out of a pack, within the limits.
func (r *Remote) unpack(body io.Reader, keep func(gitObject)) error {
	pack, err := io.ReadAll(io.LimitReader(body, r.limits.MaxPack+1))
	if err != nil {
		return err
	}
	if int64(len(pack)) > r.limits.MaxPack {
		return ErrTooLarge
	}
	if err := r.checkSizes(pack); err != nil {
		return err
	}
	storage := memory.NewStorage()
	if err := packfile.UpdateObjectStorage(storage, bytes.NewReader(pack)); err != nil {
		return fmt.Errorf("read pack: %w", err)
	}
	for _, o := range storage.Objects {
		reader, err := o.Reader()
		if err != nil {
			return err
		}
		data, err := io.ReadAll(reader)
		if err != nil {
			return err
		}
		if int64(len(data)) > r.limits.MaxBlob && o.Type() == plumbing.BlobObject {
			continue // reading it will say that it is not there
		}
		keep(gitObject{o.Type(), data})
	}
	return nil
}

// checkSizes reads the headers of a pack before anything is inflated into
// memory: a small pack may claim huge objects.
func (r *Remote) checkSizes(pack []byte) error {
	scanner := packfile.NewScanner(bytes.NewReader(pack))
	_, count, err := scanner.Header()
	if err != nil {
		return fmt.Errorf("read pack: %w", err)
	}
	var total int64
	for range count {
		h, err := scanner.NextObjectHeader()
		if err != nil {
			return fmt.Errorf("read pack: %w", err)
		}
		if total += h.Length; h.Length > 4*r.limits.MaxBlob || total > 4*r.limits.MaxPack {
			return ErrTooLarge
		}
	}
	return nil
}
