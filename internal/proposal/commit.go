package proposal

import (
	"fmt"
	"strings"
)

const (
	commitWidth = 72
	mostCommit  = 12_000 // bytes of a body
)

// CommitBody is the body of the commit message, without the trailers: what is
// contained and why, whom it hits, until when, and how to undo it. Where the
// forge is plain git, this is all that a reviewer reads. It is printable ASCII,
// holds no text of an alert, and no line of it starts with ---.
func CommitBody(d Document) string {
	var c commitWriter
	c.paragraph("Contain %s %s/%s in %s: %s.", d.Target.Kind, d.Target.Namespace, d.Target.Name, d.Cluster, strings.Join(d.actionNames(), ", "))
	c.paragraph("%s from %s, severity %s, %s. Policy %s answers it. %s",
		d.count(), d.Source, d.Severity, between(d.First, d.Last), d.Policy.Name, cut(d.Policy.Description, usual.text))
	for _, a := range d.taken() {
		c.item("%s: %s %s", a.Name, cut(a.Summary, usual.text), a.connections())
	}
	for _, a := range d.Actions {
		if a.Skipped != "" {
			c.item("left out: %s: %s", a.Name, cut(a.Skipped, usual.text))
		}
	}
	c.gap()
	if len(d.Edits) > 0 {
		c.paragraph("Edits files that teams own, and the release takes it back:")
		for _, e := range first(d.Edits, usual.rows) {
			c.item("%s, line %d: %s. Writes: %s", e.File, e.Line, cut(e.Why, usual.text), cut(strings.Join(e.Added, " "), usual.text))
		}
		c.rest(len(d.Edits), usual.rows)
	}
	c.paragraph("Hits:")
	for _, h := range first(d.Hits, usual.rows) {
		c.item("%s %s/%s (%s)", h.Kind, h.Namespace, h.Name, h.How)
	}
	c.rest(len(d.Hits), usual.rows)
	if len(d.Warnings) > 0 {
		c.paragraph("Before you merge:")
		for _, s := range first(d.Warnings, usual.sentences) {
			c.item("%s", cut(s, usual.text))
		}
		c.rest(len(d.Warnings), usual.sentences)
	}
	c.paragraph("Expires %s%s. Nothing ends by itself: irgit incident release %s proposes the end.", minute(d.Expires), d.term(), d.Incident)
	c.paragraph("To refuse it, delete the branch. To undo it after the merge, revert the merge, or run irgit incident release %s.", d.Incident)
	return c.body()
}

func (d Document) actionNames() []string {
	var out []string
	for _, a := range d.taken() {
		out = append(out, a.Name)
	}
	return out
}

// commitWriter writes wrapped ASCII.
type commitWriter struct{ strings.Builder }

func (c *commitWriter) paragraph(format string, args ...any) {
	c.lines("", "", fmt.Sprintf(format, args...))
	c.gap()
}

func (c *commitWriter) item(format string, args ...any) {
	c.lines("- ", "  ", fmt.Sprintf(format, args...))
}

func (c *commitWriter) rest(all, most int) {
	if all > most {
		c.item("and %d more, see the record", all-most)
	}
	c.gap()
}

func (c *commitWriter) gap() { c.WriteString("\n") }

func (c *commitWriter) lines(first, others, text string) {
	for _, line := range wrap(harmless(ascii(text)), commitWidth-len(first)) {
		if line = first + line; strings.HasPrefix(line, "---") {
			line = " " + line
		}
		c.WriteString(line + "\n")
		first = others
	}
}

// body ends at a whole line and has no command that a line break put together.
func (c *commitWriter) body() string {
	kept, lines, all := head(strings.TrimRight(c.String(), "\n")+"\n", mostCommit)
	if lines < all {
		kept += "\n(cut here; the record has the rest)\n"
	}
	return harmless(kept)
}

var typography = strings.NewReplacer("\u2013", "-", "\u2014", "-", "\u2018", "'", "\u2019", "'", "\u201c", `"`, "\u201d", `"`, "\u2026", "...", "\u00a0", " ")

// ascii writes text in one line of ASCII.
func ascii(s string) string { return visible(strings.Join(strings.Fields(typography.Replace(s)), " ")) }
