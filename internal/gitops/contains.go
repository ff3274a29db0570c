package gitops

import (
	"bytes"
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
	if of == revision {
		return Ahead{}, nil
	}
	q := question{wants: []plumbing.Hash{plumbing.NewHash(string(revision))}, haves: []plumbing.Hash{plumbing.NewHash(string(of))}, filter: packp.FilterTreeDepth(0)}
	sent := make(map[Revision]bool)
	var parents []Revision
	var odd error
	err := r.ask(ctx, q, func(o gitObject) {
		if o.kind != plumbing.CommitObject {
			return
		}
		c, err := decodeCommit(o)
		odd = errors.Join(odd, err)
		sent[c.Revision] = true
		parents = append(parents, c.Parents...)
	})
	if errors.Is(err, transport.ErrEmptyUploadPackRequest) {
		return Ahead{}, nil
	}
	if err = errors.Join(err, odd); err != nil {
		return Ahead{}, fmt.Errorf("find %s in the history of %s: %w", revision, of, err)
	}
	slices.Sort(parents)
	forks := slices.DeleteFunc(slices.Compact(parents), func(p Revision) bool { return sent[p] })
	return Ahead{len(sent), forks}, nil
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
	head, message, _ := bytes.Cut(c.Raw, []byte("\n\n"))
	var plain, signature strings.Builder
	signing := false
	for line := range strings.SplitSeq(string(head), "\n") {
		value, first := strings.CutPrefix(line, "gpgsig ")
		switch {
		case first:
			signing = true
			signature.WriteString(value + "\n")
		case signing && strings.HasPrefix(line, " "):
			signature.WriteString(line[1:] + "\n")
		default:
			signing = false
			plain.WriteString(line + "\n")
		}
	}
	again, err := s.Sign([]byte(plain.String()+"\n"+string(message)), c.Author.When)
	if err != nil {
		return false, fmt.Errorf("sign again: %w", err)
	}
	return strings.TrimRight(again, "\n") == strings.TrimRight(signature.String(), "\n"), nil
}
