package proposal

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

func (d Document) undo() []block {
	refuse := line(bold("Before the merge:"), ours(" close the pull request. irgit leaves it closed until somebody reopens it."))
	stop := []block{refuse}
	if d.PlainGit {
		stop = []block{
			line(bold("Before the merge:"), ours(" delete the branch.")),
			code{"sh", command("git push origin --delete " + shell(d.Branch))},
		}
	}
	return append(stop,
		line(bold("After the merge:"), ours(" revert it, or have irgit propose the release, which keeps the record.")),
		code{"sh", "git revert -m 1 MERGE    # the merge commit; without -m 1 if it was squashed or rebased\n" + command("irgit incident release "+shell(d.Incident))},
	)
}

// command is one line of a block of commands. One that a command line would
// not take is not shown.
func command(s string) string {
	const most = 1000
	if len(s) > most {
		return "# a command too long to be shown\n"
	}
	return s + "\n"
}

var unsafeInShell = regexp.MustCompile(`[^A-Za-z0-9._/:=@%+-]`)

// shell quotes a word of a command that is to be pasted.
func shell(s string) string {
	s = disarm(visible(s))
	if s != "" && !unsafeInShell.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (d reading) difference(l limits) []block {
	kept, lines, all := head(d.diff, l.difference)
	blocks := []block{concat(line(ours("What kustomize builds before and after, from ")), orNone(names(first(d.Roots, l.rows), l)), line(ours(". Nothing else differs.")))}
	if lines < all {
		blocks = append(blocks, line(bold(fmt.Sprintf("Cut after %d of %d lines.", lines, all)), ours(" The files are whole on the branch "), name(d.Branch),
			ours("; building the roots there shows the rest.")))
	}
	if kept == "" {
		kept = "(nothing)\n"
	}
	return append(blocks, fold{fmt.Sprintf("Rendered difference: %d lines", all), []block{code{"diff", kept}}})
}

// tidy makes what cannot be seen in a diff visible and bounds its lines.
// Everything else stays as it is: the diff is exact.
func tidy(diff string) string {
	const most = 2000
	var b strings.Builder
	for line := range strings.Lines(diff) {
		line = cut(strings.TrimRight(line, "\r\n"), most)
		if line != "" && !strings.ContainsRune("+- @\\din", rune(line[0])) {
			b.WriteByte(' ') // not of a diff: it would stand at the margin and could be a command
		}
		tabs := strings.Split(line, "\t")
		for i := range tabs {
			tabs[i] = disarm(shown(tabs[i]))
		}
		b.WriteString(strings.Join(tabs, "\t") + "\n")
	}
	return b.String()
}

// head returns the first whole lines of at most so many bytes.
func head(s string, most int) (kept string, lines, all int) {
	all = strings.Count(s, "\n")
	if len(s) > most {
		s = s[:strings.LastIndexByte(s[:max(most, 0)], '\n')+1]
	}
	return s, strings.Count(s, "\n"), all
}

const (
	mostName  = 80   // characters of a field's name
	mostValue = 1000 // characters of its value
)

func (d reading) evidence(l limits) []block {
	kept, lines, all := head(d.alerts, l.evidence)
	blocks := []block{line(ours("This is what the alerts say; an attacker may have written it. Secrets are masked. "+
		`Marks are defanged ([@], [#], [:]//, www[.]), and what is not plain ASCII is shown as \u{...}. The record has the text itself: `), name(d.Record), ours("."))}
	if lines < all {
		blocks = append(blocks, line(bold(fmt.Sprintf("Cut after %d of %d lines.", lines, all)), ours(" The whole is in the record "), name(d.Record),
			ours(" on the branch "), name(d.Branch), ours(".")))
	}
	if kept == "" {
		kept = "(nothing)\n"
	}
	return append(blocks, fold{fmt.Sprintf("Alerts: %d of %d", len(d.Evidence), d.Count), []block{code{"text", kept}}})
}

// evidence is one line for each alert and, indented, one for each value.
func evidence(alerts []Alert) string {
	var b strings.Builder
	for _, a := range alerts {
		when := "unknown time"
		if !a.Time.IsZero() {
			when = a.Time.UTC().Format(time.RFC3339Nano)
		}
		fmt.Fprintf(&b, "%s  %s  %s  %s\n", when, inert(a.Source), inert(a.Severity), inert(a.Digest))
		fmt.Fprintf(&b, "  rule: %s\n", inert(cut(string(a.Rule), mostValue)))
		for _, f := range a.Fields {
			fmt.Fprintf(&b, "  %s: %s\n", inert(cut(string(f.Name), mostName)), inert(cut(string(f.Value), mostValue)))
		}
		if a.Cut {
			b.WriteString("  (the alert was longer than what is kept of it)\n")
		}
	}
	return b.String()
}

func (d Document) check(l limits) []block {
	commands := command("git fetch origin " + shell(d.Branch))
	signed := ours("The commit is signed.")
	if d.Signed {
		commands += "git verify-commit FETCH_HEAD\n"
	} else {
		signed = ours("The commit is not signed.")
	}
	commands += command("git diff " + shell(d.BaseRevision) + " FETCH_HEAD")
	commands += "git worktree add --detach ../irgit-check FETCH_HEAD\n"
	for _, root := range first(d.Roots, l.rows) {
		commands += command("kubectl kustomize ../irgit-check/" + shell(root))
	}
	facts := list{
		{text: line(ours("Incident "), name(d.Incident), ours(", record "), name(d.Record))},
		{text: line(ours("Base "), name(d.Base), ours(" at "), name(d.BaseRevision))},
		{text: line(ours("Policy "), name(d.Policy.Name), ours(" "), name(d.PolicyDigest))},
		{text: line(ours("Proof "), name(d.Proof))},
	}
	for _, a := range d.taken() {
		facts = append(facts, item{text: a.vocabulary(l)})
	}
	return []block{
		line(signed, ours(" irgit built every root before and after, and proposes nothing that does not build or that changes more than is listed above.")),
		code{"sh", commands},
		facts,
	}
}
