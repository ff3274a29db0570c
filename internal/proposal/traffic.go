package proposal

import (
	"fmt"
	"slices"
)

// known reports whether there is anything to say of traffic.
func (t Traffic) known() bool { return len(t.Flows) > 0 || t.Unknown != "" }

// traffic says in two lines of the first screen who is cut off and who is not.
func (d Document) trafficFacts(fact func(string, paragraph)) {
	t := d.Traffic
	if t.Unknown != "" {
		fact("Traffic", line(ours("cannot be told: "), text(t.Unknown)))
	}
	for _, row := range []struct{ title, what string }{{"Cut off", "cut"}, {"Let in anew", "opens"}, {"Still talks", "lives"}} {
		if parts := d.ends(row.what); len(parts) > 0 {
			fact(row.title, parts)
		}
	}
}

// ends names whom the target is or is not reached by, and whom it reaches.
func (d Document) ends(what string) (parts paragraph) {
	const most = 4
	target := d.Target.Kind + " " + d.Target.Namespace + "/" + d.Target.Name
	var in, out []string
	for _, f := range d.Traffic.Flows {
		switch {
		case f.What != what:
		case f.From == target:
			out = append(out, f.To)
		default:
			in = append(in, f.From)
		}
	}
	for _, way := range []struct {
		word string
		ends []string
	}{{"calls from ", in}, {"calls to ", out}} {
		slices.Sort(way.ends)
		ends := slices.Compact(way.ends)
		if len(ends) == 0 {
			continue
		}
		if len(parts) > 0 {
			parts = append(parts, ours("; "))
		}
		parts = append(parts, ours(way.word))
		for i, end := range first(ends, most) {
			if i > 0 {
				parts = append(parts, ours(", "))
			}
			parts = append(parts, name(end))
		}
		if more := len(ends) - most; more > 0 {
			parts = append(parts, ours(fmt.Sprintf(" and %d more", more)))
		}
	}
	return parts
}

// traffic lists the flows.
func (d Document) traffic(l limits) []block {
	t := d.Traffic
	if t.Unknown != "" {
		return []block{line(ours("It cannot be told: "), text(t.Unknown))}
	}
	blocks := []block{line(ours("New connections from and to the workload, by the policies that are in Git, taken as enforced. Whether the process gets " +
		"around them, and what a policy that Git does not hold says, is not known."))}
	words := []struct{ what, title string }{{"cut", "Cut"}, {"opens", "Let in anew"}, {"lives", "Goes on"}, {"unclear", "Not certain any more"}}
	var flows list
	all := 0
	for _, word := range words {
		for _, f := range t.Flows {
			if f.What != word.what {
				continue
			}
			if all++; len(flows) == l.rows {
				continue
			}
			i := item{text: line(bold(word.title+":"), ours(" "), name(f.From), ours(" to "), name(f.To))}
			if f.Why != "" {
				i.text = append(i.text, ours(": "), text(f.Why))
			}
			flows = append(flows, i)
		}
	}
	blocks = append(blocks, flows)
	if more := all - len(flows); more > 0 {
		blocks = append(blocks, line(ours(fmt.Sprintf("and %d more", more))))
	}
	if t.Stays+t.Unclear > 0 {
		blocks = append(blocks, line(ours(fmt.Sprintf("Denied before as well: %d. As uncertain as before: %d, most of them from or to pods on their node's network.", t.Stays, t.Unclear))))
	}
	return blocks
}
