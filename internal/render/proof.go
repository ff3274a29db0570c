package render

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/irgit/irgit/internal/manifest"
)

// Proof is what the cluster gets by an incident, as built from the repository
// before and after, and found to be exactly what was planned.
type Proof struct {
	Root    string         `json:"root"`  // the incident's own directory
	Roots   []string       `json:"roots"` // all that were built: the incident's, then those that read its hooks
	Added   []ObjectChange `json:"added"`
	Changed []ObjectChange `json:"changed"`
	Removed []ObjectChange `json:"removed"` // always empty: a containment removes nothing
	Already []ObjectChange `json:"already"` // patches of fields that were so before: they change nothing until something else does

	diff string
}

// ObjectChange is one object of a root, and what changed in it.
type ObjectChange struct {
	Root       string        `json:"root"`
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Namespace  string        `json:"namespace"`
	Name       string        `json:"name"`
	Fields     []FieldChange `json:"fields,omitempty"` // of a changed object, by path
}

// String names the object to people: Kind namespace/name, or Kind name.
func (c ObjectChange) String() string { return c.Kind + " " + path.Join(c.Namespace, c.Name) }

// FieldChange is a field and its values; null is an absent field.
type FieldChange struct {
	Path   string `json:"path"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Diff is the difference of the rendered objects as a unified diff, for
// people. It is not part of the JSON form.
func (p Proof) Diff() string { return p.diff }

// Digest is "sha256:" and the hex SHA-256 of the proof's JSON.
func (p Proof) Digest() string {
	data, err := json.Marshal(p)
	if err != nil {
		panic("render: a proof holds plain data: " + err.Error())
	}
	return digest(data)
}

// Difference is one way in which a build is not what was planned.
type Difference struct {
	Root   string       // that was built
	Object ObjectChange // without fields
	Field  string       // "" for the object as a whole
	What   string       // in words, with the wanted and the found value
}

// ProofError is a build that differs from the plan.
type ProofError struct{ Differences []Difference }

func (e *ProofError) Error() string {
	lines := make([]string, len(e.Differences))
	for i, d := range e.Differences {
		lines[i] = fmt.Sprintf("%s: %s", d.Root, d.What)
		if d.Object.Kind != "" {
			lines[i] = fmt.Sprintf("%s: %s: %s", d.Root, d.Object, d.What)
			if d.Field != "" {
				lines[i] = fmt.Sprintf("%s: %s: %s: %s", d.Root, d.Object, d.Field, d.What)
			}
		}
	}
	return "the build is not what was planned: " + strings.Join(lines, "; ")
}

// write adds an object's difference to the diff; before is nil for a new one.
func (p *Proof) write(c ObjectChange, before, after map[string]any) error {
	label := fmt.Sprintf("%s (%s)", c, c.Root)
	from, old := "/dev/null", ""
	if before != nil {
		text, err := manifest.Encode("", before)
		if err != nil {
			return err
		}
		from, old = label, string(text)
	}
	text, err := manifest.Encode("", after)
	if err != nil {
		return err
	}
	p.diff += udiff.Unified(from, label, old, string(text))
	return nil
}
