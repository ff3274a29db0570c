package render

import (
	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/policy"
)

const (
	apiVersion   = "irgit.dev/v1alpha1"
	templateKind = "ActionTemplate"
)

// Action describes an action template, for people who choose one.
type Action struct {
	Name       string               `json:"name"`
	Summary    string               `json:"summary"`
	Vocabulary Vocabulary           `json:"vocabulary"`
	Cuts       string               `json:"cuts"` // open connections: yes, no, unknown
	DoesNot    []string             `json:"doesNot,omitempty"`
	Undo       Undo                 `json:"undo"`
	Parameters map[string]Parameter `json:"parameters,omitempty"`
	Requires   []string             `json:"requires,omitempty"` // why it may not fit
	Warnings   []string             `json:"warnings,omitempty"` // what may be said about a target
	Variants   []Variant            `json:"variants,omitempty"` // the first whose When holds is used
	Creates    []string             `json:"creates,omitempty"`  // kinds
	Patches    []string             `json:"patches,omitempty"`  // target, podTemplate, autoscalers, bindings, claims, delivery
	File       string               `json:"file"`               // with line and column
	Origin     string               `json:"origin,omitempty"`
	Overrides  string               `json:"overrides,omitempty"` // the file of the template that this one replaced
	Digest     string               `json:"digest"`
}

// Variant is the form an action takes on some clusters or targets.
type Variant struct {
	Name    string   `json:"name"`
	When    string   `json:"when,omitempty"` // CEL; "" holds always
	Cuts    string   `json:"cuts"`
	DoesNot []string `json:"doesNot,omitempty"` // besides the action's own
}

// Vocabulary names an action in the words of standards: MITRE D3FEND 1.2,
// OpenC2 1.0, NIST SP 800-61r2 and CSF 2.0, CACAO 2.0, RE&CT and ATT&CK.
type Vocabulary struct {
	Tactic string   `json:"tactic"` // isolate, evict, restore, harden, detect
	D3FEND []string `json:"d3fend"`
	OpenC2 string   `json:"openc2"`
	Phase  string   `json:"phase"`
	CSF    []string `json:"csf"`
	CACAO  string   `json:"cacao"`
	React  []string `json:"react,omitempty"`
	Attack []string `json:"attack"` // the techniques it answers
}

// Undo says how an action ends.
type Undo struct {
	How   string `json:"how"`
	Hurts string `json:"hurts"` // what the end may do to the workload
}

// Parameter is the schema of one parameter.
type Parameter struct {
	Type        string   `json:"type"` // string, int, bool, list (of strings)
	Description string   `json:"description"`
	Required    bool     `json:"required,omitempty"`
	Default     any      `json:"default,omitempty"` // when absent: "", 0, false, []
	Enum        []string `json:"enum,omitempty"`
	Pattern     string   `json:"pattern,omitempty"` // RE2, of the whole string, or of each in a list
	Format      string   `json:"format,omitempty"`  // network: an address or prefix, which expressions see as a prefix
	Min         any      `json:"min,omitempty"`     // of the number, or the size of a string or list
	Max         any      `json:"max,omitempty"`
}

// document is the form of a template's file.
type document struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   metadata `json:"metadata"`
	Spec       spec     `json:"spec"`
}

type metadata struct {
	Name string `json:"name"`
}

type spec struct {
	Summary        string               `json:"summary"`
	Vocabulary     Vocabulary           `json:"vocabulary"`
	Cuts           string               `json:"cuts"`
	DoesNot        []string             `json:"doesNot"`
	Undo           Undo                 `json:"undo"`
	Parameters     map[string]Parameter `json:"parameters,omitempty"`
	ParameterRules []requirement        `json:"parameterRules,omitempty"` // over params alone, so that a policy's linter can ask them
	Requires       []requirement        `json:"requires,omitempty"`
	Warnings       []warning            `json:"warnings,omitempty"`
	Resources      []map[string]any     `json:"resources,omitempty"` // of every variant
	Patches        []patchSpec          `json:"patches,omitempty"`
	Pod            map[string]any       `json:"pod,omitempty"` // what becomes of the alert's pod: podFields
	Variants       []variantSpec        `json:"variants,omitempty"`
}

type variantSpec struct {
	Name      string           `json:"name"`
	When      string           `json:"when,omitempty"`
	Cuts      string           `json:"cuts,omitempty"` // default: the action's
	DoesNot   []string         `json:"doesNot,omitempty"`
	Requires  []requirement    `json:"requires,omitempty"`
	Warnings  []warning        `json:"warnings,omitempty"`
	Resources []map[string]any `json:"resources,omitempty"`
	Patches   []patchSpec      `json:"patches,omitempty"`
	Pod       map[string]any   `json:"pod,omitempty"`
}

// requirement is a condition, and why the action does not fit without it.
type requirement struct {
	That      string `json:"that"`
	Otherwise string `json:"otherwise"`
}

type warning struct {
	When string `json:"when"`
	Say  string `json:"say"`
}

type patchSpec struct {
	On     string         `json:"on"` // of patchSets
	Fields map[string]any `json:"fields"`
}

// template is a document with its expressions compiled.
type template struct {
	spec       *spec
	action     Action
	source     policy.Source
	parameters map[string]*parameter
	rules      []condition // parameterRules
	common     part
	variants   []variant // at least one
}

// condition is a compiled requirement or warning.
type condition struct {
	program  *expr.Program
	sentence *expr.Leaf
}

// part is what a template has in common, or what a variant adds.
type part struct {
	requires, warnings []condition
	resources          []resourceNode
	patches            []patchNode
	pods               []*node // at most one
}

// resourceNode is an object to create, for each item of a list where there is
// one.
type resourceNode struct {
	list   *expr.Program
	object *node
}

type patchNode struct {
	on     string
	fields *node
}

type variant struct {
	Variant
	when *expr.Program // nil: always
	part
}
