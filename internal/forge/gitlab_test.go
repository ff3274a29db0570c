package forge_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
)

// labBench is a GitLab and irgit's view of it, without a network and on fake time.
type labBench struct {
	*forgetest.GitLab
	forge *forge.GitLab
}

const project = "acme/platform/fleet"

func newLab(t *testing.T, o forgetest.GitLabOptions) labBench {
	t.Helper()
	o.Project, o.Token = project, token
	fake := forgetest.NewGitLab(o)
	f, err := forge.NewGitLab(forge.Options{
		Repository: forge.Repository{Host: "gitlab.com", Owner: "acme/platform", Name: "fleet"}, Token: token, Transport: fake.Transport(),
	})
	require.NoError(t, err)
	return labBench{fake, f}
}

func (b labBench) lines() []string {
	var out []string
	for _, r := range b.Requests() {
		path, _, _ := strings.Cut(r.Path, "?")
		out = append(out, r.Method+" "+strings.TrimPrefix(path, "/projects/acme%2Fplatform%2Ffleet"))
	}
	return out
}

func TestGitLabOpensOnceAndUpdates(t *testing.T) {
	bubble("", t, func(t *testing.T) {
		b := newLab(t, forgetest.GitLabOptions{})
		found, err := b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
		require.Nil(t, found)
		first, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		r := request()
		require.Equal(t, forge.Result{Change: forge.Opened, PullRequest: forge.PullRequest{
			Number: 1, URL: "https://gitlab.com/" + project + "/-/merge_requests/1", State: forge.Open, Head: branch, Revision: r.Revision, Base: "main", Title: r.Title, Body: r.Body,
		}}, first)
		before := len(b.lines())
		second, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, forge.Unchanged, second.Change)
		require.Equal(t, []string{"GET /merge_requests"}, b.lines()[before:])

		r.Title, r.Body, r.Base = r.Title+"!", "x", "release"
		third, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Updated, third.Change)
		require.Equal(t, []string{r.Title, r.Body, r.Base}, []string{third.PullRequest.Title, third.PullRequest.Body, third.PullRequest.Base})
		require.Len(t, b.PullRequests(), 1)
	})
}

func TestGitLabVeto(t *testing.T) {
	bubble("", t, func(t *testing.T) {
		gone := false
		b := newLab(t, forgetest.GitLabOptions{Branch: func(name string) (string, bool) { return forgetest.Revision(name), !gone || name == "main" }})
		_, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		b.Close(1)
		r := request()
		r.Body = "more alerts"
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Vetoed, result.Change)
		require.Equal(t, request().Body, b.PullRequests()[0].Body, "it was left alone")
		gone = true
		found, err := b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
		require.Equal(t, forge.Closed, found.State, "also when its branch is deleted")
		gone = false
		b.Reopen(1)
		result, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Updated, result.Change)
		b.Merge(1)
		found, err = b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
		require.Equal(t, forge.Merged, found.State)
		result, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, 2, result.PullRequest.Number)
	})
}

func TestGitLabFindChooses(t *testing.T) {
	bubble("", t, func(t *testing.T) {
		b := newLab(t, forgetest.GitLabOptions{})
		b.Add(forgetest.PullRequest{Head: branch})
		b.Add(forgetest.PullRequest{Head: branch, Fork: true, Author: "mallory"})
		for range 120 {
			b.Add(forgetest.PullRequest{Head: branch, Closed: true})
		}
		found, err := b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
		require.Equal(t, 1, found.Number, "the open one, although it is on page 2")
		b.Close(1)
		found, err = b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
		require.Equal(t, 122, found.Number, "else the newest")
	})
}

func TestGitLabLostRepliesEndInAdoption(t *testing.T) {
	for name, fault := range map[string]forgetest.Fault{
		"lost": {Method: "POST", Path: "/merge_requests", Lost: true},
		"cut":  {Method: "POST", Path: "/merge_requests", Cut: true},
		"500":  {Method: "POST", Path: "/merge_requests", Status: 500},
		"429":  {Method: "POST", Path: "/merge_requests", Status: 429, Header: map[string]string{"Retry-After": "30"}},
	} {
		bubble(name, t, func(t *testing.T) {
			b := newLab(t, forgetest.GitLabOptions{})
			b.Fail(fault)
			start := time.Now()
			result, err := b.forge.Propose(t.Context(), request())
			require.NoError(t, err)
			require.Equal(t, forge.Opened, result.Change)
			require.Len(t, b.PullRequests(), 1)
			if fault.Status == 429 {
				require.Equal(t, 30*time.Second, time.Since(start))
			}
		})
	}
	bubble("somebody else was faster", t, func(t *testing.T) {
		b := newLab(t, forgetest.GitLabOptions{})
		b.Fail(forgetest.Fault{Method: "POST", Path: "/merge_requests", Before: func() {
			r := request()
			b.Add(forgetest.PullRequest{Head: branch, Title: r.Title, Body: r.Body})
		}})
		result, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.Equal(t, forge.Unchanged, result.Change)
		require.Len(t, b.PullRequests(), 1)
	})
}

