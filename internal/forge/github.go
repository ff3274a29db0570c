package forge

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v66/github"
)

// GitHubOptions are what NewGitHub needs.
type GitHubOptions struct {
	Repository Repository
	API        string            // address of the REST API; "" is that of the repository's host
	Token      string            // of an app's installation or a person
	Transport  http.RoundTripper // nil: one of its own, with timeouts
	Pace       time.Duration     // between two writes; 0 is 1 s, GitHub's advice
	Exchange   time.Duration     // one request and its answer; 0 is 30 s
}

// GitHub is a repository on github.com or on GitHub Enterprise Server.
type GitHub struct {
	repo     Repository
	token    string
	client   *github.Client
	pace     time.Duration
	exchange time.Duration

	writing   chan struct{} // holds one token while a write is under way
	lastWrite time.Time     // guarded by writing
}

// NewGitHub checks the options; it asks the forge nothing.
func NewGitHub(o GitHubOptions) (*GitHub, error) {
	refuse := func(kind error, message, hint string) (*GitHub, error) {
		return nil, &Error{Op: "use GitHub", Kind: kind, Message: message, Hint: hint}
	}
	if err := o.Repository.check(); err != nil {
		return refuse(ErrRejected, err.Error(), "name the forge's repository as owner/name")
	}
	if o.API == "" {
		o.API = o.Repository.api()
	}
	api, err := url.Parse(strings.TrimSuffix(o.API, "/") + "/")
	if err != nil || api.Host == "" || api.User != nil || api.RawQuery != "" || api.Fragment != "" {
		return refuse(ErrRejected, "the address of the API is not a plain URL", "give https://host/api/v3")
	}
	if api.Scheme != "https" && (api.Scheme != "http" || !loopback(api.Hostname())) {
		return refuse(ErrRejected, "the address of the API is not https", "a token is sent in the clear to this machine only")
	}
	if o.Token == "" {
		return refuse(ErrAuthentication, "there is no token", "give a token with the permissions contents: write and pull requests: write")
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return refuse(ErrAuthentication, "the token holds a space, a line break or an odd character", "it may have been copied with what is around it")
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.Pace == 0 {
		o.Pace = time.Second
	}
	if o.Exchange == 0 {
		o.Exchange = 30 * time.Second
	}
	client := github.NewClient(newClient(o.Transport, api, o.Token))
	client.BaseURL, client.UserAgent = api, "irgit"
	return &GitHub{
		repo: o.Repository, token: o.Token, client: client, pace: o.Pace, exchange: o.Exchange, writing: make(chan struct{}, 1),
	}, nil
}

// Find implements Forge.
func (g *GitHub) Find(ctx context.Context, branch string) (*PullRequest, error) {
	found, err := g.find(ctx, branch)
	if err != nil || found == nil {
		return nil, err
	}
	pr := convert(found)
	return &pr, nil
}

// find lists by head. The filter is checked again: GitHub ignores a filter that
// it does not understand, and forks have branches of the same name.
func (g *GitHub) find(ctx context.Context, branch string) (*github.PullRequest, error) {
	o := operation{name: "look for the pull request of " + branch, permission: "pull requests: read"}
	options := &github.PullRequestListOptions{
		State: "all", Head: g.repo.Owner + ":" + branch, Sort: "created", Direction: "desc", ListOptions: github.ListOptions{PerPage: 100},
	}
	var best *github.PullRequest
	for {
		var page []*github.PullRequest
		var next int
		err := g.call(ctx, o, func(ctx context.Context) (response *github.Response, err error) {
			if page, response, err = g.client.PullRequests.List(ctx, g.repo.Owner, g.repo.Name, options); err == nil {
				next = response.NextPage
			}
			return response, err
		})
		if err != nil {
			return nil, err
		}
		for _, pr := range page {
			own := pr.GetHead().GetRepo() != nil && pr.GetHead().GetRepo().GetID() == pr.GetBase().GetRepo().GetID()
			if own && pr.GetHead().GetRef() == branch && (best == nil || better(pr, best)) {
				best = pr
			}
		}
		if next <= options.Page {
			return best, nil
		}
		options.Page = next
	}
}

func better(a, b *github.PullRequest) bool {
	if openA, openB := a.GetState() == "open", b.GetState() == "open"; openA != openB {
		return openA
	}
	return a.GetNumber() > b.GetNumber()
}

func convert(pr *github.PullRequest) PullRequest {
	out := PullRequest{
		Number: pr.GetNumber(), URL: pr.GetHTMLURL(), State: Open, Draft: pr.GetDraft(),
		Head: pr.GetHead().GetRef(), Revision: pr.GetHead().GetSHA(), Base: pr.GetBase().GetRef(), Title: pr.GetTitle(), Body: pr.GetBody(),
	}
	switch {
	case pr.GetMerged() || pr.MergedAt != nil: // lists say it by the time alone
		out.State = Merged
	case pr.GetState() != "open":
		out.State = Closed
	}
	for _, l := range pr.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	slices.Sort(out.Labels)
	return out
}
