package main

import (
	"encoding/json"
	"fmt"
	"io"
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
			var doc actionDoc
			doc.action("#", a)
			doc.line("Template: %s, %s", a.File, a.Digest)
			_, err = io.WriteString(cmd.OutOrStdout(), doc.String())
			return err
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
