package forgetest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// PullRequest is what the repository keeps.
type PullRequest struct {
	Number                   int
	Title, Body, Head, Base  string
	Author                   string
	Labels, Reviewers, Teams []string
	Assignees                []string
	Comments                 []string
	Draft, Closed, Merged    bool
	Reviews                  int
	Fork                     bool // its head is the same branch of a fork
	Passed                   bool // its checks have passed, and nothing stands against merging
	AutoMerge                bool // it is merged once they do

	created time.Time
}

// Request is one request as it arrived.
type Request struct {
	Method, Path  string // the path with its query, without /api/v3
	Authorization string
	Body          string
	At            time.Time
}

// base is what all forges here have: pull requests, and requests that
// fail on demand.
type base struct {
	// URL is the address of the API once Start has returned.
	URL string

	api    string // path of the API
	answer func(r *http.Request, path string, body []byte) answer
	server *http.Server

	mu       sync.Mutex
	pulls    []*PullRequest
	labels   []string
	faults   []*Fault
	requests []Request
}

func newBase(api string, labels []string) *base {
	return &base{api: api, labels: slices.Clone(labels)}
}

// Start serves it on a free loopback port until Stop.
func (g *base) Start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve a forge: %w", err)
	}
	g.URL = "http://" + listener.Addr().String() + g.api + "/"
	g.server = &http.Server{Handler: g, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = g.server.Serve(listener) }()
	return nil
}

// Stop ends what Start began.
func (g *base) Stop() error { return g.server.Close() }

// PullRequests lists them, oldest first.
func (g *base) PullRequests() []PullRequest {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]PullRequest, len(g.pulls))
	for i, pr := range g.pulls {
		out[i] = *pr
		for _, list := range []*[]string{&out[i].Labels, &out[i].Reviewers, &out[i].Teams, &out[i].Assignees, &out[i].Comments} {
			*list = slices.Clone(*list)
		}
	}
	return out
}

// Requests lists what arrived, oldest first.
func (g *base) Requests() []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.requests)
}

// Labels lists the repository's labels.
func (g *base) Labels() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.labels)
}

// Add puts a pull request there that somebody else opened, and gives it its
// number. An empty base is main.
func (g *base) Add(pr PullRequest) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.add(pr).Number
}

func (g *base) add(pr PullRequest) *PullRequest {
	if pr.Base == "" {
		pr.Base = "main"
	}
	if pr.Author == "" {
		pr.Author = "octocat"
	}
	pr.Number, pr.created = len(g.pulls)+1, time.Now()
	g.pulls = append(g.pulls, &pr)
	return &pr
}

// Change lets a person change a pull request; it does nothing if there is no
// such number.
func (g *base) Change(number int, change func(*PullRequest)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if number >= 1 && number <= len(g.pulls) {
		change(g.pulls[number-1])
	}
}

// Close closes a pull request unmerged.
func (g *base) Close(number int) { g.Change(number, func(pr *PullRequest) { pr.Closed = true }) }

// Reopen opens it again.
func (g *base) Reopen(number int) { g.Change(number, func(pr *PullRequest) { pr.Closed = false }) }

// Merge merges a pull request; moving the base branch is the caller's.
func (g *base) Merge(number int) {
	g.Change(number, func(pr *PullRequest) { pr.Closed, pr.Merged = true, true })
}

// ServeHTTP answers one request of the API, below / and below its path on a server.
func (g *base) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), g.api), "/api") // GraphQL is at /api/graphql
	seen := Request{Method: r.Method, Path: path, Authorization: r.Header.Get("Authorization"), Body: string(body), At: time.Now()}
	if r.URL.RawQuery != "" {
		seen.Path += "?" + r.URL.RawQuery
	}
	g.mu.Lock()
	g.requests = append(g.requests, seen)
	g.mu.Unlock()

	f := g.fault(r.Method, path)
	if f == nil {
		f = new(Fault)
	}
	if f.Before != nil {
		f.Before()
	}
	if f.Dead {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if f.Status != 0 || f.Cut {
		w.Header().Set(FaultHeader, "1")
	}
	if f.Status != 0 {
		for key, value := range f.Header {
			w.Header().Set(key, value)
		}
		w.WriteHeader(f.Status)
		if f.Raw != "" {
			_, _ = io.WriteString(w, f.Raw)
		} else {
			_ = json.NewEncoder(w).Encode(map[string]any{"message": f.Message, "documentation_url": documentation})
		}
		return
	}
	g.mu.Lock()
	a := g.answer(r, path, body)
	g.mu.Unlock()
	out, err := json.Marshal(a.body)
	if err != nil || f.Lost {
		panic(http.ErrAbortHandler)
	}
	if f.Cut {
		out = out[:len(out)/2]
	}
	for key, value := range a.header {
		w.Header().Set(key, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(out)
}
