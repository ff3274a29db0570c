package alert

import (
	"strconv"
	"strings"
	"time"
)

// reading reads one alert by the paths of its fields. The first value that is
// not what it must be is kept as the problem, and reading goes on.
type reading struct {
	evidence
	n    *node
	tags []string
	err  error
}

func (d *decoding) read(n *node) *reading {
	return &reading{evidence: d.evidence(), n: n}
}

// made finishes an alert of which the decoder filled in ID, Source, Rule,
// Severity, Time and Subject.
func (d *decoding) made(where string, r *reading, a Alert) {
	if r.err == nil && strings.Trim(a.Rule, " \t\r\n\x00") == "" {
		r.err = problem("nothing in it names the rule that found it")
	}
	if r.err != nil {
		d.problem(where, r.err)
		return
	}
	a.Rule = r.text(a.Rule, maxRule)
	a.Digest = digest(r.n.raw)
	d.finish(&a, &r.evidence, a.Time, r.tags)
	d.add(where, &a, "", nil)
}

func (r *reading) fail(p problem) {
	if r.err == nil {
		r.err = p
	}
}

// str reads text; "" where there is none.
func (r *reading) str(path string) string {
	v := r.n.at(path)
	switch {
	case v == nil:
		return ""
	case v.kind != text:
		r.fail(problemf("%s: want text", path))
		return ""
	}
	return v.text
}

// first reads the first of several texts that says something.
func (r *reading) first(paths ...string) string {
	for _, path := range paths {
		if s := r.str(path); !absent(s) {
			return s
		}
	}
	return ""
}

// plain reads a text, number or boolean as text.
func (r *reading) plain(path string) string { return r.n.at(path).plain() }

// name reads a name of Kubernetes; "" where there is none. What is longer than
// any is a problem, since what is left of it could be another's.
func (r *reading) name(paths ...string) string {
	for _, path := range paths {
		if s := r.str(path); !absent(s) {
			return r.limited(path, s, maxName)
		}
	}
	return ""
}

func (r *reading) limited(path, s string, most int) string {
	if len(s) > most {
		r.fail(problemf("%s: it has %d bytes, and at most %d can be meant", path, len(s), most))
		return ""
	}
	return r.subject(s)
}

// image reads an image, and puts the digest of a second field behind it.
func (r *reading) image(path, digestPath string) string {
	name, id := r.str(path), ""
	if digestPath != "" {
		id = r.str(digestPath)
	}
	if absent(name) {
		return ""
	}
	if _, sum, ok := strings.Cut(id, "sha256:"); ok && !strings.Contains(name, "@") && sha256Form.MatchString(sum) {
		name += "@sha256:" + sum
	}
	return r.limited(path, name, maxImage)
}

// time reads an RFC 3339 time; the zero time where there is none.
func (r *reading) time(paths ...string) time.Time {
	for _, path := range paths {
		s := r.str(path)
		if s == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			r.fail(problemf("%s: want a time such as 2026-01-02T15:04:05Z", path))
			return time.Time{}
		}
		if t = t.UTC(); t.Year() > 1 {
			return t
		}
	}
	return time.Time{}
}

// unix reads a count of units since 1970.
func (r *reading) unix(path string, unit time.Duration) time.Time {
	v := r.n.at(path)
	if v == nil {
		return time.Time{}
	}
	n, err := strconv.ParseInt(v.plain(), 10, 64)
	if err != nil || n < 0 || n > int64(maxTime/unit) {
		r.fail(problemf("%s: want a time as a number", path))
		return time.Time{}
	}
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n*int64(unit)).UTC()
}

const maxTime = time.Duration(1<<63 - 1)

// list reads an array; nil where there is none.
func (r *reading) list(path string) []node {
	v := r.n.at(path)
	if v == nil {
		return nil
	}
	if v.kind != array {
		r.fail(problemf("%s: want a list", path))
	}
	return v.items
}

// strs reads a list of text, or one text alone.
func (r *reading) strs(path string) (all []string) {
	v := r.n.at(path)
	switch {
	case v == nil:
		return nil
	case v.kind == text:
		return []string{v.text}
	case v.kind != array:
		r.fail(problemf("%s: want a list of text", path))
	}
	for i := range v.items {
		if v.items[i].kind != text {
			r.fail(problemf("%s: want a list of text", path))
			continue
		}
		all = append(all, v.items[i].text)
	}
	return all
}

// keep adds values as evidence under their paths.
func (r *reading) keep(paths ...string) {
	for _, path := range paths {
		r.add(path, r.plain(path))
	}
}

// keepAll adds what is below a path as evidence, each value under its own path.
func (r *reading) keepAll(paths ...string) {
	for _, path := range paths {
		r.flatten(path, r.n.at(path), 0)
	}
}

const maxFlat = 6 // levels that become paths; what is deeper stays JSON

func (e *evidence) flatten(path string, n *node, depth int) {
	switch {
	case n == nil || n.kind == null:
	case n.kind == object && depth < maxFlat:
		for i := range n.members {
			m := &n.members[i]
			e.flatten(path+"."+m.name, &m.value, depth+1)
		}
	case n.kind == array && depth < maxFlat && len(n.items) > 0 && n.items[0].kind == object:
		for i := range n.items {
			e.flatten(path+"["+strconv.Itoa(i)+"]", &n.items[i], depth+1)
		}
	default:
		e.add(path, n.plain())
	}
}

// technique notes the ids of techniques, also such as stand within a longer
// word: MITRE_T1552_unsecured_credentials.
func (e *evidence) technique(words ...string) {
	for _, w := range words {
		for _, part := range strings.FieldsFunc(w, func(c rune) bool { return strings.ContainsRune("_:/ ,-", c) }) {
			if isTechnique(part) {
				e.techniques = append(e.techniques, part)
			}
		}
	}
}

// tactic notes a tactic by its name in any spelling.
func (e *evidence) tactic(name string) {
	if name != "" {
		e.tactics = append(e.tactics, tacticWords(name))
	}
}

// peers notes addresses of the network outside: those of private networks are
// evidence alone, since they may be the subject's own.
func (e *evidence) peers(addresses ...string) {
	for _, a := range addresses {
		if isPublic(a) {
			e.indicate(typeIP, a)
		}
	}
}
