package kustomize

import (
	"bytes"
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

// What one build may read. Bases that include each other twice on every level
// double with each level, and the library takes time with more than the square
// of the objects: 4,000 take 10 seconds, 8,000 a minute.
const (
	maxReads          = 50_000
	maxKustomizations = 5_000
	maxSteps          = 5_000 // objects, and entries of kustomizations' lists
	maxBytes          = 128 << 20
)

// An operation "copy" of a JSON patch can double what it patches; thirty of
// them have no end. The library takes this limit, in bytes, from the process.
func init() { jsonpatch.AccumulatedCopySizeLimit = 64 << 10 }

// count keeps a build within its bounds.
func (s *session) count(file string, data []byte) error {
	s.reads++
	s.bytes += len(data)
	if k, known := s.known[file]; known {
		s.steps += k.steps
	} else {
		s.steps += objects(data)
	}
	what := ""
	switch {
	case s.reads > maxReads:
		what = fmt.Sprintf("%d files", maxReads)
	case s.bytes > maxBytes:
		what = fmt.Sprintf("%d MiB", maxBytes>>20)
	case s.steps > maxSteps:
		what = fmt.Sprintf("%d objects, patches and the like", maxSteps)
	default:
		return nil
	}
	return &Error{Root: s.root, File: file, Reason: "with this file the root reads more than " + what + ": split it into several roots"}
}

// escape writes a letter in another way.
var escape = regexp.MustCompile(`\\[xuU\n]`)

// objects estimates how many objects a file adds: its documents, or the items
// of a list.
func objects(data []byte) int {
	if n := len(separator.FindAllIndex(data, -1)); n > 0 {
		return n + 1
	}
	if !bytes.Contains(data, []byte("items")) && !escape.Match(data) {
		return 1
	}
	var list struct {
		Items []yaml.Node `yaml:"items"`
	}
	if err := yaml.Unmarshal(data, &list); err != nil {
		return 1
	}
	return max(1, len(list.Items))
}
