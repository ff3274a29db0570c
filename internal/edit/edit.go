// Package edit changes a file of YAML that a team wrote by as little text as
// the change needs, and takes the change back.
//
// [Set] and [AddListItem] plan a change and return it as an [Edit], which can be
// kept in a record. [Edit.Apply] makes it, [Edit.Revert] takes it back. What is
// not the change survives byte for byte: comments, order, indentation, line
// ends, anchors, the missing newline at the end.
//
// The text is never printed from a tree: the tree of go.yaml.in/yaml/v3 only
// says where lines and columns are. Every edit is read again, and stands only if
// the new tree is the old one with exactly the change in it. Where the text
// leaves a doubt (flow style, anchors on the way, keys that stand twice,
// templates) the answer is a [*Refusal] with the way out for a person.
//
// The functions are pure and safe for concurrent use.
package edit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Selector names one object of a file, also as an item of a List. The zero
// Selector is the only document of a file that has one, whatever it is.
type Selector struct {
	Group     string `json:"group,omitempty"` // of apiVersion, any version; "" is the core group
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"` // an object that names none matches too: a kustomization may set it
	Name      string `json:"name,omitempty"`      // as the file has it, before any prefix
}

func (s Selector) String() string {
	if s == (Selector{}) {
		return "the only document"
	}
	name := s.Name
	if s.Namespace != "" {
		name = s.Namespace + "/" + name
	}
	kind := s.Kind
	if s.Group != "" {
		kind += "." + s.Group
	}
	return kind + " " + name
}

// A Path leads from an object to a value: keys of mappings, and positions in
// lists written in digits, as in {"spec", "postRenderers", "0", "kustomize"}.
type Path []string

func (p Path) String() string { return strings.Join(p, ".") }

// A Field is a scalar to set: a bool, a string or a number.
type Field struct {
	Path  Path
	Value any
}

// An Edit is a planned change of one file, complete enough to be made and to
// be taken back. Its zero value, and one whose Changes are empty, change nothing.
type Edit struct {
	File     string   `json:"file"`
	Selector Selector `json:"selector"`
	Digest   string   `json:"digest"`            // SHA-256 of the file before, in hex
	Changes  []Change `json:"changes,omitempty"` // each of the text that the one before it leaves
}

// A Change replaces one piece of text.
type Change struct {
	Path   Path            `json:"path"`           // of the scalar, or of the list
	Value  json.RawMessage `json:"value"`          // what was set, or the item, with sorted keys
	List   bool            `json:"list,omitempty"` // Value is an item of the list at Path
	Line   int             `json:"line"`           // from 1, where New begins
	Offset int             `json:"offset"`         // in bytes
	Old    string          `json:"old,omitempty"`  // whole lines without the last one's end, or nothing
	New    string          `json:"new"`            // the same, or the end of the line before and whole lines
	Item   string          `json:"item,omitempty"` // the end of New that is the item alone, where New brings the list too
}

// A Refusal says why a file is not edited, and what a person can do.
type Refusal struct {
	File   string
	Line   int    // from 1; 0 when the reason stands at no line
	Field  string // path of what was to be changed; "" when the reason is the file
	Reason string
	Step   string // the way out
}

func (r *Refusal) Error() string {
	at := r.File
	if r.Line > 0 {
		at = fmt.Sprintf("%s:%d", at, r.Line)
	}
	if r.Field != "" {
		at += ": " + r.Field
	}
	return at + ": " + r.Reason + "; " + r.Step
}

// Set plans to give fields of an object new scalars, in place. Parents that are
// missing are added as block mappings right below their own parent's key, or at
// the end of an object or an item of a list, which have none. A field that has
// its value already changes nothing; one whose value is of another type than the
// new one is refused. data is the whole file. The error is a *Refusal, or says
// which value cannot be written.
func Set(file string, data []byte, sel Selector, fields []Field) (Edit, error) {
	var changes []Change
	for _, f := range slices.Backward(fields) { // each goes above the one before it
		value, err := canonical(f.Value)
		if err != nil {
			return Edit{}, fmt.Errorf("set %s in %s: %w", f.Path, file, err)
		}
		changes = append(changes, Change{Path: f.Path, Value: value})
	}
	return plan(file, data, sel, changes)
}

// AddListItem plans to append an item, plain data as of JSON, to a list of an
// object. A list that is missing is added at the end of its mapping, with the
// mappings above it. An item that is there already changes nothing. data is the
// whole file. The error is a *Refusal, or says that the item cannot be written.
func AddListItem(file string, data []byte, sel Selector, list Path, item any) (Edit, error) {
	value, err := canonical(item)
	if err != nil {
		return Edit{}, fmt.Errorf("add to %s in %s: %w", list, file, err)
	}
	return plan(file, data, sel, []Change{{Path: list, Value: value, List: true}})
}

func plan(file string, data []byte, sel Selector, changes []Change) (Edit, error) {
	e := Edit{File: file, Selector: sel, Digest: digest(data)}
	for _, c := range changes {
		if len(c.Path) == 0 {
			return Edit{}, c.refuse(file, 0, "no field is named", "name one")
		}
		before, err := parse(file, data)
		if err != nil {
			return Edit{}, err
		}
		obj, err := before.find(sel)
		if err != nil {
			return Edit{}, err
		}
		changed, err := before.change(obj, &c)
		if err != nil {
			return Edit{}, err
		}
		if !changed {
			continue
		}
		if data, err = c.apply(file, data); err != nil {
			return Edit{}, err
		}
		after, err := parse(file, data)
		if err != nil || !grown(before, after, obj, c) {
			return Edit{}, c.refuse(file, c.Line, "the text around it would be read differently after the edit", "make the edit by hand")
		}
		e.Changes = append(e.Changes, c)
	}
	return e, nil
}

// Apply makes the edit. data is the file that it was planned for; for any other
// content the error is a *Refusal: plan again.
func (e Edit) Apply(data []byte) ([]byte, error) {
	if len(e.Changes) > 0 && digest(data) != e.Digest {
		return nil, &Refusal{File: e.File, Reason: "it is not the file that the edit was planned for", Step: "plan the edit again"}
	}
	for _, c := range e.Changes {
		var err error
		if data, err = c.apply(e.File, data); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (c Change) apply(file string, data []byte) ([]byte, error) {
	out, ok := replaceAt(data, c.Offset, c.Old, c.New)
	if !ok {
		return nil, c.refuse(file, c.Line, "the text to be replaced is not there", "plan the edit again")
	}
	return out, nil
}

// replaceAt replaces one text by another if it stands at the offset.
func replaceAt(data []byte, offset int, from, to string) ([]byte, bool) {
	if offset < 0 || offset > len(data) || !bytes.HasPrefix(data[offset:], []byte(from)) {
		return nil, false
	}
	return slices.Concat(data[:offset], []byte(to), data[offset+len(from):]), true
}

func (c Change) refuse(file string, line int, reason, step string) error {
	return &Refusal{File: file, Line: line, Field: c.Path.String(), Reason: reason, Step: step}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
