package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/irgit/irgit/internal/expr"
)

// Generic is any JSON that a [Mapping] of the configuration reads.
const Generic Source = "generic"

// Mapping reads a source that irgit does not know. Its values are CEL
// expressions over `event`, the JSON object, and, where Each is given, `item`,
// one of its list. An expression that gives null or an empty value says that
// the event does not say; one that fails makes the event a problem, so that
// fields which may be missing are written event.?field.orValue("").
type Mapping struct {
	Name       string            `json:"name"`       // for people
	When       string            `json:"when"`       // a bool: this mapping is meant for the event
	Each       string            `json:"each"`       // a list: an alert for each item; empty: the event is one alert
	ID         string            `json:"id"`         // text that stays the same when the alert is sent again; empty: its bytes
	Rule       string            `json:"rule"`       // text
	Severity   string            `json:"severity"`   // a word of OCSF's scale, or of those that alerts of Prometheus have
	Time       string            `json:"time"`       // RFC 3339 text, or seconds since 1970
	Subject    MappedSubject     `json:"subject"`    // names of the orchestrator alone: whatever a process can choose is no name
	Techniques string            `json:"techniques"` // text or a list of it
	Tactic     string            `json:"tactic"`     // text, in any spelling
	Tags       string            `json:"tags"`       // text or a list of it
	Indicators map[string]string `json:"indicators"` // by type: text or a list of it
	Fields     map[string]string `json:"fields"`     // evidence; what is no text is kept as JSON
}

// MappedSubject are expressions that give the text of a [Subject]'s fields.
type MappedSubject struct {
	Cluster        string `json:"cluster"`
	Namespace      string `json:"namespace"`
	Pod            string `json:"pod"`
	PodUID         string `json:"podUID"`
	WorkloadKind   string `json:"workloadKind"`
	WorkloadName   string `json:"workloadName"`
	Container      string `json:"container"`
	Image          string `json:"image"`
	Node           string `json:"node"`
	ServiceAccount string `json:"serviceAccount"`
}

// Mappings are compiled. They are immutable and safe for concurrent use.
type Mappings struct{ all []*mapping }

type mapping struct {
	Mapping
	when    *expr.Program
	values  map[string]*expr.Program // by path: rule, subject.pod, fields.x
	subject []mappedField
}

type mappedField struct {
	name   string
	source string
	most   int
	into   func(s *Subject) *string
}

func (m *Mapping) subjectFields() []mappedField {
	s := m.Subject
	return []mappedField{
		{"cluster", s.Cluster, maxImage, func(s *Subject) *string { return &s.Cluster }},
		{"namespace", s.Namespace, maxName, func(s *Subject) *string { return &s.Namespace }},
		{"pod", s.Pod, maxName, func(s *Subject) *string { return &s.Pod }},
		{"podUID", s.PodUID, maxName, func(s *Subject) *string { return &s.PodUID }},
		{"workloadKind", s.WorkloadKind, maxName, func(s *Subject) *string { return &s.Workload.Kind }},
		{"workloadName", s.WorkloadName, maxName, func(s *Subject) *string { return &s.Workload.Name }},
		{"container", s.Container, maxName, func(s *Subject) *string { return &s.Container }},
		{"image", s.Image, maxImage, func(s *Subject) *string { return &s.Image }},
		{"node", s.Node, maxName, func(s *Subject) *string { return &s.Node }},
		{"serviceAccount", s.ServiceAccount, maxName, func(s *Subject) *string { return &s.ServiceAccount }},
	}
}

// NewMappings compiles mappings. The error lists every problem of them, each
// with its place: generic[0].subject.pod.
func NewMappings(all []Mapping) (*Mappings, error) {
	env, err := expr.NewEnv(expr.Vars{"event": map[string]any{}, "item": nil})
	if err != nil {
		return nil, err
	}
	out := &Mappings{}
	var problems []error
	for i, m := range all {
		c := &mapping{Mapping: m, values: map[string]*expr.Program{}, subject: m.subjectFields()}
		place := func(name string) string { return element("", string(Generic), i) + "." + name }
		if c.when, err = env.Condition(m.When); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", place("when"), err))
		}
		if m.Rule == "" {
			problems = append(problems, fmt.Errorf("%s: missing: every alert names what found it", place("rule")))
		}
		sources := c.sources()
		for _, name := range slices.Sorted(maps.Keys(sources)) {
			if c.values[name], err = env.Value(sources[name]); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", place(name), err))
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(m.Indicators)) {
			if !slices.Contains(indicatorTypes, kind) {
				problems = append(problems, fmt.Errorf("%s: no type of indicator: use one of %q", place("indicators."+kind), indicatorTypes))
			}
		}
		out.all = append(out.all, c)
	}
	return out, errors.Join(problems...)
}

