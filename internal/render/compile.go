package render

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/strict"
)

// compiler checks one template and compiles its expressions.
type compiler struct {
	doc  *strict.Document
	t    *template
	envs environments
	used map[string]bool // parameters that expressions name
}

func (c *compiler) compile() {
	var err error
	if c.envs, err = declared(); err != nil {
		c.doc.Problem("", "%s", err)
		return
	}
	c.used = map[string]bool{}
	s := c.t.spec
	for i, r := range s.ParameterRules {
		c.t.rules = append(c.t.rules, c.condition(c.envs.parameters, fmt.Sprintf("spec.parameterRules[%d]", i), "that", r.That, "otherwise", r.Otherwise))
	}
	c.t.common = c.part("spec", s.Requires, s.Warnings, s.Resources, s.Patches, s.Pod)
	for i := range s.Variants {
		v, at := &s.Variants[i], fmt.Sprintf("spec.variants[%d]", i)
		out := variant{Variant: v.describe(s.Cuts), part: c.part(at, v.Requires, v.Warnings, v.Resources, v.Patches, v.Pod)}
		if v.When != "" {
			out.when = c.program(c.envs.target, at+".when", v.When)
		}
		c.t.variants = append(c.t.variants, out)
	}
	if len(s.Variants) == 0 {
		c.t.variants = []variant{{Variant: Variant{Cuts: s.Cuts}}}
	}
	for _, name := range sorted(s.Parameters) {
		if !c.used[name] {
			c.doc.Problem("spec.parameters."+name, "no expression uses params.%s: use it or remove it", name)
		}
	}
}

func (c *compiler) part(at string, requires []requirement, warnings []warning, resources []map[string]any, patches []patchSpec, pod map[string]any) (p part) {
	for i, r := range requires {
		p.requires = append(p.requires, c.condition(c.envs.target, fmt.Sprintf("%s.requires[%d]", at, i), "that", r.That, "otherwise", r.Otherwise))
	}
	for i, w := range warnings {
		p.warnings = append(p.warnings, c.condition(c.envs.target, fmt.Sprintf("%s.warnings[%d]", at, i), "when", w.When, "say", w.Say))
	}
	for i, r := range resources {
		p.resources = append(p.resources, c.resource(fmt.Sprintf("%s.resources[%d]", at, i), r))
	}
	for i, patch := range patches {
		env := c.envs.target
		if patchSets[patch.On].many {
			env = c.envs.each
		}
		p.patches = append(p.patches, patchNode{patch.On, c.node(env, fmt.Sprintf("%s.patches[%d].fields", at, i), any(patch.Fields))})
	}
	if len(pod) > 0 {
		p.pods = []*node{c.node(c.envs.target, at+".pod", any(pod))}
	}
	return p
}

// resource compiles an object, or one for each item of a list.
func (c *compiler) resource(at string, r map[string]any) resourceNode {
	source, repeated := r[forEach]
	if !repeated {
		return resourceNode{object: c.node(c.envs.target, at, any(r))}
	}
	fields := maps.Clone(r)
	delete(fields, forEach)
	list, _ := source.(string)
	if list == "" {
		c.doc.Problem(at+"."+forEach, "missing: an expression that gives a list; item is one of it")
	}
	return resourceNode{c.value(c.envs.target, at+"."+forEach, list), c.node(c.envs.item, at, any(fields))}
}

func (c *compiler) value(env *expr.Env, at, source string) *expr.Program {
	c.parameters(at, source)
	p, err := env.Value(source)
	if err != nil {
		c.doc.Expression(at, err)
	}
	return p
}

func (c *compiler) condition(env *expr.Env, at, first, source, second, sentence string) condition {
	if sentence == "" {
		c.doc.Problem(at+"."+second, "missing: write the sentence that people read then")
	}
	return condition{c.program(env, at+"."+first, source), c.leaf(env, at+"."+second, sentence)}
}

func (c *compiler) program(env *expr.Env, at, source string) *expr.Program {
	c.parameters(at, source)
	p, err := env.Condition(source)
	if err != nil {
		c.doc.Expression(at, err)
	}
	return p
}

func (c *compiler) leaf(env *expr.Env, at, source string) *expr.Leaf {
	c.parameters(at, source)
	l, err := env.Leaf(source)
	if err != nil {
		c.doc.Expression(at, err)
	}
	return l
}

var parameterUse = regexp.MustCompile(`\bparams\.([A-Za-z_][A-Za-z0-9_]*)`)

// parameters holds the names behind params. against those that are declared:
// params is a map, so that CEL itself would notice only when it runs.
func (c *compiler) parameters(at, source string) {
	for _, m := range parameterUse.FindAllStringSubmatch(source, -1) {
		name := m[1]
		if _, ok := c.t.spec.Parameters[name]; !ok && !c.used[name] {
			c.doc.Problem(at, "there is no parameter %q%s", name, strict.Suggest(name, sorted(c.t.spec.Parameters)))
		}
		c.used[name] = true
	}
}

