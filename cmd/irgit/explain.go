package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/incident"
)

func newExplainCommand(environ []string) *cobra.Command {
	o := &respondOptions{}
	c := &cobra.Command{
		Use:   "explain",
		Short: "Show for every policy why it answers an alert, or the first condition that failed",
		Long: `explain reads alerts and shows what every policy says of them. With a fleet
repository it finds the workload first; without one, conditions on the workload
cannot hold.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.explain(cmd, environ) },
	}
	o.flags(c)
	c.Flags().Lookup("output").Usage = "text or json (one object per alert)"
	return c
}

func (o *respondOptions) explain(cmd *cobra.Command, environ []string) error {
	if o.output == "patch" {
		return usageError{fmt.Errorf("-o %s is not known", o.output), "use text or json"}
	}
	config, err := o.configure(cmd, environ)
	if err != nil {
		return err
	}
	redactor, err := config.redactor()
	if err != nil {
		return err
	}
	items, err := readAlerts(cmd.InOrStdin(), o.alert, o.source, alert.Options{Redactor: redactor})
	if err != nil {
		return err
	}
	var all []incident.Explanation
	if config.Repo == "" {
		all, err = explainAlone(cmd, config, items)
	} else {
		config.Forge.Kind = "git" // nothing is asked of a forge
		var engine *incident.Engine
		if engine, _, err = config.engine(cmd, true); err == nil {
			all, err = engine.Explain(cmd.Context(), items)
			err = explain(err)
		}
	}
	if err != nil {
		return err
	}
	for _, x := range all {
		if o.output == "json" {
			err = printLine(cmd.OutOrStdout(), x)
		} else {
			err = printExplanation(cmd.OutOrStdout(), x)
		}
		if err != nil {
			return fmt.Errorf("print explanation: %w", err)
		}
	}
	return nil
}

// explainAlone asks the policies without a fleet.
func explainAlone(cmd *cobra.Command, config *Config, items []alert.Item) ([]incident.Explanation, error) {
	catalogue, err := readTemplates(cmd.ErrOrStderr(), config.Templates)
	if err != nil {
		return nil, err
	}
	files, err := readPolicies(config.Policies, catalogue)
	if err != nil {
		return nil, err
	}
	if err := files.report(cmd.ErrOrStderr(), files.problems); err != nil {
		return nil, err
	}
	all := make([]incident.Explanation, len(items))
	for i, item := range items {
		all[i] = incident.Explanation{Where: item.Where, Alert: item.Alert, NotTaken: item.Problem + item.Ignored}
		if item.Alert == nil || all[i].NotTaken != "" {
			continue
		}
		d, err := files.set.Explain(cmd.Context(), *item.Alert, nil, fleet.Cluster{Name: config.Cluster})
		if err != nil {
			return nil, err
		}
		all[i].Decision, all[i].Why = &d, "no fleet repository was given, so the workload is not known"
	}
	return all, nil
}

func printExplanation(out io.Writer, x incident.Explanation) error {
	what := "alert"
	if x.Alert != nil {
		what = fmt.Sprintf("alert %+q of %s", x.Alert.Rule, x.Alert.Source)
	}
	if x.Where != "" {
		what += " (" + x.Where + ")"
	}
	fmt.Fprintln(out, what)
	if x.NotTaken != "" {
		_, err := fmt.Fprintf(out, "  not taken: %s\n", x.NotTaken)
		return err
	}
	target := x.Target
	if target == "" {
		target = "not known"
	}
	fmt.Fprintf(out, "  target    %s: %s\n", target, x.Why)
	for _, r := range x.Refusals {
		fmt.Fprintf(out, "  refused   guardrail %s: %s\n", r.Guardrail, r.Reason)
	}
	fmt.Fprintf(out, "  decision  %s\n\n", x.Decision.Reason)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  POLICY\tMATCHED\tUSED\tREASON")
	for _, c := range x.Decision.Considered {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", c.Policy, yes(c.Matched), yes(c.Used), c.Reason)
	}
	return w.Flush()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
