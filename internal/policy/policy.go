// Package policy decides what to do about an alert and says why.
//
// [Load] parses response policies and reports every problem; [Set.Match]
// takes an alert and the workload it hit and yields a [Decision]: the plan, or
// for every policy the first condition that failed. [CheckTarget] and
// [CheckObjects] are the floor: guardrails compiled in, which no policy and no
// configuration can loosen. [Test] runs the YAML tests that lie beside
// policies.
//
// # Which policy wins
//
// Policies that match are put in one total order: higher spec.priority first,
// then the more specific match (see [Policy.Specificity]), then the name. The
// first one names the plan.
//
//   - spec.mode: exclusive (the default): if it comes first, it is the whole
//     plan; if it does not come first, it adds nothing.
//   - spec.mode: merge: if it comes first, the actions of every later matching
//     policy that also says merge are added to its own.
//
// A merge only ever tightens: an action that several ask for is taken once,
// with the parameters of the policy that comes first, and is required if one
// of them requires it; the shortest expiry and the stricter approval hold;
// reviewers, teams, labels and guardrails add up.
//
// A policy of tier watch that comes first, or merges with nothing but other
// watching policies, is a decision to contain nothing: [Decision.Plan] is nil
// and [Decision.Reason] says so.
//
// # Overriding
//
// A policy replaces an earlier one of the same name, so that a user's folder
// overrides the built-in packs; one that says spec.disabled switches it off.
//
// Everything here is a function of its arguments; a Set is immutable and safe
// for concurrent use.
package policy

import (
	"time"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/strict"
)

const (
	apiVersion = "irgit.dev/v1alpha1"
	policyKind = "ResponsePolicy"
)

// Tier says how sure a policy's rules are, and with that how far its response
// may go. The tiers are ordered.
type Tier string

// The tiers.
const (
	Watch   Tier = "watch"   // noisy: no containment, the response is empty
	Freeze  Tier = "freeze"  // suspicious: the workload stands still, its traffic goes on
	Isolate Tier = "isolate" // very likely an intrusion: traffic is cut
	Evict   Tier = "evict"   // certain: what runs is removed
)

// Mode says what happens when several policies match; see the package comment.
type Mode string

// The modes.
const (
	Exclusive Mode = "exclusive"
	Merge     Mode = "merge"
)

// ApprovalMode says who lets a containment in.
type ApprovalMode string

// The approval modes.
const (
	Propose   ApprovalMode = "propose"    // a person merges
	AutoMerge ApprovalMode = "auto-merge" // the forge merges once its required checks pass
)

// Bounds of a policy's durations.
const (
	DefaultExpiry = 24 * time.Hour
	MinExpiry     = 10 * time.Minute // shorter ends before a slow controller has applied it
	MaxExpiry     = 30 * 24 * time.Hour
	MaxGroup      = 24 * time.Hour
)

// MaxWorkloads is the floor for guardrails.maxWorkloads: more workloads than
// this are never hit by one containment that no person approved (THREATS G6).
const MaxWorkloads = 5

