package incident_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
	"github.com/irgit/irgit/internal/incident"
)

// meanwhile is a plain remote during which something happens.
type meanwhile struct {
	forge.Git
	happens func()
}

func (m *meanwhile) Find(ctx context.Context, branch string) (*forge.PullRequest, error) {
	m.happens()
	return m.Git.Find(ctx, branch)
}

// onGitHub gives the world a GitHub whose branches are the repository's.
func (w *world) onGitHub() *forgetest.GitHub {
	w.t.Helper()
	hub := forgetest.New(forgetest.Options{Branch: func(name string) (string, bool) {
		for line := range strings.Lines(w.refs()) {
			if ref, revision, _ := strings.Cut(strings.TrimSpace(line), " "); ref == "refs/heads/"+name {
				return revision, true
			}
		}
		return "", false
	}})
	gh, err := forge.NewGitHub(forge.Options{
		Repository: forge.Repository{Host: "github.com", Owner: "acme", Name: "fleet"}, Token: "ghp_x", Transport: hub.Transport(), Pace: time.Nanosecond,
	})
	require.NoError(w.t, err)
	w.options.Forge = gh
	return hub
}

func TestAPullRequestIsOpenedOnceAndKeptUpToDate(t *testing.T) {
	w := newWorld(t, nil)
	hub := w.onGitHub()
	first := w.respond(shell().String())[0]
	require.Equal(t, incident.Proposed, first.State, first.Reason)
	require.Equal(t, 1, first.Incident.PullRequest.Number)
	require.NotEmpty(t, first.Incident.PullRequest.URL)
	require.Equal(t, incident.Unchanged, w.respond(shell().String())[0].State)
	later := shell()
	later.at = night.Add(time.Hour)
	second := w.respond(later.String())[0]
	require.Equal(t, incident.Updated, second.State, second.Reason)
	prs := hub.PullRequests()
	require.Len(t, prs, 1)
	require.Equal(t, "irgit: contain payments/payments in prod-eu ("+first.Incident.Key+")", prs[0].Title)
	require.Contains(t, prs[0].Body, "2 alerts")
	require.Equal(t, first.Incident.Branch, prs[0].Head)
}

func TestAClosedPullRequestIsAVeto(t *testing.T) {
	w := newWorld(t, nil)
	hub := w.onGitHub()
	o := w.respond(shell().String())[0]
	hub.Close(o.Incident.PullRequest.Number)
	later := shell()
	later.at = night.Add(time.Hour)
	before := w.refs()
	vetoed := w.respond(later.String())[0]
	require.Equal(t, incident.Vetoed, vetoed.State)
	require.Equal(t, 1, vetoed.Incident.PullRequest.Number)
	require.Equal(t, before, w.refs())

	w.git("update-ref", "-d", "refs/heads/"+o.Incident.Branch)
	require.Equal(t, incident.Vetoed, w.respond(shell().String())[0].State, "also when its branch is gone")
	require.Len(t, hub.PullRequests(), 1)
}

// The branch was pushed and the process died, or the forge did not answer: the
// next run opens the pull request, once.
func TestAnUnansweredForgeLosesNothing(t *testing.T) {
	for name, fault := range map[string]forgetest.Fault{
		"it refuses":         {Method: http.MethodPost, Path: "/pulls", Status: http.StatusUnprocessableEntity, Message: "no"},
		"its answer is lost": {Method: http.MethodPost, Path: "/pulls", Lost: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			hub := w.onGitHub()
			hub.Fail(fault)
			first, err := w.try(shell().String())
			again := w.respond(shell().String())[0]
			if err != nil {
				require.Contains(t, err.Error(), "is on branch irgit/", "the error says how far it came")
				require.Empty(t, first[0].State)
			}
			require.Equal(t, incident.Unchanged, again.State)
			require.Equal(t, 1, again.Incident.PullRequest.Number)
			require.Len(t, hub.PullRequests(), 1)
		})
	}
}

func TestAReleaseIsAPullRequestToo(t *testing.T) {
	w := newWorld(t, nil)
	hub := w.onGitHub()
	o := w.respond(shell().String())[0]
	w.merge(o.Incident.Branch)
	hub.Merge(1)
	r := w.release(o.Incident.ID)
	require.Equal(t, 2, r.Incident.PullRequest.Number)
	body := hub.PullRequests()[1].Body
	require.Contains(t, body, "Merging ends the containment")
	require.Contains(t, body, "incident-response/history/2026/"+o.Incident.ID+".yaml")
}
