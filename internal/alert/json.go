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
	maxDepth   = 32
	maxValues  = 500_000
	maxNesting = 10_000 // where reading stops, as in encoding/json
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

// node is one JSON value with the text that it was read from. Numbers stay
// text, so that none loses digits. It is good until its reader reads the next
// document.
type node struct {
	kind    kind
	raw     string
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

// at finds a value by the names on the way to it, with points between them;
// nil when there is none.
func (n *node) at(path string) *node {
	for more := true; more && n != nil; {
		var name string
		name, path, more = strings.Cut(path, ".")
		n = n.get(name)
	}
	return n
}

// problem is what is wrong with an input, in words that hold none of it.
type problem string

func (p problem) Error() string { return string(p) }

func problemf(format string, args ...any) problem { return problem(fmt.Sprintf(format, args...)) }

// syntax is where text stops being JSON, counted in bytes from 1.
type syntax int

func (s syntax) Error() string { return fmt.Sprintf("not JSON: reading stops at byte %d", int(s)) }

// parse reads one JSON value and nothing else.
func parse(data string) (*node, error) { return new(reader).parse(data) }

// reader reads JSON as encoding/json accepts it. What is well-formed and still
// not taken is kept as the first problem, and reading goes on.
type reader struct {
	data    string
	pos     int
	values  int
	problem problem
	members stack[member]
	items   stack[node]
}

// stack collects the parts of what is being read, and keeps those of what has
// been read in room that is used again for the next document.
type stack[T any] struct{ open, done []T }

func (s *stack[T]) reset() { s.open, s.done = s.open[:0], s.done[:0] }

// close keeps what was collected since base.
func (s *stack[T]) close(base int) []T {
	n := len(s.open) - base
	if n > cap(s.done)-len(s.done) {
		s.done = make([]T, 0, max(n, 2*cap(s.done), few))
	}
	start := len(s.done)
	s.done = append(s.done, s.open[base:]...)
	s.open = s.open[:base]
	return s.done[start:len(s.done):len(s.done)]
}

// parse reads one value and nothing else. A key that stands twice in an object
// is a problem: readers disagree about which one counts (THREATS A7).
func (r *reader) parse(data string) (*node, error) {
	r.data, r.pos = data, 0
	n, err := r.document()
	if r.pos < len(data) && !errors.As(err, new(syntax)) {
		return nil, syntax(r.pos + 1)
	}
	return n, err
}

// document reads the next value and the space around it.
func (r *reader) document() (*node, error) {
	r.values, r.problem = 0, ""
	r.members.reset()
	r.items.reset()
	n, err := r.value(0, "")
	if err != nil {
		return nil, err
	}
	r.skip()
	if r.problem != "" {
		return nil, r.problem
	}
	return &n, nil
}

func (r *reader) complain(p problem) {
	if r.problem == "" {
		r.problem = p
	}
}

func (r *reader) skip() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\t', '\r', '\n':
			r.pos++
		default:
			return
		}
	}
}

// bad is the error of the byte that cannot stand where it does.
func (r *reader) bad() error { return syntax(min(r.pos+1, len(r.data))) }

// value reads a value. Where names the member of the document that it lies in.
func (r *reader) value(depth int, where string) (n node, err error) {
	if r.values++; r.values > maxValues {
		r.complain(problemf("more than %d values", maxValues))
	}
	r.skip()
	if r.pos >= len(r.data) {
		return n, r.bad()
	}
	start := r.pos
	switch c := r.data[r.pos]; c {
	case '{', '[':
		n.kind = kind(c)
		err = r.nested(&n, depth, where)
	case '"':
		n.kind = text
		n.text, err = r.string()
	case 't':
		n.kind, err = boolean, r.literal("true")
	case 'f':
		n.kind, err = boolean, r.literal("false")
	case 'n':
		n.kind, err = null, r.literal("null")
	default:
		n.kind, err = number, r.number()
	}
	n.raw = r.data[start:r.pos]
	if n.kind == number || n.kind == boolean {
		n.text = n.raw
	}
	return n, err
}

func (r *reader) nested(n *node, depth int, where string) (err error) {
	switch {
	case depth >= maxNesting:
		return r.bad()
	case depth >= maxDepth:
		r.complain(problemf("nested more than %d levels deep", maxDepth))
	}
	r.pos++
	if n.kind == object {
		n.members, err = r.object(depth, where)
	} else {
		n.items, err = r.array(depth, where)
	}
	return err
}

// separated reads what stands between the parts of an object or array. Done
// says that the closing bracket was read.
func (r *reader) separated(closing byte, first bool) (done bool, err error) {
	r.skip()
	switch {
	case r.pos >= len(r.data):
		return false, r.bad()
	case r.data[r.pos] == closing:
		r.pos++
		return true, nil
	case first:
		return false, nil
	case r.data[r.pos] != ',':
		return false, r.bad()
	}
	r.pos++
	r.skip()
	return false, nil
}

