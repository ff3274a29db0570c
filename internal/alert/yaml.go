package alert

import (
	"errors"
	"iter"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// isYAML reports that text is the YAML of Kubernetes objects, as kubectl
// prints them. Nothing else is read as YAML.
func isYAML(whole string) bool {
	for line := range strings.Lines(whole) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' || line == "---" {
			continue
		}
		return strings.HasPrefix(line, "apiVersion: ") || strings.HasPrefix(line, "kind: ")
	}
	return false
}

// yamlDocuments turns documents into JSON. The library bounds what aliases
// may grow to, and the result counts as an input does.
func yamlDocuments(whole string) iter.Seq[part] {
	return func(yield func(part) bool) {
		number := 0
		for document := range strings.SplitSeq("\n"+whole, "\n---") {
			if strings.TrimSpace(document) == "" {
				continue
			}
			number++
			p := part{where: "document " + strconv.Itoa(number), raw: document}
			if converted, err := yaml.YAMLToJSONStrict([]byte(document)); err != nil {
				p.err = problem("neither JSON nor the YAML of one object with every key once")
			} else if len(converted) > MaxInput {
				p.err = errors.New("the document grows beyond what an input may have")
			} else {
				p.value, p.err = parse(string(converted))
			}
			if !yield(p) {
				return
			}
		}
	}
}
