package forge_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
)

const (
	token  = "ghs_canary7d"
	branch = "irgit/20261123-payments-0d15ea5e"
)

// bench is a GitHub and irgit's view of it, without a network and on fake time.
type bench struct {
	*forgetest.GitHub
	forge *forge.GitHub
}

func newBench(t *testing.T, o forgetest.Options) bench {
	t.Helper()
	o.Token = token
	fake := forgetest.New(o)
	return benchOver(t, fake, checked{t, fake.Transport().RoundTrip})
}

func benchOver(t *testing.T, fake *forgetest.GitHub, transport http.RoundTripper) bench {
	t.Helper()
	f, err := forge.NewGitHub(forge.Options{
		Repository: forge.Repository{Host: "github.com", Owner: "acme", Name: "fleet"}, Token: token, Transport: transport,
	})
	require.NoError(t, err)
	return bench{fake, f}
}

func request() forge.Request {
	return forge.Request{
		Branch: branch, Base: "main", Revision: forgetest.Revision(branch),
		Title: "irgit: contain payments/payments in prod-eu (0d15ea5e)", Body: "## What happened\n\nA shell.\n",
	}
}

// lines are the requests without their queries.
func (b bench) lines() []string {
	var out []string
	for _, r := range b.Requests() {
		path, _, _ := strings.Cut(r.Path, "?")
		out = append(out, r.Method+" "+strings.TrimPrefix(path, "/repos/acme/fleet"))
	}
	return out
}

func bubble(name string, t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestProposeOpensOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		found, err := b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
		require.Nil(t, found)

		first, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		r := request()
		require.Equal(t, forge.Result{Change: forge.Opened, PullRequest: forge.PullRequest{
			Number: 1, URL: "https://github.com/acme/fleet/pull/1", State: forge.Open, Head: branch, Revision: r.Revision, Base: "main", Title: r.Title, Body: r.Body,
		}}, first)

		before := len(b.lines())
		second, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, forge.Unchanged, second.Change)
		require.Equal(t, first.PullRequest, second.PullRequest)
		require.Equal(t, []string{"GET /pulls"}, b.lines()[before:], "an unchanged proposal costs one read")
		require.Len(t, b.PullRequests(), 1)
	})
}

func TestProposeUpdatesWhatDiffers(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*forge.Request)
		sent   string
	}{
		"title": {func(r *forge.Request) { r.Title += "!" }, `{"title":"irgit: contain payments/payments in prod-eu (0d15ea5e)!"}`},
		"body":  {func(r *forge.Request) { r.Body = "x" }, `{"body":"x"}`},
		"base":  {func(r *forge.Request) { r.Base = "release" }, `{"base":"release"}`},
	} {
		bubble(name, t, func(t *testing.T) {
			b := newBench(t, forgetest.Options{})
			_, err := b.forge.Propose(t.Context(), request())
			require.NoError(t, err)
			r := request()
			c.change(&r)
			result, err := b.forge.Propose(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, forge.Updated, result.Change)
			require.Equal(t, []string{r.Title, r.Body, r.Base}, []string{result.PullRequest.Title, result.PullRequest.Body, result.PullRequest.Base})
			last := b.Requests()[len(b.Requests())-1]
			require.JSONEq(t, c.sent, last.Body)
		})
	}
}

func TestWebEditorsLineEndsAreNoDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		r := request()
		b.Add(forgetest.PullRequest{Head: branch, Title: r.Title, Body: strings.ReplaceAll(strings.TrimSpace(r.Body), "\n", "\r\n")})
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Unchanged, result.Change)
	})
}

func TestClosedByAPersonIsAVeto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		_, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		b.Close(1)
		r := request()
		r.Body = "more alerts"
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Vetoed, result.Change)
		require.Equal(t, forge.Closed, result.PullRequest.State)
		require.Equal(t, request().Body, b.PullRequests()[0].Body, "it was left alone")

		b.Reopen(1)
		result, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Updated, result.Change)

		b.Merge(1)
		found, err := b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
		require.Equal(t, forge.Merged, found.State)
		result, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Opened, result.Change)
		require.Equal(t, 2, result.PullRequest.Number)
	})
}

func TestFindChooses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		b.Add(forgetest.PullRequest{Head: branch})
		b.Add(forgetest.PullRequest{Head: branch, Closed: true})
		b.Add(forgetest.PullRequest{Head: branch, Fork: true, Author: "mallory"})
		b.Add(forgetest.PullRequest{Head: branch + "x"})
		for range 120 {
			b.Add(forgetest.PullRequest{Head: branch, Closed: true})
		}
		find := func() int {
			found, err := b.forge.Find(t.Context(), branch)
			require.NoError(t, err)
			return found.Number
		}
		require.Equal(t, 1, find(), "the open one, although newer ones are closed and it is on page 2")
		b.Close(1)
		require.Equal(t, 124, find(), "else the newest")
	})
}

