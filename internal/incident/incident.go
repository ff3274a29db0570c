// Package incident carries an alert through irgit: which workload it is
// about, what the policies say, what is rendered and proven, the commit, the
// branch, the pull request, the record, and in the end the release.
//
// [New] makes an [Engine]; [Engine.Respond] takes decoded alerts and answers
// each with an [Outcome]; [Engine.Release] undoes an incident.
//
// An incident is one target and one response policy while it stays open. Its
// key is made of those two and of the cluster, its id of the key, the first
// event's day and the target's name; no text of an alert is in either. All
// that is known about an incident is in Git and in the forge, so an Engine can
// be thrown away at any moment and another one goes on.
//
// Invariants:
//   - Commits are functions of the alerts, the policies, the templates and the
//     base revision: the same input gives the same commit id, and a second run
//     answers unchanged.
//   - Nothing is pushed that was not validated, judged by the floor and proven
//     by a build of every touched root before and after.
//   - A refusal is an Outcome with its reason, never half of a proposal.
//
// An Engine is used by one goroutine.
package incident

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/proposal"
	"github.com/irgit/irgit/internal/redact"
	"github.com/irgit/irgit/internal/render"
	"github.com/irgit/irgit/internal/validate"
)

// State is what became of an alert.
type State string

// The states an alert can be answered with.
const (
	Proposed  State = "proposed"  // a new incident: a branch, and a pull request where there is a forge
	Updated   State = "updated"   // the alert was added to an open incident
	Unchanged State = "unchanged" // the open incident knows the alert already
	Vetoed    State = "vetoed"    // a person closed the incident's pull request without merging it
	Refused   State = "refused"   // something stands against a containment; Reason says what
	Unmatched State = "unmatched" // nothing is to be done about it; Reason says why
)

// Options are what New needs. Git, Policies, Actions and Author are required.
type Options struct {
	Git      gitops.Options
	Base     string // base branch; "" is the remote's default
	CacheDir string // of the fleet index; "" for none
	Cluster  string // for alerts that do not name theirs; "" leaves them refused

	Policies *policy.Set
	Actions  *render.Catalogue
	Redactor *redact.Redactor // nil masks nothing further
	Forge    forge.Forge      // nil: forge.Git, the branch is the proposal

	Author  Author
	Signer  gitops.Signer // nil: unsigned
	Version string        // of irgit, for the record

	Now    func() time.Time // nil: the clock; only judges whether event times make sense, and dates releases
	DryRun bool             // decide, render, prove and make the commit, but change nothing outside
}

// Author is who the commits are by.
type Author struct{ Name, Email string }

// Outcome answers one alert.
type Outcome struct {
	Where       string              `json:"-"` // place of the alert in the input
	Alert       *alert.Alert        `json:"alert"`
	State       State               `json:"state"`
	Reason      string              `json:"reason"`
	Incident    *Summary            `json:"incident,omitempty"`
	Actions     []ActionFiles       `json:"actions,omitempty"`
	Files       []gitops.FileChange `json:"files,omitempty"`
	Proof       *render.Proof       `json:"proof,omitempty"`
	BlastRadius *BlastRadius        `json:"blastRadius,omitempty"`
	Warnings    []string            `json:"warnings,omitempty"`
	Problems    []validate.Problem  `json:"problems,omitempty"`

	Fault    Fault              `json:"-"` // why it was refused, for the exit code
	Decision *policy.Decision   `json:"-"`
	Document *proposal.Document `json:"-"` // what the reviewer reads; nil when nothing is proposed
	Release  *proposal.Release  `json:"-"` // what the reviewer of a release reads
	Patch    string             `json:"-"` // the whole change, for git apply
}

// Fault sorts refusals.
type Fault int

// The faults.
const (
	NoFault    Fault = iota
	Guardrail        // a guardrail stands against it
	Unresolved       // it cannot be told which workload it is about
	Invalid          // the alert, a policy, a template or the fleet is wrong
)

// Summary names an incident and where it is proposed.
type Summary struct {
	ID          string           `json:"id"`
	Key         string           `json:"key"`
	Cluster     string           `json:"cluster"`
	Target      string           `json:"target"` // Kind namespace/name
	Branch      string           `json:"branch"`
	Base        string           `json:"base"` // branch
	Revision    gitops.Revision  `json:"revision,omitempty"`
	Expires     time.Time        `json:"expires"`
	PullRequest *PullRequestLink `json:"pullRequest,omitempty"`
}

// PullRequestLink is where people find the pull request.
type PullRequestLink struct {
	Number int    `json:"number"`
	URL    string `json:"url"`
}

// ActionFiles is one action of the response and the files it wrote.
type ActionFiles struct {
	Name    string   `json:"name"`
	Files   []string `json:"files"`
	Skipped string   `json:"skipped,omitempty"` // why an optional action was left out
}

// BlastRadius is whom the containment hits.
type BlastRadius struct {
	Workloads []Hit `json:"workloads"`
}

// Hit is one workload and why it is hit.
type Hit struct {
	Cluster   string `json:"cluster"`
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Why       string `json:"why"` // target, selector
}

// Engine answers alerts for one fleet repository.
type Engine struct{ o Options }

// New checks the options.
func New(o Options) (*Engine, error) {
	switch {
	case o.Policies == nil || o.Actions == nil:
		return nil, errors.New("make engine: policies and action templates are needed")
	case o.Author.Name == "" || o.Author.Email == "":
		return nil, errors.New("make engine: the author of commits has no name or address")
	}
	if o.Forge == nil {
		o.Forge = forge.Git{}
	}
	return &Engine{o}, nil
}

// open reads the refs and the base branch.
func (e *Engine) open(ctx context.Context) (*session, error) {
	remote, err := gitops.Open(ctx, e.o.Git)
	if err != nil {
		return nil, err
	}
	base, revision, err := remote.Base(e.o.Base)
	if err != nil {
		return nil, err
	}
	tree, err := remote.Tree(ctx, revision)
	if err != nil {
		return nil, fmt.Errorf("read base %s: %w", base, err)
	}
	return newSession(ctx, e.o, e.now(), remote, base, revision, tree)
}
