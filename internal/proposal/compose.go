package proposal

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// limits bound what has no length of its own.
type limits struct {
	rows, sentences      int // of one list
	text                 int // characters of one written sentence or name
	difference, evidence int // bytes of the two long parts
}

var (
	whole  = limits{rows: 200, sentences: 100, text: 600, difference: 1 << 30, evidence: 1 << 30}
	usual  = limits{rows: 40, sentences: 20, text: 400}
	narrow = limits{rows: 8, sentences: 4, text: 160} // for names of a length that no cluster has
	least  = limits{rows: 1, sentences: 1, text: 40}
)

// reading is a document with its two long parts made ready.
type reading struct {
	Document
	diff, alerts string
}

func read(d Document) reading { return reading{d, tidy(d.Difference), evidence(d.Evidence)} }

// compose puts a document into the order in which it is read.
func compose(d reading, l limits) []section {
	left := len(d.Actions) - l.rows
	d.Actions = first(d.Actions, l.rows)
	all := []section{
		{"", d.firstScreen(l)},
		{"What happened", d.happened(l)},
		{"What this changes", d.changes(l, left)},
		{"Whom it hits", d.hits(l)},
		{"Who can still talk to it", d.traffic(l)},
		{"What it does not do", d.doesNot(l)},
		{"When it expires", d.expires()},
		{"How to undo it", d.undo()},
		{"The rendered difference", d.difference(l)},
		{"Evidence", d.evidence(l)},
		{"How to check it", d.check(l)},
	}
	if !d.Traffic.known() {
		all = slices.DeleteFunc(all, func(s section) bool { return s.title == "Who can still talk to it" })
	}
	return all
}

func (d Document) happened(l limits) []block {
	facts := list{{text: line(ours("Found by "), text(d.Source), ours(" with the rule "), quoted(d.Rule), ours(", severity "), text(d.Severity), ours("."))}}
	facts = append(facts, item{text: line(ours(d.count() + ", " + between(d.First, d.Last) + "."))})
	if len(d.Techniques) > 0 {
		facts = append(facts, item{text: concat(line(ours("ATT&CK: ")), names(d.Techniques, l))})
	}
	why := item{text: line(ours("Answered by the policy "), name(d.Policy.Name), ours(", tier "), text(d.Policy.Tier), ours(". "), text(d.Policy.Description))}
	for _, s := range first(d.Policy.Why, l.sentences) {
		why.below = append(why.below, line(text(s)))
	}
	return []block{append(facts, why)}
}

func (d Document) changes(l limits, left int) []block {
	var all list
	for _, a := range d.Actions {
		if a.Skipped != "" {
			all = append(all, item{text: line(bold("Left out:"), ours(" "), name(a.Name), ours(": "), text(a.Skipped))})
			continue
		}
		i := item{text: line(name(a.Name), ours(": "), text(a.Summary))}
		for _, c := range first(a.Changes, l.rows) {
			verb := "Creates "
			if c.Patch {
				verb = "Sets in "
			}
			below := append(line(ours(verb)), object(c.Object)...)
			if len(c.Fields) > 0 {
				below = concat(below, line(ours(": ")), names(c.Fields, l))
			}
			i.below = append(i.below, below)
		}
		i.below = append(i.below, line(ours(a.connections())))
		all = append(all, i)
	}
	if left > 0 {
		all = append(all, item{text: line(bold(fmt.Sprintf("And %d more actions:", left)), ours(" see the record"))})
	}
	var files list
	for _, f := range first(d.Files, l.rows) {
		files = append(files, item{text: line(text(f.Change), ours(" "), name(f.Path))})
	}
	files = files.rest(len(d.Files))
	return append(append([]block{all}, d.edits(l)...), fold{fmt.Sprintf("Files of the commit: %d", len(d.Files)), []block{files}})
}

