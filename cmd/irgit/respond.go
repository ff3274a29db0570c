package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/proposal"
)

// respondOptions are the flags of respond and plan.
type respondOptions struct {
	config string
	alert  string // file, or - for standard input
	source string
	output string
	dryRun bool
}

var outputs = []string{"text", "json", "patch"}

func newRespondCommand(environ []string) *cobra.Command {
	o := &respondOptions{}
	c := &cobra.Command{
		Use:   "respond",
		Short: "Turn alerts into containment proposals in the fleet repository",
		Long: `respond reads alerts, finds the workload that each is about, asks the response
policies, renders and proves the containment, and proposes it: a signed commit
on a branch, and a pull request where there is a forge. The same alert twice
changes nothing.`,
		Example: `  irgit respond --repo https://github.com/acme/fleet --alert alert.json --cluster prod-eu
  tail -n 1 /var/log/falco.json | irgit respond --repo . --alert - --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd, environ) },
	}
	o.flags(c)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "do everything but push and propose")
	return c
}

func newPlanCommand(environ []string) *cobra.Command {
	o := &respondOptions{dryRun: true}
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show what respond would propose, and change nothing",
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd, environ) },
	}
	o.flags(c)
	return c
}

func (o *respondOptions) flags(c *cobra.Command) {
	configFlags(c, &o.config)
	alertFlags(c, &o.alert, &o.source)
	c.Flags().String("cluster", "", "cluster of alerts that do not name theirs")
	c.Flags().String("policies", "", "folder that extends the built-in policies, and overrides them by name")
	c.Flags().String("templates", "", "folder that extends the built-in action templates, and overrides them by name")
	c.Flags().StringVarP(&o.output, "output", "o", "text", "text, json (one object per alert) or patch (for git apply)")
}

func (o *respondOptions) run(cmd *cobra.Command, environ []string) error {
	config, err := o.configure(cmd, environ)
	if err != nil {
		return err
	}
	engine, redactor, err := config.engine(cmd, o.dryRun)
	if err != nil {
		return err
	}
	items, err := readAlerts(cmd.InOrStdin(), o.alert, o.source, redactor)
	if err != nil {
		return err
	}
	outcomes, failure := engine.Respond(cmd.Context(), items)
	if err := o.print(cmd.OutOrStdout(), outcomes); err != nil {
		return errors.Join(failure, err)
	}
	if failure != nil {
		return explain(failure)
	}
	return verdict(outcomes)
}

func (o *respondOptions) configure(cmd *cobra.Command, environ []string) (*Config, error) {
	if !slices.Contains(outputs, o.output) {
		return nil, usageError{fmt.Errorf("-o %s is not known", o.output), "use " + strings.Join(outputs, ", ")}
	}
	return loadConfig(o.config, environ, cmd.Flags())
}

func (o *respondOptions) print(w io.Writer, outcomes []*incident.Outcome) error {
	switch o.output {
	case "json":
		for _, outcome := range outcomes {
			if outcome.State == "" {
				continue // it failed; the error says how
			}
			if err := printLine(w, outcome); err != nil {
				return fmt.Errorf("print outcome: %w", err)
			}
		}
		return nil
	case "patch":
		for _, outcome := range outcomes {
			if _, err := io.WriteString(w, outcome.Patch); err != nil {
				return fmt.Errorf("print patch: %w", err)
			}
		}
		return nil
	}
	for _, outcome := range outcomes {
		if outcome.State != "" {
			printOutcome(w, outcome, o.dryRun)
		}
	}
	return nil
}

// printLine writes JSON on one line.
func printLine(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// printOutcome shows one answer to a person at a terminal. What came with the
// alert is quoted, so that it cannot speak to the terminal.
func printOutcome(w io.Writer, o *incident.Outcome, dryRun bool) {
	if o.Document != nil {
		fmt.Fprintln(w, proposal.Terminal(*o.Document))
	}
	if o.Release != nil {
		fmt.Fprintln(w, proposal.ReleaseTerminal(*o.Release))
	}
	what := "alert"
	if o.Alert != nil && o.Alert.Rule != "" {
		what = fmt.Sprintf("alert %+q", o.Alert.Rule)
	}
	if o.Where != "" {
		what += " (" + o.Where + ")"
	}
	state := string(o.State)
	if dryRun && (o.State == incident.Proposed || o.State == incident.Updated) {
		state = "would be " + state
	}
	fmt.Fprintf(w, "%s: %s: %s\n", what, state, o.Reason)
	for _, p := range o.Problems {
		fmt.Fprintf(w, "  %s: %s: %s\n", p.File, p.Path, p.Message)
	}
	if i := o.Incident; i != nil {
		fmt.Fprintf(w, "  incident  %s\n  branch    %s\n", i.ID, i.Branch)
		if i.Revision != "" {
			fmt.Fprintf(w, "  revision  %s\n", i.Revision)
		}
		if i.PullRequest != nil {
			fmt.Fprintf(w, "  review    %s\n", i.PullRequest.URL)
		}
	}
}

// verdict turns the worst refusal into an error.
func verdict(outcomes []*incident.Outcome) error {
	count := map[incident.Fault]int{}
	for _, o := range outcomes {
		count[o.Fault]++
	}
	switch {
	case count[incident.Invalid] > 0:
		return invalidError{fmt.Errorf("%d of %d alerts could not be answered, the reasons are above", count[incident.Invalid], len(outcomes)), "correct what the reason names: the alert, a policy, a template or the fleet"}
	case count[incident.Guardrail] > 0:
		return refusedError{fmt.Errorf("%d of %d alerts were refused, the reasons are above", count[incident.Guardrail], len(outcomes)), "nothing was written for them; `irgit policy explain` shows how the policies were matched"}
	}
	return nil
}
