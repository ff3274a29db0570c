package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/manifest"
	"github.com/irgit/irgit/internal/policy"
)

const (
	apiVersion = "irgit.dev/v1alpha1"
	recordKind = "Incident"
	recordFile = "incident.yaml"

	maxFullAlerts = 50       // alerts kept with their evidence; later ones keep id, time and digest
	maxAlerts     = 1000     // then the record takes no more
	maxEvidence   = 16 << 10 // bytes of one alert's fields
)

// Record is what an incident's directory says about it, for the reviewer of
// today and the auditor of next year. Everything in it is a function of the
// alerts, the policies, the templates and the base.
type Record struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   RecordMetadata `json:"metadata"`
	Spec       RecordSpec     `json:"spec"`
}

// RecordMetadata names the incident.
type RecordMetadata struct {
	Name string `json:"name"`
}

// RecordSpec is the record itself.
type RecordSpec struct {
	Status      string            `json:"status"`   // open, released
	Assessment  string            `json:"assessed"` // VERIS security_incident; a person decides whether it is Confirmed
	Key         string            `json:"key"`
	Cluster     string            `json:"cluster"`
	Target      RecordTarget      `json:"target"`
	Severity    alert.Severity    `json:"severity"` // the highest of the alerts
	Techniques  []string          `json:"techniques,omitempty"`
	FirstEvent  time.Time         `json:"firstEvent"`
	LastEvent   time.Time         `json:"lastEvent"`
	Expires     time.Time         `json:"expires"`
	Released    *time.Time        `json:"released,omitempty"`
	Policy      RecordPolicy      `json:"policy"`
	Actions     []RecordAction    `json:"actions"`
	Edits       []RecordEdit      `json:"edits,omitempty"` // of files that teams own
	BlastRadius []Hit             `json:"blastRadius"`
	Warnings    []string          `json:"warnings,omitempty"`
	Proof       string            `json:"proof"`               // digest of the difference that the build showed
	Base        gitops.Revision   `json:"base"`                // what it was rendered against
	Regrafted   string            `json:"regrafted,omitempty"` // why the branch was brought to Base, if it was made from another
	Tool        string            `json:"tool"`                // irgit and its version
	Previous    string            `json:"previous,omitempty"`
	AlertCount  int               `json:"alertCount"`
	Indicators  []alert.Indicator `json:"indicators,omitempty"` // of all alerts
	Alerts      []RecordAlert     `json:"alerts"`
}

// RecordTarget is the workload, by the fleet's own words.
type RecordTarget struct {
	APIVersion     string   `json:"apiVersion"`
	Kind           string   `json:"kind"`
	Namespace      string   `json:"namespace"`
	Name           string   `json:"name"`
	Root           string   `json:"root"`
	ServiceAccount string   `json:"serviceAccount"`
	Images         []string `json:"images,omitempty"`
	Evidence       string   `json:"evidence"` // how the alert was matched to it
	Doubts         []string `json:"doubts,omitempty"`
}

// RecordPolicy is the decision and its reasons.
type RecordPolicy struct {
	Name        string            `json:"name"`
	Merged      []string          `json:"merged,omitempty"` // when several policies answered
	Digest      string            `json:"digest"`
	Tier        policy.Tier       `json:"tier"`
	Description string            `json:"description,omitempty"`
	Why         []string          `json:"why"`
	Response    []policy.Action   `json:"response"`
	Expiry      string            `json:"expiry"`
	Approval    policy.Approval   `json:"approval"`
	Guardrails  policy.Guardrails `json:"guardrails"`
}

// RecordAction is one step and the words auditors know it by.
type RecordAction struct {
	Name       string         `json:"name"`
	Variant    string         `json:"variant,omitempty"`
	Template   string         `json:"template"` // digest
	Parameters map[string]any `json:"parameters,omitempty"`
	Skipped    string         `json:"skipped,omitempty"`
	D3FEND     []string       `json:"d3fend,omitempty"`
	OpenC2     string         `json:"openc2,omitempty"`
	Phase      string         `json:"phase,omitempty"`
	CSF        []string       `json:"csf,omitempty"`
	Files      []string       `json:"files,omitempty"`
}

// RecordEdit is what was written into a file that a team owns. What the release
// needs to take it back is kept by package render.
type RecordEdit struct {
	File    string   `json:"file"`
	How     string   `json:"how"` // wiring, manifest, sync
	Line    int      `json:"line"`
	Removed []string `json:"removed,omitempty"`
	Added   []string `json:"added,omitempty"`
}

// RecordAlert is one alert, redacted. Strings of it are an attacker's where
// the alert's were; they are values of this file and nothing else.
type RecordAlert struct {
	ID         string            `json:"id"`
	Time       time.Time         `json:"time"`
	Digest     string            `json:"digest"`
	Source     alert.Source      `json:"source"`
	Rule       string            `json:"rule,omitempty"`
	Severity   alert.Severity    `json:"severity"`
	Techniques []string          `json:"techniques,omitempty"`
	Stage      string            `json:"stage,omitempty"`
	Pod        string            `json:"pod,omitempty"`
	PodUID     string            `json:"podUID,omitempty"`
	Container  string            `json:"container,omitempty"`
	Image      string            `json:"image,omitempty"`
	Node       string            `json:"node,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"`
	Truncated  bool              `json:"truncated,omitempty"`
}

