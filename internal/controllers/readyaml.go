package controllers

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// readYAML reads the first document of a YAML or JSON file as controllers do,
// with numbers as JSON has them. What aliases blow up is refused.
func readYAML(data []byte, into any) error {
	if len(data) > maxYAML {
		return fmt.Errorf("it has more than %d KiB", maxYAML>>10)
	}
	var doc yamlv3.Node
	switch err := yamlv3.NewDecoder(bytes.NewReader(data)).Decode(&doc); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return err
	case expandedSize(&doc, map[*yamlv3.Node]int{}) > 4*maxYAML:
		return errors.New("its aliases make too much of it")
	}
	return yaml.Unmarshal(data, into)
}

const maxYAML = 1 << 20 // bytes of one file of parameters

// expandedSize is about how many bytes a document has with aliases replaced,
// at most a little more than what is refused. An alias within its own anchor
// counts as that.
func expandedSize(n *yamlv3.Node, known map[*yamlv3.Node]int) int {
	if n.Kind == yamlv3.AliasNode {
		n = n.Alias
	}
	if size, ok := known[n]; ok {
		return size
	}
	known[n] = 8 * maxYAML
	size := len(n.Value) + 1
	for _, below := range n.Content {
		size = min(size+expandedSize(below, known), 8*maxYAML)
	}
	known[n] = size
	return size
}
