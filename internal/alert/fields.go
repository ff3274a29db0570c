package alert

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/irgit/irgit/internal/redact"
)

// Limits of the normal form, so that a record stays small (THREATS A6).
const (
	maxFields    = 128
	maxFieldName = 256
	maxField     = 4 << 10 // bytes of one value
	maxLook      = 16 << 10
	maxRule      = 256
	maxTags      = 64
	maxTag       = 128
	maxName      = 253 // of anything in Kubernetes
	maxImage     = 1024

	short      = 64   // bytes of what is remembered within one input
	remembered = 1024 // of these
)

// evidence collects the fields of an alert: redacted, cut, and in no way a
// target.
type evidence struct {
	d          *decoding
	pairs      []pair      // to be fields
	found      []Indicator // as the alert has them
	techniques []string    // that the sender's fields name, or a rule of ours
	tactics    []string    // likewise, in the spelling of Alert.Stage
	cut        bool        // something was
}

type pair struct{ name, value string }

// evidence makes one, with the room for pairs that the last alert has left.
func (d *decoding) evidence() evidence {
	e := evidence{d: d, pairs: d.pairs}
	d.pairs = nil
	return e
}

func (e *evidence) add(name, value string) {
	if value != "" {
		e.pairs = append(e.pairs, pair{name, value})
	}
}

// addAll takes the members of an object; null is absent, and what is no text is
// kept as the JSON that it was.
func (e *evidence) addAll(prefix string, n *node) {
	if n == nil {
		return
	}
	for i := range n.members {
		m := &n.members[i]
		e.add(prefix+m.name, m.value.plain())
	}
}

// plain is any value as text.
func (n *node) plain() string {
	switch {
	case n == nil || n.kind == null:
		return ""
	case n.kind == object, n.kind == array:
		return n.raw
	}
	return n.text
}

// fields gives what was collected. Where there is too much, the first names in
// their order stay.
func (e *evidence) fields() map[string]string {
	slices.SortStableFunc(e.pairs, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	out := make(map[string]string, min(len(e.pairs), maxFields))
	for _, p := range e.pairs {
		name := e.text(p.name, maxFieldName)
		if _, twice := out[name]; twice || name == "" {
			e.cut = true
			continue
		}
		if len(out) == maxFields {
			e.cut = true
			break
		}
		value := p.value
		if e.namesSecret(p.name) {
			value, _ = e.d.Redactor.Value(p.name, clean(value))
		}
		out[name] = e.text(value, maxField)
	}
	return out
}

// redact masks secrets. Sensors say the same short things again and again, so
// that these are remembered.
func (e *evidence) redact(s string) string {
	if len(s) > short {
		s, _ = e.d.Redactor.Text(s)
		return s
	}
	masked, ok := e.d.masked[s]
	if !ok {
		masked, _ = e.d.Redactor.Text(s)
		if len(e.d.masked) < remembered {
			e.d.masked[s] = masked
		}
	}
	return masked
}

// namesSecret remembers the answer about short names, as redact does.
func (e *evidence) namesSecret(name string) bool {
	secret, ok := e.d.secrets[name]
	if !ok {
		secret = redact.NamesSecret(name)
		if len(name) <= short && len(e.d.secrets) < remembered {
			e.d.secrets[name] = secret
		}
	}
	return secret
}

// text cleans, redacts and cuts a string, in this order: what was cut first
// could be half of a secret that no rule knows any more.
func (e *evidence) text(s string, most int) string {
	look := max(most, maxLook)
	if len(s) > look {
		// The rest is cut in any case. The end of what is left may be half a secret.
		s = upTo(s, look)
		if i := strings.LastIndexAny(s, " \t\n"); i > most {
			s = s[:i]
		}
		e.cut = true
	}
	s = e.redact(clean(s))
	if len(s) > most {
		s, e.cut = upTo(s, most), true
	}
	return s
}

// clean keeps everything that is a character, control characters too: whoever
// prints a value escapes them. NUL ends strings in other programs and goes.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// upTo cuts at the start of a character.
func upTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// absent are ways to say that a field has no value. "host" is Falco's name for
// no container and counts only where a container is meant.
func absent(value string) bool {
	switch strings.TrimSpace(value) {
	case "", "<NA>", "N/A", "null":
		return true
	}
	return false
}

// subject cleans a name of the orchestrator. Nothing is taken out of it, since
// what is left could be the name of something else.
func (e *evidence) subject(s string) string {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	}
	return e.redact(s)
}

// finish fills in what every source's alerts have in common.
func (d *decoding) finish(a *Alert, e *evidence, at time.Time, tags []string) {
	if at.IsZero() && !d.Received.IsZero() {
		at = d.Received.UTC()
	}
	a.Time = at
	a.Tags = e.tags(tags)
	a.Techniques, a.Tactics, a.Stage = attack(append(e.techniques, a.Tags...), e.tactics)
	e.indicate(typeImage, a.Subject.Image)
	a.Indicators = e.indicators()
	a.Fields = e.fields()
	clear(e.pairs)
	d.pairs = e.pairs[:0]
	a.Truncated = e.cut
}
