package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/render"
)

func newActionsCommand() *cobra.Command {
	var templates, output string
	group := &cobra.Command{
		Use:   "actions",
		Short: "List and show the containment actions",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.PersistentFlags().StringVar(&templates, "templates", "", "folder that extends the built-in action templates, and overrides them by name")
	group.PersistentFlags().StringVarP(&output, "output", "o", "text", "text or json")
	group.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the actions that policies can ask for",
		RunE: func(cmd *cobra.Command, _ []string) error {
			catalogue, err := readTemplates(cmd.ErrOrStderr(), templates)
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), catalogue.Actions())
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ACTION\tTACTIC\tOPEN CONNECTIONS\tSUMMARY")
			for _, a := range catalogue.Actions() {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.Name, a.Vocabulary.Tactic, cuts(a.Cuts), a.Summary)
			}
			return w.Flush()
		},
	}, &cobra.Command{
		Use:     "show ACTION",
		Short:   "Show what an action does, does not do, needs, and how it is undone",
		Example: "  irgit actions show quarantine",
		Args:    oneArgument("the name of an action"),
		RunE: func(cmd *cobra.Command, args []string) error {
			catalogue, err := readTemplates(cmd.ErrOrStderr(), templates)
			if err != nil {
				return err
			}
			a, ok := catalogue.Action(args[0])
			if !ok {
				return usageError{fmt.Errorf("there is no action %q", args[0]), unknownAction(catalogue, templates)}
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), a)
			}
			return showAction(cmd.OutOrStdout(), a)
		},
	})
	return group
}

// unknownAction is the hint for an action that the catalogue does not have.
func unknownAction(catalogue *render.Catalogue, templates string) string {
	hint := "known are " + strings.Join(catalogue.Names(), ", ")
	if templates == "" {
		hint += "; --templates DIR adds those of a folder"
	}
	return hint
}

// oneArgument asks for exactly one argument, in a usage error's words.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError{fmt.Errorf("%s takes %s and nothing else", cmd.CommandPath(), what), "see " + cmd.CommandPath() + " --help"}
		}
		return nil
	}
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func cuts(word string) string {
	switch word {
	case "yes":
		return "cut"
	case "no":
		return "stay"
	}
	return "may stay"
}

func showAction(out io.Writer, a render.Action) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	v := a.Vocabulary
	row("action", a.Name)
	row("summary", a.Summary)
	row("creates", strings.Join(a.Creates, ", "))
	row("patches", strings.Join(a.Patches, ", "))
	row("open connections", cuts(a.Cuts))
	row("undo", a.Undo.How)
	row("", a.Undo.Hurts)
	row("D3FEND", strings.TrimSpace(v.Tactic+" "+strings.Join(v.D3FEND, ", ")))
	row("OpenC2", v.OpenC2)
	row("phase", v.Phase)
	row("CSF", strings.Join(v.CSF, ", "))
	row("CACAO", v.CACAO)
	row("RE&CT", strings.Join(v.React, ", "))
	row("ATT&CK answered", strings.Join(v.Attack, ", "))
	row("template", a.File)
	row("digest", a.Digest)
	if err := w.Flush(); err != nil {
		return err
	}
	list(out, "What it does not do", a.DoesNot)
	list(out, "It does not fit when", a.Requires)
	list(out, "It warns when", a.Warnings)
	if len(a.Variants) > 0 {
		fmt.Fprintln(out, "\nVariants, the first that holds is used")
		for _, variant := range a.Variants {
			fmt.Fprintf(out, "  %s: %s\n", variant.Name, orAlways(variant.When))
			for _, s := range variant.DoesNot {
				fmt.Fprintf(out, "    - %s\n", s)
			}
		}
	}
	if len(a.Parameters) > 0 {
		fmt.Fprintln(out, "\nParameters")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Parameters)) {
		p := a.Parameters[name]
		words := []string{p.Type}
		if p.Required {
			words = append(words, "required")
		}
		if p.Default != nil {
			words = append(words, fmt.Sprintf("default %v", p.Default))
		}
		if len(p.Enum) > 0 {
			words = append(words, "one of "+strings.Join(p.Enum, " "))
		}
		if p.Pattern != "" {
			words = append(words, "pattern "+p.Pattern)
		}
		fmt.Fprintf(out, "  %s (%s)\n    %s\n", name, strings.Join(words, ", "), p.Description)
	}
	return nil
}

func orAlways(condition string) string {
	if condition == "" {
		return "always"
	}
	return strings.Join(strings.Fields(condition), " ")
}

func list(out io.Writer, title string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", title)
	for _, s := range items {
		fmt.Fprintf(out, "  - %s\n", s)
	}
}
