package proposal

import "strings"

// leastDifference is what stays of a difference before evidence is cut.
const leastDifference = 12_000

// fit writes the body within MaxBody bytes: first the difference is cut, then
// the evidence, and only for names of absurd length the lists.
func fit(d Document) string {
	body := ""
	for _, l := range []limits{usual, narrow} {
		if rest := MaxBody - len(write(d, l)); rest > 2000 {
			body = fill(d, l, rest-1000) // for what says that something was cut
			break
		}
	}
	return body
}

// fill gives the two long parts what the others left.
func fill(d Document, l limits, rest int) string {
	difference, evidence := len(tidy(d.Difference)), len(d.evidenceText())
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

func write(d Document, l limits) string {
	m := markdownWriter{most: l.text}
	m.sections(compose(d, l))
	return strings.TrimRight(m.String(), "\n") + "\n"
}
