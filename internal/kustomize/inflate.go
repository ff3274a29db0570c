package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

const (
	maxNodes = 1_000_000 // YAML nodes of one file with its aliases written out
	maxDepth = 200       // levels of flow collections; block ones need as many columns
)

// inflated says why a file must not reach the library, which writes every
// alias out without a limit: 421 bytes have been seen to take 10 GB.
func inflated(data []byte) (reason string) {
	if depth := flowDepth(data); depth > maxDepth {
		return fmt.Sprintf("nests deeper than %d levels", maxDepth)
	}
	if !bytes.ContainsRune(data, '*') || !bytes.ContainsRune(data, '&') {
		return ""
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	sizes := map[*yaml.Node]int{}
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) || err != nil {
			return "" // no YAML: it is not going to be parsed, or the library says why
		}
		if size(&doc, sizes) > maxNodes {
			return fmt.Sprintf("its aliases write out to more than %d nodes: write the values in full", maxNodes)
		}
	}
}

// size counts the nodes below n with aliases written out, up to maxNodes+1.
func size(n *yaml.Node, known map[*yaml.Node]int) int {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if sum, ok := known[n]; ok {
		return sum
	}
	known[n] = maxNodes + 1 // an alias to a node around it never ends
	sum := 1
	for _, below := range n.Content {
		if sum += size(below, known); sum > maxNodes {
			sum = maxNodes + 1
			break
		}
	}
	known[n] = sum
	return sum
}

func flowDepth(data []byte) (deepest int) {
	depth := 0
	for _, c := range data {
		switch c {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth = max(0, depth-1)
		}
	}
	return deepest
}
