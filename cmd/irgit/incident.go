package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/incident"
)

func newIncidentCommand(environ []string) *cobra.Command {
	group := &cobra.Command{
		Use:   "incident",
		Short: "List, show, sync and release incidents",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(newIncidentListCommand(environ), newIncidentShowCommand(environ), newIncidentSyncCommand(environ), newIncidentReleaseCommand(environ))
	return group
}

func newIncidentListCommand(environ []string) *cobra.Command {
	o := &respondOptions{dryRun: true}
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the incidents that are not over, and where each stands",
		Long: `list reads the base branch, irgit's branches and their pull requests. A stage is
proposed, expired (its time was over before anybody decided), vetoed (a person
closed it), merged, overdue (its time is over and no release is proposed),
releasing, released, or unclear.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine, err := o.reader(cmd, environ)
			if err != nil {
				return err
			}
			incidents, err := engine.Incidents(cmd.Context(), all)
			if err != nil {
				return explain(err)
			}
			if o.output == "json" {
				if incidents == nil {
					incidents = []*incident.Standing{}
				}
				return printJSON(cmd.OutOrStdout(), incidents)
			}
			if len(incidents) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "no incidents")
				return nil
			}
			t := table{columns: []column{{"INCIDENT", 0}, {"STAGE", 0}, {"CLUSTER", 0}, {"TARGET", 1}, {"POLICY", 1}, {"EXPIRES", 0}, {"WHAT NEXT", 3}}}
			for _, one := range incidents {
				t.add(one.ID, string(one.Stage), one.Cluster, one.Target, one.Policy, date(one.Expires), one.Reason)
			}
			return t.print(cmd.OutOrStdout())
		},
	}
	o.readerFlags(c)
	c.Flags().BoolVar(&all, "all", false, "also those that are over, from the history")
	return c
}

func newIncidentShowCommand(environ []string) *cobra.Command {
	o := &respondOptions{dryRun: true}
	c := &cobra.Command{
		Use:     "show INCIDENT",
		Short:   "Show one incident: where it stands, why it was opened, what it does",
		Example: "  irgit incident show 20261123-payments-0d15ea5e",
		Args:    oneArgument("the id of an incident"),
		RunE: func(cmd *cobra.Command, args []string) error {
			engine, err := o.reader(cmd, environ)
			if err != nil {
				return err
			}
			one, record, err := engine.Incident(cmd.Context(), args[0])
			if err != nil {
				return noIncident(err, "`irgit incident list --all` lists them")
			}
			if o.output == "json" {
				return printJSON(cmd.OutOrStdout(), struct {
					*incident.Standing
					Incident *incident.Record `json:"incident"`
				}{one, record})
			}
			return showIncident(cmd.OutOrStdout(), one, record)
		},
	}
	o.readerFlags(c)
	return c
}

func newIncidentSyncCommand(environ []string) *cobra.Command {
	o := &respondOptions{}
	c := &cobra.Command{
		Use:   "sync INCIDENT",
		Short: "Look again at a proposal: open its pull request if it is missing, graft its branch anew if it does not merge as it should",
		Args:  oneArgument("the id of an incident"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.act(cmd, environ, func(engine *incident.Engine) (*incident.Outcome, error) {
				outcome, err := engine.Sync(cmd.Context(), args[0])
				return outcome, noIncident(err, "only an incident that is proposed and not merged can be looked at again")
			})
		},
	}
	o.actFlags(c)
	return c
}

func newIncidentReleaseCommand(environ []string) *cobra.Command {
	o := &respondOptions{}
	c := &cobra.Command{
		Use:   "release INCIDENT",
		Short: "Propose to take a merged containment back",
		Long: `release proposes a commit that removes an incident's directory and its patches,
and moves its record to the history. Everything else keeps its bytes.`,
		Example: "  irgit incident release 20261123-payments-0d15ea5e",
		Args:    oneArgument("the id of an incident"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.act(cmd, environ, func(engine *incident.Engine) (*incident.Outcome, error) {
				outcome, err := engine.Release(cmd.Context(), args[0])
				return outcome, noIncident(err, "incidents are the directories below incident-response/<cluster> of the base branch; one that is not merged ends by closing its proposal")
			})
		},
	}
	o.actFlags(c)
	return c
}

// noIncident makes a usage error of the id of no incident.
func noIncident(err error, hint string) error {
	if errors.Is(err, incident.ErrNoIncident) {
		return usageError{err, hint}
	}
	if err != nil {
		return explain(err)
	}
	return nil
}

func (o *respondOptions) readerFlags(c *cobra.Command) {
	configFlags(c, &o.config)
	c.Flags().StringVarP(&o.output, "output", "o", "text", "text or json")
}

// reader is an engine that is only asked.
func (o *respondOptions) reader(cmd *cobra.Command, environ []string) (*incident.Engine, error) {
	if o.output == "patch" {
		return nil, usageError{errors.New("-o patch is not known here"), "use text or json"}
	}
	config, err := o.configure(cmd, environ)
	if err != nil {
		return nil, err
	}
	engine, _, err := config.engine(cmd, true)
	return engine, err
}

func (o *respondOptions) actFlags(c *cobra.Command) {
	configFlags(c, &o.config)
	c.Flags().StringVarP(&o.output, "output", "o", "text", "text, json or patch (for git apply)")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "do everything but push and propose")
}

// act does one thing about one incident, and prints what came of it.
func (o *respondOptions) act(cmd *cobra.Command, environ []string, do func(*incident.Engine) (*incident.Outcome, error)) error {
	config, err := o.configure(cmd, environ)
	if err != nil {
		return err
	}
	engine, _, err := config.engine(cmd, o.dryRun)
	if err != nil {
		return err
	}
	outcome, err := do(engine)
	if err != nil {
		return err
	}
	switch o.output {
	case "json":
		err = printLine(cmd.OutOrStdout(), outcome)
	case "patch":
		_, err = io.WriteString(cmd.OutOrStdout(), outcome.Patch)
	default:
		printOutcome(cmd.OutOrStdout(), outcome, o.dryRun)
	}
	return errors.Join(err, verdict([]*incident.Outcome{outcome}))
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

// showIncident prints what a person asks first. Everything of the record was
// written by irgit or is escaped: it may have come with an alert.
func showIncident(w io.Writer, one *incident.Standing, r *incident.Record) error {
	t := table{columns: []column{{"WHAT", 0}, {"WHICH", 1}}}
	t.add("incident", one.ID)
	t.add("stage", string(one.Stage)+": "+one.Reason)
	if r == nil {
		return t.print(w)
	}
	s := &r.Spec
	t.add("target", s.Target.String()+" in "+s.Cluster+", by its "+s.Target.Evidence)
	t.add("severity", s.Severity.String())
	if len(s.Techniques) > 0 {
		t.add("techniques", strings.Join(s.Techniques, ", "))
	}
	t.add("events", fmt.Sprintf("%s to %s, alerts: %d", date(s.FirstEvent), date(s.LastEvent), s.AlertCount))
	t.add("expires", date(s.Expires))
	if s.Released != nil {
		t.add("released", date(*s.Released))
	}
	t.add("policy", s.Policy.Name+": "+s.Policy.Description)
	for _, a := range s.Actions {
		if a.Skipped != "" {
			t.add("left out", a.Name+": "+a.Skipped)
			continue
		}
		t.add("action", a.Name+": "+strings.Join(a.Files, ", "))
	}
	for _, hit := range s.BlastRadius {
		t.add("hits", fmt.Sprintf("%s %s/%s (%s)", hit.Kind, hit.Namespace, hit.Name, hit.Why))
	}
	for _, warning := range s.Warnings {
		t.add("warning", warning)
	}
	if one.Branch != "" {
		t.add("branch", one.Branch)
	}
	if one.PullRequest != nil {
		t.add("review", one.PullRequest.URL)
	}
	t.add("record", one.Record)
	return t.print(w)
}
