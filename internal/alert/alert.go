// Package alert is the one normal form of what security tools send.
//
// Every string of an [Alert] may have been written by an attacker: nothing in
// one is a name, a path or a command until another package has checked it
// against the fleet.
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

// Severity is OCSF's scale (https://schema.ocsf.io, severity_id): an ordered
// enum, so severities compare with <.
type Severity int

// OCSF severities.
const (
	SeverityUnknown Severity = iota
	Informational
	Low
	Medium
	High
	Critical
	Fatal
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
	Stage      string            `json:"stage"`      // ATT&CK tactic in Falco's spelling, "" when unknown
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
