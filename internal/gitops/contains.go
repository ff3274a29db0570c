package gitops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Ahead is what one history has and another has not.
type Ahead struct {
	Commits int
	Forks   []Revision // parents of these commits that the other history has, sorted
}

// Ahead compares the histories of two revisions, both tips of branches. The
// server is asked what it would send of the first to somebody who has the
// second, so that neither is read: the cost is that of the commits between.
func (r *Remote) Ahead(ctx context.Context, revision, of Revision) (Ahead, error) {
	commits, err := r.Log(ctx, revision, of)
	if err != nil {
		return Ahead{}, err
	}
	sent := make(map[Revision]bool, len(commits))
	var parents []Revision
	for _, c := range commits {
		sent[c.Revision] = true
		parents = append(parents, c.Parents...)
	}
	slices.Sort(parents)
	forks := slices.DeleteFunc(slices.Compact(parents), func(p Revision) bool { return sent[p] })
	return Ahead{len(commits), forks}, nil
}

// Log lists the commits of a history, parents before their children. What the
// history of another revision has is left out; that may be "". No more than the
// commits is fetched.
func (r *Remote) Log(ctx context.Context, revision, without Revision) ([]Commit, error) {
	if revision == without {
		return nil, nil
	}
	q := question{wants: []plumbing.Hash{plumbing.NewHash(string(revision))}, filter: packp.FilterTreeDepth(0)}
	if without != "" {
		q.haves = []plumbing.Hash{plumbing.NewHash(string(without))}
	}
	found := make(map[Revision]Commit)
	var odd error
	err := r.ask(ctx, q, func(o gitObject) {
		if o.kind != plumbing.CommitObject {
			return
		}
		c, err := decodeCommit(o)
		odd = errors.Join(odd, err)
		found[c.Revision] = c
	})
	if errors.Is(err, transport.ErrEmptyUploadPackRequest) {
		return nil, nil
	}
	if err = errors.Join(err, odd); err != nil {
		return nil, fmt.Errorf("read the history of %s: %w", revision, err)
	}
	return inOrder(found, revision), nil
}

// inOrder lists what is found of a history, parents first, without recursion:
// histories are long.
func inOrder(found map[Revision]Commit, tip Revision) (out []Commit) {
	seen := make(map[Revision]bool, len(found))
	stack := []Revision{tip}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		c, there := found[at]
		if !there || seen[at] {
			stack = stack[:len(stack)-1]
			continue
		}
		waiting := false
		for _, p := range c.Parents {
			if _, has := found[p]; has && !seen[p] {
				stack, waiting = append(stack, p), true
			}
		}
		if !waiting {
			seen[at], out = true, append(out, c)
			stack = stack[:len(stack)-1]
		}
	}
	return out
}

// Contains reports whether a revision is in the history of another one, both
// tips of branches. A squashed or rebased merge is no.
func (r *Remote) Contains(ctx context.Context, history, revision Revision) (bool, error) {
	ahead, err := r.Ahead(ctx, revision, history)
	return err == nil && ahead.Commits == 0, err
}

// SignedBy reports whether the signer made the commit's signature. Signing is
// deterministic, so it is asked to sign again.
func (c Commit) SignedBy(s Signer) (bool, error) {
	payload, signature := c.signed()
	again, err := s.Sign([]byte(payload), c.Author.When)
	if err != nil {
		return false, fmt.Errorf("sign again: %w", err)
	}
	return strings.TrimRight(again, "\n") == strings.TrimRight(signature, "\n"), nil
}
