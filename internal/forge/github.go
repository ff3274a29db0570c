package forge

import (
	"context"
	"slices"

	"github.com/google/go-github/v66/github"
)

// GitHub is a repository on github.com or on GitHub Enterprise Server.
type GitHub struct {
	proposer
	client *github.Client
}

// What irgit does on GitHub and the permission for it
// (docs.github.com/rest/authentication/permissions-required-for-github-apps).
const (
	readPulls  = "permission pull requests: read"
	writePulls = "permission pull requests: write"
)

// NewGitHub checks the options; it asks the forge nothing.
func NewGitHub(o Options) (*GitHub, error) {
	if o.API == "" {
		o.API = o.Repository.githubAPI()
	}
	c, client, api, err := o.connect("GitHub", "permissions contents: write and pull requests: write")
	if err != nil {
		return nil, err
	}
	g := &GitHub{client: github.NewClient(client)}
	g.client.BaseURL, g.client.UserAgent = api, "irgit"
	g.proposer = proposer{caller: c, api: g, budget: newBucket(o.Budget)}
	return g, nil
}

// find lists by head. The filter is checked again: GitHub ignores a filter that
// it does not understand, and forks have branches of the same name.
func (g *GitHub) find(ctx context.Context, branch string) (*found, error) {
	o := operation{name: "look for the pull request of " + branch, needs: readPulls}
	options := &github.PullRequestListOptions{State: "all", Head: g.repo.Owner + ":" + branch, Sort: "created", Direction: "desc"}
	var best *github.PullRequest
	err := g.pages(ctx, o, func(ctx context.Context, page github.ListOptions) (*github.Response, error) {
		options.ListOptions = page
		list, response, err := g.client.PullRequests.List(ctx, g.repo.Owner, g.repo.Name, options)
		for _, pr := range list {
			own := pr.GetHead().GetRepo() != nil && pr.GetHead().GetRepo().GetID() == pr.GetBase().GetRepo().GetID()
			if own && pr.GetHead().GetRef() == branch && (best == nil || better(pr, best)) {
				best = pr
			}
		}
		return response, err
	})
	if err != nil || best == nil {
		return nil, err
	}
	return g.convert(best), nil
}

func better(a, b *github.PullRequest) bool {
	if openA, openB := a.GetState() == "open", b.GetState() == "open"; openA != openB {
		return openA
	}
	return a.GetNumber() > b.GetNumber()
}

// pages asks for one page after the other.
func (g *GitHub) pages(ctx context.Context, o operation, list func(context.Context, github.ListOptions) (*github.Response, error)) error {
	for page := (github.ListOptions{PerPage: 100}); ; {
		next := 0
		err := g.call(ctx, o, func(ctx context.Context) error {
			response, err := list(ctx, page)
			if err == nil {
				next = response.NextPage
			}
			return err
		})
		if err != nil || next <= page.Page {
			return err
		}
		page.Page = next
	}
}

func (g *GitHub) get(ctx context.Context, number int) (*found, error) {
	var pr *github.PullRequest
	err := g.call(ctx, operation{name: "read the pull request", needs: readPulls}, func(ctx context.Context) (err error) {
		pr, _, err = g.client.PullRequests.Get(ctx, g.repo.Owner, g.repo.Name, number)
		return whole(pr, err)
	})
	if err != nil {
		return nil, err
	}
	return g.convert(pr), nil
}

// whole finds an answer of no bytes, which go-github takes for success.
func whole(pr *github.PullRequest, err error) error {
	if err == nil && pr.GetNumber() == 0 {
		return errCutAnswer
	}
	return err
}

func (g *GitHub) convert(pr *github.PullRequest) *found {
	f := &found{
		PullRequest: PullRequest{
			Number: pr.GetNumber(), URL: pr.GetHTMLURL(), State: Open, Draft: pr.GetDraft(), Labels: names(pr.Labels),
			Head: pr.GetHead().GetRef(), Revision: pr.GetHead().GetSHA(), Base: pr.GetBase().GetRef(), Title: pr.GetTitle(), Body: pr.GetBody(),
		},
		ID: pr.GetNodeID(), Author: pr.GetUser().GetLogin(), Asked: len(pr.RequestedReviewers)+len(pr.RequestedTeams) > 0,
	}
	switch {
	case pr.GetMerged() || pr.MergedAt != nil: // lists say it by the time alone
		f.State = Merged
	case pr.GetState() != "open":
		f.State = Closed
	}
	for _, u := range pr.Assignees {
		f.Assignees = append(f.Assignees, u.GetLogin())
	}
	return f
}

func names(labels []*github.Label) (out []string) {
	for _, l := range labels {
		out = append(out, l.GetName())
	}
	slices.Sort(out)
	return out
}
