package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v66/github"
)

// open sends the one request that must not be sent twice.
func (g *GitHub) open(ctx context.Context, r Request) (f *found, warnings []string, err error) {
	o := operation{name: "open the pull request for " + r.Branch, needs: writePulls, write: true, once: true}
	var made *github.PullRequest
	create := func(draft bool) error {
		return g.call(ctx, o, func(ctx context.Context) (err error) {
			made, _, err = g.client.PullRequests.Create(ctx, g.repo.Owner, g.repo.Name, &github.NewPullRequest{
				Title: &r.Title, Head: &r.Branch, Base: &r.Base, Body: &r.Body, Draft: &draft,
			})
			return whole(made, err)
		})
	}
	err = create(r.Draft)
	var e *Error
	if r.Draft && errors.As(err, &e) && e.Status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(e.Message), "draft") {
		warnings = append(warnings, "the repository knows no drafts: the pull request is ready for review")
		err = create(false)
	}
	if err != nil {
		return nil, nil, err
	}
	return g.convert(made), warnings, nil
}

func (g *GitHub) edit(ctx context.Context, f *found, e edit) (*found, error) {
	change := new(github.PullRequest)
	if e.title != "" {
		change.Title = &e.title
	}
	if e.body != "" {
		change.Body = &e.body
	}
	if e.base != "" {
		change.Base = &github.PullRequestBranch{Ref: &e.base}
	}
	return g.patch(ctx, fmt.Sprintf("update pull request %d", f.Number), f.Number, change)
}

func (g *GitHub) close(ctx context.Context, number int) error {
	_, err := g.patch(ctx, fmt.Sprintf("close pull request %d", number), number, &github.PullRequest{State: github.String("closed")})
	return err
}

func (g *GitHub) patch(ctx context.Context, name string, number int, change *github.PullRequest) (*found, error) {
	var edited *github.PullRequest
	err := g.call(ctx, operation{name: name, needs: writePulls, write: true}, func(ctx context.Context) (err error) {
		edited, _, err = g.client.PullRequests.Edit(ctx, g.repo.Owner, g.repo.Name, number, change)
		return whole(edited, err)
	})
	if err != nil {
		return nil, err
	}
	return g.convert(edited), nil
}

// label makes the labels that the repository does not have, and adds them.
func (g *GitHub) label(ctx context.Context, f *found, missing []string) ([]string, error) {
	var known []string
	o := operation{name: "list the labels", needs: "permission issues: read"}
	err := g.pages(ctx, o, func(ctx context.Context, page github.ListOptions) (*github.Response, error) {
		list, response, err := g.client.Issues.ListLabels(ctx, g.repo.Owner, g.repo.Name, &page)
		if err == nil {
			known = append(known, names(list)...)
		}
		return response, err
	})
	if err != nil {
		return nil, err
	}
	for _, name := range without(missing, known) {
		o := operation{name: "make the label " + clean(name), needs: "permission issues: write", write: true}
		err := g.call(ctx, o, func(ctx context.Context) error {
			_, _, err := g.client.Issues.CreateLabel(ctx, g.repo.Owner, g.repo.Name, &github.Label{
				Name: &name, Color: github.String(labelColour), Description: github.String(labelDescription),
			})
			return err
		})
		// Somebody else may have made it meanwhile; adding it tells.
		if err != nil && !errors.Is(err, ErrRejected) {
			return nil, err
		}
	}
	var after []*github.Label
	o = operation{name: "label the pull request", needs: writePulls, write: true}
	// go-github sends a bare list here, which GitHub's description lacks.
	err = g.send(ctx, o, http.MethodPost, fmt.Sprintf("issues/%d/labels", f.Number), map[string][]string{"labels": missing}, &after)
	return names(after), err
}

// send sends what go-github has no method for, or none that fits.
func (g *GitHub) send(ctx context.Context, o operation, method, below string, body, into any) error {
	return g.call(ctx, o, func(ctx context.Context) error {
		request, err := g.client.NewRequest(method, fmt.Sprintf("repos/%s/%s/%s", g.repo.Owner, g.repo.Name, below), body)
		if err != nil {
			return err
		}
		_, err = g.client.Do(ctx, request, into)
		return err
	})
}

func (g *GitHub) reviewed(ctx context.Context, f *found) (bool, error) {
	var reviews []*github.PullRequestReview
	err := g.call(ctx, operation{name: "list the reviews", needs: readPulls}, func(ctx context.Context) (err error) {
		reviews, _, err = g.client.PullRequests.ListReviews(ctx, g.repo.Owner, g.repo.Name, f.Number, &github.ListOptions{PerPage: 1})
		return err
	})
	return len(reviews) > 0, err
}

func (g *GitHub) ask(ctx context.Context, f *found, users, teams []string) []error {
	return askEach(func(what string, users, teams []string) error {
		o := operation{name: "ask " + clean(what) + " for a review", needs: writePulls, write: true}
		return g.call(ctx, o, func(ctx context.Context) error {
			_, _, err := g.client.PullRequests.RequestReviewers(ctx, g.repo.Owner, g.repo.Name, f.Number,
				github.ReviewersRequest{Reviewers: users, TeamReviewers: teams})
			return err
		})
	}, users, teams, http.StatusUnprocessableEntity)
}

// assign adds assignees. GitHub leaves out whom it cannot assign without a
// word, so the answer is compared.
func (g *GitHub) assign(ctx context.Context, f *found, missing []string) error {
	var issue *github.Issue
	o := operation{name: "assign " + clean(strings.Join(missing, ", ")), needs: writePulls, write: true}
	err := g.call(ctx, o, func(ctx context.Context) (err error) {
		issue, _, err = g.client.Issues.AddAssignees(ctx, g.repo.Owner, g.repo.Name, f.Number, missing)
		return err
	})
	if err != nil {
		return err
	}
	var there []string
	for _, u := range issue.Assignees {
		there = append(there, u.GetLogin())
	}
	if left := without(missing, there); len(left) > 0 {
		return &Error{Op: o.name + " in " + g.repo.String(), Kind: ErrRejected, Message: clean(strings.Join(left, ", ")) + " cannot be assigned", Hint: "assignees need access to the repository"}
	}
	return nil
}

func (g *GitHub) comments(ctx context.Context, number int) (texts []string, err error) {
	o := operation{name: "list the comments", needs: readPulls}
	err = g.pages(ctx, o, func(ctx context.Context, page github.ListOptions) (*github.Response, error) {
		list, response, err := g.client.Issues.ListComments(ctx, g.repo.Owner, g.repo.Name, number, &github.IssueListCommentsOptions{ListOptions: page})
		for _, c := range list {
			texts = append(texts, c.GetBody())
		}
		return response, err
	})
	return texts, err
}

func (g *GitHub) comment(ctx context.Context, number int, text string) error {
	o := operation{name: fmt.Sprintf("comment on pull request %d", number), needs: writePulls, write: true, once: true}
	return g.call(ctx, o, func(ctx context.Context) error {
		_, _, err := g.client.Issues.CreateComment(ctx, g.repo.Owner, g.repo.Name, number, &github.IssueComment{Body: &text})
		return err
	})
}
