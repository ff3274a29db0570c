package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"code.gitea.io/sdk/gitea"
)

const giteaDraft = "WIP: "

func (g *Gitea) open(ctx context.Context, r Request) (*found, []string, error) {
	title := r.Title
	if r.Draft {
		title = giteaDraft + title
	}
	var made *gitea.PullRequest
	o := operation{name: "open the pull request for " + r.Branch, write: true, once: true}
	err := g.request(ctx, o, func(sdk *gitea.Client) (err error) {
		made, _, err = sdk.CreatePullRequest(g.repo.Owner, g.repo.Name, gitea.CreatePullRequestOption{Head: r.Branch, Base: r.Base, Title: title, Body: r.Body})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return convertGitea(made), nil, nil
}

func (g *Gitea) edit(ctx context.Context, f *found, e edit) (*found, error) {
	change := gitea.EditPullRequestOption{Title: e.title, Base: e.base}
	if e.title != "" && f.Draft {
		change.Title = giteaDraft + e.title
	}
	if e.body != "" {
		change.Body = &e.body
	}
	return g.patch(ctx, fmt.Sprintf("update pull request %d", f.Number), f.Number, change)
}

func (g *Gitea) close(ctx context.Context, number int) error {
	closed := gitea.StateClosed
	_, err := g.patch(ctx, fmt.Sprintf("close pull request %d", number), number, gitea.EditPullRequestOption{State: &closed})
	return err
}

// assign sends all assignees: Gitea replaces those that are there.
func (g *Gitea) assign(ctx context.Context, f *found, missing []string) error {
	_, err := g.patch(ctx, "assign "+clean(strings.Join(missing, ", ")), f.Number, gitea.EditPullRequestOption{Assignees: slices.Concat(f.Assignees, missing)})
	return err
}

func (g *Gitea) patch(ctx context.Context, name string, number int, change gitea.EditPullRequestOption) (*found, error) {
	var edited *gitea.PullRequest
	err := g.request(ctx, operation{name: name, write: true}, func(sdk *gitea.Client) (err error) {
		edited, _, err = sdk.EditPullRequest(g.repo.Owner, g.repo.Name, int64(number), change)
		return err
	})
	if err != nil {
		return nil, err
	}
	return convertGitea(edited), nil
}

func (g *Gitea) label(ctx context.Context, f *found, missing []string) ([]string, error) {
	known, err := g.labels(ctx)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, name := range missing {
		i := slices.IndexFunc(known, func(l *gitea.Label) bool { return same(l.Name, name) })
		if i >= 0 {
			ids = append(ids, known[i].ID)
			continue
		}
		var made *gitea.Label
		o := operation{name: "make the label " + clean(name), write: true, once: true}
		err := g.request(ctx, o, func(sdk *gitea.Client) (err error) {
			made, _, err = sdk.CreateLabel(g.repo.Owner, g.repo.Name, gitea.CreateLabelOption{Name: name, Color: "#" + labelColour, Description: labelDescription})
			return err
		})
		if err != nil {
			return nil, err
		}
		ids = append(ids, made.ID)
	}
	var after []*gitea.Label
	err = g.request(ctx, operation{name: "label the pull request", write: true}, func(sdk *gitea.Client) (err error) {
		after, _, err = sdk.AddIssueLabels(g.repo.Owner, g.repo.Name, int64(f.Number), gitea.IssueLabelsOption{Labels: ids})
		return err
	})
	return giteaNames(after), err
}

// labels are those of the repository, and of its owner if that is an
// organisation.
func (g *Gitea) labels(ctx context.Context) (all []*gitea.Label, err error) {
	o := operation{name: "list the labels"}
	err = g.pages(ctx, o, func(sdk *gitea.Client, page gitea.ListOptions) (bool, *gitea.Response, error) {
		list, response, err := sdk.ListRepoLabels(g.repo.Owner, g.repo.Name, gitea.ListLabelsOptions{ListOptions: page})
		all = append(all, list...)
		return false, response, err
	})
	if err != nil {
		return nil, err
	}
	err = g.pages(ctx, o, func(sdk *gitea.Client, page gitea.ListOptions) (bool, *gitea.Response, error) {
		list, response, err := sdk.ListOrgLabels(g.repo.Owner, gitea.ListOrgLabelsOptions{ListOptions: page})
		all = append(all, list...)
		return false, response, err
	})
	if errors.Is(err, ErrNotFound) { // a person's repository, or a token without read:organization
		err = nil
	}
	return all, err
}

func (g *Gitea) reviewed(ctx context.Context, f *found) (bool, error) {
	var reviews []*gitea.PullReview
	err := g.request(ctx, operation{name: "list the reviews"}, func(sdk *gitea.Client) (err error) {
		reviews, _, err = sdk.ListPullReviews(g.repo.Owner, g.repo.Name, int64(f.Number), gitea.ListPullReviewsOptions{ListOptions: gitea.ListOptions{Page: 1, PageSize: 1}})
		return err
	})
	return len(reviews) > 0, err
}

// ask asks for reviews. Gitea passes over teams of a repository that no
// organisation owns without a word, so that is looked up.
func (g *Gitea) ask(ctx context.Context, f *found, users, teams []string) []error {
	failed := askEach(func(what string, users, teams []string) error {
		o := operation{name: "ask " + clean(what) + " for a review", write: true}
		return g.request(ctx, o, func(sdk *gitea.Client) error {
			_, err := sdk.CreateReviewRequests(g.repo.Owner, g.repo.Name, int64(f.Number), gitea.PullReviewRequestOptions{Reviewers: users, TeamReviewers: teams})
			return err
		})
	}, users, teams, http.StatusNotFound, http.StatusUnprocessableEntity)
	if len(failed) > 0 || len(teams) == 0 {
		return failed
	}
	var pr *gitea.PullRequest
	err := g.request(ctx, operation{name: "read the pull request"}, func(sdk *gitea.Client) (err error) {
		pr, _, err = sdk.GetPullRequest(g.repo.Owner, g.repo.Name, int64(f.Number))
		return err
	})
	if err == nil && len(pr.RequestedReviewersTeams) == 0 {
		err = &Error{Op: "ask the teams " + clean(strings.Join(teams, ", ")), Kind: ErrRejected, Message: "the server passed over them", Hint: "only a repository of an organisation can ask teams"}
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

func (g *Gitea) comments(ctx context.Context, number int) (texts []string, err error) {
	err = g.pages(ctx, operation{name: "list the comments"}, func(sdk *gitea.Client, page gitea.ListOptions) (bool, *gitea.Response, error) {
		list, response, err := sdk.ListIssueComments(g.repo.Owner, g.repo.Name, int64(number), gitea.ListIssueCommentOptions{ListOptions: page})
		for _, c := range list {
			texts = append(texts, c.Body)
		}
		return false, response, err
	})
	return texts, err
}

func (g *Gitea) comment(ctx context.Context, number int, text string) error {
	o := operation{name: fmt.Sprintf("comment on pull request %d", number), write: true, once: true}
	return g.request(ctx, o, func(sdk *gitea.Client) error {
		_, _, err := sdk.CreateIssueComment(g.repo.Owner, g.repo.Name, int64(number), gitea.CreateIssueCommentOption{Body: text})
		return err
	})
}

// AutoMerge implements Forge. Gitea can wait for checks, but what it merges
// then is whatever the branch holds; so irgit merges by itself, at the
// revision, and fails for as long as the checks have not passed.
func (g *Gitea) AutoMerge(ctx context.Context, pr PullRequest) error {
	op := fmt.Sprintf("merge pull request %d automatically", pr.Number)
	f, err := g.mergeable(ctx, op, pr)
	if err != nil || f == nil {
		return err
	}
	var repo *gitea.Repository
	err = g.request(ctx, operation{name: "look at the repository"}, func(sdk *gitea.Client) (err error) {
		repo, _, err = sdk.GetRepo(g.repo.Owner, g.repo.Name)
		return err
	})
	if err != nil {
		return err
	}
	style := gitea.MergeStyleRebase
	switch {
	case repo.AllowMerge:
		style = gitea.MergeStyleMerge
	case repo.AllowSquash:
		style = gitea.MergeStyleSquash
	}
	err = g.request(ctx, operation{name: op, write: true}, func(sdk *gitea.Client) error {
		_, _, err := sdk.MergePullRequest(g.repo.Owner, g.repo.Name, int64(pr.Number), gitea.MergePullRequestOption{Style: style, HeadCommitId: pr.Revision})
		return err
	})
	return refused(err, true, "try again when its checks have passed and it is approved")
}
