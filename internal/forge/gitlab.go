package forge

import (
	"context"
	"net/http"
	"slices"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

// GitLab is a project on gitlab.com or on a server of one's own.
type GitLab struct {
	proposer
	client  *gitlab.Client
	project string // path with namespace
}

// What irgit does on GitLab takes this of a token, and this role of its owner
// (docs.gitlab.com/user/profile/personal_access_tokens, /user/permissions).
const gitlabScope = "scope api and the role Developer"

// NewGitLab checks the options; it asks the forge nothing. Options.API may be
// the server's address, with or without /api/v4.
func NewGitLab(o Options) (*GitLab, error) {
	if o.API == "" {
		o.API = "https://" + o.Repository.Host
	}
	c, client, api, err := o.connect("GitLab", gitlabScope)
	if err != nil {
		return nil, err
	}
	// The token is added by the transport; retries and limits are irgit's own.
	sdk, err := gitlab.NewAuthSourceClient(gitlab.Unauthenticated{}, gitlab.WithBaseURL(api.String()), gitlab.WithHTTPClient(client),
		gitlab.WithoutRetries(), gitlab.WithErrorHandler(passThrough), gitlab.WithCustomLimiter(noLimit{}), gitlab.WithUserAgent("irgit"))
	if err != nil {
		return nil, &Error{Op: "use GitLab", Kind: ErrRejected, Message: clean(err.Error())}
	}
	g := &GitLab{client: sdk, project: o.Repository.Owner + "/" + o.Repository.Name}
	g.proposer = proposer{caller: c, api: g, budget: newBucket(o.Budget)}
	return g, nil
}

// passThrough keeps the SDK from putting the address before an error.
func passThrough(r *http.Response, err error, _ int) (*http.Response, error) { return r, err }

type noLimit struct{}

// Wait does not.
func (noLimit) Wait(context.Context) error { return nil }

func (g *GitLab) send(ctx context.Context, o operation, send func(with gitlab.RequestOptionFunc) error) error {
	o.needs = gitlabScope
	return g.call(ctx, o, func(ctx context.Context) error { return send(gitlab.WithContext(ctx)) })
}

// pages asks for one page after the other until list says that it is enough.
func (g *GitLab) pages(ctx context.Context, o operation, list func(gitlab.ListOptions, gitlab.RequestOptionFunc) (enough bool, r *gitlab.Response, err error)) error {
	for page := (gitlab.ListOptions{Page: 1, PerPage: 100}); ; page.Page++ {
		done := false
		err := g.send(ctx, o, func(with gitlab.RequestOptionFunc) error {
			enough, response, err := list(page, with)
			done = enough || err == nil && response.NextPage <= page.Page
			return err
		})
		if done || err != nil {
			return err
		}
	}
}

// find lists by source branch, newest first: an open one first, and the newest
// of any state if there is none. Forks have branches of the same name.
func (g *GitLab) find(ctx context.Context, branch string) (*found, error) {
	o := operation{name: "look for the merge request of " + branch}
	options := &gitlab.ListProjectMergeRequestsOptions{SourceBranch: &branch, State: gitlab.Ptr("all"), OrderBy: gitlab.Ptr("created_at"), Sort: gitlab.Ptr("desc")}
	var best *gitlab.BasicMergeRequest
	err := g.pages(ctx, o, func(page gitlab.ListOptions, with gitlab.RequestOptionFunc) (bool, *gitlab.Response, error) {
		options.ListOptions = page
		list, response, err := g.client.MergeRequests.ListProjectMergeRequests(g.project, options, with)
		for _, mr := range list {
			own := mr.SourceProjectID == mr.TargetProjectID && mr.SourceBranch == branch
			if own && (best == nil || betterMR(mr, best)) {
				best = mr
			}
		}
		return best != nil && isOpen(best), response, err
	})
	if err != nil || best == nil {
		return nil, err
	}
	return convertGitLab(best), nil
}

func betterMR(a, b *gitlab.BasicMergeRequest) bool {
	if isOpen(a) != isOpen(b) {
		return isOpen(a)
	}
	return a.IID > b.IID
}

// isOpen takes one that is being merged ("locked") for open.
func isOpen(mr *gitlab.BasicMergeRequest) bool { return mr.State == "opened" || mr.State == "locked" }

func (g *GitLab) get(ctx context.Context, number int) (*found, error) {
	mr, err := g.one(ctx, operation{name: "read the merge request"}, func(with gitlab.RequestOptionFunc) (*gitlab.MergeRequest, *gitlab.Response, error) {
		return g.client.MergeRequests.GetMergeRequest(g.project, int64(number), nil, with)
	})
	if err != nil {
		return nil, err
	}
	return convertGitLab(mr), nil
}

// one asks for something whose answer is a merge request.
func (g *GitLab) one(ctx context.Context, o operation, ask func(gitlab.RequestOptionFunc) (*gitlab.MergeRequest, *gitlab.Response, error)) (*gitlab.BasicMergeRequest, error) {
	var mr *gitlab.MergeRequest
	err := g.send(ctx, o, func(with gitlab.RequestOptionFunc) (err error) {
		mr, _, err = ask(with)
		if err == nil && mr.IID == 0 {
			err = errCutAnswer
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &mr.BasicMergeRequest, nil
}

func convertGitLab(mr *gitlab.BasicMergeRequest) *found {
	f := &found{
		PullRequest: PullRequest{
			Number: int(mr.IID), URL: mr.WebURL, State: Closed, Head: mr.SourceBranch, Revision: mr.SHA, Base: mr.TargetBranch,
			Body: mr.Description, Draft: mr.Draft, Labels: slices.Sorted(slices.Values([]string(mr.Labels))),
		},
		Asked: len(mr.Reviewers) > 0,
	}
	f.Title, _ = cutDraft(mr.Title, "Draft:", "[Draft]", "(Draft)")
	switch {
	case mr.State == "merged":
		f.State = Merged
	case isOpen(mr):
		f.State = Open
	}
	if mr.Author != nil {
		f.Author = mr.Author.Username
	}
	for _, u := range mr.Assignees {
		f.Assignees = append(f.Assignees, u.Username)
	}
	return f
}

// Protection looks at a branch. A pipeline that has to succeed counts as the
// one check that GitLab can require.
func (g *GitLab) Protection(ctx context.Context, branch string) (Protection, error) {
	var p Protection
	err := g.send(ctx, operation{name: "look at branch " + branch}, func(with gitlab.RequestOptionFunc) error {
		b, _, err := g.client.Branches.GetBranch(g.project, branch, with)
		if err == nil {
			p.Protected = b.Protected
		}
		return err
	})
	if err != nil {
		return Protection{}, err
	}
	err = g.send(ctx, operation{name: "look at the project"}, func(with gitlab.RequestOptionFunc) error {
		project, _, err := g.client.Projects.GetProject(g.project, nil, with)
		if err == nil && project.OnlyAllowMergeIfPipelineSucceeds {
			p.Checks = []string{"pipeline"}
		}
		return err
	})
	return p, err
}

// userIDs looks people up by their names; who is not there is in missing.
func (g *GitLab) userIDs(ctx context.Context, logins []string) (ids []int64, missing []string, err error) {
	for _, login := range logins {
		var users []*gitlab.User
		err := g.send(ctx, operation{name: "look for the user " + clean(login)}, func(with gitlab.RequestOptionFunc) (err error) {
			users, _, err = g.client.Users.ListUsers(&gitlab.ListUsersOptions{Username: &login}, with)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		i := slices.IndexFunc(users, func(u *gitlab.User) bool { return strings.EqualFold(u.Username, login) })
		if i < 0 {
			missing = append(missing, clean(login))
			continue
		}
		ids = append(ids, users[i].ID)
	}
	return ids, missing, nil
}
