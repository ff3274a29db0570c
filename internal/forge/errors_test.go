package forge_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
)

func TestFailuresHaveAKindAndAWayOut(t *testing.T) {
	for name, c := range map[string]struct {
		fault forgetest.Fault
		kind  error
		retry bool
		want  string
	}{
		"bad token":  {forgetest.Fault{Status: 401, Message: "Bad credentials"}, forge.ErrAuthentication, false, "the token is wrong, revoked or expired"},
		"permission": {forgetest.Fault{Method: "POST", Status: 403, Message: "Resource not accessible by personal access token", Header: map[string]string{"X-Accepted-GitHub-Permissions": "pull_requests=write"}}, forge.ErrNotFound, false, "needs the permission pull requests: write on github.com/acme/fleet (GitHub asks for pull_requests=write)"},
		"no such":    {forgetest.Fault{Status: 404, Message: "Not Found"}, forge.ErrNotFound, false, "pull requests: read on github.com/acme/fleet"},
		"sso":        {forgetest.Fault{Status: 403, Message: "Resource protected by organization SAML enforcement.", Header: map[string]string{"X-GitHub-SSO": "required; url=https://github.com/orgs/acme/sso"}}, forge.ErrNotFound, false, "authorise the token"},
		"archived":   {forgetest.Fault{Method: "POST", Status: 403, Message: "Repository was archived so is read-only."}, forge.ErrRejected, false, "unarchived"},
		"validation": {forgetest.Fault{Method: "POST", Status: 422, Raw: `{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"No commits between main and\n\u001b[2J x"},{"resource":"PullRequest","field":"base","code":"invalid"}]}`}, forge.ErrRejected, false, "Validation Failed: No commits between main and [2J x: base is invalid"},
		"down":       {forgetest.Fault{Method: "GET", Status: 503, Times: -1}, forge.ErrUnreachable, true, "it answered 503"},
		"dead":       {forgetest.Fault{Method: "GET", Dead: true, Times: -1}, forge.ErrUnreachable, true, "cut off"},
		"throttled":  {forgetest.Fault{Method: "GET", Status: 429, Times: -1}, forge.ErrRateLimited, true, "try again after 2000-01-01T00:0"},
	} {
		bubble(name, t, func(t *testing.T) {
			b := newBench(t, forgetest.Options{})
			b.Fail(c.fault)
			_, err := b.forge.Propose(t.Context(), request())
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, c.retry, forge.Temporary(err))
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "\x1b")
			require.Empty(t, b.PullRequests())
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{Branch: func(name string) (string, bool) { return "", name == "main" }})
		_, err := b.forge.Propose(t.Context(), request())
		require.ErrorContains(t, err, "head is invalid")
	})
}

func TestRequestsThatNoForgeTakesAreNotSent(t *testing.T) {
	for want, change := range map[string]func(*forge.Request){
		"another one as its base":            func(r *forge.Request) { r.Base = r.Branch },
		"title must be one line":             func(r *forge.Request) { r.Title = "a\nb" },
		"characters, it has 257":             func(r *forge.Request) { r.Title = strings.Repeat("x", 257) },
		"has 58001 characters, more than 58": func(r *forge.Request) { r.Body = strings.Repeat("ü", 58001) },
	} {
		b := newBench(t, forgetest.Options{})
		r := request()
		change(&r)
		_, err := b.forge.Propose(t.Context(), r)
		require.ErrorIs(t, err, forge.ErrRejected)
		require.ErrorContains(t, err, want)
		require.Empty(t, b.Requests())
	}
}

