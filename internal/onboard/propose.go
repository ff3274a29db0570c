package onboard

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/proposal"
)

// Options of Propose.
type Options struct {
	Git      gitops.Options
	Base     string // base branch; "" is the remote's default
	CacheDir string // of the fleet index
	URL      string // what sync objects may call the repository, besides what it says itself; may be empty
	Forge    forge.Forge
	Author   gitops.Signature // When is not read
	Signer   gitops.Signer    // nil: unsigned
	NoHooks  bool
	DryRun   bool // nothing is pushed or proposed
}

// State is what Propose did.
type State string

// The states of an outcome.
const (
	Proposed  State = "proposed"  // also of a dry run: it would be
	Unchanged State = "unchanged" // nothing is missing, or the proposal is there
	Vetoed    State = "vetoed"    // a person closed the pull request
)

// Outcome is what Propose did, and what it found.
type Outcome struct {
	State       State
	Reason      string // one sentence
	Branch      string
	Base        string
	Revision    gitops.Revision // of the proposal; "" when there is none
	PullRequest *forge.PullRequest
	Warnings    []string
	Setup       *Setup
}

// maxTries is how often a lost compare-and-swap is answered by reading again.
const maxTries = 5

// Propose proposes what the repository lacks, once: the same base gives the
// same commit. A branch that somebody else committed to is refused.
func Propose(ctx context.Context, o Options) (*Outcome, error) {
	for try := 1; ; try++ {
		out, err := propose(ctx, o)
		if err == nil || !errors.Is(err, gitops.ErrMoved) || try == maxTries {
			return out, err
		}
	}
}

func propose(ctx context.Context, o Options) (*Outcome, error) {
	remote, err := gitops.Open(ctx, o.Git)
	if err != nil {
		return nil, err
	}
	base, at, err := remote.Base(o.Base)
	if err != nil {
		return nil, err
	}
	tree, err := remote.Tree(ctx, at)
	if err != nil {
		return nil, err
	}
	f, err := fleet.Load(ctx, tree, fleet.Options{CacheDir: o.CacheDir, URL: o.URL, Discover: true})
	if err != nil {
		return nil, err
	}
	setup, err := Plan(ctx, f, PlanOptions{Base: base, NoHooks: o.NoHooks})
	if err != nil {
		return nil, err
	}
	_, plain := o.Forge.(forge.Git)
	setup.Document.Branch, setup.Document.Base, setup.Document.PlainGit, setup.Document.Signed = Branch, base, plain, o.Signer != nil
	out := &Outcome{State: Unchanged, Branch: Branch, Base: base, Setup: setup}
	if len(setup.Changes) == 0 {
		out.Reason = "nothing is missing in " + base
		return out, nil
	}
	commit, err := o.commit(ctx, remote, setup, at)
	if err != nil {
		return nil, err
	}
	return out, o.publish(ctx, remote, out, commit, at)
}

// commit is dated as its base is, so that the same base gives the same commit.
func (o Options) commit(ctx context.Context, remote *gitops.Remote, s *Setup, at gitops.Revision) (gitops.Commit, error) {
	parent, err := remote.Read(ctx, at)
	if err != nil {
		return gitops.Commit{}, err
	}
	message, err := gitops.Message{
		Subject: proposal.OnboardingSubject, Body: proposal.OnboardingCommitBody(s.Document),
		Trailers: []gitops.Trailer{{Key: gitops.TrailerAction, Value: "init " + digestOf(s.Changes)}},
	}.Format()
	if err != nil {
		return gitops.Commit{}, fmt.Errorf("propose the setup: %w", err)
	}
	author := o.Author
	author.When = parent.Author.When
	return remote.Commit(ctx, gitops.CommitSpec{Parent: at, Changes: s.Changes, Message: message, Author: author, Signer: o.Signer})
}

// digestOf is of the files and their content.
func digestOf(changes []gitops.Change) string {
	sum := sha256.New()
	for _, c := range changes {
		fmt.Fprintf(sum, "%d %s %d ", len(c.Path), c.Path, len(c.Content))
		_, _ = sum.Write(c.Content)
	}
	return fmt.Sprintf("sha256:%x", sum.Sum(nil))
}

