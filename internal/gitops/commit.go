package gitops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
)

// madeCommit is a commit that is not pushed yet, with what must be sent for it.
type madeCommit struct {
	parents []plumbing.Hash
	sends   []plumbing.Hash
}

// Commit makes a commit in memory; Push sends it. Its id is a function of spec
// alone.
func (r *Remote) Commit(ctx context.Context, spec CommitSpec) (Commit, error) {
	if spec.Parent == "" {
		return Commit{}, errors.New("make commit: it has no parent")
	}
	base, err := r.Tree(ctx, spec.Parent)
	if err != nil {
		return Commit{}, err
	}
	after, err := base.With(ctx, spec.Changes...)
	if err != nil {
		return Commit{}, fmt.Errorf("make commit: %w", err)
	}
	raw, err := encodeCommit(spec, after.root)
	if err != nil {
		return Commit{}, fmt.Errorf("make commit: %w", err)
	}
	made := new(madeCommit)
	for _, p := range spec.parents() {
		made.parents = append(made.parents, plumbing.NewHash(string(p)))
	}
	if made.sends, err = newObjectsBetween(ctx, r.store, base.root, after.root); err != nil {
		return Commit{}, fmt.Errorf("make commit: %w", err)
	}
	h := r.store.put(plumbing.CommitObject, raw)
	made.sends = append(made.sends, h)
	r.mu.Lock()
	r.commits[h] = made
	r.mu.Unlock()
	return decodeCommit(gitObject{plumbing.CommitObject, raw})
}

// parents are the commit's, in order.
func (s CommitSpec) parents() []Revision {
	if s.Continues == "" {
		return []Revision{s.Parent}
	}
	return []Revision{s.Continues, s.Parent}
}

func encodeCommit(spec CommitSpec, tree plumbing.Hash) ([]byte, error) {
	if err := spec.Author.check(); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(spec.Message, "\n") || strings.ContainsRune(spec.Message, 0) {
		return nil, errors.New("the message must end in a newline and hold no NUL")
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "tree %s\n", tree)
	for _, p := range spec.parents() {
		fmt.Fprintf(&head, "parent %s\n", p)
	}
	who := fmt.Sprintf("%s <%s> %d +0000", spec.Author.Name, spec.Author.Email, spec.Author.When.Unix())
	fmt.Fprintf(&head, "author %s\ncommitter %s\n", who, who)
	if spec.Signer == nil {
		return []byte(head.String() + "\n" + spec.Message), nil
	}
	signature, err := spec.Signer.Sign([]byte(head.String()+"\n"+spec.Message), spec.Author.When)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	// A header continues on lines that start with a space (gitformat-commit).
	folded := strings.ReplaceAll(strings.TrimRight(signature, "\n"), "\n", "\n ")
	return []byte(head.String() + "gpgsig " + folded + "\n\n" + spec.Message), nil
}

// check refuses what would end the author line early.
func (s Signature) check() error {
	for _, part := range []string{s.Name, s.Email} {
		if part == "" || strings.ContainsAny(part, "<>") || strings.ContainsFunc(part, unicode.IsControl) || strings.TrimSpace(part) != part {
			return fmt.Errorf("author %q <%s> is not a name and an address", s.Name, s.Email)
		}
	}
	if s.When.Unix() <= 0 {
		return errors.New("author time is not set")
	}
	return nil
}

// newObjectsBetween lists what after has and before has not, in the changed
// directories only.
func newObjectsBetween(ctx context.Context, s *objects, before, after plumbing.Hash) ([]plumbing.Hash, error) {
	if before == after || after.IsZero() {
		return nil, nil
	}
	var old []treeEntry
	if !before.IsZero() {
		var err error
		if old, err = s.tree(ctx, before); err != nil {
			return nil, err
		}
	}
	entries, err := s.tree(ctx, after)
	if err != nil {
		return nil, err
	}
	out := []plumbing.Hash{after}
	for _, e := range entries {
		was, _ := lookup(old, e.name)
		if was.hash == e.hash {
			continue
		}
		if e.kind() != Dir {
			out = append(out, e.hash)
			continue
		}
		if was.kind() != Dir {
			was.hash = plumbing.ZeroHash
		}
		below, err := newObjectsBetween(ctx, s, was.hash, e.hash)
		if err != nil {
			return nil, err
		}
		out = append(out, below...)
	}
	return out, nil
}
