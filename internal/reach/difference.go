package reach

import (
	"fmt"
	"strings"
)

// Difference asks two models of one cluster about flows and tells what became of each, one
// line each, for golden files:
//
//	cut     Deployment shop/web → Deployment shop/db 5432/TCP: allowed → denied by NetworkPolicy shop/q: no rule for ingress allows it
//	lives   kubelet → Deployment shop/db 5432/TCP: allowed
//
// The first word is cut (it was allowed, and is denied), opens (the other way round), lives
// (allowed in both), stays (denied in both), or unclear (unknown in one of them). Lines stand in the
// order of the flows.
func Difference(before, after *Model, flows []Flow) string {
	var b strings.Builder
	for _, c := range Compare(before, after, flows) {
		verdict := c.Is.String()
		if c.Was != c.Is {
			verdict = c.Was.String() + " → " + verdict
		}
		fmt.Fprintf(&b, "%-7s %s: %s\n", c.Became, c.Flow, verdict)
	}
	return b.String()
}

// Change is what became of a flow.
type Change struct {
	Flow    Flow
	Was, Is Verdict
	Became  string // cut, opens, lives, stays, unclear, as Difference says
}

// Compare asks two models of one cluster about flows, in their order.
func Compare(before, after *Model, flows []Flow) []Change {
	all := make([]Change, 0, len(flows))
	for _, f := range flows {
		was, is := before.Ask(f), after.Ask(f)
		all = append(all, Change{f, was, is, became(was.Answer, is.Answer)})
	}
	return all
}

func became(was, is Answer) string {
	switch {
	case was == Unknown || is == Unknown:
		return "unclear"
	case was == is && is == Allowed:
		return "lives"
	case was == is:
		return "stays"
	case is == Denied:
		return "cut"
	}
	return "opens"
}
