package forge_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
)

// proposed is a bench with one open pull request.
func proposed(t *testing.T, o forgetest.Options) (bench, forge.PullRequest) {
	t.Helper()
	b := newBench(t, o)
	result, err := b.forge.Propose(t.Context(), request())
	require.NoError(t, err)
	return b, result.PullRequest
}

func TestAutoMergeIsLeftToTheForge(t *testing.T) {
	checks := []string{"validate"}
	bubble("until the checks pass", t, func(t *testing.T) {
		b, pr := proposed(t, forgetest.Options{Protected: true, Checks: checks})
		require.NoError(t, b.forge.AutoMerge(t.Context(), pr))
		require.True(t, b.PullRequests()[0].AutoMerge)
		require.False(t, b.PullRequests()[0].Merged)
		require.Contains(t, b.lines(), "POST /graphql")
	})
	bubble("by squash where nothing else is allowed", t, func(t *testing.T) {
		b, pr := proposed(t, forgetest.Options{Protected: true, Checks: checks, Squash: true})
		require.NoError(t, b.forge.AutoMerge(t.Context(), pr))
		require.True(t, b.PullRequests()[0].AutoMerge)
	})
	bubble("at once when they have passed, at the pinned revision", t, func(t *testing.T) {
		b, pr := proposed(t, forgetest.Options{Protected: true, Checks: checks})
		b.Change(1, func(pr *forgetest.PullRequest) { pr.Passed = true })
		require.NoError(t, b.forge.AutoMerge(t.Context(), pr))
		require.True(t, b.PullRequests()[0].Merged)
		last := b.Requests()[len(b.Requests())-1]
		require.JSONEq(t, fmt.Sprintf(`{"sha":%q,"merge_method":"merge"}`, pr.Revision), last.Body)

		require.NoError(t, b.forge.AutoMerge(t.Context(), pr), "it is merged: nothing is left to do")
	})
}

func TestAutoMergeSaysWhyNot(t *testing.T) {
	for name, c := range map[string]struct {
		options forgetest.Options
		change  func(*forge.PullRequest, bench)
		want    string
	}{
		"nothing is required": {forgetest.Options{Protected: true}, nil, "branch main requires no status checks"},
		"a review alone":      {forgetest.Options{Rules: []string{"pull_request"}}, nil, "branch main requires no status checks"},
		"the head moved":      {forgetest.Options{Checks: []string{"x"}}, func(pr *forge.PullRequest, _ bench) { pr.Revision = forgetest.Revision("other") }, "and not the commit that was decided on"},
		"it is a veto":        {forgetest.Options{Checks: []string{"x"}}, func(_ *forge.PullRequest, b bench) { b.Close(1) }, "it is closed; reopen it"},
		"the settings forbid": {forgetest.Options{Checks: []string{"x"}, NoAutoMerge: true}, nil, "Auto merge is not allowed for this repository; allow auto-merge"},
		"GitHub says the token": {forgetest.Options{Checks: []string{"x"}}, func(_ *forge.PullRequest, b bench) {
			b.Fail(forgetest.Fault{Path: "/graphql", Status: 200, Raw: `{"errors":[{"message":"no ` + token + `"}]}`})
		}, "no [token]"},
	} {
		bubble(name, t, func(t *testing.T) {
			b, pr := proposed(t, c.options)
			if c.change != nil {
				c.change(&pr, b)
			}
			err := b.forge.AutoMerge(t.Context(), pr)
			require.ErrorIs(t, err, forge.ErrNotMergeable)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "canary")
			require.False(t, b.PullRequests()[0].Merged)
			require.False(t, b.PullRequests()[0].AutoMerge)
		})
	}
	require.ErrorIs(t, forge.Git{}.AutoMerge(t.Context(), forge.PullRequest{}), forge.ErrNotMergeable)
}

func TestACommentIsMadeOnce(t *testing.T) {
	const text = "Applied to prod-eu by commit 0d15ea5e.\n"
	for name, fault := range map[string]forgetest.Fault{
		"":                   {Path: "/none"},
		"its answer is lost": {Method: "POST", Path: "/comments", Lost: true},
		"its answer is cut":  {Method: "POST", Path: "/comments", Cut: true},
	} {
		bubble(name, t, func(t *testing.T) {
			b, pr := proposed(t, forgetest.Options{})
			b.Change(1, func(pr *forgetest.PullRequest) {
				for i := range 130 {
					pr.Comments = append(pr.Comments, fmt.Sprint("talk ", i))
				}
			})
			b.Fail(fault)
			require.NoError(t, b.forge.Comment(t.Context(), pr.Number, text))
			require.NoError(t, b.forge.Comment(t.Context(), pr.Number, text))
			require.Equal(t, []string{text}, b.PullRequests()[0].Comments[130:])
			require.NoError(t, b.forge.Comment(t.Context(), pr.Number, "Released.\n"))
			require.Len(t, b.PullRequests()[0].Comments, 132)
		})
	}
	bubble("a failure is said", t, func(t *testing.T) {
		b, pr := proposed(t, forgetest.Options{})
		b.Fail(forgetest.Fault{Method: "POST", Path: "/comments", Dead: true, Times: -1})
		require.ErrorIs(t, b.forge.Comment(t.Context(), pr.Number, text), forge.ErrUnreachable)
		require.Empty(t, b.PullRequests()[0].Comments)
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, pr := proposed(t, forgetest.Options{})
		require.NoError(t, b.forge.Close(t.Context(), pr.Number))
		require.True(t, b.PullRequests()[0].Closed)
		before := len(b.lines())
		require.NoError(t, b.forge.Close(t.Context(), pr.Number))
		require.Equal(t, []string{"GET /pulls/1"}, b.lines()[before:])
		require.ErrorIs(t, b.forge.Close(t.Context(), 7), forge.ErrNotFound)
	})
}

func TestAssignees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{Collaborators: []string{"alice", "bob"}})
		r := request()
		r.Assignees = []string{"alice", "nobody"}
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, []string{"alice"}, b.PullRequests()[0].Assignees)
		require.Len(t, result.Warnings, 1)
		require.Contains(t, result.Warnings[0], "nobody cannot be assigned; assignees need access")

		r.Assignees = []string{"ALICE"}
		before := len(b.lines())
		_, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, []string{"GET /pulls"}, b.lines()[before:], "who is assigned is not assigned again")
	})
}

func TestChecksAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{Protected: true, Checks: []string{"validate"}})
		p, err := b.forge.Protection(t.Context(), "main")
		require.NoError(t, err)
		require.Equal(t, forge.Protection{Protected: true, Checks: []string{"validate"}}, p)
		require.Equal(t, http.MethodGet, b.Requests()[0].Method)
	})
}
