package forge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
)

// teaBench is a Gitea and irgit's view of it. The fake is small: make
// conformance asks a real server.
type teaBench struct {
	*forgetest.Gitea
	forge *forge.Gitea
}

func newTea(t *testing.T, o forgetest.GiteaOptions) teaBench {
	t.Helper()
	o.Token = token
	fake := forgetest.NewGitea(o)
	f, err := forge.NewGitea(forge.Options{Repository: forge.Repository{Host: "codeberg.org", Owner: "acme", Name: "fleet"}, Token: token, Transport: fake.Transport()})
	require.NoError(t, err)
	return teaBench{fake, f}
}

func TestGiteaLife(t *testing.T) {
	bubble("", t, func(t *testing.T) {
		b := newTea(t, forgetest.GiteaOptions{People: []string{"alice"}, OrgLabels: []string{"Prod"}, Checks: []string{"validate"}})
		for range 70 {
			b.Add(forgetest.PullRequest{Head: "other", Closed: true})
		}
		b.Add(forgetest.PullRequest{Head: branch, Fork: true})
		r := request()
		r.Labels, r.Reviewers, r.Teams, r.Assignees, r.Draft = []string{"incident", "prod"}, []string{"alice", "nobody"}, []string{"sec"}, []string{"alice"}, true
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Opened, result.Change)
		pr := b.PullRequests()[71]
		require.Equal(t, []string{"WIP: " + r.Title, r.Body}, []string{pr.Title, pr.Body})
		require.Equal(t, [][]string{{"incident", "Prod"}, {"alice"}, {"alice"}}, [][]string{pr.Labels, pr.Reviewers, pr.Assignees})
		require.Equal(t, []string{"incident"}, b.Labels())
		require.Len(t, result.Warnings, 1)
		require.Contains(t, result.Warnings[0], "User 'nobody' not exist")

		again, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Unchanged, again.Change)
		require.Equal(t, r.Title, again.PullRequest.Title)
		r.Title, r.Body = r.Title+"!", "more"
		again, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Updated, again.Change)
		require.Equal(t, "WIP: "+r.Title, b.PullRequests()[71].Title, "it stays a draft")

		for range 2 {
			require.NoError(t, b.forge.Comment(t.Context(), 72, "Applied.\n"))
		}
		require.Len(t, b.PullRequests()[71].Comments, 1)
		err = b.forge.AutoMerge(t.Context(), again.PullRequest)
		require.ErrorContains(t, err, "Not all required status checks successful; try again")
		require.True(t, forge.Temporary(err))
		b.Change(72, func(pr *forgetest.PullRequest) { pr.Passed = true })
		require.NoError(t, b.forge.AutoMerge(t.Context(), again.PullRequest))
		b.Gone = []string{branch}
		found, err := b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
		require.Equal(t, []any{72, forge.Merged, branch}, []any{found.Number, found.State, found.Head}, "also when its branch is gone")
	})
}

func TestGiteaVeto(t *testing.T) {
	bubble("", t, func(t *testing.T) {
		b := newTea(t, forgetest.GiteaOptions{})
		_, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.NoError(t, b.forge.Close(t.Context(), 1))
		require.NoError(t, b.forge.Close(t.Context(), 1))
		b.Gone = []string{branch}
		result, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, forge.Vetoed, result.Change)
		b.Reopen(1)
		result, err = b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, forge.Unchanged, result.Change)
	})
}

func TestGiteaLostRepliesEndInAdoption(t *testing.T) {
	for name, fault := range map[string]forgetest.Fault{
		"lost":  {Method: "POST", Path: "/pulls", Lost: true},
		"cut":   {Method: "POST", Path: "/pulls", Cut: true},
		"500":   {Method: "POST", Path: "/pulls", Status: 500},
		"there": {Method: "POST", Path: "/pulls", Before: nil, Status: 409, Message: "pull request already exists for these targets"},
	} {
		bubble(name, t, func(t *testing.T) {
			b := newTea(t, forgetest.GiteaOptions{})
			b.Fail(fault)
			result, err := b.forge.Propose(t.Context(), request())
			require.NoError(t, err)
			require.Equal(t, forge.Opened, result.Change)
			require.Len(t, b.PullRequests(), 1)
		})
	}
}

func TestGiteaFailures(t *testing.T) {
	for want, f := range map[string]forgetest.Fault{
		"give one with the scopes write:repository and write:issue":             {Status: 401, Message: "invalid token"},
		"no such [token]; the token needs the scopes write:repository":          {Status: 404, Message: "no such " + token},
		"the repository is read-only until it is unarchived":                    {Status: 423, Message: "repo is archived"},
		"token does not have at least one of required scope(s): [write:issue];": {Status: 403, Message: "token does not have at least one of required scope(s): [write:issue]"},
		"it answered 502": {Status: 502, Raw: "Bearer " + token, Times: -1},
	} {
		bubble(want, t, func(t *testing.T) {
			b := newTea(t, forgetest.GiteaOptions{})
			b.Fail(f)
			_, err := b.forge.Propose(t.Context(), request())
			require.ErrorContains(t, err, want)
			require.False(t, strings.Contains(fmt.Sprintf("%#v", err), "canary"))
		})
	}
}