// edits shows what becomes of files that teams own, line by line.
func (d Document) edits(l limits) []block {
	if len(d.Edits) == 0 {
		return nil
	}
	blocks := []block{line(bold("It edits files of yours,"), ours(" at these lines alone; the release takes them back:"))}
	for _, e := range first(d.Edits, l.rows) {
		kept, shown, all := head(tidy(e.diff()), l.text*10)
		blocks = append(blocks, line(name(e.File), ours(fmt.Sprintf(", line %d: ", e.Line)), text(e.Why)), code{"diff", kept})
		if shown < all {
			blocks = append(blocks, line(ours(fmt.Sprintf("Cut after %d of %d lines, see the record.", shown, all))))
		}
	}
	if n := len(d.Edits) - l.rows; n > 0 {
		blocks = append(blocks, line(ours(fmt.Sprintf("And %d more edits, see the record.", n))))
	}
	return blocks
}

func (e Edit) diff() string {
	var b strings.Builder
	for _, s := range e.Removed {
		b.WriteString("-" + s + "\n")
	}
	for _, s := range e.Added {
		b.WriteString("+" + s + "\n")
	}
	return b.String()
}

// vocabulary is what an auditor calls the action.
func (a Action) vocabulary(l limits) paragraph {
	parts := line(ours("Action "), name(a.Name), ours(" in standard words: "))
	none := len(parts)
	add := func(title string, words []string) {
		words = slices.DeleteFunc(slices.Clone(words), func(s string) bool { return s == "" })
		if len(words) == 0 {
			return
		}
		if len(parts) > none {
			parts = append(parts, ours("; "))
		}
		parts = concat(parts, line(ours(title+" ")), names(words, l))
	}
	add("D3FEND", a.D3FEND)
	add("OpenC2", []string{a.OpenC2})
	add("CSF", a.CSF)
	add("phase", []string{a.Phase})
	add("variant", []string{a.Variant})
	return parts
}

func (d Document) hits(l limits) []block {
	t := table{head: []string{"Workload", "Pods", "How", "Images"}}
	for _, h := range first(d.Hits, l.rows) {
		how := line(text(h.How))
		if h.HostNetwork {
			how = append(how, ours("; its pods use the host's network"))
		}
		t.rows = append(t.rows, []paragraph{object(h.Object), orNone(line(text(h.Replicas))), how, orNone(names(h.Images, l))})
	}
	if n := len(d.Hits) - len(t.rows); n > 0 {
		t.rows = append(t.rows, []paragraph{line(ours(fmt.Sprintf("and %d more", n))), line(ours("-")), line(ours("-")), line(ours("see the record"))})
	}
	return []block{t}
}

func (d Document) doesNot(l limits) []block {
	var all list
	for _, a := range d.taken() {
		i := item{text: line(name(a.Name))}
		for _, s := range first(a.DoesNot, l.sentences) {
			i.below = append(i.below, line(text(s)))
		}
		if len(i.below) > 0 {
			all = append(all, i)
		}
	}
	return []block{append(all, item{text: line(ours("None of it takes back what was done before: what the workload could read, it may have read."))})}
}

func (d Document) expires() []block {
	all := list{}
	for _, a := range d.taken() {
		if a.Undo != "" || a.UndoHurts != "" {
			all = append(all, item{text: line(name(a.Name), ours(": "), text(a.Undo), ours(" "), text(a.UndoHurts))})
		}
	}
	blocks := []block{line(bold(minute(d.Expires)), ours(d.term()+". Nothing ends by itself. The release is a proposal that removes these files: "), name("irgit incident release "+d.Incident), ours("."))}
	if len(all) > 0 {
		blocks = append(blocks, line(ours("What the release does:")), all)
	}
	return blocks
}

func minute(t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}

// between names the day once if it is one.
func between(from, to time.Time) string {
	const day, clock = "2006-01-02", "15:04:05"
	from, to = from.UTC(), to.UTC()
	switch {
	case from.IsZero() || to.IsZero():
		return "at an unknown time"
	case from.Truncate(time.Second).Equal(to.Truncate(time.Second)):
		return from.Format(day+" "+clock) + " UTC"
	case from.Format(day) == to.Format(day):
		return from.Format(day+" "+clock) + " to " + to.Format(clock) + " UTC"
	}
	return from.Format(day+" "+clock) + " to " + to.Format(day+" "+clock) + " UTC"
}

func duration(d time.Duration) string {
	if d = d.Round(time.Minute); d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return strings.TrimSuffix(d.String(), "0s")
}
