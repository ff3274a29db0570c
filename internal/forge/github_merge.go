package forge

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v66/github"
)

// enableAutoMerge is the one mutation that REST has no counterpart for
// (docs.github.com/graphql/reference/mutations#enablepullrequestautomerge).
const enableAutoMerge = `mutation($pull: ID!, $head: GitObjectID!, $method: PullRequestMergeMethod!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $pull, expectedHeadOid: $head, mergeMethod: $method}) { clientMutationId }
}`

// AutoMerge implements Forge. A pull request whose checks have all passed
// already cannot be left to GitHub's auto-merge, and is merged at once.
func (g *GitHub) AutoMerge(ctx context.Context, pr PullRequest) error {
	op := fmt.Sprintf("merge pull request %d automatically", pr.Number)
	f, err := g.mergeable(ctx, op, pr)
	if err != nil || f == nil {
		return err
	}
	method, err := g.method(ctx)
	if err != nil {
		return err
	}
	said, err := g.graphql(ctx, operation{name: op, needs: writePulls, write: true}, enableAutoMerge, map[string]any{
		"pull": f.ID, "head": pr.Revision, "method": strings.ToUpper(method),
	})
	if err != nil || said == "" {
		return err
	}
	if !strings.Contains(said, "clean status") {
		return &Error{
			Op: op + " in " + g.repo.String(), Kind: ErrNotMergeable, Message: g.secrets.quote(said),
			Hint: "allow auto-merge in the repository's settings, and merge by hand until then",
		}
	}
	return refused(g.merge(ctx, op, pr, method), false, "a person decides")
}

// merge merges at once, at exactly the revision.
func (g *GitHub) merge(ctx context.Context, op string, pr PullRequest, method string) error {
	o := operation{name: op, needs: "permission contents: write", write: true}
	return g.call(ctx, o, func(ctx context.Context) error {
		_, _, err := g.client.PullRequests.Merge(ctx, g.repo.Owner, g.repo.Name, pr.Number, "",
			&github.PullRequestOptions{SHA: pr.Revision, MergeMethod: method})
		return err
	})
}

// method is the first way of merging that the repository allows, of those that
// keep most.
func (g *GitHub) method(ctx context.Context) (string, error) {
	var repo *github.Repository
	err := g.call(ctx, operation{name: "look at the repository", needs: "permission metadata: read"}, func(ctx context.Context) (err error) {
		repo, _, err = g.client.Repositories.Get(ctx, g.repo.Owner, g.repo.Name)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case repo.AllowMergeCommit == nil || *repo.AllowMergeCommit:
		return "merge", nil
	case repo.GetAllowSquashMerge():
		return "squash", nil
	}
	return "rebase", nil
}

// graphql sends a mutation and returns what GitHub has against it.
func (g *GitHub) graphql(ctx context.Context, o operation, query string, variables map[string]any) (said string, err error) {
	var result struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	err = g.call(ctx, o, func(ctx context.Context) error {
		// Beside the REST API: api.github.com/graphql, and /api/graphql beside /api/v3.
		request, err := g.client.NewRequest(http.MethodPost, "../graphql", map[string]any{"query": query, "variables": variables})
		if err != nil {
			return err
		}
		result.Errors = nil
		_, err = g.client.Do(ctx, request, &result)
		return err
	})
	var all []string
	for _, e := range result.Errors {
		all = append(all, e.Message)
	}
	return strings.Join(all, ": "), err
}