func TestGitLabDressing(t *testing.T) {
	bubble("all of it", t, func(t *testing.T) {
		b := newLab(t, forgetest.GitLabOptions{People: []string{"alice", "bob", "carol"}})
		r := request()
		r.Labels, r.Reviewers, r.Assignees, r.Draft = []string{"incident", "prod-eu"}, []string{"Alice", "irgit-bot", "bob"}, []string{"carol"}, true
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, []string{"irgit-bot opened the pull request and cannot review it"}, result.Warnings)
		mr := b.PullRequests()[0]
		require.Equal(t, "Draft: "+r.Title, mr.Title)
		require.Equal(t, []string{"incident", "prod-eu"}, mr.Labels)
		require.Equal(t, []string{"alice", "bob"}, mr.Reviewers)
		require.Equal(t, []string{"carol"}, mr.Assignees)
		require.True(t, result.PullRequest.Draft)
		require.Equal(t, r.Title, result.PullRequest.Title)

		before := len(b.lines())
		result, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, forge.Unchanged, result.Change)
		require.Equal(t, []string{"GET /merge_requests"}, b.lines()[before:])
		r.Title += "!"
		_, err = b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, "Draft: "+r.Title, b.PullRequests()[0].Title, "it stays a draft")
	})
	bubble("what cannot be done is said", t, func(t *testing.T) {
		b := newLab(t, forgetest.GitLabOptions{People: []string{"alice", "bob"}, OneReviewer: true})
		r := request()
		r.Labels, r.Reviewers, r.Teams, r.Assignees = []string{"a,b"}, []string{"alice", "nobody", "bob"}, []string{"acme/sec"}, []string{"ghost"}
		result, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		all := strings.Join(result.Warnings, "\n")
		for _, want := range []string{"holds a comma", "no user ghost", "the groups sec cannot be reviewers", "no user nobody", "it took 1 of 2 reviewers"} {
			require.Contains(t, all, want)
		}
		require.Equal(t, []string{"alice"}, b.PullRequests()[0].Reviewers)
	})
	bubble("nobody is asked twice", t, func(t *testing.T) {
		b := newLab(t, forgetest.GitLabOptions{User: "alice", People: []string{"bob"}})
		b.Add(forgetest.PullRequest{Head: branch, Author: "octocat", Title: request().Title, Body: request().Body, Comments: []string{"approved this merge request"}})
		r := request()
		r.Reviewers = []string{"bob"}
		_, err := b.forge.Propose(t.Context(), r)
		require.NoError(t, err)
		require.Empty(t, b.PullRequests()[0].Reviewers)
	})
}

func TestGitLabCommentAndClose(t *testing.T) {
	bubble("", t, func(t *testing.T) {
		b := newLab(t, forgetest.GitLabOptions{})
		result, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		b.Change(1, func(pr *forgetest.PullRequest) {
			for i := range 130 {
				pr.Comments = append(pr.Comments, fmt.Sprint("talk ", i))
			}
		})
		b.Fail(forgetest.Fault{Method: "POST", Path: "/notes", Lost: true})
		for range 2 {
			require.NoError(t, b.forge.Comment(t.Context(), result.PullRequest.Number, "Applied.\n"))
		}
		require.Equal(t, []string{"Applied.\n"}, b.PullRequests()[0].Comments[130:])
		for range 2 {
			require.NoError(t, b.forge.Close(t.Context(), 1))
		}
		require.True(t, b.PullRequests()[0].Closed)
	})
}

