package alert

import (
	"slices"
	"strings"
	"time"
)

// words are the names that a message may repeat: those that decoders know.
var words = []string{
	"alerts", "annotations", "commonAnnotations", "commonLabels", "data", "data_base64", "datacontenttype", "endsAt", "fingerprint",
	"groupLabels", "hostname", "id", "labels", "output", "output_fields", "priority", "rule", "source", "specversion", "startsAt", "status",
	"tags", "time", "truncatedAlerts", "type", "uuid", "version",
}

// known gives a name that decoders know, and else a word for it: names in an
// alert are its text too.
func known(name string) string {
	if slices.Contains(words, name) || slices.Contains(subjectNames, name) {
		return name
	}
	return "a field"
}

// subjectNames are the names of all fields that a subject is read from.
var subjectNames = func() (all []string) {
	for _, table := range [][]field{falcoSubject, labelSubject, falcoLabelSubject} {
		for _, f := range table {
			all = append(all, f.names...)
		}
	}
	return all
}()

// textOf reads a member that must be text when it is there.
func (n *node) textOf(name string) (string, error) {
	v := n.get(name)
	if v == nil {
		return "", nil
	}
	if v.kind != text {
		return "", problemf("%s: want text", known(name))
	}
	return v.text, nil
}

// timeOf reads an RFC 3339 time, in UTC. Year 1 is how some say never.
func (n *node) timeOf(name string) (time.Time, error) {
	s, err := n.textOf(name)
	if err != nil || s == "" {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, problemf("%s: want a time such as 2026-01-02T15:04:05Z", known(name))
	}
	if t = t.UTC(); t.Year() <= 1 {
		return time.Time{}, nil
	}
	return t, nil
}

// objectOf reads a member that must be an object when it is there.
func (n *node) objectOf(name string) (*node, error) {
	v := n.get(name)
	if v != nil && v.kind != object {
		return nil, problemf("%s: want an object", known(name))
	}
	return v, nil
}

// field is one field of a Subject and the names that senders give it.
type field struct {
	names     []string
	most      int  // bytes
	container bool // "host" means none
	into      func(s *said) *string
}

// said is what an alert says of its subject: the Subject, and what one is put
// together from where a sender gives no whole.
type said struct {
	Subject
	deployment, controller, replicaSet string
	repository, tag, digest            string
}

// subject reads a Subject by a table. Names of one field that say different
// things contradict each other, and nobody here can know which is right.
func (e *evidence) readSubject(n *node, table []field) (s said, err error) {
	for _, f := range table {
		first := ""
		for _, name := range f.names {
			v := n.get(name)
			if v == nil {
				continue
			}
			if v.kind != text {
				return s, problemf("%s: want text", name)
			}
			got := v.text
			if absent(got) || f.container && got == "host" {
				continue
			}
			if len(got) > f.most {
				return s, problemf("%s: it has %d bytes, and at most %d can be meant", name, len(got), f.most)
			}
			at := f.into(&s)
			if first != "" && *at != e.subject(got) {
				return s, problemf("%s and %s contradict each other: what was hit is not known", first, name)
			}
			first, *at = name, e.subject(got)
		}
	}
	return s, nil
}

// internalEvent says why an event is about the sensor itself, and "" for any other.
func internalEvent(rule, source string) string {
	switch {
	case strings.HasPrefix(rule, "Falco internal:"), source == "internal":
		return "an event of Falco about itself: it never triggers anything"
	case rule == "Test rule":
		return "falcosidekick's test rule: it never triggers anything"
	}
	return ""
}
