package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v66/github"
)

// The look of a label that irgit has to make.
const (
	labelColour      = "b60205"
	labelDescription = "Incident response"
)

// dress adds labels and asks for reviewers. The proposal stands without them,
// so that a failure here is a warning.
func (g *GitHub) dress(ctx context.Context, pr *github.PullRequest, r Request, result Result) Result {
	warn := func(what string, err error) {
		result.Warnings = append(result.Warnings, what+": "+err.Error())
	}
	labels, err := g.label(ctx, pr, r.Labels)
	if err != nil {
		warn("not all labels are set", err)
	}
	if labels != nil {
		pr.Labels = labels
	}
	users, teams, err := g.unasked(ctx, pr, r, result.Change == Opened)
	if err != nil {
		warn("no reviewer was asked", err)
	}
	if result.Change == Opened {
		for _, u := range r.Reviewers {
			if same(u, pr.GetUser().GetLogin()) {
				result.Warnings = append(result.Warnings, clean(u)+" opened the pull request and cannot review it")
			}
		}
	}
	for _, err := range g.ask(ctx, pr, users, teams) {
		warn("a reviewer was not asked", err)
	}
	result.PullRequest = convert(pr)
	return result
}

// label adds the labels that are missing, and makes those that the repository
// does not have. It returns the labels after that, nil when nothing was added.
func (g *GitHub) label(ctx context.Context, pr *github.PullRequest, want []string) ([]*github.Label, error) {
	missing := without(want, names(pr.Labels))
	if len(missing) == 0 {
		return nil, nil
	}
	known, err := g.labels(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range without(missing, known) {
		o := operation{name: "make the label " + clean(name), permission: "issues: write", write: true}
		err := g.call(ctx, o, func(ctx context.Context) (*github.Response, error) {
			_, response, err := g.client.Issues.CreateLabel(ctx, g.repo.Owner, g.repo.Name, &github.Label{
				Name: &name, Color: github.String(labelColour), Description: github.String(labelDescription),
			})
			return response, err
		})
		// Somebody else may have made it meanwhile; adding it tells.
		if err != nil && !errors.Is(err, ErrRejected) {
			return nil, err
		}
	}
	var after []*github.Label
	o := operation{name: "label the pull request", permission: "pull requests: write", write: true}
	path := fmt.Sprintf("repos/%s/%s/issues/%d/labels", g.repo.Owner, g.repo.Name, pr.GetNumber())
	err = g.call(ctx, o, func(ctx context.Context) (*github.Response, error) {
		// go-github sends a bare list here, which GitHub's description lacks.
		request, err := g.client.NewRequest(http.MethodPost, path, map[string][]string{"labels": missing})
		if err != nil {
			return nil, err
		}
		return g.client.Do(ctx, request, &after)
	})
	return after, err
}

// labels lists the repository's labels.
func (g *GitHub) labels(ctx context.Context) ([]string, error) {
	var all []string
	o := operation{name: "list the labels", permission: "issues: read"}
	for options := (&github.ListOptions{PerPage: 100}); ; {
		var page []*github.Label
		var next int
		err := g.call(ctx, o, func(ctx context.Context) (response *github.Response, err error) {
			if page, response, err = g.client.Issues.ListLabels(ctx, g.repo.Owner, g.repo.Name, options); err == nil {
				next = response.NextPage
			}
			return response, err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, names(page)...)
		if next <= options.Page {
			return all, nil
		}
		options.Page = next
	}
}

// unasked says whom to ask: nobody twice. Of a pull request that was there,
// reviewers are only wanted if nobody was ever asked and nobody has reviewed,
// which is what a crash right after opening leaves behind.
func (g *GitHub) unasked(ctx context.Context, pr *github.PullRequest, r Request, opened bool) (users, teams []string, err error) {
	users = without(r.Reviewers, []string{pr.GetUser().GetLogin()})
	for _, team := range r.Teams {
		teams = append(teams, team[strings.LastIndex(team, "/")+1:])
	}
	teams = without(teams, nil)
	if len(users)+len(teams) == 0 || opened {
		return users, teams, nil
	}
	if len(pr.RequestedReviewers)+len(pr.RequestedTeams) > 0 {
		return nil, nil, nil
	}
	var reviews []*github.PullRequestReview
	o := operation{name: "list the reviews", permission: "pull requests: read"}
	err = g.call(ctx, o, func(ctx context.Context) (response *github.Response, err error) {
		reviews, response, err = g.client.PullRequests.ListReviews(ctx, g.repo.Owner, g.repo.Name, pr.GetNumber(), &github.ListOptions{PerPage: 1})
		return response, err
	})
	if err != nil || len(reviews) > 0 {
		return nil, nil, err
	}
	return users, teams, nil
}

// ask requests the reviews together; when GitHub refuses that because of one of
// them, it asks each alone, so that one wrong name does not cost the others.
func (g *GitHub) ask(ctx context.Context, pr *github.PullRequest, users, teams []string) []error {
	request := func(what string, users, teams []string) error {
		o := operation{name: "ask " + clean(what) + " for a review", permission: "pull requests: write", write: true}
		return g.call(ctx, o, func(ctx context.Context) (*github.Response, error) {
			_, response, err := g.client.PullRequests.RequestReviewers(ctx, g.repo.Owner, g.repo.Name, pr.GetNumber(),
				github.ReviewersRequest{Reviewers: users, TeamReviewers: teams})
			return response, err
		})
	}
	count := len(users) + len(teams)
	if count == 0 {
		return nil
	}
	err := request(strings.Join(append(slices.Clone(users), teams...), ", "), users, teams)
	var e *Error
	if err == nil {
		return nil
	}
	if !errors.As(err, &e) || e.Status != http.StatusUnprocessableEntity || count == 1 {
		return []error{err}
	}
	var failed []error
	for _, u := range users {
		if err := request(u, []string{u}, nil); err != nil {
			failed = append(failed, err)
		}
	}
	for _, t := range teams {
		if err := request("the team "+t, nil, []string{t}); err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

func names(labels []*github.Label) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l.GetName()
	}
	return out
}

// same compares as GitHub does: names of labels, people and teams are the same
// in upper and lower case.
func same(a, b string) bool { return strings.EqualFold(a, b) }

// without returns what is in want and not in have, each once, in order.
func without(want, have []string) []string {
	var out []string
	for _, w := range want {
		in := func(list []string) bool { return slices.ContainsFunc(list, func(s string) bool { return same(s, w) }) }
		if w != "" && !in(have) && !in(out) {
			out = append(out, w)
		}
	}
	return out
}