func TestGitLabAutoMerge(t *testing.T) {
	for name, c := range map[string]struct {
		options forgetest.GitLabOptions
		change  func(*forgetest.PullRequest)
		moved   bool
		want    string // why not
	}{
		"left to the pipeline":    {options: forgetest.GitLabOptions{Pipeline: true}},
		"the pipeline has passed": {options: forgetest.GitLabOptions{Pipeline: true}, change: func(pr *forgetest.PullRequest) { pr.Passed = true }},
		"no pipeline is required": {want: "branch main requires no status checks"},
		"somebody pushed":         {options: forgetest.GitLabOptions{Pipeline: true}, moved: true, want: "and not the commit that was decided on"},
		"closed":                  {options: forgetest.GitLabOptions{Pipeline: true}, change: func(pr *forgetest.PullRequest) { pr.Closed = true }, want: "it is closed"},
		"may not":                 {options: forgetest.GitLabOptions{Pipeline: true, NoMerge: true}, want: "may not merge into the branch"},
	} {
		bubble(name, t, func(t *testing.T) {
			b := newLab(t, c.options)
			result, err := b.forge.Propose(t.Context(), request())
			require.NoError(t, err)
			if c.change != nil {
				b.Change(1, c.change)
			}
			if c.moved {
				result.PullRequest.Revision = forgetest.Revision("other")
			}
			err = b.forge.AutoMerge(t.Context(), result.PullRequest)
			if c.want != "" {
				require.ErrorIs(t, err, forge.ErrNotMergeable)
				require.ErrorContains(t, err, c.want)
				require.False(t, b.PullRequests()[0].AutoMerge || b.PullRequests()[0].Merged)
				return
			}
			require.NoError(t, err)
			last := b.Requests()[len(b.Requests())-1]
			require.JSONEq(t, fmt.Sprintf(`{"auto_merge":true,"sha":%q}`, result.PullRequest.Revision), last.Body)
			require.True(t, b.PullRequests()[0].AutoMerge || b.PullRequests()[0].Merged)
		})
	}
}

func TestGitLabProtection(t *testing.T) {
	bubble("", t, func(t *testing.T) {
		b := newLab(t, forgetest.GitLabOptions{Protected: true, Pipeline: true})
		p, err := b.forge.Protection(t.Context(), "release/1")
		require.NoError(t, err)
		require.Equal(t, forge.Protection{Protected: true, Checks: []string{"pipeline"}}, p)
		require.Equal(t, "GET /repository/branches/release%2F1", b.lines()[0])
	})
}

func TestGitLabFailuresHaveAKindAndAWayOut(t *testing.T) {
	for name, c := range map[string]struct {
		fault forgetest.Fault
		kind  error
		want  string
	}{
		"bad token":  {forgetest.Fault{Status: 401, Message: "401 Unauthorized"}, forge.ErrAuthentication, "give one with the scope api and the role Developer"},
		"permission": {forgetest.Fault{Method: "POST", Status: 403, Raw: `{"error":"insufficient_scope","error_description":"needs api"}`}, forge.ErrNotFound, "insufficient_scope; the token needs the scope api and the role Developer on gitlab.com/acme/platform/fleet"},
		"no such":    {forgetest.Fault{Status: 404, Message: "404 Project Not Found"}, forge.ErrNotFound, "404 Project Not Found; the token needs"},
		"validation": {forgetest.Fault{Method: "POST", Status: 400, Raw: `{"message":{"target_branch":["does not\nexist"],"base":["x","y"]}}`}, forge.ErrRejected, "base x, y: target_branch does not exist"},
		"down":       {forgetest.Fault{Method: "GET", Status: 502, Raw: "<html>Bearer " + token, Times: -1}, forge.ErrUnreachable, "it answered 502"},
		"its token":  {forgetest.Fault{Status: 404, Message: "no such project for " + token}, forge.ErrNotFound, "no such project for [token]"},
		"throttled":  {forgetest.Fault{Method: "GET", Status: 429, Raw: "Retry later", Times: -1}, forge.ErrRateLimited, "try again after"},
	} {
		bubble(name, t, func(t *testing.T) {
			b := newLab(t, forgetest.GitLabOptions{})
			b.Fail(c.fault)
			_, err := b.forge.Propose(t.Context(), request())
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.want)
			for e := err; e != nil; e = errors.Unwrap(e) {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), "canary")
			}
			require.Empty(t, b.PullRequests())
		})
	}
}

// I3 for the other forges: the token follows no redirect to another host.
func TestThreatI3RedirectsOfAllForges(t *testing.T) {
	seen := make(chan string, 64)
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- fmt.Sprint(r.Header)
		http.NotFound(w, r)
	}))
	t.Cleanup(thief.Close)
	at := forge.Repository{Host: "x", Owner: "acme", Name: "fleet"}
	for _, status := range []int{301, 302, 307, 308} {
		trap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)+r.URL.Path, status)
		}))
		t.Cleanup(trap.Close)
		lab, err := forge.NewGitLab(forge.Options{Repository: at, API: trap.URL, Token: token})
		require.NoError(t, err)
		tea, err := forge.NewGitea(forge.Options{Repository: at, API: trap.URL, Token: token})
		require.NoError(t, err)
		for _, f := range []forge.Forge{lab, tea} {
			_, err := f.Propose(t.Context(), request())
			require.ErrorIs(t, err, forge.ErrRejected)
			require.ErrorContains(t, err, "may have moved")
			require.ErrorIs(t, f.Comment(t.Context(), 1, "x"), forge.ErrRejected)
		}
	}
	require.Empty(t, seen)
}
