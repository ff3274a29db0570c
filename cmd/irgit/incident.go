package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/incident"
)

func newIncidentCommand(environ []string) *cobra.Command {
	group := &cobra.Command{
		Use:   "incident",
		Short: "Release incidents",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o := &respondOptions{}
	c := &cobra.Command{
		Use:   "release INCIDENT",
		Short: "Propose to take a merged containment back",
		Long: `release proposes a commit that removes an incident's directory and its patches,
and moves its record to the history. Everything else keeps its bytes.`,
		Example: "  irgit incident release 20261123-payments-0d15ea5e",
		Args:    oneArgument("the id of an incident"),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := o.configure(cmd, environ)
			if err != nil {
				return err
			}
			engine, _, err := config.engine(cmd, o.dryRun)
			if err != nil {
				return err
			}
			outcome, err := engine.Release(cmd.Context(), args[0])
			if errors.Is(err, incident.ErrNoIncident) {
				return usageError{err, "incidents are the directories below incident-response/<cluster> of the base branch; one that is not merged ends by closing its proposal"}
			}
			if err != nil {
				return explain(err)
			}
			switch o.output {
			case "json":
				return printLine(cmd.OutOrStdout(), outcome)
			case "patch":
				_, err := io.WriteString(cmd.OutOrStdout(), outcome.Patch)
				return err
			}
			printOutcome(cmd.OutOrStdout(), outcome, o.dryRun)
			return nil
		},
	}
	configFlags(c, &o.config)
	c.Flags().StringVarP(&o.output, "output", "o", "text", "text, json or patch (for git apply)")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "do everything but push and propose")
	group.AddCommand(c)
	return group
}
