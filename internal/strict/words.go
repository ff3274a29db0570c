package strict

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irgit/irgit/internal/validate"
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
	if best := validate.Nearest(written, known); best != "" {
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
