package validate

import (
	"slices"
	"strings"
)

// meant words what a person probably meant by an unknown field.
func (w *walk) meant(n *node, name string) string {
	if near := Nearest(name, n.names); near != "" {
		return "; did you mean " + near + "?"
	}
	for _, field := range n.names { // one level further down
		f := n.fields[field]
		if f.items != nil {
			f = f.items
		}
		if slices.Contains(f.names, name) {
			return "; it belongs under " + field
		}
	}
	if len(n.names) == 0 {
		return "; no field is allowed here"
	}
	return "; allowed here: " + listed(n.names)
}

// listed joins names, not too many.
func listed(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// Nearest gives the word that s is a likely misspelling, shortening or
// lengthening of, or "".
func Nearest(s string, words []string) string {
	const longest = 64
	if len(s) > longest {
		return ""
	}
	allowed := max(2, len(s)/4) // two: a swap of neighbours counts as two edits
	if len(s) < 4 {
		allowed = 1
	}
	best, bestAt := "", allowed+1
	for _, word := range words {
		if len(word) > longest {
			continue
		}
		one, two := strings.ToLower(s), strings.ToLower(word)
		d := distance(one, two, bestAt+1)
		if min(len(one), len(two)) >= 3 && (strings.HasPrefix(one, two) || strings.HasPrefix(two, one)) {
			d = min(d, allowed) // boolean for bool
		}
		if d < bestAt || d == bestAt && best != "" && word < best {
			best, bestAt = word, d
		}
	}
	return best
}

// distance counts the edits between two words; it may stop at limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
