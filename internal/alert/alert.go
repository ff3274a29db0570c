// Package alert is the one normal form of what security tools send, and the
// decoders that make it.
//
// Start from [Decode]: it takes a payload of any known source, which may hold
// many alerts, and answers for each with an [Alert], with why it is ignored, or
// with what is wrong with it.
//
// Every string of an [Alert] may have been written by an attacker: nothing in
// one is a name, a path or a command until another package has checked it
// against the fleet, and nothing that one names is ever fetched. A subject comes
// from the orchestrator's metadata alone; what contradicts itself there is a
// problem or leaves the subject empty, and is never decided here.
//
// Decoding is a function of the bytes and the options: no clock, no state. It is
// safe for concurrent use.
package alert

import "time"

// Source names a family of senders.
type Source string

// The sources understood so far.
const (
	Auto         Source = "auto"
	Falco        Source = "falco"
	Alertmanager Source = "alertmanager"
	CloudEvents  Source = "cloudevents"
)

// Alert is the normal form of one alert, the same for every source. Its JSON
// keys are what `irgit alert decode` prints and what policies name in CEL.
type Alert struct {
	ID         string            `json:"id"`       // stable for redelivered alerts
	Source     Source            `json:"source"`   // who found it
	Rule       string            `json:"rule"`     // the sender's rule or alert name
	Severity   Severity          `json:"severity"` // marshals as the OCSF word in lower case
	Time       time.Time         `json:"time"`     // when the event happened, UTC; zero when the sender did not say
	Subject    Subject           `json:"subject"`
	Indicators []Indicator       `json:"indicators"`
	Techniques []string          `json:"techniques"` // ATT&CK technique ids: T1059, T1059.004
	Tactics    []string          `json:"tactics"`    // ATT&CK tactics in Falco's spelling, in the order of an attack
	Stage      string            `json:"stage"`      // the tactic furthest along an attack, "" when unknown
	Tags       []string          `json:"tags"`       // sorted, without duplicates
	Fields     map[string]string `json:"fields"`     // evidence only: redacted, bounded, never a target
	Digest     string            `json:"digest"`     // "sha256:" + hex of the alert's raw bytes
	Truncated  bool              `json:"truncated"`  // something was cut, or the sender said so
}

// Subject is what the orchestrator's metadata says was hit. A field is empty
// when the alert does not say; no field is ever derived from process or file
// data (THREATS G8).
type Subject struct {
	Cluster        string   `json:"cluster"`
	Namespace      string   `json:"namespace"`
	Pod            string   `json:"pod"`
	PodUID         string   `json:"podUID,omitempty"`
	Workload       Workload `json:"workload"`
	Container      string   `json:"container"`
	Image          string   `json:"image"`
	Node           string   `json:"node"`
	ServiceAccount string   `json:"serviceAccount"`
}

// Workload is an owner named by the alert itself.
type Workload struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Indicator is a value to look for or to block: ip, cidr, domain, url,
// sha256, image, principal. Values are refanged and validated for their type.
type Indicator struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}
