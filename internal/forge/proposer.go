package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// proposer is what all forges do alike, over what each of them can do.
type proposer struct {
	*caller
	api    api
	budget *bucket
}

// api is one forge. Every method is one step, retried by itself; what it sends
// is safe to send again, except for open.
type api interface {
	// find is Forge.Find. A forge that has no filter for heads is asked for all.
	find(ctx context.Context, branch string) (*found, error)
	// get reads one pull request.
	get(ctx context.Context, number int) (*found, error)
	// open opens a pull request. Errors are as of [isThere] when there is one.
	open(ctx context.Context, r Request) (made *found, warnings []string, err error)
	// edit changes what is not "" and keeps whether it is a draft.
	edit(ctx context.Context, f *found, e edit) (*found, error)
	// label adds labels, makes those that the repository lacks, and returns all.
	label(ctx context.Context, f *found, missing []string) ([]string, error)
	// reviewed says whether anybody has reviewed it.
	reviewed(ctx context.Context, f *found) (bool, error)
	// ask asks people and teams for a review; one wrong name does not cost the others.
	ask(ctx context.Context, f *found, users, teams []string) []error
	// assign adds people to those who see to it.
	assign(ctx context.Context, f *found, missing []string) error
	// comments are the texts of all comments.
	comments(ctx context.Context, number int) ([]string, error)
	comment(ctx context.Context, number int, text string) error
	close(ctx context.Context, number int) error
	// Protection is what a branch asks for before a merge.
	Protection(ctx context.Context, branch string) (Protection, error)
}

// found is a pull request and what only this package wants to know of it.
type found struct {
	PullRequest
	ID        string // by which GraphQL knows it
	Author    string
	Asked     bool // somebody is asked for a review
	Assignees []string
}

type edit struct{ title, body, base string }

// Find implements Forge.
func (p proposer) Find(ctx context.Context, branch string) (*PullRequest, error) {
	f, err := p.api.find(ctx, branch)
	if err != nil || f == nil {
		return nil, err
	}
	return &f.PullRequest, nil
}

// Propose implements Forge.
func (p proposer) Propose(ctx context.Context, r Request) (Result, error) {
	if err := r.check(); err != nil {
		return Result{}, err
	}
	var lost bool // an attempt of ours may have arrived
	for attempt := 1; ; attempt++ {
		f, err := p.api.find(ctx, r.Branch)
		if err != nil {
			return Result{}, err
		}
		if f != nil && f.State == Open {
			return p.adopt(ctx, f, r, lost)
		}
		if f != nil && f.State == Closed {
			return Result{PullRequest: f.PullRequest, Change: Vetoed}, nil
		}
		if !lost {
			if err := p.budget.take(ctx, "open the pull request for "+r.Branch+" in "+p.repo.String(), r.Urgent); err != nil {
				return Result{}, err
			}
		}
		made, warnings, err := p.api.open(ctx, r)
		if err == nil {
			return p.dress(ctx, made, r, Result{Change: Opened, Warnings: warnings}), nil
		}
		unreachable := errors.Is(err, ErrUnreachable)
		if attempt == attempts || !unreachable && !isThere(err) {
			return Result{}, err
		}
		lost = lost || unreachable
		if err := pauseFor(ctx, "open the pull request", backoff(attempt)); err != nil {
			return Result{}, err
		}
	}
}

// check refuses what no forge would take.
func (r Request) check() error {
	refuse := func(message string) error {
		return &Error{Op: "propose " + clean(r.Branch), Kind: ErrRejected, Message: message}
	}
	switch n := utf8.RuneCountInString(r.Title); {
	case r.Branch == "" || r.Base == "" || r.Branch == r.Base:
		return refuse("it needs a branch and another one as its base")
	case n == 0 || n > MaxTitle || strings.ContainsAny(r.Title, "\r\n"):
		return refuse(fmt.Sprintf("the title must be one line of 1 to %d characters, it has %d", MaxTitle, n))
	case utf8.RuneCountInString(r.Body) > MaxBody:
		return refuse(fmt.Sprintf("the body has %d characters, more than %d", utf8.RuneCountInString(r.Body), MaxBody))
	}
	return nil
}

// isThere says whether a pull request was not opened because there is one:
// GitHub answers 422, GitLab and Gitea 409.
func isThere(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Status == http.StatusConflict || e.Status == http.StatusUnprocessableEntity && strings.Contains(e.Message, "already exists"))
}

// adopt brings the open pull request to what is asked for.
func (p proposer) adopt(ctx context.Context, f *found, r Request, lost bool) (Result, error) {
	var change edit
	if f.Title != r.Title {
		change.title = r.Title
	}
	if plain(f.Body) != plain(r.Body) {
		change.body = r.Body
	}
	if f.Base != r.Base {
		change.base = r.Base
	}
	result := Result{Change: Unchanged}
	if change != (edit{}) {
		edited, err := p.api.edit(ctx, f, change)
		if err != nil {
			return Result{}, err
		}
		f, result.Change = edited, Updated
	} else if lost {
		result.Change = Opened
	}
	return p.dress(ctx, f, r, result), nil
}

// plain is a text as forges keep it: their web editors write CRLF.
func plain(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }

// Comment implements Forge.
func (p proposer) Comment(ctx context.Context, number int, text string) error {
	said := func() (bool, error) {
		all, err := p.api.comments(ctx, number)
		return slices.ContainsFunc(all, func(s string) bool { return plain(s) == plain(text) }), err
	}
	if done, err := said(); done || err != nil {
		return err
	}
	err := p.api.comment(ctx, number, text)
	if errors.Is(err, ErrUnreachable) { // it may have arrived
		if done, _ := said(); done {
			return nil
		}
	}
	return err
}

// Close implements Forge.
func (p proposer) Close(ctx context.Context, number int) error {
	f, err := p.api.get(ctx, number)
	if err != nil || f.State != Open {
		return err
	}
	return p.api.close(ctx, number)
}

// mergeable reads the pull request that is to be left to the forge, nil when it
// is merged already. The error is ErrNotMergeable when a person has to decide.
func (p proposer) mergeable(ctx context.Context, op string, decided PullRequest) (*found, error) {
	f, err := p.api.get(ctx, decided.Number)
	if err != nil || f.State == Merged {
		return nil, err
	}
	protection, err := p.api.Protection(ctx, f.Base)
	if err != nil {
		return nil, err
	}
	if why := f.unmergeable(decided, protection); why != nil {
		why.Op = op + " in " + p.repo.String()
		return nil, why
	}
	return f, nil
}

// unmergeable says why a pull request cannot be left to the forge, nil if it
// can. Its Op is the caller's.
func (f *found) unmergeable(decided PullRequest, p Protection) *Error {
	e := &Error{Kind: ErrNotMergeable}
	switch {
	case f.State != Open:
		e.Message, e.Hint = "it is closed", "reopen it"
	case f.Revision != decided.Revision:
		e.Message = "its head is " + clean(f.Revision) + " and not the commit that was decided on"
		e.Hint = "somebody else pushed: a person decides"
	case len(p.Checks) == 0:
		e.Message, e.Hint = "branch "+f.Base+" requires no status checks", "require the checks that validate the fleet"
	default:
		return nil
	}
	return e
}

// refused makes what a forge rejected of a merge a reason not to leave it to
// the forge, and says whether that may pass by itself.
func refused(err error, passes bool, hint string) error {
	var e *Error
	if errors.As(err, &e) && errors.Is(e, ErrRejected) {
		e.Kind, e.Hint, e.Retryable = ErrNotMergeable, hint, passes
	}
	return err
}
