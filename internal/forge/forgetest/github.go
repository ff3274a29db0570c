// Package forgetest is a GitHub and a GitLab for tests: one repository with pull
// requests, labels and reviewers, kept in memory, that fails on demand. GitHub
// answers in the shape of its OpenAPI description, GitLab as its documents say.
//
// [New] and [NewGitLab] make them; they are http.Handlers. Start serves one on
// loopback for a whole program, and Transport serves it without a network, so
// that a test can run in a synctest bubble. Neither depends on package testing,
// and both are safe for concurrent use.
package forgetest

import (
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // stands for a commit id
	"encoding/hex"
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

// GitHub is a repository there.
type GitHub struct {
	*base
	o      Options
	tokens map[string]time.Time // of the app, with their ends
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
	g := &GitHub{base: newBase("/api/v3", o.Labels), o: o, tokens: make(map[string]time.Time)}
	g.answer = g.serve
	return g
}

// Revision is the tip that is made up for a branch.
func Revision(branch string) string {
	sum := sha1.Sum([]byte(branch)) //nolint:gosec // stands for a commit id
	return hex.EncodeToString(sum[:])
}
