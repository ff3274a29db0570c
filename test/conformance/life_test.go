package conformance_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
)

// One incident from the alert to the tree as before, on a protected branch.
func TestGiteaCarriesAnIncident(t *testing.T) {
	w := newWorld(t, nil)
	w.git("commit", "-q", "--allow-empty", "-m", "past the review")
	_, err := gittest.Git(t.Context(), w.dir, "push", "-q", w.address("irgit-bot"), "HEAD:main")
	require.ErrorContains(t, err, "protected branch", "the bot's token may not push to main")
	w.git("reset", "-q", "--hard", "HEAD^")

	first := w.payments(12)
	require.Equal(t, incident.Proposed, first.State, first.Reason)
	require.Equal(t, 1, first.Incident.PullRequest.Number)
	require.Equal(t, w.URL+"/acme/fleet/pulls/1", first.Incident.PullRequest.URL)
	pr := w.as("root", "GET", pulls+"/1", nil)
	require.Equal(t, "irgit-bot", pr["user"].(map[string]any)["login"])
	require.ElementsMatch(t, []string{"incident", "Prod"}, names(pr["labels"], "name"), "one made, one of the organisation's")
	require.Equal(t, []string{"alice"}, names(pr["requested_reviewers"], "login"))
	require.Equal(t, []string{"responders"}, names(pr["requested_reviewers_teams"], "name"))
	require.Contains(t, strings.Join(first.Document.Warnings, "\n")+fmt.Sprint(first.Warnings), "ask nobody for a review")

	require.Equal(t, incident.Unchanged, w.payments(12).State)
	second := w.payments(20)
	require.Equal(t, incident.Updated, second.State, second.Reason)
	pr = w.as("root", "GET", pulls+"/1", nil)
	require.Contains(t, pr["body"], "2 alerts")
	require.Equal(t, string(second.Incident.Revision), pr["head"].(map[string]any)["sha"])
	require.Equal(t, 1, w.count())

	w.as("alice", "POST", pulls+"/1/reviews", map[string]any{"event": "APPROVED", "body": "yes"})
	third := w.payments(25)
	require.Equal(t, incident.Updated, third.State, third.Reason)
	// requested_reviewers keeps those who have reviewed.
	_, timeline := w.try("root", "GET", fleet+"/issues/1/timeline", nil)
	require.Equal(t, 2, strings.Count(timeline, `"type":"review_request"`), "alice and the team are asked once")

	found, err := w.forge.Find(t.Context(), third.Incident.Branch)
	require.NoError(t, err)
	w.autoMerge(t, *found)
	standing := w.payments(28)
	require.Equal(t, incident.Unchanged, standing.State)
	require.Contains(t, standing.Reason, "since its merge into main")
	w.as("alice", "DELETE", fleet+"/branches/"+third.Incident.Branch, nil)
	found, err = w.forge.Find(t.Context(), third.Incident.Branch)
	require.NoError(t, err)
	require.Equal(t, forge.Merged, found.State, "also when its branch is gone")
	require.Equal(t, incident.Unchanged, w.payments(29).State)
	require.Equal(t, 1, w.count())

	w.releases(t, first.Incident.ID)
}

// autoMerge is refused for every reason there is, and then merges.
func (w *world) autoMerge(t *testing.T, pr forge.PullRequest) {
	t.Helper()
	p, err := w.forge.Protection(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, forge.Protection{Protected: true, Reviewed: true, Checks: []string{check}}, p)
	err = w.forge.AutoMerge(t.Context(), pr)
	require.ErrorIs(t, err, forge.ErrNotMergeable, "the check has not passed")
	stale := pr
	stale.Revision = strings.Repeat("0", 40)
	require.ErrorContains(t, w.forge.AutoMerge(t.Context(), stale), "not the commit that was decided on")
	w.as("root", "POST", fleet+"/statuses/"+pr.Revision, map[string]any{"state": "success", "context": check})
	w.as("alice", "POST", pulls+"/1/reviews", map[string]any{"event": "APPROVED", "commit_id": pr.Revision})
	require.Eventually(t, func() bool { // until the server has looked for conflicts
		err := w.forge.AutoMerge(t.Context(), pr)
		require.True(t, err == nil || forge.Temporary(err), err)
		return err == nil
	}, time.Minute, 200*time.Millisecond)
	require.NoError(t, w.forge.AutoMerge(t.Context(), pr), "it is done")
	require.Equal(t, true, w.as("root", "GET", pulls+"/1", nil)["merged"])
}

