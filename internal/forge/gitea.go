package forge

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"code.gitea.io/sdk/gitea"
)

// Gitea is a repository on a Gitea or Forgejo server, such as codeberg.org.
type Gitea struct {
	proposer
	http *http.Client
	url  string
}

// What irgit does on Gitea takes these scopes of a token
// (docs.gitea.com/development/oauth2-provider#scopes).
const giteaScopes = "scopes write:repository and write:issue"

// NewGitea checks the options; it asks the forge nothing. Options.API may be
// the server's address, with or without /api/v1.
func NewGitea(o Options) (*Gitea, error) {
	if o.API == "" {
		o.API = "https://" + o.Repository.Host
	}
	c, client, api, err := o.connect("Gitea", giteaScopes)
	if err != nil {
		return nil, err
	}
	g := &Gitea{http: client, url: strings.TrimSuffix(strings.TrimSuffix(api.String(), "/"), "/api/v1")}
	g.proposer = proposer{caller: c, api: g, budget: newBucket(o.Budget)}
	return g, nil
}

// sdk is a client for one request: the SDK keeps the context in it. It is told
// no version, since it would ask the server for one.
func (g *Gitea) sdk(ctx context.Context) (*gitea.Client, error) {
	return gitea.NewClient(g.url, gitea.SetHTTPClient(g.http), gitea.SetContext(ctx), gitea.SetGiteaVersion(""), gitea.SetUserAgent("irgit"))
}

func (g *Gitea) request(ctx context.Context, o operation, send func(*gitea.Client) error) error {
	o.needs = giteaScopes
	return g.call(ctx, o, func(ctx context.Context) error {
		sdk, err := g.sdk(ctx)
		if err != nil {
			return err
		}
		return send(sdk)
	})
}

// pages asks for one page after the other until list says that it is enough.
func (g *Gitea) pages(ctx context.Context, o operation, list func(*gitea.Client, gitea.ListOptions) (enough bool, r *gitea.Response, err error)) error {
	for page := (gitea.ListOptions{Page: 1, PageSize: 50}); ; page.Page++ {
		done := false
		err := g.request(ctx, o, func(sdk *gitea.Client) error {
			enough, response, err := list(sdk, page)
			done = enough || err == nil && response.NextPage <= page.Page
			return err
		})
		if done || err != nil {
			return err
		}
	}
}

// find goes through the open pull requests and then through the closed ones,
// newest first: Gitea has no filter for heads.
func (g *Gitea) find(ctx context.Context, branch string) (*found, error) {
	o := operation{name: "look for the pull request of " + branch}
	var best *gitea.PullRequest
	for _, state := range []gitea.StateType{gitea.StateOpen, gitea.StateClosed} {
		err := g.pages(ctx, o, func(sdk *gitea.Client, page gitea.ListOptions) (bool, *gitea.Response, error) {
			list, response, err := sdk.ListRepoPullRequests(g.repo.Owner, g.repo.Name, gitea.ListPullRequestsOptions{ListOptions: page, State: state})
			for _, pr := range list {
				if ownHead(pr) == branch && (best == nil || pr.Index > best.Index) {
					best = pr
				}
			}
			return best != nil, response, err
		})
		if err != nil {
			return nil, err
		}
		if best != nil {
			return convertGitea(best), nil
		}
	}
	return nil, nil
}

// ownHead is the branch of a pull request, "" when it is in a fork. Its label
// is the branch's name even when that is deleted, unlike its ref.
func ownHead(pr *gitea.PullRequest) string {
	if pr.Head == nil || pr.Base == nil || pr.Head.RepoID != pr.Base.RepoID {
		return ""
	}
	return pr.Head.Name
}

func (g *Gitea) get(ctx context.Context, number int) (*found, error) {
	var pr *gitea.PullRequest
	err := g.request(ctx, operation{name: "read the pull request"}, func(sdk *gitea.Client) (err error) {
		pr, _, err = sdk.GetPullRequest(g.repo.Owner, g.repo.Name, int64(number))
		return err
	})
	if err != nil {
		return nil, err
	}
	return convertGitea(pr), nil
}

func convertGitea(pr *gitea.PullRequest) *found {
	f := &found{
		PullRequest: PullRequest{Number: int(pr.Index), URL: pr.HTMLURL, State: Open, Head: ownHead(pr), Body: pr.Body},
		Asked:       len(pr.RequestedReviewers)+len(pr.RequestedReviewersTeams) > 0,
	}
	f.Title, f.Draft = cutDraft(pr.Title, "WIP:", "[WIP]")
	if pr.Head != nil {
		f.Revision = pr.Head.Sha
	}
	if pr.Base != nil {
		f.Base = pr.Base.Ref
	}
	switch {
	case pr.HasMerged:
		f.State = Merged
	case pr.State != gitea.StateOpen:
		f.State = Closed
	}
	if pr.Poster != nil {
		f.Author = pr.Poster.UserName
	}
	for _, u := range pr.Assignees {
		f.Assignees = append(f.Assignees, u.UserName)
	}
	f.Labels = giteaNames(pr.Labels)
	return f
}

// cutDraft takes the word from a title by which a forge knows a draft.
func cutDraft(title string, prefixes ...string) (plain string, draft bool) {
	for _, p := range prefixes {
		if len(title) > len(p) && strings.EqualFold(title[:len(p)], p) {
			return strings.TrimSpace(title[len(p):]), true
		}
	}
	return title, false
}

func giteaNames(labels []*gitea.Label) (out []string) {
	for _, l := range labels {
		out = append(out, l.Name)
	}
	slices.Sort(out)
	return out
}

// Protection looks at a branch.
func (g *Gitea) Protection(ctx context.Context, branch string) (Protection, error) {
	var b *gitea.Branch
	err := g.request(ctx, operation{name: "look at branch " + branch}, func(sdk *gitea.Client) (err error) {
		b, _, err = sdk.GetRepoBranch(g.repo.Owner, g.repo.Name, branch)
		return err
	})
	if err != nil {
		return Protection{}, err
	}
	p := Protection{Protected: b.Protected, Reviewed: b.RequiredApprovals > 0}
	if b.EnableStatusCheck {
		p.Checks = b.StatusCheckContexts
	}
	return p, nil
}