// A reply that was lost, a race with another irgit, an answer cut in half: in
// the end there is one pull request, whatever happened.
func TestLostRepliesEndInAdoption(t *testing.T) {
	for name, c := range map[string]struct {
		fault forgetest.Fault
		want  forge.Change
	}{
		"reply to create lost":   {forgetest.Fault{Method: "POST", Path: "/pulls", Lost: true}, forge.Opened},
		"reply to create cut":    {forgetest.Fault{Method: "POST", Path: "/pulls", Cut: true}, forge.Opened},
		"create never arrived":   {forgetest.Fault{Method: "POST", Path: "/pulls", Dead: true}, forge.Opened},
		"create answered 502":    {forgetest.Fault{Method: "POST", Path: "/pulls", Status: 502, Raw: "<html>bad gateway</html>"}, forge.Opened},
		"list answered 500":      {forgetest.Fault{Method: "GET", Path: "/pulls", Status: 500}, forge.Opened},
		"list answered nonsense": {forgetest.Fault{Method: "GET", Path: "/pulls", Status: 200, Raw: "<html>"}, forge.Opened},
		"list answered nothing":  {forgetest.Fault{Method: "GET", Path: "/pulls", Status: 200, Raw: " "}, forge.Opened},
	} {
		bubble(name, t, func(t *testing.T) {
			b := newBench(t, forgetest.Options{})
			b.Fail(c.fault)
			result, err := b.forge.Propose(t.Context(), request())
			require.NoError(t, err)
			require.Equal(t, c.want, result.Change)
			require.Len(t, b.PullRequests(), 1)
			require.Equal(t, 1, result.PullRequest.Number)
		})
	}
	bubble("another irgit was faster", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		b.Fail(forgetest.Fault{Method: "POST", Path: "/pulls", Before: func() {
			r := request()
			b.Add(forgetest.PullRequest{Head: branch, Title: r.Title, Body: r.Body})
		}})
		result, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, forge.Unchanged, result.Change)
		require.Len(t, b.PullRequests(), 1)
	})
	bubble("the lists lag behind", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		b.Fail(
			forgetest.Fault{Method: "POST", Path: "/pulls", Lost: true},
			forgetest.Fault{Method: "GET", Path: "/pulls", Skip: 1, Times: 2, Status: 200, Raw: "[]"},
		)
		result, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, forge.Opened, result.Change)
		require.Len(t, b.PullRequests(), 1)
	})
}

// Whatever goes wrong in whatever order, there is never a second pull request,
// and a Propose without faults afterwards repairs everything.
func TestProposeConverges(t *testing.T) {
	faults := []forgetest.Fault{
		{Method: "POST", Lost: true},
		{Method: "POST", Cut: true},
		{Method: "GET", Dead: true},
		{Method: "PATCH", Lost: true},
		{Status: 500},
		{Status: 403, Header: map[string]string{"Retry-After": "3"}, Message: "You have exceeded a secondary rate limit"},
		{Status: 429},
	}
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(t *testing.T) {
			fake := forgetest.New(forgetest.Options{Token: token, Collaborators: []string{"alice"}})
			b := benchOver(t, fake, fake.Transport()) // unchecked: a hundred runs
			for range rapid.IntRange(0, 8).Draw(rt, "faults") {
				f := rapid.SampledFrom(faults).Draw(rt, "fault")
				f.Skip = rapid.IntRange(0, 5).Draw(rt, "skip")
				b.Fail(f)
			}
			r := request()
			r.Labels, r.Reviewers = []string{"incident"}, []string{"alice"}
			for i := range rapid.IntRange(1, 3).Draw(rt, "calls") {
				r.Body = fmt.Sprintf("version %d", i)
				_, _ = b.forge.Propose(t.Context(), r)
			}
			for { // until no fault is left that can fire
				result, err := b.forge.Propose(t.Context(), r)
				if err == nil && len(result.Warnings) == 0 {
					break
				}
				time.Sleep(time.Minute) // nothing is sent while a limit lasts
			}
			all := b.PullRequests()
			require.Len(t, all, 1)
			require.Equal(t, r.Body, all[0].Body)
			require.Equal(t, []string{"incident"}, all[0].Labels)
			require.Equal(t, []string{"alice"}, all[0].Reviewers)
		})
	})
}

func TestLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{Labels: []string{"Security"}})
		r := request()
		r.Labels = []string{"security", "incident response/prod-eu", "security"}
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Empty(t, result.Warnings)
		require.Equal(t, []string{"incident response/prod-eu", "security"}, result.PullRequest.Labels)
		require.Equal(t, []string{"Security", "incident response/prod-eu"}, b.Labels())

		before := len(b.lines())
		r.Labels = []string{"SECURITY", "urgent"}
		_, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, []string{"GET /pulls", "GET /labels", "POST /labels", "POST /issues/1/labels"}, b.lines()[before:])
		require.JSONEq(t, `{"labels":["urgent"]}`, b.Requests()[len(b.Requests())-1].Body)
	})
	bubble("a failure is a warning", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		b.Fail(forgetest.Fault{Method: "POST", Path: "/labels", Status: 403, Message: "Resource not accessible by integration"})
		r := request()
		r.Labels = []string{"security"}
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Opened, result.Change)
		require.Equal(t, []string{"not all labels are set: make the label security in github.com/acme/fleet: not found, or not permitted: " +
			"Resource not accessible by integration; the token needs the permission issues: write on github.com/acme/fleet"}, result.Warnings)
	})
}

func TestReviewersAreAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{Collaborators: []string{"alice", "bob"}, Teams: []string{"platform"}})
		r := request()
		r.Reviewers, r.Teams = []string{"alice", "irgit-bot", "nobody", "bob"}, []string{"acme/platform", "ghosts"}
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, []string{"alice", "bob"}, b.PullRequests()[0].Reviewers)
		require.Equal(t, []string{"platform"}, b.PullRequests()[0].Teams)
		require.Len(t, result.Warnings, 3)
		require.Equal(t, "irgit-bot opened the pull request and cannot review it", result.Warnings[0])
		require.Contains(t, result.Warnings[1], "a reviewer was not asked: ask nobody for a review")
		require.Contains(t, result.Warnings[2], "ask the team ghosts for a review")

		before := len(b.lines())
		_, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, []string{"GET /pulls"}, b.lines()[before:])

		// A review takes its author off the list; nobody is asked again.
		b.Change(1, func(pr *forgetest.PullRequest) { pr.Reviewers, pr.Teams, pr.Reviews = nil, nil, 1 })
		_, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Empty(t, b.PullRequests()[0].Reviewers)

		// Killed right after it opened the pull request, irgit asks later.
		b.Change(1, func(pr *forgetest.PullRequest) { pr.Reviews = 0 })
		_, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, []string{"alice", "bob"}, b.PullRequests()[0].Reviewers)
	})
}

func TestDrafts(t *testing.T) {
	for name, none := range map[string]bool{"known": false, "unknown": true} {
		bubble(name, t, func(t *testing.T) {
			b := newBench(t, forgetest.Options{NoDrafts: none})
			r := request()
			r.Draft = true
			result, err := b.forge.Propose(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, !none, result.PullRequest.Draft)
			require.Len(t, result.Warnings, map[bool]int{false: 0, true: 1}[none])
		})
	}
}

func TestWritesKeepThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		done := make(chan error)
		for i := range 4 {
			go func() {
				r := request()
				r.Branch = fmt.Sprintf("irgit/%d", i)
				r.Labels = []string{"incident"}
				_, err := b.forge.Propose(t.Context(), r)
				done <- err
			}()
		}
		for range 4 {
			require.NoError(t, <-done)
		}
		var last time.Time
		writes := 0
		for _, r := range b.Requests() {
			if r.Method == http.MethodGet {
				continue
			}
			if writes++; writes > 1 {
				require.GreaterOrEqual(t, r.At.Sub(last), time.Second)
			}
			last = r.At
		}
		require.GreaterOrEqual(t, writes, 8)
	})
}

func TestRateLimits(t *testing.T) {
	secondary := forgetest.Fault{Method: "POST", Path: "/pulls", Status: 403, Message: "You have exceeded a secondary rate limit.", Header: map[string]string{"Retry-After": "90"}}
	silent := secondary
	silent.Header = nil
	bubble("obeyed", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		b.Fail(secondary)
		start := time.Now()
		result, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, forge.Opened, result.Change)
		require.Equal(t, 90*time.Second, time.Since(start))
	})
	bubble("of unknown length, doubled", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		b.Fail(silent, silent)
		start := time.Now()
		_, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, 3*time.Minute, time.Since(start))
	})
	bubble("primary, until its reset", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		start := time.Now()
		b.Fail(forgetest.Fault{Method: "GET", Status: 403, Message: "API rate limit exceeded", Header: map[string]string{
			"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(start.Add(100 * time.Second).Unix()),
		}})
		_, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, 100*time.Second, time.Since(start))
	})
	bubble("not beyond the deadline", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		b.Fail(secondary)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := b.forge.Propose(ctx, request())
		require.ErrorIs(t, err, forge.ErrRateLimited)
		require.True(t, forge.Temporary(err))
		var e *forge.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, start.Add(90*time.Second), e.RetryAt)
		require.Zero(t, time.Since(start), "it answers at once instead of waiting in vain")
		require.Empty(t, b.PullRequests())
	})
	bubble("gives up", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		secondary.Times = -1
		b.Fail(secondary)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		_, err := b.forge.Propose(ctx, request())
		require.ErrorIs(t, err, forge.ErrRateLimited)
		require.Len(t, b.lines(), 5, "one list and four attempts")
	})
}

func TestContextEndsEveryWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		b.Fail(forgetest.Fault{Method: "GET", Status: 500, Times: -1})
		cause := fmt.Errorf("shutting down")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(cause) })
		_, err := b.forge.Propose(ctx, request())
		require.ErrorIs(t, err, cause)
	})
}
