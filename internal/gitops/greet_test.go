package gitops_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

// greetings is a server that counts how often it is asked what a push has to
// know. answer may answer itself, then it returns true; said hears of every
// answer that was passed on whole.
type greetings struct {
	served
	asked  atomic.Int32
	answer func(w http.ResponseWriter, r *http.Request) bool
	said   chan struct{}
}

func serveGreetings(t *testing.T) *greetings {
	t.Helper()
	g := &greetings{served: serve(t, gittest.Options{}), said: make(chan struct{}, 8)}
	behind, err := url.Parse(g.url)
	require.NoError(t, err)
	behind.Path = ""
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("service") != "git-receive-pack" {
			proxy.ServeHTTP(w, r)
			return
		}
		g.asked.Add(1)
		if g.answer != nil && g.answer(w, r) {
			return
		}
		proxy.ServeHTTP(w, r)
		g.said <- struct{}{}
	}))
	t.Cleanup(front.Close)
	g.url = front.URL + "/fleet.git"
	return g
}

// made is a remote with a commit that is ready to be pushed.
func (g *greetings) made(t *testing.T, name string) (*gitops.Remote, gitops.Commit) {
	t.Helper()
	r := open(t, gitops.Options{URL: g.url})
	base, _ := r.Branch("main")
	c, err := r.Commit(t.Context(), spec(base, name))
	require.NoError(t, err)
	return r, c
}

// What was asked for ahead is taken by one push, while trees are read; the next
// push asks anew.
func TestAPreparedPushAsksOnce(t *testing.T) {
	g := serveGreetings(t)
	r := open(t, gitops.Options{URL: g.url})
	base, _ := r.Branch("main")
	stop := r.PreparePush(t.Context())
	defer stop()
	tree, err := r.Tree(t.Context(), base)
	require.NoError(t, err)
	require.NoError(t, tree.Prefetch(t.Context(), "apps"))
	c, err := r.Commit(t.Context(), spec(base, "inc-1"))
	require.NoError(t, err)
	require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/x", New: c.Revision}))
	require.EqualValues(t, 1, g.asked.Load())
	require.Equal(t, string(c.Revision), git(t, g.bare, "rev-parse", "refs/heads/irgit/x"))
	require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/x", Old: c.Revision}))
	require.EqualValues(t, 2, g.asked.Load())
}

// Between the server's greeting and the push, somebody else moves the branch:
// the push loses, whatever the update is, and changes nothing.
func TestAStaleGreetingOverwritesNothing(t *testing.T) {
	for name, update := range map[string]func(first, mine gitops.Revision) (before gitops.Revision, u gitops.Update){
		"create": func(_, mine gitops.Revision) (gitops.Revision, gitops.Update) { return "", gitops.Update{New: mine} },
		"continue": func(first, mine gitops.Revision) (gitops.Revision, gitops.Update) {
			return first, gitops.Update{Old: first, New: mine}
		},
		"delete": func(first, _ gitops.Revision) (gitops.Revision, gitops.Update) {
			return first, gitops.Update{Old: first}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := serveGreetings(t)
			first, theirs := pushed(t, g, "first"), pushed(t, g, "theirs")
			r, c := g.made(t, "mine")
			before, u := update(first, c.Revision)
			u.Branch = "irgit/x"
			if before != "" {
				git(t, g.bare, "update-ref", "refs/heads/irgit/x", string(before))
			}
			defer r.PreparePush(t.Context())()
			<-g.said
			git(t, g.bare, "update-ref", "refs/heads/irgit/x", string(theirs))
			asked := g.asked.Load()
			require.ErrorIs(t, r.Push(t.Context(), u), gitops.ErrMoved)
			require.Equal(t, asked, g.asked.Load(), "the push took the greeting from before")
			require.Equal(t, string(theirs), git(t, g.bare, "rev-parse", "refs/heads/irgit/x"))
			now, _ := r.Branch("irgit/x")
			require.Equal(t, theirs, now)
		})
	}
}

// pushed is the revision of a commit that the server has on a branch of its own.
func pushed(t *testing.T, g *greetings, name string) gitops.Revision {
	t.Helper()
	r, c := g.made(t, name)
	require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/" + name, New: c.Revision}))
	<-g.said
	return c.Revision
}

func TestAGreetingThatFailedIsAskedForAgain(t *testing.T) {
	g := serveGreetings(t)
	g.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		if g.asked.Load() > 1 {
			return false
		}
		http.Error(w, "later", http.StatusServiceUnavailable)
		return true
	}
	r, c := g.made(t, "inc-1")
	defer r.PreparePush(t.Context())()
	require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/x", New: c.Revision}))
	require.EqualValues(t, 2, g.asked.Load())
}

func TestAPreparedPushThatIsStoppedIsForgotten(t *testing.T) {
	g := serveGreetings(t)
	theirs := pushed(t, g, "theirs")
	r, c := g.made(t, "inc-1")
	stop := r.PreparePush(t.Context())
	<-g.said
	git(t, g.bare, "update-ref", "refs/heads/irgit/meanwhile", string(theirs))
	stop()
	require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/x", New: c.Revision}))
	require.EqualValues(t, 3, g.asked.Load())
	now, _ := r.Branch("irgit/meanwhile")
	require.Equal(t, theirs, now, "a later push asked anew")
}

// A server that does not answer holds up neither stop nor a push that is called
// off.
func TestAGreetingThatHangsIsCalledOff(t *testing.T) {
	g := serveGreetings(t)
	r, c := g.made(t, "inc-1")
	hangs := make(chan struct{})
	g.answer = func(_ http.ResponseWriter, r *http.Request) bool {
		close(hangs)
		<-r.Context().Done()
		return true
	}
	stop := r.PreparePush(t.Context())
	<-hangs
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.Push(ctx, gitops.Update{Branch: "irgit/x", New: c.Revision}), context.Canceled)
	stop()
	require.Empty(t, git(t, g.bare, "branch", "--list", "irgit/*"))
}
