package incident_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/incident"
)

// watch puts a proxy before the world's repository. It lists the requests to
// push, and calls before with each of them, if it is set, when it has come and
// was not passed on.
type watch struct {
	before func(request string)

	mu       sync.Mutex
	requests []string
}

func (w *world) watched() *watch {
	w.t.Helper()
	behind, err := url.Parse(w.options.Git.URL)
	require.NoError(w.t, err)
	path := behind.Path
	behind.Path = ""
	proxy, seen := httputil.NewSingleHostReverseProxy(behind), new(watch)
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.String(), "git-receive-pack") {
			seen.mu.Lock()
			seen.requests = append(seen.requests, r.Method)
			seen.mu.Unlock()
			if seen.before != nil {
				seen.before(r.Method)
			}
		}
		proxy.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(front.Close)
	w.options.Git.URL = front.URL + path
	return seen
}

// new are the requests since the last call.
func (s *watch) new() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	return requests
}

// The server is asked about a push only where one follows.
func TestOnlyWhatIsPushedAsksAboutAPush(t *testing.T) {
	w := newWorld(t, nil)
	seen := w.watched()
	w.options.DryRun = true
	require.Equal(t, incident.Proposed, w.respond(shell().String())[0].State)
	require.Empty(t, seen.new())
	w.options.DryRun = false
	require.Equal(t, incident.Proposed, w.respond(shell().String())[0].State)
	require.Equal(t, []string{"GET", "POST"}, seen.new())
	require.Equal(t, incident.Unchanged, w.respond(shell().String())[0].State)
	require.Empty(t, seen.new())
	later := shell()
	later.at = night.Add(time.Hour)
	require.Equal(t, incident.Updated, w.respond(later.String())[0].State)
	require.Equal(t, []string{"GET", "POST"}, seen.new())
}

// Another run pushes the same incident when this one's push is on its way, long
// after the server was asked about it: the later one is decided anew.
func TestARaceLostAtTheLastMomentIsReadAgain(t *testing.T) {
	w := newWorld(t, nil)
	rival := *w
	seen := w.watched()
	var once sync.Once
	seen.before = func(request string) {
		if request == http.MethodPost {
			once.Do(func() {
				_, err := rival.try(shell().String())
				assert.NoError(t, err)
			})
		}
	}
	later := shell()
	later.at = night.Add(time.Hour)
	o := w.respond(later.String())[0]
	require.Equal(t, incident.Updated, o.State, o.Reason)
	require.Equal(t, "2", w.git("rev-list", "--count", "main.."+o.Incident.Branch))
	require.Equal(t, []string{"GET", "POST", "GET", "POST"}, seen.new())
}
