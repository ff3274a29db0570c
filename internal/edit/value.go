package edit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// canonical is plain data as JSON with sorted keys. It is what a record keeps,
// and reads the same after the record was written and read.
func canonical(v any) (json.RawMessage, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("the value is no plain data: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return nil, fmt.Errorf("the value is no plain data: %w", err)
	}
	if plain == nil {
		return nil, errors.New("the value is null")
	}
	return json.Marshal(plain)
}

// A style is how a file indents.
type style struct {
	mapping  int // columns from a key to the keys of its mapping
	sequence int // columns from a key to the dashes of its list
}

// encode writes a value as lines of block YAML, and reads them back as the tree
// that the edited file must hold.
func encode(value json.RawMessage, s style) ([]string, *yaml.Node, error) {
	value, err := canonical(value) // a record may have written it in other words
	if err != nil {
		return nil, nil, err
	}
	var data any
	if err := yaml.Unmarshal(value, &data); err != nil {
		return nil, nil, err
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(s.mapping)
	if s.sequence == 0 {
		enc.CompactSeqIndent()
	}
	if err := enc.Encode(data); err != nil {
		return nil, nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(out.Bytes(), &doc); err != nil {
		return nil, nil, err
	}
	var back any
	if err := doc.Decode(&back); err != nil {
		return nil, nil, err
	}
	if again, err := canonical(back); err != nil || !bytes.Equal(again, value) {
		return nil, nil, errors.New("what is read back is not what was written")
	}
	text := strings.TrimSuffix(out.String(), "\n")
	return strings.Split(text, "\n"), doc.Content[0], nil
}

// tree is the value as [encode] reads it back, nil if it cannot be written.
func tree(value json.RawMessage) *yaml.Node {
	_, node, err := encode(value, style{2, 2})
	if err != nil {
		return nil
	}
	return node
}

// asItem writes lines as an item of a list whose dashes stand at the indent.
func asItem(lines []string, indent int) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		lead := "  "
		if i == 0 {
			lead = "- "
		}
		if line != "" {
			out[i] = strings.Repeat(" ", indent) + lead + line
		}
	}
	return out
}

// word writes a string as a key or scalar on one line, "" if it needs more.
func word(v any) string {
	out, err := yaml.Marshal(v)
	text := strings.TrimSuffix(string(out), "\n")
	if err != nil || strings.Contains(text, "\n") {
		return ""
	}
	return text
}
