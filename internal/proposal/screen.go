package proposal

import (
	"fmt"
	"slices"
	"time"
)

// firstScreen answers what, whom, until when and how to undo.
func (d Document) firstScreen(l limits) []block {
	choice, stop := "? Merging does it, closing refuses it.", "close this"
	if d.PlainGit {
		choice, stop = "? Merging the branch does it, deleting it refuses it.", "delete the branch"
	}
	ask := concat(line(bold("Contain"), ours(" ")), object(d.Target), line(ours(" in "), name(d.Cluster), ours(choice)))
	facts := table{head: []string{"", ""}}
	fact := func(title string, cell paragraph) {
		facts.rows = append(facts.rows, []paragraph{line(bold(title)), cell})
	}
	fact("Alert", line(quoted(d.Rule), ours(" from "), text(d.Source), ours(", severity "), text(d.Severity), ours(": "+d.count()+", "+between(d.First, d.Last))))
	fact("Answer", d.answer())
	fact("Hits", d.whom())
	d.trafficFacts(fact)
	fact("Open connections", line(ours(d.connections())))
	fact("Until", line(ours(minute(d.Expires)+d.term()+"; the release is a proposal of its own")))
	fact("Undo", line(ours("before the merge: "+stop+". After it: revert the merge, that is all")))
	blocks := []block{ask, facts}
	if len(d.Warnings) > 0 {
		blocks = append(blocks, line(bold("Before you merge:")), sentences(d.Warnings, l))
	}
	return blocks
}

func (d Document) count() string {
	if d.Count == 1 {
		return "1 alert"
	}
	return fmt.Sprintf("%d alerts", d.Count)
}

func (d Document) taken() []Action {
	return slices.DeleteFunc(slices.Clone(d.Actions), func(a Action) bool { return a.Skipped != "" })
}

func (d Document) answer() paragraph {
	var parts paragraph
	for i, a := range d.taken() {
		if i > 0 {
			parts = append(parts, ours(" "))
		}
		parts = append(parts, name(a.Name), ours(": "), text(a.Summary))
	}
	return orNone(parts)
}

// whom names the first few workloads that are hit.
func (d Document) whom() paragraph {
	const most = 3
	var parts paragraph
	for i, h := range d.Hits {
		if i == most {
			return append(parts, ours(fmt.Sprintf(" and %d more", len(d.Hits)-most)))
		}
		if i > 0 {
			parts = append(parts, ours(", "))
		}
		parts = append(parts, object(h.Object)...)
		if h.Replicas != "" {
			parts = append(parts, ours(" ("), text(h.Replicas), ours(" pods)"))
		}
	}
	if len(d.Hits) == 1 {
		parts = append(parts, ours(", nothing else"))
	}
	return orNone(parts)
}

// connections says the strongest thing that holds for one of the actions.
func (d Document) connections() string {
	taken := d.taken()
	cut := func(word string) bool {
		return slices.ContainsFunc(taken, func(a Action) bool { return a.Cuts == word })
	}
	switch {
	case cut("yes"):
		return "are cut"
	case cut("unknown"):
		return "may stay open, a reverse shell too"
	}
	return "stay open, a reverse shell too"
}

func (a Action) connections() string {
	switch a.Cuts {
	case "yes":
		return "Cuts open connections."
	case "unknown":
		return "May leave open connections open."
	}
	return "Leaves open connections alone."
}

// term is the time that the containment lasts.
func (d Document) term() string {
	if d.First.IsZero() || !d.Expires.After(d.First) || d.Expires.Sub(d.First) > 31*24*time.Hour { // an old alert that came late
		return ""
	}
	return ", " + duration(d.Expires.Sub(d.First)) + " after the first alert"
}
