package gitops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Update moves one branch from Old to New. Old "" means that it must not
// exist, New "" deletes it.
type Update struct {
	Branch   string // irgit/…
	Old, New Revision
}

// RejectedError is a push that the server refused. It is ErrRejected.
type RejectedError struct {
	Branch string
	Reason string   // the server's status for the ref
	Remote []string // what its hooks printed, cleaned
}

func (e *RejectedError) Error() string {
	text := fmt.Sprintf("push of %s: %s: %s", e.Branch, ErrRejected, e.Reason)
	if len(e.Remote) > 0 {
		text += "; the remote says: " + strings.Join(e.Remote, " | ")
	}
	return text
}

// Is makes errors.Is(err, ErrRejected) true.
func (e *RejectedError) Is(target error) bool { return target == ErrRejected }

// Push sends the commits made here and moves the branches, in one push;
// afterwards Branches knows what else the server had just before it, or when
// PreparePush asked. A branch that is not at Old any more gives ErrMoved,
// whatever words the server uses: after every failure the refs are read again.
// A lost answer to a push that arrived is a success.
func (r *Remote) Push(ctx context.Context, updates ...Update) error {
	if len(updates) == 0 {
		return nil
	}
	for _, u := range updates {
		if err := CheckBranch(u.Branch); err != nil {
			return err
		}
	}
	said, err := r.send(ctx, updates)
	if err == nil {
		r.remember(updates)
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, u := range updates {
			if u.New == "" {
				delete(r.refs, u.Branch)
			} else {
				r.refs[u.Branch] = plumbing.NewHash(string(u.New))
			}
		}
		return nil
	}
	if errors.Is(err, ErrAuthentication) {
		return fmt.Errorf("push to %s: %w", r.address, err)
	}
	if again := r.readRefs(ctx); again != nil {
		return fmt.Errorf("push to %s: %w", r.address, errors.Join(err, again))
	}
	arrived := true
	for _, u := range updates {
		now, _ := r.Branch(u.Branch)
		if now != u.New {
			arrived = false
		}
		if now != u.Old && now != u.New {
			return fmt.Errorf("push of %s: %w", u.Branch, ErrMoved)
		}
	}
	if arrived {
		return nil
	}
	if errors.Is(err, ErrUnreachable) {
		return fmt.Errorf("push to %s: %w", r.address, err)
	}
	return &RejectedError{Branch: updates[0].Branch, Reason: clean(err.Error(), 300), Remote: said}
}

// remember keeps what was pushed on disk: it is read again when the branch is
// continued.
func (r *Remote) remember(updates []Update) {
	for _, u := range updates {
		for _, h := range r.unsent(plumbing.NewHash(string(u.New))) {
			if o, ok := r.store.local(h); ok {
				r.store.disk.store(h, o)
			}
		}
	}
}

// send is one receive-pack exchange.
func (r *Remote) send(ctx context.Context, updates []Update) (said []string, err error) {
	ctx, cancel := r.exchange(ctx)
	defer cancel()
	g := r.greeted(ctx)
	if g.err != nil {
		return nil, g.err
	}
	defer g.session.Close() //nolint:errcheck // the report was read
	r.mu.Lock()
	r.refs = branchesOf(g.refs) // newer than those of Open
	r.mu.Unlock()
	can := g.refs.Capabilities
	req := packp.NewReferenceUpdateRequestFromCapabilities(can)
	if !can.Supports(capability.ReportStatus) {
		return nil, errors.New("the server does not report the status of a push")
	}
	var progress bytes.Buffer
	if can.Supports(capability.Sideband64k) {
		_ = req.Capabilities.Set(capability.Sideband64k)
		req.Progress = &limitedWriter{&progress, 64 << 10}
	}
	if len(updates) > 1 && can.Supports(capability.Atomic) {
		_ = req.Capabilities.Set(capability.Atomic)
	}
	var sends []plumbing.Hash
	for _, u := range updates {
		req.Commands = append(req.Commands, &packp.Command{
			Name: plumbing.NewBranchReferenceName(u.Branch), Old: plumbing.NewHash(string(u.Old)), New: plumbing.NewHash(string(u.New)),
		})
		if u.New == "" {
			_ = req.Capabilities.Set(capability.DeleteRefs)
			continue
		}
		sends = append(sends, r.unsent(plumbing.NewHash(string(u.New)))...)
	}
	if len(sends) > 0 {
		pack, err := r.pack(sends)
		if err != nil {
			return nil, err
		}
		req.Packfile = io.NopCloser(bytes.NewReader(pack))
	}
	report, err := g.session.ReceivePack(ctx, req)
	said = lines(progress.String())
	for _, line := range said {
		if r.progress != nil {
			r.progress(line)
		}
	}
	if err != nil {
		return said, r.classify(ctx, err)
	}
	if report == nil {
		return said, errors.New("the server sent no report")
	}
	return said, report.Error()
}

// unsent lists the objects of a commit made here and of its parents made here.
func (r *Remote) unsent(h plumbing.Hash) []plumbing.Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []plumbing.Hash
	seen := make(map[plumbing.Hash]bool)
	for queue := []plumbing.Hash{h}; len(queue) > 0; queue = queue[1:] {
		made := r.commits[queue[0]]
		if made == nil {
			continue
		}
		for _, o := range made.sends {
			if !seen[o] {
				seen[o] = true
				out = append(out, o)
			}
		}
		queue = append(queue, made.parents...)
	}
	return out
}

func (r *Remote) pack(hashes []plumbing.Hash) ([]byte, error) {
	storage := memory.NewStorage()
	for _, h := range hashes {
		o, ok := r.store.local(h)
		if !ok {
			return nil, fmt.Errorf("pack object %s: %w", h, ErrNotFound)
		}
		m := storage.NewEncodedObject()
		m.SetType(o.kind)
		w, err := m.Writer()
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(o.data); err != nil {
			return nil, err
		}
		if _, err := storage.SetEncodedObject(m); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	if _, err := packfile.NewEncoder(&b, storage, false).Encode(hashes, 0); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return b.Bytes(), nil
}

type limitedWriter struct {
	b    *bytes.Buffer
	left int
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	w.b.Write(p[:n])
	return len(p), nil
}

func lines(s string) []string {
	var out []string
	for line := range strings.SplitSeq(strings.ReplaceAll(s, "\r", "\n"), "\n") {
		if line = clean(line, 300); line != "" && len(out) < 40 {
			out = append(out, line)
		}
	}
	return out
}