// H5: whoever repeats the token, no error of irgit's holds it.
func TestThreatH5TokenIsInNoError(t *testing.T) {
	for name, f := range map[string]forgetest.Fault{
		"message":   {Status: 404, Message: "no such repository for Bearer " + token},
		"rejection": {Method: "POST", Status: 422, Raw: fmt.Sprintf(`{"message":"x","errors":[{"message":"saw %s"}]}`, token)},
		"header":    {Status: 403, Message: "no", Header: map[string]string{"X-Accepted-GitHub-Permissions": token}},
		"proxy":     {Status: 502, Raw: "Authorization: Bearer " + token, Times: -1},
		"limit":     {Status: 429, Message: token, Times: -1},
	} {
		bubble(name, t, func(t *testing.T) {
			b := newBench(t, forgetest.Options{})
			b.Fail(f)
			_, err := b.forge.Propose(t.Context(), request())
			require.Error(t, err)
			for e := err; e != nil; e = errors.Unwrap(e) {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), "canary")
			}
		})
	}
	bubble("connection", t, func(t *testing.T) {
		f, err := forge.NewGitHub(forge.Options{
			Repository: forge.Repository{Host: "github.com", Owner: "acme", Name: "fleet"}, Token: token,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return nil, fmt.Errorf("proxy refused %s", r.Header.Get("Authorization"))
			}),
		})
		require.NoError(t, err)
		_, err = f.Find(t.Context(), branch)
		require.ErrorIs(t, err, forge.ErrUnreachable)
		require.ErrorContains(t, err, "proxy refused Bearer [token]")
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// I3: the token follows no redirect to another host, and a write is never
// turned into a read by one.
func TestThreatI3CrossHostRedirect(t *testing.T) {
	seen := make(chan string, 8)
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		http.NotFound(w, r)
	}))
	t.Cleanup(thief.Close)
	for _, status := range []int{301, 302, 307, 308} {
		for _, method := range []string{"GET", "POST"} {
			fake := forgetest.New(forgetest.Options{})
			require.NoError(t, fake.Start(t.Context()))
			t.Cleanup(func() { _ = fake.Stop() })
			f, err := forge.NewGitHub(forge.Options{Repository: forge.Repository{Host: "x", Owner: "acme", Name: "fleet"}, API: fake.URL, Token: token})
			require.NoError(t, err)
			fake.Fail(forgetest.Fault{Method: method, Status: status, Header: map[string]string{"Location": strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)}})
			_, err = f.Propose(t.Context(), request())
			require.ErrorIs(t, err, forge.ErrRejected, "%d %s", status, method)
			require.ErrorContains(t, err, "may have moved")
			require.Empty(t, fake.PullRequests())
		}
	}
	require.Empty(t, seen)
}

func TestRedirectOnTheSameHostIsFollowedForReads(t *testing.T) {
	fake := forgetest.New(forgetest.Options{Token: token})
	require.NoError(t, fake.Start(t.Context()))
	t.Cleanup(func() { _ = fake.Stop() })
	f, err := forge.NewGitHub(forge.Options{Repository: forge.Repository{Host: "x", Owner: "acme", Name: "old"}, API: fake.URL, Token: token})
	require.NoError(t, err)
	fake.Add(forgetest.PullRequest{Head: branch})
	fake.Fail(forgetest.Fault{Method: "GET", Path: "/old/pulls", Status: 301, Header: map[string]string{"Location": "/api/v3/repos/acme/fleet/pulls?state=all"}})
	found, err := f.Find(t.Context(), branch)
	require.NoError(t, err)
	require.Equal(t, 1, found.Number)
}

func TestAnswerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endless := roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: endlessSpaces{}, Request: r}, nil
		})
		f, err := forge.NewGitHub(forge.Options{Repository: forge.Repository{Host: "github.com", Owner: "acme", Name: "fleet"}, Token: token, Transport: endless})
		require.NoError(t, err)
		_, err = f.Find(t.Context(), branch)
		require.ErrorIs(t, err, forge.ErrUnreachable)
		require.ErrorContains(t, err, "too large")
	})
}

type endlessSpaces struct{}

func (endlessSpaces) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
}
func (endlessSpaces) Close() error { return nil }

func TestSilentForgeTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := forge.NewGitHub(forge.Options{
			Repository: forge.Repository{Host: "github.com", Owner: "acme", Name: "fleet"}, Token: token,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}),
		})
		require.NoError(t, err)
		_, err = f.Find(t.Context(), branch)
		require.ErrorIs(t, err, forge.ErrUnreachable)
		require.ErrorContains(t, err, "no answer in time")
	})
}