// sources are the expressions of a mapping that are not empty, by their paths.
func (m *mapping) sources() map[string]string {
	out := map[string]string{
		"each": m.Each, "id": m.ID, "rule": m.Rule, "severity": m.Severity, "time": m.Time, "techniques": m.Techniques, "tactic": m.Tactic, "tags": m.Tags,
	}
	for _, f := range m.subject {
		out["subject."+f.name] = f.source
	}
	for kind, source := range m.Indicators {
		out["indicators."+kind] = source
	}
	for name, source := range m.Fields {
		out["fields."+name] = source
	}
	maps.DeleteFunc(out, func(_, source string) bool { return source == "" })
	return out
}

// find gives the first mapping that is meant for an event.
func (m *Mappings) find(event any) *mapping {
	if m == nil {
		return nil
	}
	for _, c := range m.all {
		if yes, err := c.when.True(context.Background(), expr.Vars{"event": event, "item": nil}); err == nil && yes {
			return c
		}
	}
	return nil
}

func (m *Mappings) looks(n *node) bool { return m != nil && m.find(n.data()) != nil }

func decodeGeneric(d *decoding, n *node, where string) {
	event := n.data()
	m := d.Mappings.find(event)
	if m == nil {
		d.problem(where, problem("no mapping of the configuration is meant for this event: its `when` is false, or asks for a field that is not there"))
		return
	}
	if m.Each == "" {
		d.mapped(m, n, event, nil, where)
		return
	}
	list, ok := m.value("each", event, nil)
	items, isList := list.([]any)
	switch {
	case !ok || !isList && list != nil:
		d.problem(where, problem("each: the expression fails on this event, or gives no list"))
	case len(items) == 0:
		d.ignore(where, "a list without items")
	}
	for i, item := range items {
		if len(d.items) > MaxAlerts {
			return
		}
		d.mapped(m, n, event, item, element(where, "item", i))
	}
}

func (m *mapping) value(name string, event, item any) (value any, ok bool) {
	program := m.values[name]
	if program == nil {
		return nil, true
	}
	value, err := program.Eval(context.Background(), expr.Vars{"event": event, "item": item})
	return value, err == nil
}

func (d *decoding) mapped(m *mapping, n *node, event, item any, where string) {
	r := d.read(n)
	// An error of CEL may hold words of the alert, so that it is not repeated.
	get := func(name string) any {
		value, ok := m.value(name, event, item)
		if !ok {
			r.fail(problemf("%s: the expression of the mapping fails on this event", name))
		}
		return value
	}
	a := Alert{Source: Generic, Rule: r.one("rule", get("rule")), Severity: severityOf(labelSeverities, r.one("severity", get("severity"))), Time: r.mappedTime(get("time"))}
	for _, f := range m.subject {
		if value := r.one("subject."+f.name, get("subject."+f.name)); !absent(value) {
			*f.into(&a.Subject) = r.limited("subject."+f.name, value, f.most)
		}
	}
	a.ID = identify(Generic, "digest", digest(n.raw), where)
	if id := r.one("id", get("id")); id != "" {
		a.ID = identify(Generic, "id", m.Name, id)
	}
	r.techniques = r.many("techniques", get("techniques"))
	r.tactic(r.one("tactic", get("tactic")))
	r.tags = r.many("tags", get("tags"))
	for _, kind := range slices.Sorted(maps.Keys(m.Indicators)) {
		for _, value := range r.many("indicators."+kind, get("indicators."+kind)) {
			r.indicate(kind, value)
		}
	}
	for name := range m.Fields {
		r.add(name, asText(get("fields."+name)))
	}
	r.add("mapping", m.Name)
	r.techniques = slices.DeleteFunc(r.techniques, func(t string) bool { return !isTechnique(t) })
	d.made(where, r, a)
}
