// Package forgetest is a GitHub for tests: one repository with pull requests,
// labels and review requests, kept in memory, that answers in the shape of
// GitHub's OpenAPI description and fails on demand.
//
// [New] makes it; it is an http.Handler. [GitHub.Start] serves it on loopback
// for a whole program, and [GitHub.Transport] serves it without a network, so
// that a test can run in a synctest bubble. It does not depend on package
// testing, and is safe for concurrent use.
package forgetest

import (
	"context"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // stands for a commit id
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options say what the repository is like. The zero value is acme/fleet with
// every branch that is asked for.
type Options struct {
	Owner, Name   string
	Token         string   // that a request must carry; "" accepts any
	User          string   // whom the token belongs to
	Collaborators []string // people who can be asked for a review
	Teams         []string
	Labels        []string // that exist from the start
	NoDrafts      bool
	Protected     bool     // every branch
	Rules         []string // types of the rules that every branch has
	Checks        []string // status checks that protection of every branch requires
	NoAutoMerge   bool     // the repository's settings do not allow it
	Squash        bool     // and no other way of merging
	App           App      // that may log in

	// Branch finds the tip of a branch; nil makes one up for every name.
	Branch func(name string) (revision string, ok bool)
}

// App is a GitHub App with one installation; the zero value is none.
type App struct {
	ID           string
	Installation int64
	Key          *rsa.PublicKey
}

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

// GitHub is the repository.
type GitHub struct {
	// URL is the address of the API once Start has returned.
	URL string

	o      Options
	server *http.Server

	mu       sync.Mutex
	pulls    []*PullRequest
	labels   []string
	faults   []*Fault
	requests []Request
	tokens   map[string]time.Time // of the app, with their ends
}

// New makes a repository.
func New(o Options) *GitHub {
	set := func(s *string, to string) {
		if *s == "" {
			*s = to
		}
	}
	set(&o.Owner, "acme")
	set(&o.Name, "fleet")
	set(&o.User, "irgit-bot")
	if o.Branch == nil {
		o.Branch = func(name string) (string, bool) { return Revision(name), true }
	}
	return &GitHub{o: o, labels: slices.Clone(o.Labels), tokens: make(map[string]time.Time)}
}

// Revision is the tip that is made up for a branch.
func Revision(branch string) string {
	sum := sha1.Sum([]byte(branch)) //nolint:gosec // stands for a commit id
	return hex.EncodeToString(sum[:])
}

// Start serves it on a free loopback port until Stop.
func (g *GitHub) Start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve a GitHub: %w", err)
	}
	g.URL = "http://" + listener.Addr().String() + "/api/v3/"
	g.server = &http.Server{Handler: g, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = g.server.Serve(listener) }()
	return nil
}

// Stop ends what Start began.
func (g *GitHub) Stop() error { return g.server.Close() }

// PullRequests lists them, oldest first.
func (g *GitHub) PullRequests() []PullRequest {
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
func (g *GitHub) Requests() []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.requests)
}

// Labels lists the repository's labels.
func (g *GitHub) Labels() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.labels)
}

// Add puts a pull request there that somebody else opened, and gives it its
// number. An empty base is main.
func (g *GitHub) Add(pr PullRequest) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.add(pr).Number
}

func (g *GitHub) add(pr PullRequest) *PullRequest {
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
func (g *GitHub) Change(number int, change func(*PullRequest)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if number >= 1 && number <= len(g.pulls) {
		change(g.pulls[number-1])
	}
}

// Close closes a pull request unmerged.
func (g *GitHub) Close(number int) { g.Change(number, func(pr *PullRequest) { pr.Closed = true }) }

// Reopen opens it again.
func (g *GitHub) Reopen(number int) { g.Change(number, func(pr *PullRequest) { pr.Closed = false }) }

// Merge merges a pull request; moving the base branch is the caller's.
func (g *GitHub) Merge(number int) {
	g.Change(number, func(pr *PullRequest) { pr.Closed, pr.Merged = true, true })
}
