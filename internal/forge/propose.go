package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v66/github"
)

// Propose implements Forge.
func (g *GitHub) Propose(ctx context.Context, r Request) (Result, error) {
	if err := r.check(); err != nil {
		return Result{}, err
	}
	var lost bool // an attempt of ours may have arrived
	for attempt := 1; ; attempt++ {
		found, err := g.find(ctx, r.Branch)
		if err != nil {
			return Result{}, err
		}
		if found != nil && found.GetState() == "open" {
			return g.adopt(ctx, found, r, lost)
		}
		if found != nil && convert(found).State == Closed {
			return Result{PullRequest: convert(found), Change: Vetoed}, nil
		}
		made, warnings, err := g.open(ctx, r)
		if err == nil {
			return g.dress(ctx, made, r, Result{Change: Opened, Warnings: warnings}), nil
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

// open sends the one request that must not be sent twice.
func (g *GitHub) open(ctx context.Context, r Request) (made *github.PullRequest, warnings []string, err error) {
	o := operation{name: "open the pull request for " + r.Branch, permission: "pull requests: write", write: true, once: true}
	create := func(draft bool) error {
		return g.call(ctx, o, func(ctx context.Context) (response *github.Response, err error) {
			made, response, err = g.client.PullRequests.Create(ctx, g.repo.Owner, g.repo.Name, &github.NewPullRequest{
				Title: &r.Title, Head: &r.Branch, Base: &r.Base, Body: &r.Body, Draft: &draft,
			})
			return response, whole(made, err)
		})
	}
	err = create(r.Draft)
	var e *Error
	if r.Draft && errors.As(err, &e) && e.Status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(e.Message), "draft") {
		warnings = append(warnings, "the repository knows no drafts: the pull request is ready for review")
		err = create(false)
	}
	return made, warnings, err
}

func isThere(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusUnprocessableEntity && strings.Contains(e.Message, "already exists")
}

// adopt brings the open pull request to what is asked for.
func (g *GitHub) adopt(ctx context.Context, found *github.PullRequest, r Request, lost bool) (Result, error) {
	edit, result := new(github.PullRequest), Result{Change: Unchanged}
	if found.GetTitle() != r.Title {
		edit.Title, result.Change = &r.Title, Updated
	}
	if plain(found.GetBody()) != plain(r.Body) {
		edit.Body, result.Change = &r.Body, Updated
	}
	if found.GetBase().GetRef() != r.Base {
		edit.Base, result.Change = &github.PullRequestBranch{Ref: &r.Base}, Updated
	}
	if result.Change == Updated {
		o := operation{name: fmt.Sprintf("update pull request %d", found.GetNumber()), permission: "pull requests: write", write: true}
		var edited *github.PullRequest
		err := g.call(ctx, o, func(ctx context.Context) (response *github.Response, err error) {
			edited, response, err = g.client.PullRequests.Edit(ctx, g.repo.Owner, g.repo.Name, found.GetNumber(), edit)
			return response, whole(edited, err)
		})
		if err != nil {
			return Result{}, err
		}
		found = edited
	} else if lost {
		result.Change = Opened
	}
	return g.dress(ctx, found, r, result), nil
}

// whole finds an answer of no bytes, which go-github takes for success.
func whole(pr *github.PullRequest, err error) error {
	if err == nil && pr.GetNumber() == 0 {
		return errCutAnswer
	}
	return err
}

// plain is a text as GitHub keeps it: its web editor writes CRLF.
func plain(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
