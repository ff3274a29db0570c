package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/proposal"
	"github.com/irgit/irgit/internal/validate"
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
	items, err := readAlerts(cmd.InOrStdin(), o.alert, o.source, alert.Options{Redactor: redactor})
	if err != nil {
		return err
	}
	outcomes, failure := engine.Respond(cmd.Context(), items)
	for _, outcome := range outcomes {
		for i := range outcome.Problems {
			if p := &outcome.Problems[i]; p.File == incident.AlertFile {
				p.File = o.alert
			}
		}
	}
	if err := o.print(cmd.OutOrStdout(), cmd.ErrOrStderr(), outcomes); err != nil {
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

func (o *respondOptions) print(w, aside io.Writer, outcomes []*incident.Outcome) error {
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
			if outcome.Patch == "" {
				if outcome.State != "" {
					printOutcome(aside, outcome, o.dryRun)
				}
				continue
			}
			// git apply passes over what stands before the first "diff --git".
			if _, err := fmt.Fprintf(w, "# incident %s, against the base %s that it was made from\n%s", outcome.Incident.ID, outcome.Incident.Base, outcome.Patch); err != nil {
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
	state := string(o.State)
	if dryRun && (o.State == incident.Proposed || o.State == incident.Updated) {
		state = "would be " + state
	}
	fmt.Fprintf(w, "%s: %s: %s\n", subject(o), state, o.Reason)
	for _, p := range o.Problems {
		if !strings.Contains(o.Reason, p.Message) {
			printProblems(w, []validate.Problem{p})
		}
	}
	if o.Document == nil && o.Release == nil {
		for _, warning := range o.Warnings {
			fmt.Fprintf(w, "  warning   %s\n", warning)
		}
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

// subject says which answer it is. What the alert says is quoted, so that it
// can be looked for and cannot speak to the terminal.
func subject(o *incident.Outcome) string {
	if o.Alert == nil {
		if o.Where != "" {
			return "alert (" + o.Where + ")"
		}
		if o.Release != nil || o.Incident != nil {
			return "release"
		}
		return "alert"
	}
	a := o.Alert.Subject
	words := []string{fmt.Sprintf("alert %+q", o.Alert.Rule)}
	for _, part := range []struct{ name, value string }{{"cluster", a.Cluster}, {"namespace", a.Namespace}, {"pod", a.Pod}} {
		if part.value != "" {
			words = append(words, fmt.Sprintf("%s %+q", part.name, short(part.value)))
		}
	}
	if o.Where != "" {
		words = append(words, "("+o.Where+")")
	}
	return strings.Join(words, " ")
}

func short(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
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
		return refusedError{fmt.Errorf("%d of %d alerts were refused, the reasons are above", count[incident.Guardrail], len(outcomes)), "nothing was written for them; a guardrail cannot be switched off, a policy's own limits and actions can be changed"}
	case count[incident.Unresolved] > 0:
		return refusedError{fmt.Errorf("it cannot be told which workload %d of %d alerts are about, the reasons are above", count[incident.Unresolved], len(outcomes)), "nothing was written for them; compare the cluster, namespace and pod that the alert names with .irgit.yaml and with what its roots render (irgit doctor)"}
	}
	return nil
}
