// Package render turns actions into the files of an incident, proves what they
// change, and takes them back.
//
// [Load] reads action templates and gives a [Catalogue]; [Catalogue.Render]
// writes a [Bundle]; [Prove] builds the fleet before and after and accepts
// exactly what the bundle plans; [Release] is the inverse of the bundle's
// changes.
//
// A template is parsed as YAML first; then each text in it may hold ${…}, CEL
// over the fleet and the action's parameters. So structure never changes, and a
// value can only become a value. No variable holds text of an alert.
//
// What templates say is not trusted: the engine fixes namespace and labels,
// allows few kinds, refuses empty selectors, names that are not the incident's,
// objects that are there already and text that a later stage would evaluate,
// and checks everything it writes against schemas.
//
// Everything here is a function of its arguments: equal requests give equal
// bytes. A Catalogue is safe for concurrent use.
package render

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/validate"
)

// Request is what to contain, and by what.
type Request struct {
	Incident string // <yyyymmdd>-<slug>-<key>
	Expires  time.Time
	Target   fleet.Workload
	Index    *fleet.Index
	Tree     *gitops.Tree // the base; the incident must not be in it
	Actions  []policy.Action

	// Pod is the one of the target's that the alerts name with its uid; zero when
	// none does.
	Pod Pod

	// Indicators are those of the incident's alerts. What is not an address, a
	// prefix or a domain by its form is left out.
	Indicators []Indicator
}

// Indicator is a value that alerts named, by its type: ip, cidr, domain.
type Indicator struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Bundle is what an incident writes.
type Bundle struct {
	Steps   []Step                       // one for each action of the request, in its order, skipped ones included
	Changes []gitops.Change              // every file but the record, those of others with the Edits made, sorted by path; none when every step was skipped
	Objects []*unstructured.Unstructured // created, in the order of the steps
	Patches []Patch                      // on objects that others own, in the order of the steps
	Edits   []Edit                       // of files that teams own, in the order in which they were made
	Parts   []Part                       // Objects by the folder that they are in, in the order in which they are applied
}

// Step is what became of one action. Its sentences are for the reviewer.
type Step struct {
	Action     string         `json:"action"`
	Variant    string         `json:"variant,omitempty"`
	Digest     string         `json:"digest"`               // of the template
	Parameters map[string]any `json:"parameters,omitempty"` // defaults filled in
	Optional   bool           `json:"optional,omitempty"`
	Skipped    string         `json:"skipped,omitempty"` // why an optional action was left out; then nothing below is set
	Summary    string         `json:"summary,omitempty"`
	Vocabulary *Vocabulary    `json:"vocabulary,omitempty"`
	Cuts       string         `json:"cuts,omitempty"` // open connections: yes, no, unknown
	DoesNot    []string       `json:"doesNot,omitempty"`
	Undo       *Undo          `json:"undo,omitempty"`
	Warnings   []string       `json:"warnings,omitempty"` // what holds for this target
	Files      []string       `json:"files,omitempty"`    // that hold its objects and patches

	Objects []*unstructured.Unstructured `json:"-"` // that it creates; they are among the bundle's
}

// Patch sets fields of an object that the fleet renders.
type Patch struct {
	Action string
	Object fleet.ObjectRef
	Fields map[string]any // a JSON merge patch: null takes a field away
	File   string         // that holds it
	Place  fleet.Placement
	Item   map[string]any // what the sync object takes, where the place is that
}

// NotFittingError is a required action that cannot be used on this target.
type NotFittingError struct {
	Action, Reason string
	Err            error // the reason as an error, a *fleet.HookError for example; may be nil
}

func (e *NotFittingError) Error() string {
	return fmt.Sprintf("action %s does not fit: %s", e.Action, e.Reason)
}

func (e *NotFittingError) Unwrap() error { return e.Err }

// RefusedError is rendered output that must not be written, whatever policy
// and template say.
type RefusedError struct {
	Action   string // "" when it is about all of them
	Problems []validate.Problem
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	b.WriteString("refuse what was rendered")
	if e.Action != "" {
		b.WriteString(" for action " + e.Action)
	}
	for i, p := range e.Problems {
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		for _, part := range []string{p.File, p.Path} {
			if part != "" {
				b.WriteString(part + ": ")
			}
		}
		b.WriteString(p.Message)
	}
	return b.String()
}