// forEach is the key of a resource that is created for each item of a list.
const forEach = "forEach"

var (
	nameForm      = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	parameterForm = regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,39}$`)
)

const maxName = 40 // characters of an action's name: it becomes part of file names

// check reports what is wrong beside the expressions.
func (c *compiler) check(d *document) {
	if d.APIVersion != apiVersion {
		c.doc.Problem("apiVersion", "want %q, have %q", apiVersion, d.APIVersion)
	}
	if d.Kind != templateKind {
		c.doc.Problem("kind", "want %q, have %q", templateKind, d.Kind)
	}
	if !nameForm.MatchString(d.Metadata.Name) || len(d.Metadata.Name) > maxName {
		c.doc.Problem("metadata.name", "want lower-case words joined by dashes, at most %d characters, have %q", maxName, d.Metadata.Name)
	}
	s := &d.Spec
	c.needs("spec.summary", s.Summary, "say in a sentence what the action does")
	c.needs("spec.undo.how", s.Undo.How, "say how the action ends; reviewers read it")
	c.needs("spec.undo.hurts", s.Undo.Hurts, "say what the end may do to the workload; reviewers read it")
	if len(s.DoesNot) == 0 {
		c.doc.Problem("spec.doesNot", "missing: say what the action does not stop; nothing stops everything")
	}
	c.oneOf("spec.cuts", s.Cuts, "yes", "no", "unknown")
	c.checkVocabulary(&s.Vocabulary)
	c.t.parameters = map[string]*parameter{}
	for _, name := range sorted(s.Parameters) {
		p := s.Parameters[name]
		c.t.parameters[name] = c.parameter("spec.parameters."+name, name, &p)
	}
	acts := c.checkContent("spec", s.Resources, s.Patches)
	acts = c.checkPods("spec", s.Pod) || acts
	seen := map[string]bool{}
	for i := range s.Variants {
		v, at := &s.Variants[i], fmt.Sprintf("spec.variants[%d]", i)
		if !nameForm.MatchString(v.Name) || seen[v.Name] {
			c.doc.Problem(at+".name", "want a name that no other variant has, of lower-case words joined by dashes, have %q", v.Name)
		}
		seen[v.Name] = true
		if v.Cuts != "" {
			c.oneOf(at+".cuts", v.Cuts, "yes", "no", "unknown")
		}
		if v.When == "" && i < len(s.Variants)-1 {
			c.doc.Problem(at, "a variant without when is always used, so that those after it never are: put it last")
		}
		pod := c.checkPods(at, v.Pod)
		if !c.checkContent(at, v.Resources, v.Patches) && !pod && !acts {
			c.doc.Problem(at, "the variant does nothing: give it resources or patches")
		}
	}
	if len(s.Variants) == 0 && !acts {
		c.doc.Problem("spec", "the action does nothing: give it resources or patches, or variants that have some")
	}
}

func (c *compiler) checkContent(at string, resources []map[string]any, patches []patchSpec) (acts bool) {
	for i, r := range resources {
		group, kind := fleet.GroupOf(text(r["apiVersion"])), text(r["kind"])
		if !slices.Contains(sorted(creatable), group+"/"+kind) {
			c.doc.Problem(fmt.Sprintf("%s.resources[%d].kind", at, i), "a template may not create %q of %q: there are %s",
				kind, text(r["apiVersion"]), kinds())
		}
	}
	for i, p := range patches {
		c.oneOf(fmt.Sprintf("%s.patches[%d].on", at, i), p.On, sorted(patchSets)...)
		if len(p.Fields) == 0 {
			c.doc.Problem(fmt.Sprintf("%s.patches[%d].fields", at, i), "missing: the fields to set, as they stand in the object; null takes one away")
		}
		for _, own := range []string{"apiVersion", "kind", "status"} {
			if _, has := p.Fields[own]; has {
				c.doc.Problem(fmt.Sprintf("%s.patches[%d].fields.%s", at, i, own), "a patch may not touch %s", own)
			}
		}
		for _, wrong := range badMetadata(p.Fields["metadata"]) {
			c.doc.Problem(strict.Join(fmt.Sprintf("%s.patches[%d].fields", at, i), wrong.Path), "%s", wrong.Message)
		}
	}
	return len(resources)+len(patches) > 0
}

func (c *compiler) needs(path, value, what string) {
	if value == "" {
		c.doc.Problem(path, "missing: %s", what)
	}
}

func (c *compiler) oneOf(path, value string, known ...string) {
	if !slices.Contains(known, value) {
		c.doc.Problem(path, "unknown value %q%s", value, strict.Suggest(value, known))
	}
}
