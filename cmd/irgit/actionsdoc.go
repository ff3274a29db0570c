package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/render"
)

// actionDoc writes what there is to know of actions, in Markdown that reads as
// text as well: docs/actions.md is a whole catalogue, `irgit actions show` one.
type actionDoc struct{ strings.Builder }

func (d *actionDoc) line(format string, args ...any) {
	fmt.Fprintf(d, format+"\n\n", args...)
}

// catalogue writes all actions, by the tactic they belong to.
func (d *actionDoc) catalogue(all []render.Action) {
	d.line("# Actions")
	d.line("What a response policy can ask for. This page is made from the files in [templates](../templates) by\n" +
		"`go test ./cmd/irgit -run ActionsPage -update`; `irgit actions show ACTION` prints the same of one action, those of your own folder included.\n" +
		"[Write your own action](write-an-action.md) says how to add to them.")
	for _, tactic := range []string{"isolate", "evict", "harden", "restore", "detect"} {
		of := slices.DeleteFunc(slices.Clone(all), func(a render.Action) bool { return a.Vocabulary.Tactic != tactic })
		if len(of) == 0 {
			continue
		}
		d.line("## %s", strings.ToUpper(tactic[:1])+tactic[1:])
		d.WriteString("| action | open connections | what it does |\n|---|---|---|\n")
		for _, a := range of {
			fmt.Fprintf(d, "| [%s](#%s) | %s | %s |\n", a.Name, a.Name, cuts(a.Cuts), strings.ReplaceAll(a.Summary, "|", "\\|"))
		}
		d.WriteString("\n")
		for _, a := range of {
			d.action("###", a)
		}
	}
}

// action writes one action below a heading of a level.
func (d *actionDoc) action(heading string, a render.Action) {
	d.line("%s %s", heading, a.Name)
	d.line("%s", a.Summary)
	v := a.Vocabulary
	d.fields([][2]string{
		{"Creates", strings.Join(a.Creates, ", ")},
		{"Patches", strings.Join(a.Patches, ", ")},
		{"Open connections", cuts(a.Cuts)},
		{"Undo", a.Undo.How},
		{"What undoing may hurt", a.Undo.Hurts},
		{"D3FEND", strings.TrimSpace(v.Tactic + " " + strings.Join(v.D3FEND, ", "))},
		{"OpenC2, CACAO", v.OpenC2 + ", " + v.CACAO},
		{"Phase, CSF", v.Phase + ", " + strings.Join(v.CSF, ", ")},
		{"RE&CT", strings.Join(v.React, ", ")},
		{"Answers ATT&CK", strings.Join(v.Attack, ", ")},
	})
	d.list("What it does not do", a.DoesNot)
	d.list("It does not fit when", a.Requires)
	d.list("It warns", a.Warnings)
	d.variants(a.Variants)
	d.parameters(a.Parameters)
}

func (d *actionDoc) fields(fields [][2]string) {
	for _, f := range fields {
		if f[1] != "" {
			fmt.Fprintf(d, "- %s: %s\n", f[0], flat(f[1]))
		}
	}
	d.WriteString("\n")
}

func (d *actionDoc) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	d.line("%s:", title)
	for _, s := range items {
		fmt.Fprintf(d, "- %s\n", flat(s))
	}
	d.WriteString("\n")
}

func (d *actionDoc) variants(all []render.Variant) {
	if len(all) == 0 {
		return
	}
	d.line("Variants, of which the first that fits is used:")
	for _, v := range all {
		when := "otherwise"
		if v.When != "" {
			when = "when `" + strings.Join(strings.Fields(v.When), " ") + "`"
		}
		fmt.Fprintf(d, "- %s, %s; open connections: %s\n", v.Name, when, cuts(v.Cuts))
		for _, s := range v.DoesNot {
			fmt.Fprintf(d, "  - %s\n", flat(s))
		}
	}
	d.WriteString("\n")
}

func (d *actionDoc) parameters(all map[string]render.Parameter) {
	if len(all) == 0 {
		return
	}
	d.line("Parameters:")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		words := []string{p.Type}
		if p.Required {
			words = append(words, "required")
		}
		if p.Default != nil {
			words = append(words, fmt.Sprintf("default %v", p.Default))
		}
		for _, bound := range []struct {
			name  string
			value any
		}{{"at least", p.Min}, {"at most", p.Max}} {
			if bound.value != nil {
				words = append(words, fmt.Sprintf("%s %v", bound.name, bound.value))
			}
		}
		if len(p.Enum) > 0 {
			words = append(words, "one of "+strings.Join(p.Enum, " "))
		}
		if p.Format != "" {
			words = append(words, "of the form "+p.Format)
		}
		if p.Pattern != "" {
			words = append(words, "pattern `"+p.Pattern+"`")
		}
		fmt.Fprintf(d, "- `%s` (%s): %s\n", name, strings.Join(words, ", "), flat(p.Description))
	}
	d.WriteString("\n")
}

// expression is the place in a sentence where a value will stand.
var expression = regexp.MustCompile(`\$\{[^}]*\}`)

// flat is a sentence in one line.
func flat(s string) string {
	return expression.ReplaceAllString(strings.Join(strings.Fields(s), " "), "`$0`")
}
