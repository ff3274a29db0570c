package kustomize

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxNodes  = 1_000_000 // YAML nodes of one document with its aliases written out
	maxWithin = 3         // levels of YAML in text of YAML that are looked at
)

// inflated says why a file must not reach the library, which writes every
// alias out without a limit: 421 bytes have been seen to take 10 GB. Patches
// are texts within a kustomization and YAML themselves, so texts are looked at
// too. (The library's parser stops at 10,000 levels by itself.)
func inflated(data []byte) (reason string) {
	if inflates(data, maxWithin) {
		return fmt.Sprintf("its aliases write out to more than %d nodes: write the values in full", maxNodes)
	}
	return ""
}

func inflates(data []byte, levels int) bool {
	if levels == 0 || !mayAlias(data) {
		return false
	}
	for _, piece := range pieces(data) {
		dec := yaml.NewDecoder(bytes.NewReader(piece))
		sizes := map[*yaml.Node]int{}
		for {
			var doc yaml.Node
			if err := dec.Decode(&doc); err != nil {
				break // the end, or no YAML: it is not going to be parsed, or the library says why
			}
			if size(&doc, sizes) > maxNodes || textInflates(&doc, levels-1) {
				return true
			}
		}
	}
	return false
}

// mayAlias reports whether YAML can have an alias: both marks are there, or
// could be in another encoding or behind an escape.
func mayAlias(data []byte) bool {
	return bytes.ContainsRune(data, '*') && bytes.ContainsRune(data, '&') || bytes.Contains(data, []byte(`\`))
}

func textInflates(n *yaml.Node, levels int) bool {
	if n.Kind == yaml.ScalarNode {
		return strings.ContainsRune(n.Value, '*') && strings.ContainsRune(n.Value, '&') && inflates([]byte(n.Value), levels)
	}
	for _, below := range n.Content {
		if textInflates(below, levels) {
			return true
		}
	}
	return false
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

// separator is how kyaml splits a stream before it parses (kio.ByteReader).
var separator = regexp.MustCompile(`\n---.*\n`)

// pieces are the parts of a file that the library may parse on their own: the
// whole stream, and the documents of it as kyaml splits them.
func pieces(data []byte) [][]byte {
	out := [][]byte{data}
	text := bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	at := 0
	for _, loc := range separator.FindAllIndex(text, -1) {
		out = append(out, text[at:loc[0]+1])
		at = loc[1]
	}
	if at > 0 || len(text) != len(data) {
		out = append(out, text[at:])
	}
	return out
}
