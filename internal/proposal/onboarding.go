package proposal

import (
	"fmt"
	"strings"
)

// Onboarding prepares a fleet for containment, once. All of it is the fleet's
// and irgit's own text; nothing of an alert is in it.
type Onboarding struct {
	Branch, Base string
	PlainGit     bool // there is no pull request: the branch is the proposal
	Signed       bool
	Clusters     []Prepared
	Roots        int      // built before and after
	Kept         string   // of .irgit.yaml: what it does not say, "" when it is written
	ByHand       []Remark // what a person has to do
	Unwired      []Remark // what cannot be patched, and why
	Unknown      []Remark // what Git does not tell
	Files        []File   // all files of the commit
}

// Prepared is one cluster after the merge.
type Prepared struct {
	Name, GitOps string
	Directory    string   // of its incidents
	Applies      []string // one sentence each
	Hooks        int      // that are new
}

// Remark is one thing to know. Only What is always there.
type Remark struct{ Where, What, Step string }

// OnboardingSubject is the title and the commit's subject.
const OnboardingSubject = "irgit: prepare the fleet for containment"

// RenderOnboarding writes the title and the Markdown body of the pull request.
func RenderOnboarding(o Onboarding) (title, body string) {
	for _, l := range []limits{usual, narrow, least} {
		m := markdownWriter{most: l.text}
		m.sections(o.compose(l))
		if body = strings.TrimRight(m.String(), "\n") + "\n"; len(body) <= MaxBody {
			break
		}
	}
	return OnboardingSubject, body
}

// OnboardingTerminal writes the body as plain text.
func OnboardingTerminal(o Onboarding) string {
	var p plainWriter
	p.sections(o.compose(whole))
	return p.String()
}

// OnboardingCommitBody is the body of the commit message, under the rules of
// CommitBody.
func OnboardingCommitBody(o Onboarding) string {
	var c commitWriter
	c.paragraph("Add the directories that containment goes to, what makes the controllers apply them, and the hooks through which objects can be patched. Nothing that is rendered today changes: %d roots were built before and after.", o.Roots)
	for _, cluster := range first(o.Clusters, usual.rows) {
		c.item("%s: %s, %s", cluster.Name, cluster.Directory, hooks(cluster.Hooks))
	}
	if n := len(o.Clusters) - usual.rows; n > 0 {
		c.item("and %d more", n)
	}
	return c.body()
}

func hooks(n int) string {
	if n == 1 {
		return "1 new hook"
	}
	return fmt.Sprintf("%d new hooks", n)
}

func (o Onboarding) compose(l limits) []section {
	sections := []section{
		{"", o.screen()},
		{"What each cluster applies", []block{o.clusters(l)}},
		{"What a person has to do", []block{o.byHand(l)}},
	}
	for _, s := range []struct {
		title   string
		remarks []Remark
	}{{"What cannot be patched", o.Unwired}, {"What Git does not tell", o.Unknown}} {
		if len(s.remarks) > 0 {
			sections = append(sections, section{fmt.Sprintf("%s: %d", s.title, len(s.remarks)), []block{remarks(s.remarks, l)}})
		}
	}
	var files list
	for _, f := range first(o.Files, l.rows) {
		files = append(files, item{text: line(text(f.Change), ours(" "), name(f.Path))})
	}
	return append(sections,
		section{"How to undo it", []block{line(ours("Revert the merge into "), name(o.Base), ours(", as long as no incident is open: nothing else refers to these files."))}},
		section{"The files", []block{fold{fmt.Sprintf("Files of the commit: %d", len(o.Files)), []block{more(files, len(o.Files))}}}},
	)
}

func (o Onboarding) screen() []block {
	ask := "Merging it prepares the fleet, closing it leaves the fleet as it is."
	if o.PlainGit {
		ask = "The branch is the proposal: merging it prepares the fleet."
	}
	added := list{
		{text: line(ours("A directory for each cluster that containment goes to, and the sync object by which its controller applies it. A containment is then one merge away."))},
		{text: line(ours("Hooks: directories that teams' kustomizations name in "), name("transformers"), ours(", so that an incident can patch an object without touching a team's files. They are empty and change nothing."))},
	}
	if o.Kept == "" {
		added = append(added, item{text: line(ours("The file "), name(".irgit.yaml"), ours(", which says what was found and leaves room for what only people know."))})
	}
	proved := line(bold("Nothing that is rendered today changes."), ours(fmt.Sprintf(" %d roots were built before and after, and are equal but for the new sync objects.", o.Roots)))
	blocks := []block{line(bold("irgit init"), ours(". "+ask)), proved, added}
	if !o.Signed {
		blocks = append(blocks, line(ours("The commit is not signed.")))
	}
	return blocks
}

func (o Onboarding) clusters(l limits) block {
	var all list
	for _, c := range first(o.Clusters, l.rows) {
		i := item{text: line(name(c.Name), ours(" ("), text(c.GitOps), ours("): "), name(c.Directory), ours(", "+hooks(c.Hooks)))}
		for _, s := range first(c.Applies, l.sentences) {
			i.below = append(i.below, line(text(s)))
		}
		all = append(all, i)
	}
	return more(all, len(o.Clusters))
}

func (o Onboarding) byHand(l limits) block {
	all, _ := remarks(o.ByHand, l).(list)
	if o.Kept != "" {
		all = append(all, item{text: line(name(".irgit.yaml"), ours(" is there and was left alone. "), text(o.Kept))})
	} else {
		all = append(all, item{text: line(ours("Fill in "), name(".irgit.yaml"), ours(": what alerts call each cluster, its mesh and its network plugin. What is left out is taken for none."))})
	}
	return append(all, item{text: line(ours("Afterwards "), name("irgit doctor"), ours(" says what is still missing."))})
}

func remarks(some []Remark, l limits) block {
	var all list
	for _, r := range first(some, l.rows) {
		parts := line()
		if r.Where != "" {
			parts = append(parts, name(r.Where), ours(": "))
		}
		i := item{text: append(parts, text(r.What))}
		if r.Step != "" {
			i.below = []paragraph{line(text(r.Step))}
		}
		all = append(all, i)
	}
	return more(all, len(some))
}

// more counts what a list left out.
func more(x list, all int) list {
	if n := all - len(x); n > 0 {
		x = append(x, item{text: line(ours(fmt.Sprintf("and %d more", n)))})
	}
	return x
}
