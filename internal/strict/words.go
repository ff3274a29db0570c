package strict

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Join is the path of a field below another.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	value := n.Value
	if len(value) > 40 {
		value = value[:40] + "…"
	}
	names := map[string]string{"!!str": "text", "!!int": "number", "!!float": "number", "!!bool": "boolean", "!!null": "nothing"}
	if n.Tag == "!!null" {
		return names[n.Tag]
	}
	if name, ok := names[n.Tag]; ok {
		return fmt.Sprintf("the %s %q", name, value)
	}
	return fmt.Sprintf("%q with the tag %s", value, n.Tag)
}

// Suggest names the entry of known that is nearest to what was written, or
// lists them all when they are few.
func Suggest(written string, known []string) string {
	best, distance := "", len(written)/3+2
	for _, k := range known {
		if n := editDistance(strings.ToLower(written), strings.ToLower(k)); n < distance {
			best, distance = k, n
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	if len(known) == 0 {
		return ""
	}
	sorted := slices.Sorted(slices.Values(known))
	if len(sorted) > 16 {
		sorted = append(sorted[:16:16], "…")
	}
	return ": there are " + strings.Join(sorted, ", ")
}

// editDistance is Levenshtein's distance over bytes, of strings cut to 64.
func editDistance(a, b string) int {
	a, b = a[:min(64, len(a))], b[:min(64, len(b))]
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
	return row[len(b)]
}