// Policy is one ResponsePolicy, checked and with its defaults filled in. Its
// JSON is canonical: [Policy.Digest] is taken of it.
type Policy struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`

	source     Source
	position   strict.Position
	overrides  string // the file of the policy of the same name that this one replaced
	condition  *expr.Program
	digest     string
	specific   int
	ruleGlobs  []string
	exactRules bool // rules are given and none of them is a pattern
}

// Metadata names a policy.
type Metadata struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Spec is what a policy says.
type Spec struct {
	Description string     `json:"description,omitempty"` // why this response answers these alerts
	Tier        Tier       `json:"tier"`
	Disabled    bool       `json:"disabled,omitempty"`
	Priority    int        `json:"priority,omitempty"` // -1000..1000, higher goes first
	Mode        Mode       `json:"mode"`
	Match       Match      `json:"match"`
	Response    []Action   `json:"response,omitempty"`
	Approval    Approval   `json:"approval"`
	Expiry      Duration   `json:"expiry"`
	Group       Duration   `json:"group,omitempty"` // alerts within it belong to one incident
	Guardrails  Guardrails `json:"guardrails"`
}

// Match is a conjunction: every condition that is given must hold. Within a
// list one entry suffices. Patterns know * (any run) and ? (one character).
type Match struct {
	MatchAll   bool              `json:"matchAll,omitempty"`   // needed when nothing below narrows the match
	Sources    []string          `json:"sources,omitempty"`    // alert sources
	Severity   string            `json:"severity,omitempty"`   // at least this, an OCSF word
	Rules      []string          `json:"rules,omitempty"`      // patterns of the sender's rule name
	Techniques []string          `json:"techniques,omitempty"` // T1059 includes its sub-techniques
	Tags       []string          `json:"tags,omitempty"`
	Clusters   []string          `json:"clusters,omitempty"`   // patterns of the cluster's name
	Namespaces []string          `json:"namespaces,omitempty"` // patterns of the target's namespace
	Kinds      []string          `json:"kinds,omitempty"`      // of the target
	Labels     map[string]string `json:"labels,omitempty"`     // all of them, on the target's pod template
	Expression string            `json:"expression,omitempty"` // CEL over alert, target and cluster
}

// Action is one step of a response: an action template and its parameters.
type Action struct {
	Name       string         `json:"action"`
	Parameters map[string]any `json:"parameters,omitempty"`
	Optional   bool           `json:"optional,omitempty"` // left out, with a word about it, when the target does not fit
}

// Approval says how the proposal gets in.
type Approval struct {
	Mode      ApprovalMode `json:"mode"`
	Reviewers []string     `json:"reviewers,omitempty"`
	Teams     []string     `json:"teams,omitempty"`
	Labels    []string     `json:"labels,omitempty"`
}

// Guardrails are a policy's own limits. They are added to the floor and can
// never loosen it.
type Guardrails struct {
	ProtectedNamespaces  []string `json:"protectedNamespaces,omitempty"` // patterns
	ProtectedLabels      []string `json:"protectedLabels,omitempty"`     // key=value of pods; one of them suffices
	MaxWorkloads         int      `json:"maxWorkloads,omitempty"`        // the target included; default and most: MaxWorkloads
	RequireHumanApproval bool     `json:"requireHumanApproval,omitempty"`
}

// Source is one policy file, or one file of another kind that is read the
// same way.
type Source = strict.Source

// Actions is what a linter needs to know of the action templates.
type Actions interface {
	Names() []string
	Has(name string) bool
	// CheckParameters returns what is wrong with the parameters, one sentence
	// each, and nothing when they fit.
	CheckParameters(name string, parameters map[string]any) []string
}

// Set is a checked set of policies in the order of precedence.
type Set struct {
	policies []*Policy
	index    index
}

// Policies returns the policies, first in precedence first. Disabled ones are
// among them; they never match.
func (s *Set) Policies() []*Policy { return append([]*Policy(nil), s.policies...) }

// Policy finds a policy by name.
func (s *Set) Policy(name string) (*Policy, bool) {
	for _, p := range s.policies {
		if p.Metadata.Name == name {
			return p, true
		}
	}
	return nil, false
}

// Name is the policy's name.
func (p *Policy) Name() string { return p.Metadata.Name }

// File is the file that declares the policy, with line and column.
func (p *Policy) File() string { return p.position.In(p.source.Name) }

// Origin is the Origin of the policy's Source.
func (p *Policy) Origin() string { return p.source.Origin }

// Overrides names the file whose policy of the same name this one replaced,
// "" when there was none.
func (p *Policy) Overrides() string { return p.overrides }

// Digest is "sha256:" and the hex SHA-256 of the policy's canonical JSON.
func (p *Policy) Digest() string { return p.digest }