func (r *reader) object(depth int, where string) ([]member, error) {
	base := len(r.members.open)
	for first := true; ; first = false {
		done, err := r.separated('}', first)
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		name, err := r.name()
		if err != nil {
			return nil, err
		}
		below := where
		if below == "" {
			below = name
		}
		v, err := r.value(depth+1, below)
		if err != nil {
			return nil, err
		}
		if r.problem == "" {
			r.members.open = append(r.members.open, member{name, v})
		}
	}
	members := r.members.close(base)
	if name, twice := duplicate(members); twice {
		r.complain(problemf("%s: %s stands twice, so that readers may disagree about its value", place(where), known(name)))
	}
	return members, nil
}

// name reads the name of a member and the colon behind it.
func (r *reader) name() (string, error) {
	name, err := r.string()
	if err != nil {
		return "", err
	}
	if r.skip(); r.pos >= len(r.data) || r.data[r.pos] != ':' {
		return "", r.bad()
	}
	r.pos++
	return name, nil
}

func (r *reader) array(depth int, where string) ([]node, error) {
	base := len(r.items.open)
	for first := true; ; first = false {
		done, err := r.separated(']', first)
		if err != nil {
			return nil, err
		}
		if done {
			return r.items.close(base), nil
		}
		item, err := r.value(depth+1, where)
		if err != nil {
			return nil, err
		}
		if r.problem == "" {
			r.items.open = append(r.items.open, item)
		}
	}
}

// few is up to how many names are compared each with each.
const few = 32

// duplicate finds a name that stands twice.
func duplicate(members []member) (name string, twice bool) {
	if len(members) <= few {
		for i := range members {
			for j := range i {
				if members[i].name == members[j].name {
					return members[i].name, true
				}
			}
		}
		return "", false
	}
	names := make([]string, len(members))
	for i := range members {
		names[i] = members[i].name
	}
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			return names[i], true
		}
	}
	return "", false
}

func (r *reader) literal(word string) error {
	for i := range len(word) {
		if r.pos >= len(r.data) || r.data[r.pos] != word[i] {
			return r.bad()
		}
		r.pos++
	}
	return nil
}

// number reads a number of RFC 8259.
func (r *reader) number() error {
	r.accept('-')
	if r.accept('0') == 0 && r.digits() == 0 {
		return r.bad()
	}
	if r.accept('.') > 0 && r.digits() == 0 {
		return r.bad()
	}
	if r.accept('e')+r.accept('E') > 0 {
		if r.accept('+') == 0 {
			r.accept('-')
		}
		if r.digits() == 0 {
			return r.bad()
		}
	}
	return nil
}

func (r *reader) accept(c byte) (n int) {
	if r.pos < len(r.data) && r.data[r.pos] == c {
		r.pos++
		n = 1
	}
	return n
}

func (r *reader) digits() (n int) {
	for r.pos < len(r.data) && r.data[r.pos] >= '0' && r.data[r.pos] <= '9' {
		r.pos++
		n++
	}
	return n
}

// string reads a string. Bytes that are no UTF-8 and halves of surrogate pairs
// become U+FFFD.
func (r *reader) string() (string, error) {
	start := r.pos
	if r.accept('"') == 0 {
		return "", r.bad()
	}
	plain := true
	for ; r.pos < len(r.data); r.pos++ {
		switch c := r.data[r.pos]; {
		case c == '"':
			r.pos++
			return unquote(r.data[start:r.pos], plain), nil
		case c < ' ':
			return "", r.bad()
		case c == '\\':
			plain = false
			if !r.escape() {
				return "", r.bad()
			}
		}
	}
	return "", r.bad()
}

// escape goes from a backslash to the last byte of its escape.
func (r *reader) escape() bool {
	if r.pos++; r.pos >= len(r.data) {
		return false
	}
	if r.data[r.pos] != 'u' {
		return strings.IndexByte(`"\/bfnrt`, r.data[r.pos]) >= 0
	}
	for range 4 {
		if r.pos++; r.pos >= len(r.data) || !isHex(r.data[r.pos]) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// unquote gives what a well-formed string says; plain is one without escapes.
func unquote(raw string, plain bool) string {
	if plain && utf8.ValidString(raw) {
		return raw[1 : len(raw)-1]
	}
	var s string
	if json.Unmarshal([]byte(raw), &s) != nil {
		return string(utf8.RuneError) // cannot be: the reader has checked it
	}
	return s
}

func place(where string) string {
	if where == "" {
		return "the alert"
	}
	return known(where)
}
