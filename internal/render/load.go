package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/strict"
	"github.com/irgit/irgit/internal/validate"
	"github.com/irgit/irgit/templates"
)

// BuiltIn is the source of the built-in action templates.
const BuiltIn = "built-in"

// Catalogue is a checked set of action templates. It implements
// policy.Actions.
type Catalogue struct {
	templates map[string]*template
	validator *validate.Validator
}

var _ policy.Actions = (*Catalogue)(nil)

// Sources returns the built-in action templates.
func Sources() ([]policy.Source, error) {
	files, _, err := policy.ReadFS(templates.FS, BuiltIn, BuiltIn)
	if err != nil {
		return nil, fmt.Errorf("read action templates: %w", err)
	}
	return files, nil
}

// Load parses and checks template files, in order: a template replaces an
// earlier one of the same name from another origin. It returns every problem
// it finds, each with file:line:column and field path; callers must not act on
// a Catalogue that came with problems, which holds the templates without one.
func Load(files []policy.Source) (*Catalogue, []validate.Problem) {
	c := &Catalogue{templates: map[string]*template{}}
	var problems []validate.Problem
	var err error
	if c.validator, err = validate.New(); err != nil {
		return c, []validate.Problem{{Message: err.Error()}}
	}
	for _, file := range files {
		docs, found := strict.Read(file)
		for _, p := range found {
			if strings.Contains(p.Message, "mapping values") {
				p.Message += ": an expression in which a colon stands needs quotes, or a block (>-)"
			}
			problems = append(problems, p)
		}
		for _, doc := range docs {
			t := newTemplate(doc, file)
			if earlier := c.templates[t.action.Name]; earlier != nil {
				if earlier.source.Name == file.Name || file.Origin != "" && earlier.source.Origin == file.Origin {
					doc.Problem("metadata.name", "template %q is declared at %s already: give one of them another name", t.action.Name, earlier.action.File)
				}
				t.action.Overrides = earlier.source.Name
			}
			problems = append(problems, doc.Problems...)
			if delete(c.templates, t.action.Name); len(doc.Problems) == 0 {
				c.templates[t.action.Name] = t
			}
		}
	}
	return c, problems
}

// Names lists the actions by name.
func (c *Catalogue) Names() []string { return sorted(c.templates) }

// Has reports whether there is an action of the name.
func (c *Catalogue) Has(name string) bool { return c.templates[name] != nil }

// Actions describes all actions, by name.
func (c *Catalogue) Actions() []Action {
	all := make([]Action, 0, len(c.templates))
	for _, name := range c.Names() {
		all = append(all, c.templates[name].action)
	}
	return all
}

// Action describes one action.
func (c *Catalogue) Action(name string) (Action, bool) {
	t, ok := c.templates[name]
	if !ok {
		return Action{}, false
	}
	return t.action, true
}

// newTemplate decodes, checks and compiles; what is wrong is in the document's
// problems.
func newTemplate(doc *strict.Document, source policy.Source) *template {
	var d document
	doc.Decode(&d)
	t := &template{spec: &d.Spec, source: source}
	c := &compiler{doc: doc, t: t}
	c.check(&d)
	c.compile()
	t.action = t.describe(d.Metadata.Name)
	t.action.File, t.action.Origin = doc.Start().In(source.Name), source.Origin
	canonical, err := json.Marshal(d)
	if err != nil {
		doc.Problem("", "the template cannot be written as JSON: %s", err)
	}
	t.action.Digest = digest(canonical)
	return t
}

func (t *template) describe(name string) Action {
	s := t.spec
	a := Action{
		Name: name, Summary: s.Summary, Vocabulary: s.Vocabulary, Cuts: s.Cuts, DoesNot: s.DoesNot, Undo: s.Undo, Parameters: s.Parameters,
	}
	kinds := func(resources []map[string]any, patches []patchSpec) {
		for _, r := range resources {
			if kind, _ := r["kind"].(string); !slices.Contains(a.Creates, kind) {
				a.Creates = append(a.Creates, kind)
			}
		}
		for _, p := range patches {
			if !slices.Contains(a.Patches, p.On) {
				a.Patches = append(a.Patches, p.On)
			}
		}
	}
	sentences := func(requires []requirement, warnings []warning) {
		for _, r := range requires {
			if !slices.Contains(a.Requires, r.Otherwise) {
				a.Requires = append(a.Requires, r.Otherwise)
			}
		}
		for _, w := range warnings {
			a.Warnings = append(a.Warnings, w.Say)
		}
	}
	kinds(s.Resources, s.Patches)
	pod := len(s.Pod) > 0
	sentences(s.Requires, s.Warnings)
	for i := range s.Variants {
		v := &s.Variants[i]
		kinds(v.Resources, v.Patches)
		pod = pod || len(v.Pod) > 0
		sentences(v.Requires, v.Warnings)
		a.Variants = append(a.Variants, v.describe(s.Cuts))
	}
	if pod {
		a.Patches = append(a.Patches, "pod")
	}
	return a
}

func (v *variantSpec) describe(cuts string) Variant {
	if v.Cuts != "" {
		cuts = v.Cuts
	}
	return Variant{Name: v.Name, When: strings.TrimSpace(v.When), Cuts: cuts, DoesNot: v.DoesNot}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
