package gitops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Contains reports whether a revision is in the history of another one, both
// tips of branches. The server is asked what it would send of the first to
// somebody who has the second: nothing means yes. A squashed or rebased merge
// is no.
func (r *Remote) Contains(ctx context.Context, history, revision Revision) (bool, error) {
	if history == revision {
		return true, nil
	}
	want, have := plumbing.NewHash(string(revision)), plumbing.NewHash(string(history))
	sent := false
	err := r.ask(ctx, question{wants: []plumbing.Hash{want}, haves: []plumbing.Hash{have}, filter: packp.FilterTreeDepth(0)}, func(gitObject) { sent = true })
	if errors.Is(err, transport.ErrEmptyUploadPackRequest) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("find %s in the history of %s: %w", revision, history, err)
	}
	return !sent, nil
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