func recordAlert(a alert.Alert) RecordAlert {
	out := RecordAlert{
		ID: a.ID, Time: a.Time, Digest: a.Digest, Source: a.Source, Rule: a.Rule, Severity: a.Severity,
		Techniques: a.Techniques, Stage: a.Stage, Pod: a.Subject.Pod, PodUID: a.Subject.PodUID, Container: a.Subject.Container,
		Image: a.Subject.Image, Node: a.Subject.Node, Fields: map[string]string{}, Truncated: a.Truncated,
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
		if size += len(name) + len(a.Fields[name]); size > maxEvidence {
			out.Truncated = true
			break
		}
		out.Fields[name] = a.Fields[name]
	}
	return out
}

// strip takes out of an alert what its sender wrote freely.
func (a *RecordAlert) strip() {
	*a = RecordAlert{ID: a.ID, Time: a.Time, Digest: a.Digest, Source: a.Source, Severity: a.Severity, Techniques: a.Techniques, Truncated: true}
}

// String names the target to people.
func (t RecordTarget) String() string {
	return fleet.Workload{Kind: t.Kind, Namespace: t.Namespace, Name: t.Name}.String()
}

// file is where the record is kept.
func (r *Record) file(c fleet.Cluster) string {
	return path.Join(c.Response, r.Metadata.Name, recordFile)
}

// knows reports whether the alert is in the record.
func (r *Record) knows(a alert.Alert) bool {
	return slices.ContainsFunc(r.Spec.Alerts, func(have RecordAlert) bool { return have.ID == a.ID })
}

func (r *Record) full() bool { return len(r.Spec.Alerts) >= maxAlerts }

// add takes an alert in, with what its plan asks for, and reports whether it
// is new and there is room for it.
func (r *Record) add(a alert.Alert, plan policy.Plan) bool {
	s := &r.Spec
	if r.full() || r.knows(a) {
		return false
	}
	s.AlertCount++
	s.Severity = max(s.Severity, a.Severity)
	s.Techniques = union(s.Techniques, a.Techniques)
	if s.FirstEvent.IsZero() || a.Time.Before(s.FirstEvent) {
		s.FirstEvent = a.Time
	}
	if a.Time.After(s.LastEvent) {
		s.LastEvent = a.Time
	}
	if a.Time.After(s.Expires) { // nothing is merged yet, so this is when it would begin
		s.Expires = expiryOf(a.Time, plan)
	}
	for _, i := range a.Indicators {
		if !slices.Contains(s.Indicators, i) && len(s.Indicators) < maxAlerts {
			s.Indicators = append(s.Indicators, i)
		}
	}
	entry := recordAlert(a)
	if len(s.Alerts) >= maxFullAlerts {
		entry.strip()
	}
	s.Alerts = append(s.Alerts, entry)
	r.merge(plan)
	return true
}

func expiryOf(event time.Time, plan policy.Plan) time.Time {
	return event.Add(plan.Expiry).UTC().Truncate(time.Second)
}

// merge takes in what a later alert's plan asks for beyond the recorded one,
// by the rules of policy's merging: an action keeps its parameters, and nothing
// gets looser. The expiry does not move.
func (r *Record) merge(plan policy.Plan) {
	p := &r.Spec.Policy
	for _, a := range plan.Actions {
		i := slices.IndexFunc(p.Response, func(have policy.Action) bool { return have.Name == a.Name })
		if i < 0 {
			p.Response = append(p.Response, a)
			continue
		}
		p.Response[i].Optional = p.Response[i].Optional && a.Optional
	}
	if plan.Approval.Mode == policy.Propose {
		p.Approval.Mode = policy.Propose
	}
	p.Approval.Reviewers = union(p.Approval.Reviewers, plan.Approval.Reviewers)
	p.Approval.Teams = union(p.Approval.Teams, plan.Approval.Teams)
	p.Approval.Labels = union(p.Approval.Labels, plan.Approval.Labels)
	p.Guardrails.Merge(plan.Guardrails)
	if plan.PolicyDigest != p.Digest {
		p.Digest, p.Why = plan.PolicyDigest, plan.Why
	}
}

// union is both lists, sorted, each entry once.
func union(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

const recordComment = "What irgit knows about this incident. No cluster applies this file."

// recordOrder puts what a person looks for first, and evidence last.
var recordOrder = []string{
	"status", "assessed", "cluster", "target", "severity", "techniques", "firstEvent", "lastEvent", "expires", "released",
	"policy", "actions", "edits", "blastRadius", "warnings", "proof", "base", "regrafted", "tool", "previous", "key", "alertCount", "indicators", "alerts",
}

// encode gives the file's bytes.
func (r *Record) encode() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write record %s: %w", r.Metadata.Name, err)
	}
	plain, err := manifest.Decode(text) // JSON is YAML
	if err != nil {
		return nil, fmt.Errorf("write record %s: %w", r.Metadata.Name, err)
	}
	data, err := manifest.Encode(recordComment, plain, recordOrder...)
	if err != nil {
		return nil, fmt.Errorf("write record %s: %w", r.Metadata.Name, err)
	}
	return data, nil
}

// parseRecord reads a record strictly.
func parseRecord(file string, data []byte) (*Record, error) {
	var r Record
	if err := yaml.UnmarshalStrict(data, &r); err != nil {
		return nil, fmt.Errorf("read record %s: %s", file, strings.Join(strings.Fields(err.Error()), " "))
	}
	if r.APIVersion != apiVersion || r.Kind != recordKind || r.Metadata.Name == "" || r.Spec.Cluster == "" {
		return nil, fmt.Errorf("read record %s: it is not an %s %s", file, apiVersion, recordKind)
	}
	return &r, nil
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
