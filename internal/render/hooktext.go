package render

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irgit/irgit/internal/fleet"
)

// hookText is a hook's kustomization, taken apart.
type hookText struct {
	file     string
	lines    []string // with their line endings
	from, to int      // lines that the list may have: after the key's, up to the next key's
	flow     int      // the line that holds a flow list, -1 for the other form
	entries  []string
	indent   string
}

func entryOf(line string) string {
	if m := entryLine.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// labelOf is the workload's comment in a line, and whether the line is nothing
// else.
func labelOf(line string) (comment string, alone bool) {
	m := labelled.FindStringSubmatch(line)
	if m == nil {
		return "", false
	}
	return m[2], m[1] == ""
}

func parseHook(file string, data []byte) (*hookText, error) {
	h := &hookText{file: file, lines: strings.SplitAfter(string(data), "\n"), flow: -1, indent: "  "}
	if n := len(h.lines); h.lines[n-1] == "" {
		h.lines = h.lines[:n-1]
	}
	root, err := h.yaml(data)
	if err != nil {
		return nil, err
	}
	h.to = len(h.lines)
	var list *yaml.Node
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		switch {
		case key.Value == "resources":
			h.from, list = key.Line, root.Content[i+1]
		case list != nil:
			h.to = min(h.to, key.Line-1)
		}
	}
	if list == nil || !strings.HasPrefix(h.lines[h.from-1], "resources:") {
		return nil, h.odd("it has no list of resources")
	}
	switch {
	case list.Tag == "!!null":
	case list.Kind != yaml.SequenceNode:
		return nil, h.odd("its resources are no list")
	case list.Style&yaml.FlowStyle != 0:
		if !flowList.MatchString(h.lines[h.from-1]) {
			return nil, h.odd("its list of resources is in brackets over several lines, or holds more than names")
		}
		h.flow = h.from - 1
	}
	for _, item := range list.Content {
		if item.Kind != yaml.ScalarNode || item.Tag != "!!str" {
			return nil, h.odd("its resources are not all names")
		}
		h.entries = append(h.entries, item.Value)
		if line := h.lines[item.Line-1]; h.flow < 0 {
			if entryOf(line) != item.Value {
				return nil, h.odd("an entry of resources is not written as a plain name on one line")
			}
			h.indent, _, _ = strings.Cut(line, "-")
		}
	}
	if len(list.Content) == 0 {
		for _, line := range h.lines[h.from:h.to] {
			if _, alone := labelOf(line); alone {
				h.indent, _, _ = strings.Cut(line, "#")
				break
			}
		}
	}
	return h, nil
}

// yaml parses the text as one document without anchors.
func (h *hookText) yaml(data []byte) (*yaml.Node, error) {
	if len(data) > maxObject || bytes.ContainsRune(data, '\t') && bytes.Contains(data, []byte("\n\t")) {
		return nil, h.odd("it is larger than a hook gets, or indented by tabs")
	}
	if bytes.ContainsRune(bytes.ReplaceAll(data, []byte("\r\n"), nil), '\r') || bytes.ContainsAny(data, "\u0085\u2028\u2029") {
		return nil, h.odd("it has line ends that YAML counts and other programs do not")
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); err != nil || doc.Content[0].Kind != yaml.MappingNode {
		return nil, h.odd("it is not a kustomization")
	}
	if dec.Decode(&next) == nil {
		return nil, h.odd("it holds more than one document")
	}
	if anchored(&doc) {
		return nil, h.odd("it has anchors or aliases")
	}
	return doc.Content[0], nil
}

func anchored(n *yaml.Node) bool {
	return n.Anchor != "" || n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, anchored)
}

func (h *hookText) odd(reason string) error {
	return &fleet.HookError{File: h.file, Reason: reason, Step: "write `resources:` as a plain list with an entry on each line, or as `resources: []`"}
}
