// Package forge proposes branches that were pushed: it opens pull requests,
// finds them again and keeps them up to date.
//
// Start from [Forge]. [GitHub] speaks to github.com and GitHub Enterprise
// Server, [GitLab] and [Gitea] (which Forgejo is alike) to theirs; [Git] is a
// plain remote, where the branch itself is the proposal.
//
// Invariants:
//   - Propose is idempotent. A branch has one open pull request at most; one
//     that is there is adopted, whoever opened it, and an answer that was lost
//     ends in an adoption, never in a second one.
//   - What a person decided stands: a pull request that was closed unmerged is
//     a veto until a person reopens it. The state comes from the forge, never
//     from a text in it, and is the same when the branch is gone.
//   - The credential goes to the forge's own host and nowhere else, and is in
//     no error. What a forge says enters an error cleaned and shortened.
//   - Every failure is an [*Error] of one kind, which says whether trying again
//     can help, when, and what to do.
//   - Nothing is sent while the forge asks to wait, and pull requests are opened
//     within a [Budget].
//
// A Forge is safe for concurrent use; writes go out one after the other.
package forge

import "context"

// Forge is where proposals are reviewed. Its pull request is GitHub's and
// Gitea's pull request and GitLab's merge request.
type Forge interface {
	// Find returns the pull request whose head is the branch: the open one if
	// there is one, else the newest; nil when there is none.
	Find(ctx context.Context, branch string) (*PullRequest, error)
	// Propose opens the pull request for a branch that was pushed, or adopts and
	// updates the open one. One that was closed unmerged stays closed and gives
	// Vetoed; one that was merged is history, and a new one is opened. With an
	// error the Result holds nothing.
	Propose(ctx context.Context, r Request) (Result, error)
	// Comment says a text once: it does nothing if a comment says it already. So
	// the text of a transition is to be a function of the transition.
	Comment(ctx context.Context, number int, text string) error
	// Close closes a pull request without a merge; it does nothing if that is
	// closed or merged. Find does not tell it from a veto.
	Close(ctx context.Context, number int) error
	// AutoMerge has the forge merge the pull request as soon as all that it
	// requires is met, at pr.Revision and no other. It fails with ErrNotMergeable,
	// and says why, where that would be a merge without a check: the base
	// requires none, or the head is another commit.
	AutoMerge(ctx context.Context, pr PullRequest) error
}

// State is what became of a pull request.
type State string

// The states of a pull request.
const (
	Open   State = "open"
	Closed State = "closed" // by a person, unmerged
	Merged State = "merged"
)

// PullRequest is a proposal as the forge has it.
type PullRequest struct {
	Number   int    // 0: the branch is all there is
	URL      string // for a person's browser; "" when there is no page
	State    State
	Head     string // the branch
	Revision string // what the forge takes for the branch's tip; it may lag behind a push
	Base     string
	Title    string
	Body     string
	Draft    bool
	Labels   []string
}

// Request is what is to be proposed. The branch is in the same repository as
// its base and was pushed.
type Request struct {
	Branch, Base string
	Revision     string // the branch's tip, as pushed
	Title, Body  string // at most MaxTitle and MaxBody characters
	Labels       []string
	Reviewers    []string // logins
	Teams        []string // slugs; "organisation/slug" is understood
	Assignees    []string // logins
	Draft        bool     // of a new pull request; one that is there stays as it is
	Urgent       bool     // may use the reserve of the Budget: a critical alert, a release
}

// Bounds of a request. A longer one is refused before anything is sent; GitHub
// itself stops at 256 and 65,536 characters, GitLab and Gitea at titles of 255.
const (
	MaxTitle = 240
	MaxBody  = 58_000
)

// Change is what Propose did.
type Change string

// The changes that Propose answers.
const (
	Opened    Change = "opened"
	Updated   Change = "updated"   // title, body or base differed
	Unchanged Change = "unchanged" // it was as asked for
	Vetoed    Change = "vetoed"    // a person closed it: left alone
)

// Result is the pull request after Propose.
type Result struct {
	PullRequest PullRequest
	Change      Change
	// Warnings are what could not be done and does not stop the proposal, one
	// sentence each: a label, a reviewer that the forge does not know.
	Warnings []string
}

// Git is a remote without a forge: whoever merges the branch approves it. Its
// text travels in the commit.
type Git struct{}

// Find returns nil: nothing keeps a state beside the branch.
func (Git) Find(context.Context, string) (*PullRequest, error) { return nil, nil }

// Propose answers with the branch itself, without number and URL.
func (Git) Propose(_ context.Context, r Request) (Result, error) {
	return Result{Change: Opened, PullRequest: PullRequest{
		State: Open, Head: r.Branch, Revision: r.Revision, Base: r.Base, Title: r.Title, Body: r.Body,
	}}, nil
}

// Comment does nothing: there is no page to say it on.
func (Git) Comment(context.Context, int, string) error { return nil }

// Close does nothing: there is nothing to close.
func (Git) Close(context.Context, int) error { return nil }

// AutoMerge is not possible.
func (Git) AutoMerge(context.Context, PullRequest) error {
	return &Error{Op: "merge automatically", Kind: ErrNotMergeable, Message: "a plain remote requires no checks", Hint: "a person merges the branch"}
}
