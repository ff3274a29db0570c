package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of one JSON value, far above any sender's and low enough to hold.
const (
	maxDepth  = 32
	maxValues = 500_000
)

type kind byte

const (
	null    kind = 'n'
	boolean kind = 't'
	number  kind = '0'
	text    kind = '"'
	array   kind = '['
	object  kind = '{'
)

// node is one JSON value with the bytes that it was read from. Numbers stay
// text, so that none loses digits.
type node struct {
	kind    kind
	raw     []byte
	text    string   // of a text; the literal of a number or boolean
	members []member // of an object, in the order of the input
	items   []node   // of an array
}

type member struct {
	name  string
	value node
}

// get finds a member; nil when there is none or it is null.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	for i := range n.members {
		if m := &n.members[i]; m.name == name {
			if m.value.kind == null {
				return nil
			}
			return &m.value
		}
	}
	return nil
}

// problem is what is wrong with an input, in words that hold none of it.
type problem string

func (p problem) Error() string { return string(p) }

func problemf(format string, args ...any) problem { return problem(fmt.Sprintf(format, args...)) }

// parse reads one JSON value. A key that stands twice in an object is a
// problem: readers disagree about which one counts (THREATS A7).
func parse(data []byte) (*node, error) {
	if !json.Valid(data) {
		var bad *json.SyntaxError
		var into json.RawMessage
		if errors.As(json.Unmarshal(data, &into), &bad) {
			return nil, problemf("not JSON: reading stops at byte %d", bad.Offset)
		}
		return nil, problem("not JSON")
	}
	r := reader{data: data}
	n, err := r.value(0, "")
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// reader walks over JSON that is known to be valid.
type reader struct {
	data   []byte
	pos    int
	values int
}

func (r *reader) skip() {
	for r.pos < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[r.pos]) >= 0 {
		r.pos++
	}
}

func (r *reader) value(depth int, where string) (n node, err error) {
	if r.values++; r.values > maxValues {
		return n, problemf("more than %d values", maxValues)
	}
	r.skip()
	start := r.pos
	switch c := r.data[r.pos]; c {
	case '{', '[':
		if depth == maxDepth {
			return n, problemf("nested more than %d levels deep", maxDepth)
		}
		r.pos++
		n.kind = kind(c)
		if c == '{' {
			err = r.object(&n, depth, where)
		} else {
			err = r.array(&n, depth, where)
		}
		if err != nil {
			return n, err
		}
		r.pos++
	case '"':
		n.kind, n.text = text, r.text()
	case 'n':
		n.kind = null
		r.pos += len("null")
	default:
		n.kind = number
		if c == 't' || c == 'f' {
			n.kind = boolean
		}
		for r.pos < len(r.data) && strings.IndexByte(" \t\r\n,]}", r.data[r.pos]) < 0 {
			r.pos++
		}
		n.text = string(r.data[start:r.pos])
	}
	n.raw = r.data[start:r.pos]
	return n, nil
}

func (r *reader) object(n *node, depth int, where string) error {
	for {
		if r.skip(); r.data[r.pos] == '}' {
			break
		}
		name := r.text()
		below := where
		if below == "" {
			below = known(name)
		}
		v, err := r.value(depth+1, below)
		if err != nil {
			return err
		}
		n.members = append(n.members, member{name, v})
	}
	names := make([]string, len(n.members))
	for i, m := range n.members {
		names[i] = m.name
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			return problemf("%s: %s stands twice, so that readers may disagree about its value", place(where), known(names[i]))
		}
	}
	return nil
}

func (r *reader) array(n *node, depth int, where string) error {
	for {
		if r.skip(); r.data[r.pos] == ']' {
			return nil
		}
		v, err := r.value(depth+1, where)
		if err != nil {
			return err
		}
		n.items = append(n.items, v)
	}
}

// text reads a string. Bytes that are no UTF-8 and halves of surrogate pairs
// become U+FFFD.
func (r *reader) text() string {
	start := r.pos
	plain := true
	for r.pos++; r.data[r.pos] != '"'; r.pos++ {
		if r.data[r.pos] == '\\' {
			plain = false
			r.pos++
		}
	}
	r.pos++
	raw := r.data[start:r.pos]
	if plain && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(utf8.RuneError) // cannot be: the input is valid
	}
	return s
}

func place(where string) string {
	if where == "" {
		return "the alert"
	}
	return where
}
