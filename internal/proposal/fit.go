package proposal

import "strings"

// leastDifference is what stays of a difference before evidence is cut.
const leastDifference = 12_000

// fit writes the body within MaxBody bytes: first the difference is cut, then
// the evidence, and only for names of absurd length the lists.
func fit(d reading) string {
	const reserve = 1000 // for what says that something was cut
	wanted := min(len(d.diff)+len(d.alerts), leastDifference)
	for _, l := range []limits{usual, narrow} {
		if rest := MaxBody - reserve - len(write(d, l)); rest >= wanted {
			return fill(d, l, rest)
		}
	}
	return fill(d, least, MaxBody-reserve-len(write(d, least)))
}

// fill gives the two long parts what the others left.
func fill(d reading, l limits, rest int) string {
	difference, evidence := len(d.diff), len(d.alerts)
	for {
		l.difference = min(difference, max(rest-evidence, min(leastDifference, rest)))
		l.evidence = min(evidence, rest-l.difference)
		body := write(d, l)
		over := len(body) - MaxBody
		if over <= 0 {
			return body
		}
		rest -= over // a fence got longer
	}
}

func write(d reading, l limits) string {
	m := markdownWriter{most: l.text}
	m.sections(compose(d, l))
	return strings.TrimRight(m.String(), "\n") + "\n"
}
