package kustomize

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/types"
	sigsyaml "sigs.k8s.io/yaml"
)

// maxGrowth is what all replacements of a build may add, in bytes.
const maxGrowth = 256 << 20

// growth bounds what replacements can add to a root before they run. One copies
// a value, at most all of the object that it comes from, to fields of objects,
// from where a later one may copy it on: forty of them can double it forty
// times, and nothing stops the library on the way. The bound is computed anew
// with each file that is read. What the replacements of a kustomization see has
// been read by the time they run.
//
// It knows objects by their kinds alone. A value is as large as all objects of
// the kind that it comes from, and grows by what other replacements put where
// it is read.
type growth struct {
	applied [][]*replacement // of one file each, every time that it is read
	linked  int              // how many of applied know what feeds them
	waiting map[string]bool  // files that kustomizations have named as replacements
	files   [][]byte         // read, and not measured yet
	kinds   map[string]*measure
	any     measure // what may be part of every kind
	moved   bool    // patches change kinds, or move values to other fields
}

// measure is what was read of a kind.
type measure struct {
	objects int
	bytes   int
	fan     int // the most that one wildcard of a path can match
}

func (m *measure) add(other measure) {
	m.objects, m.bytes, m.fan = m.objects+other.objects, m.bytes+other.bytes, max(m.fan, other.fan)
}

// moves reports whether there are patches in n, or in texts in it, that kinds
// and paths say nothing about: they move or copy what is there, or change kinds.
func moves(n *yaml.Node, levels int) bool {
	if n.Kind == yaml.ScalarNode {
		var text yaml.Node
		return n.Tag == "!!binary" || levels > 0 && strings.Contains(n.Value, "op") &&
			yaml.Unmarshal([]byte(n.Value), &text) == nil && text.Kind != 0 && text.Content[0].Kind != yaml.ScalarNode && moves(&text, levels-1)
	}
	for i, below := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			switch key, value := n.Content[i-1], resolved(below); {
			case strings.EqualFold(key.Value, "allowKindChange"), key.Value == "op" && (value.Value == "move" || value.Value == "copy"):
				return true
			}
		}
		if moves(below, levels) {
			return true
		}
	}
	return false
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// note takes in a file that the library reads.
func (g *growth) note(file string, data []byte) {
	if !isKustomization(file) {
		g.files = append(g.files, data)
		if g.waiting[file] || suspicious(data) {
			g.apply(replacementsIn(data))
		}
		return
	}
	var k types.Kustomization
	if err := sigsyaml.Unmarshal(data, &k); err != nil {
		return // the library does not run it
	}
	g.any.bytes += len(data) // its patches and literals
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || moves(&doc, maxWithin) {
		g.moved, g.linked = true, 0
	}
	g.kind("ConfigMap").objects += len(k.ConfigMapGenerator)
	g.kind("Secret").objects += len(k.SecretGenerator)
	var own []types.Replacement
	for _, r := range k.Replacements {
		if own = append(own, r.Replacement); r.Path != "" {
			g.waiting[path.Join(path.Dir(file), r.Path)] = true
		}
	}
	g.apply(own)
	for _, t := range k.Transformers {
		if strings.Contains(t, "\n") {
			g.apply(replacementsIn([]byte(t)))
		}
	}
}

func (g *growth) kind(name string) *measure {
	if g.kinds[name] == nil {
		g.kinds[name] = &measure{}
	}
	return g.kinds[name]
}

// of is what was read of the kinds that match.
func (g *growth) of(match func(kind string) bool) measure {
	sum := g.any
	for kind, m := range g.kinds {
		if g.moved || match(kind) {
			sum.add(*m)
		}
	}
	return sum
}

// measure looks into the files. It is not done for builds that replace nothing.
func (g *growth) measure() {
	for _, data := range g.files {
		left := len(data)
		for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
			var doc yaml.Node
			if dec.Decode(&doc) != nil {
				break
			}
			left -= g.document(&doc)
		}
		g.any.bytes += max(left, 0) // what is no YAML may become part of an object as it is
	}
	g.files = nil
}

// document takes in one document, and returns its size.
func (g *growth) document(doc *yaml.Node) int {
	var head struct {
		Kind  string      `yaml:"kind"`
		Items []yaml.Node `yaml:"items"`
	}
	_ = doc.Decode(&head) // what is no object may be part of all
	if len(head.Items) > 0 && strings.HasSuffix(head.Kind, "List") {
		sum := 0
		for i := range head.Items {
			sum += g.document(&head.Items[i])
		}
		return sum
	}
	m := &g.any
	if head.Kind != "" && !strings.HasSuffix(head.Kind, "Generator") {
		m = g.kind(head.Kind)
	}
	if (head.Kind == "" || strings.HasSuffix(head.Kind, "Transformer")) && moves(doc, maxWithin) {
		g.moved, g.linked = true, 0
	}
	one := measure{objects: 1}
	one.bytes = weigh(doc, &one.fan, map[*yaml.Node]int{})
	m.add(one)
	return one.bytes
}

// weigh is the size of a node in bytes, with its aliases written out. fan is
// raised to the most that a wildcard can match in it, or in its texts: the
// library looks into those that are YAML.
func weigh(n *yaml.Node, fan *int, known map[*yaml.Node]int) int {
	n = resolved(n)
	if sum, ok := known[n]; ok {
		return sum
	}
	known[n] = 0
	sum := len(n.Value) + 1
	*fan = max(*fan, len(n.Content))
	if n.Kind == yaml.ScalarNode && strings.ContainsAny(n.Value, ":-[{") {
		var text yaml.Node
		if err := yaml.Unmarshal([]byte(n.Value), &text); err == nil && text.Kind != 0 && text.Content[0].Kind != yaml.ScalarNode {
			weigh(&text, fan, known)
		}
	}
	for _, below := range n.Content {
		sum += weigh(below, fan, known)
	}
	known[n] = sum
	return sum
}

// check refuses replacements that can add more than maxGrowth.
func (g *growth) check() error {
	if len(g.applied) == 0 {
		return nil
	}
	g.measure()
	g.link()
	for _, file := range g.applied {
		for _, r := range file {
			r.size, r.before = 0, 0
		}
	}
	// In what order files are applied is not known here. A value goes through
	// each of them once at most, and through one in each round.
	for range g.applied {
		sum := 0
		for _, file := range g.applied {
			for _, r := range file {
				r.before = r.size
			}
		}
		for _, file := range g.applied {
			for _, r := range file {
				r.size = g.size(r)
				for _, t := range r.targets {
					m := g.of(t.selects)
					sum = plus(sum, times(m.objects, times(t.hits(m.fan), r.size)))
				}
			}
		}
		if sum > maxGrowth {
			return fmt.Errorf("with this file its replacements may add more than %d MiB, since they copy values on from each other or to very many fields: copy each value from where it is first written", maxGrowth>>20)
		}
	}
	return nil
}

// size is how large the value that a replacement copies may be by now.
func (g *growth) size(r *replacement) int {
	if r.value != nil {
		return len(*r.value)
	}
	sum := g.of(func(kind string) bool { return r.kind == "" || r.kind == kind }).bytes
	for _, f := range r.feeds {
		size := f.from.size
		if f.elsewhere {
			size = f.from.before
		}
		sum = plus(sum, times(f.target.hits(g.of(f.target.selects).fan), size))
	}
	return sum
}

// Sums and products that go beyond maxGrowth stay just beyond it.
func plus(a, b int) int { return min(a+b, maxGrowth+1) }

func times(a, b int) int {
	if b > 0 && a > maxGrowth/b {
		return maxGrowth + 1
	}
	return a * b
}
