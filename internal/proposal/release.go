package proposal

import (
	"strings"
	"time"
)

// Release is the end of a containment, as it is proposed. All of it is the
// fleet's and irgit's own text; nothing of an alert is in it.
type Release struct {
	Incident string
	Key      string
	Cluster  string
	Target   Object
	Base     string    // the branch that it is to be merged into
	Expires  time.Time // of the containment
	Actions  []Ending
	Files    []File
	History  string // path that the record moves to
}

// Ending is what becomes of one action.
type Ending struct {
	Name  string
	How   string // what the release does
	Hurts string // what that may cost
}

// RenderRelease writes the title and the Markdown body of the pull request.
func RenderRelease(r Release) (title, body string) {
	m := markdownWriter{most: usual.text}
	m.sections(r.compose())
	return ReleaseSubject(r), strings.TrimRight(m.String(), "\n") + "\n"
}

// ReleaseSubject is the release's title and its commit's subject, under the
// rules of Subject.
func ReleaseSubject(r Release) string { return subject("release", r.Target, r.Cluster, r.Key) }

// ReleaseTerminal writes the body as plain text.
func ReleaseTerminal(r Release) string {
	var p plainWriter
	p.sections(r.compose())
	return p.String()
}

// ReleaseCommitBody is the body of the release's commit message, under the
// rules of CommitBody.
func ReleaseCommitBody(r Release) string {
	var c commitWriter
	c.paragraph("Release %s %s/%s in %s: the containment by incident %s ends, and its record moves to %s.",
		r.Target.Kind, r.Target.Namespace, r.Target.Name, r.Cluster, r.Incident, r.History)
	for _, a := range r.Actions {
		c.item("%s: %s %s", a.Name, cut(a.How, usual.text), cut(a.Hurts, usual.text))
	}
	return c.body()
}

func (r Release) compose() []section {
	ask := concat(line(bold("Release"), ours(" ")), object(r.Target), line(ours(" in "), name(r.Cluster), ours("? Merging ends the containment, closing keeps it.")))
	var endings, files list
	for _, a := range first(r.Actions, usual.rows) {
		endings = append(endings, item{text: line(name(a.Name), ours(". "), text(a.How)), below: []paragraph{line(text(a.Hurts))}})
	}
	for _, f := range first(r.Files, usual.rows) {
		files = append(files, item{text: line(text(f.Change), ours(" "), name(f.Path))})
	}
	return []section{
		{"", []block{ask, line(ours("It was to last until " + minute(r.Expires) + "."))}},
		{"What the release does", []block{endings.rest(len(r.Actions))}},
		{"What stays", []block{
			line(ours("The record, moved to "), name(r.History), ours(". Every other file of the fleet is as it was without the incident.")),
			files.rest(len(r.Files)),
		}},
		{"How to undo it", []block{line(ours("Revert the merge into "), name(r.Base), ours(": the containment is back as it was, the same bytes."))}},
	}
}
