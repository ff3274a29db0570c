// Package proposal writes the text that a reviewer reads: the pull request's
// title and body, the same for a terminal, and the body of the commit message.
//
// Start from [Document], which holds plain values; [Render], [Terminal],
// [Subject] and [CommitBody] are pure functions of it. They write in the order
// in which a person woken at night needs it: what happened, what this changes,
// whom it hits, what it does not do, when it expires, how to undo it; then the
// rendered difference and the evidence.
//
// Invariants:
//   - Text of type [Untrusted] comes out as the content of one code span or one
//     line of a code block and as nothing else: no line of the body that holds
//     it starts with it, and it is no command, mention, reference, link, image,
//     markup or comment. It is in no title and in no commit message.
//   - Other text is escaped as well; only what this package writes itself is
//     markup. The structure of a body does not depend on any text in it.
//   - A body has at most MaxBody bytes. What was left out is said, with the
//     place where it is.
//   - Same document, same bytes.
package proposal

import "time"

// MaxBody is the greatest length of a body. GitHub itself stops at 65,536
// characters.
const MaxBody = 58_000

// Untrusted is text that may have been written by an attacker: anything that
// an alert says. Secrets in it were masked by the caller.
type Untrusted string

// Document is what is proposed. Lists are in the order in which they are to be
// read.
type Document struct {
	Incident string // id: <yyyymmdd>-<slug>-<key>
	Key      string // 8 hex digits
	Cluster  string
	Target   Object
	Branch   string // of the proposal
	Base     string // the branch that it is to be merged into
	PlainGit bool   // there is no pull request: the branch is the proposal

	// What happened.
	Severity    string // OCSF's word
	Source      string // falco, alertmanager, …
	Rule        Untrusted
	Count       int // of alerts
	First, Last time.Time
	Techniques  []string // ATT&CK ids

	// Why this answer.
	Policy Policy

	// What is changed, whom it hits, what is known against it.
	Actions  []Action // skipped ones included
	Hits     []Workload
	Traffic  Traffic
	Warnings []string
	Files    []File // all files of the commit
	Edits    []Edit // of files that teams own, which are among them

	Expires time.Time

	Difference string   // of what the roots render, as a unified diff
	Roots      []string // built before and after

	Evidence []Alert
	Record   string // path of the incident's record

	BaseRevision, PolicyDigest, Proof string
	Signed                            bool
}

// Traffic is what becomes of the flows from and to the target, by the policies
// in Git. It is zero where no policy is created.
type Traffic struct {
	Flows   []Flow // that are cut, open, go on, or that nothing certain is known of any more
	Stays   int    // flows that were denied before
	Unclear int    // flows of which nothing certain was known before either
	Unknown string // why nothing can be said
}

// Flow is traffic between two ends; both are words of the fleet.
type Flow struct {
	What     string // cut, opens, lives, unclear
	From, To string // To with the port
	Why      string // the policy that cuts, or what is not known; may be empty
}

// Object names a Kubernetes object.
type Object struct{ Kind, Namespace, Name string }

// Policy is the response policy that decided.
type Policy struct {
	Name        string
	Tier        string
	Description string
	Why         []string // one sentence each
}

// Action is one step of the response.
type Action struct {
	Name, Variant string
	Summary       string
	Skipped       string // why it was left out; then nothing below is read
	Changes       []ObjectChange
	DoesNot       []string
	Cuts          string // open connections: yes, no, unknown
	Undo          string // what its release does
	UndoHurts     string // what that may cost

	D3FEND, CSF   []string
	OpenC2, Phase string
}

// ObjectChange is one object that an action creates or patches.
type ObjectChange struct {
	Patch  bool // the object is there; only fields of it are set
	Object Object
	Fields []string // of a patch: "spec.paused: true"
}

// Workload is one workload that the change reaches.
type Workload struct {
	Object
	How         string // the target; shares the selector; …
	Replicas    string // "3", "2 to 6"; "" when not known
	Images      []string
	HostNetwork bool
}

// File is one file of the commit.
type File struct {
	Path   string
	Change string // add, edit, delete
}

// Edit is a piece of text that is changed in a file that a team owns.
type Edit struct {
	File           string
	Line           int // from 1
	Why            string
	Removed, Added []string // lines
}

// Alert is the evidence of one alert.
type Alert struct {
	Time     time.Time
	Source   string
	Severity string
	Rule     Untrusted
	Digest   string // of the raw bytes
	Fields   []Field
	Cut      bool // the alert was longer than what is kept of it
}

// Field is one value of an alert.
type Field struct{ Name, Value Untrusted }

// Render writes the title and the Markdown body of the pull request.
func Render(d Document) (title, body string) { return Subject(d), fit(read(d)) }

// Terminal writes the same as plain text, whose control characters are those of
// line ends alone.
func Terminal(d Document) string {
	var p plainWriter
	p.sections(compose(read(d), whole))
	return p.String()
}