func TestOptionsAreChecked(t *testing.T) {
	good := forge.Options{Repository: forge.Repository{Host: "github.com", Owner: "acme", Name: "fleet"}, Token: token}
	for want, change := range map[string]func(*forge.Options){
		"there is no token":       func(o *forge.Options) { o.Token = "" },
		"holds a space":           func(o *forge.Options) { o.Token = token + "\n" },
		"not https":               func(o *forge.Options) { o.API = "http://github.example.com/api/v3" },
		"not a plain URL":         func(o *forge.Options) { o.API = "https://me:canary@github.example.com" },
		"is not owner/name":       func(o *forge.Options) { o.Repository.Owner = "a/../b" },
		`"acme/sub/fleet" is not`: func(o *forge.Options) { o.Repository.Owner = "acme/sub" },
		`"acme/.." is not owner`:  func(o *forge.Options) { o.Repository.Name = ".." },
	} {
		o := good
		change(&o)
		_, err := forge.NewGitHub(o)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "canary")
	}
	_, err := forge.NewGitHub(good)
	require.NoError(t, err)
}

func TestParseRepository(t *testing.T) {
	for in, want := range map[string]string{
		"https://github.com/acme/fleet.git":          "github.com/acme/fleet",
		"https://github.com/acme/fleet/":             "github.com/acme/fleet",
		"https://x-access-token:y@GitHub.com/acme/f": "github.com/acme/f",
		"ssh://git@ssh.github.com:443/acme/fleet":    "github.com/acme/fleet",
		"git@github.com:acme/fleet.git":              "github.com/acme/fleet",
		"http://ghes.example.com:8443/acme/fleet":    "ghes.example.com:8443/acme/fleet",
		"git@gitlab.com:acme/platform/fleet.git":     "gitlab.com/acme/platform/fleet",
	} {
		r, err := forge.ParseRepository(in)
		require.NoError(t, err, in)
		require.Equal(t, want, r.String())
	}
	for _, in := range []string{
		"", "/srv/fleet.git", "file:///srv/fleet.git", "https://host/fleet.git", "https://host/a//c", "https://host/a/../c", "https://host/a/..", "git@host:a", "ext::sh -c id",
		"https://host/-a/b", "https://me:canary@host/x", "https://ho st/a/b", "https:///a/b", "https://host/a/b?x=1#y/z/..%2f", "git@host:a/b\n",
	} {
		_, err := forge.ParseRepository(in)
		if in == "https://host/a/b?x=1#y/z/..%2f" {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, "%q", in)
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestAPIAddress(t *testing.T) {
	for host, want := range map[string]string{
		"github.com": "https://api.github.com/repos/acme/fleet/pulls", "acme.ghe.com": "https://api.acme.ghe.com/repos/acme/fleet/pulls",
		"ghes.example.com:8443": "https://ghes.example.com:8443/api/v3/repos/acme/fleet/pulls",
	} {
		var asked string
		f, err := forge.NewGitHub(forge.Options{
			Repository: forge.Repository{Host: host, Owner: "acme", Name: "fleet"}, Token: token,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				asked = strings.Split(r.URL.String(), "?")[0]
				return nil, fmt.Errorf("stop")
			}), Exchange: 1,
		})
		require.NoError(t, err)
		synctest.Test(t, func(t *testing.T) { _, err = f.Find(t.Context(), branch) })
		require.Error(t, err)
		require.Equal(t, want, asked)
	}
}

func TestGitIsABranch(t *testing.T) {
	var f forge.Forge = forge.Git{}
	found, err := f.Find(t.Context(), branch)
	require.NoError(t, err)
	require.Nil(t, found)
	result, err := f.Propose(t.Context(), request())
	require.NoError(t, err)
	r := request()
	require.Equal(t, forge.Result{Change: forge.Opened, PullRequest: forge.PullRequest{
		State: forge.Open, Head: branch, Revision: r.Revision, Base: "main", Title: r.Title, Body: r.Body,
	}}, result)
}
