package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/fleet"
)

// findingRow is a finding in JSON.
type findingRow struct {
	Cluster string   `json:"cluster"` // "" where it is about none
	Root    string   `json:"root"`
	File    string   `json:"file"`
	Message string   `json:"message"`
	Unknown bool     `json:"unknown"` // nothing is wrong: it is beyond what Git tells
	Step    string   `json:"step"`    // what a person may do
	Files   []string `json:"files"`
}

func newFleetUnknownsCommand(environ []string) *cobra.Command {
	return listing(environ, "unknowns", "List what is not known of the fleet, why, and what a person may do", func(v *view) error {
		rows := []findingRow{}
		add := func(cluster string, findings []fleet.Finding) {
			for _, f := range findings {
				at, step := place(f.File, f.Root), f.Remedy()
				rows = append(rows, findingRow{cluster, f.Root, at, f.Message, f.Unknown, step, []string{at}})
			}
		}
		add("", v.ofNone())
		for _, ix := range v.indexes {
			add(ix.Cluster().Name, ix.Findings())
		}
		return v.print(rows, tableOfFindings(rows))
	})
}

// findingKind is what findings have in common that are told of together.
type findingKind struct{ is, why, step string }

// about is what a finding is about, and where.
type about struct{ what, file string }

// tableOfFindings tells once what many objects have in common, and names an
// object once that several clusters have. What is wrong goes first.
func tableOfFindings(rows []findingRow) *table {
	var kinds []findingKind
	things := map[findingKind][]about{}
	clusters := map[findingKind]map[about][]string{}
	for _, r := range rows {
		kind, thing := r.parts()
		if clusters[kind] == nil {
			kinds, clusters[kind] = append(kinds, kind), map[about][]string{}
		}
		if clusters[kind][thing] == nil {
			things[kind] = append(things[kind], thing)
		}
		if !slices.Contains(clusters[kind][thing], r.Cluster) {
			clusters[kind][thing] = append(clusters[kind][thing], r.Cluster)
		}
	}
	slices.SortStableFunc(kinds, func(a, b findingKind) int { return cmp.Compare(b.is, a.is) })
	t := &table{columns: []column{{"CLUSTER", 1}, {"WHAT", 2}, {"FROM", 3}}}
	for _, kind := range kinds {
		t.heading("")
		t.heading(fmt.Sprintf("%s (%d): %s", kind.is, len(things[kind]), kind.why))
		if kind.step != "" {
			t.heading("what to do: " + kind.step)
		}
		for _, thing := range things[kind] {
			t.add(strings.Join(clusters[kind][thing], ", "), thing.what, thing.file)
		}
	}
	return t
}

// parts tells a message's object, Kind namespace/name, from what is said of it.
// A message that names none is about its root.
func (r findingRow) parts() (findingKind, about) {
	kind, thing := findingKind{"wrong", r.Message, r.Step}, about{r.Root, r.File}
	if r.Unknown {
		kind.is = "unknown"
	}
	object, why, ok := strings.Cut(r.Message, ": ")
	if first, _ := utf8.DecodeRuneInString(object); ok && strings.Count(object, " ") == 1 && unicode.IsUpper(first) {
		kind.why, thing.what = why, object
	}
	return kind, thing
}