// releases has a person merge the release, and compares the tree.
func (w *world) releases(t *testing.T, id string) {
	t.Helper()
	o, err := w.engine().Release(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, incident.Proposed, o.State, o.Reason)
	require.Equal(t, 2, o.Incident.PullRequest.Number)
	w.as("root", "POST", fleet+"/statuses/"+string(o.Incident.Revision), map[string]any{"state": "success", "context": check})
	w.as("alice", "POST", pulls+"/2/reviews", map[string]any{"event": "APPROVED"})
	require.Eventually(t, func() bool {
		status, _ := w.try("alice", "POST", pulls+"/2/merge", map[string]any{"Do": "squash", "delete_branch_after_merge": true})
		return status == http.StatusOK
	}, time.Minute, 200*time.Millisecond)
	w.git("fetch", "-q", w.remote, "main")
	require.Empty(t, w.git("diff", "--stat", w.revert, "FETCH_HEAD", "--", ".", ":!incident-response/history"), "the fleet is as before")
}

func TestGiteaKeepsAVeto(t *testing.T) {
	w := newWorld(t, nil)
	o := w.payments(12)
	require.Equal(t, incident.Proposed, o.State, o.Reason)
	require.NoError(t, w.forge.Comment(t.Context(), 1, "Somebody is on it.\n"))
	require.NoError(t, w.forge.Comment(t.Context(), 1, "Somebody is on it.\n"))
	require.InDelta(t, 1, w.as("root", "GET", fleet+"/issues/1", nil)["comments"], 0)

	w.as("alice", "PATCH", pulls+"/1", map[string]any{"state": "closed"})
	require.Equal(t, incident.Vetoed, w.payments(20).State)
	w.as("alice", "PATCH", pulls+"/1", map[string]any{"state": "open"})
	reopened := w.payments(20)
	require.Equal(t, incident.Updated, reopened.State, reopened.Reason)
	require.NoError(t, w.forge.Close(t.Context(), 1))
	require.NoError(t, w.forge.Close(t.Context(), 1))
	w.as("alice", "DELETE", fleet+"/branches/"+o.Incident.Branch, nil)
	require.Equal(t, incident.Vetoed, w.payments(25).State, "also when its branch is gone")
	require.Equal(t, 1, w.count())
}

// losing breaks the connection instead of giving the answer to a request.
type losing struct{ left atomic.Int32 }

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/pulls") && l.left.Add(-1) >= 0 {
		_ = response.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return response, err
}

func TestGiteaOpensOnceThoughAnswersAreLost(t *testing.T) {
	lost := new(losing)
	lost.left.Store(1)
	w := newWorld(t, lost)
	o := w.payments(12)
	require.Equal(t, incident.Proposed, o.State, o.Reason)
	require.Equal(t, 1, w.count())
	drafted, err := w.forge.Propose(t.Context(), forge.Request{Branch: o.Incident.Branch, Base: "main", Title: "twice", Body: "x", Draft: true})
	require.NoError(t, err)
	require.Equal(t, forge.Updated, drafted.Change)
	require.False(t, drafted.PullRequest.Draft, "what is there stays as it is")
	require.Equal(t, 1, w.count())

	w.git("push", "-q", w.remote, "main:refs/heads/irgit/other")
	_, err = w.forge.Propose(t.Context(), forge.Request{Branch: "irgit/absent", Base: "main", Title: "none", Body: "x"})
	require.ErrorIs(t, err, forge.ErrNotFound)

	bad, err := forge.NewGitea(forge.Options{Repository: forge.Repository{Host: "x", Owner: "acme", Name: "fleet"}, API: w.URL, Token: "canary"})
	require.NoError(t, err)
	_, err = bad.Find(t.Context(), "main")
	require.ErrorIs(t, err, forge.ErrAuthentication)
	require.NotContains(t, err.Error(), "canary")
	log := w.log()
	for _, token := range w.tokens {
		require.False(t, bytes.Contains(log, []byte(token)), "no address with a token reached the server")
	}
}