// publish pushes the commit and proposes it, unless that was done.
func (o Options) publish(ctx context.Context, remote *gitops.Remote, out *Outcome, commit gitops.Commit, at gitops.Revision) error {
	pr, err := o.Forge.Find(ctx, Branch)
	if err != nil {
		return fmt.Errorf("find the pull request of %s: %w", Branch, err)
	}
	out.PullRequest = pr
	if pr != nil && pr.State == forge.Closed {
		out.State, out.Reason = Vetoed, fmt.Sprintf("pull request %d was closed without a merge: reopen it to go on", pr.Number)
		return nil
	}
	old, there := remote.Branch(Branch)
	if there && old != commit.Revision {
		spent, err := o.spent(ctx, remote, out, old, at, pr)
		if !spent || err != nil {
			return err
		}
	}
	out.Revision = commit.Revision
	if old == commit.Revision {
		out.Reason = "the branch is there, with the same content"
	} else {
		out.State, out.Reason = Proposed, "it is to be merged into "+out.Base
	}
	if o.DryRun {
		return nil
	}
	if old != commit.Revision {
		if err := remote.Push(ctx, gitops.Update{Branch: Branch, Old: old, New: commit.Revision}); err != nil {
			return fmt.Errorf("propose the setup: %w", err)
		}
	}
	title, body := proposal.RenderOnboarding(out.Setup.Document)
	result, err := o.Forge.Propose(ctx, forge.Request{Branch: Branch, Base: out.Base, Revision: string(commit.Revision), Title: title, Body: body})
	if err != nil {
		return fmt.Errorf("the setup is on branch %s, but not proposed: %w", Branch, err)
	}
	out.PullRequest, out.Warnings = &result.PullRequest, result.Warnings
	return nil
}

// spent reports whether the branch may be replaced, since what it proposed is
// merged. Otherwise out says what is on it, or the error refuses.
func (o Options) spent(ctx context.Context, remote *gitops.Remote, out *Outcome, old, at gitops.Revision, pr *forge.PullRequest) (bool, error) {
	if pr != nil && pr.State == forge.Merged {
		return true, nil
	}
	if merged, err := remote.Contains(ctx, at, old); merged || err != nil {
		return merged, err
	}
	head, err := remote.Read(ctx, old)
	if err != nil {
		return false, err
	}
	digest, err := o.ours(ctx, remote, head)
	switch {
	case err != nil:
		return false, err
	case digest == "":
		return false, &RefusedError{
			fmt.Sprintf("the last commit of branch %s (%s) is not irgit's, and is left to whoever made it", Branch, old),
			"merge or delete that branch, and run irgit init again",
		}
	case digest == digestOf(out.Setup.Changes):
		out.Reason = "the branch is there, with the same content, made from an earlier " + out.Base
	default:
		out.Reason = fmt.Sprintf("the branch is there, with an earlier proposal: merge it, or delete it, and run irgit init again for what %s lacks now", out.Base)
	}
	out.Revision = old
	return false, nil
}

// ours is the digest of what irgit proposed by a commit, "" when the commit is
// not as irgit made it: by its trailer, by what it changes, and by signing it
// again.
func (o Options) ours(ctx context.Context, remote *gitops.Remote, head gitops.Commit) (string, error) {
	if len(head.Parents) != 1 {
		return "", nil
	}
	before, err := remote.Tree(ctx, head.Parents[0])
	if err != nil {
		return "", err
	}
	after, err := remote.Tree(ctx, head.Revision)
	if err != nil {
		return "", err
	}
	diff, err := before.Diff(ctx, after)
	if err != nil {
		return "", err
	}
	var changes []gitops.Change
	for _, c := range diff {
		data, err := after.ReadFile(ctx, c.Path)
		if errors.Is(err, gitops.ErrNotFound) {
			return "", nil // irgit init deletes nothing
		}
		if err != nil {
			return "", err
		}
		changes = append(changes, gitops.Change{Path: c.Path, Content: data})
	}
	digest := digestOf(changes)
	if !slices.Contains(gitops.ParseTrailers(head.Message), gitops.Trailer{Key: gitops.TrailerAction, Value: "init " + digest}) {
		return "", nil
	}
	if o.Signer != nil {
		if signed, err := head.SignedBy(o.Signer); !signed || err != nil {
			return "", err
		}
	}
	return digest, nil
}
