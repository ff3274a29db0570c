package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/incident"
)

func newReconcileCommand(environ []string) *cobra.Command {
	o := &respondOptions{}
	var once bool
	var interval time.Duration
	c := &cobra.Command{
		Use:   "reconcile",
		Short: "Bring incidents further: propose due releases, graft what does not merge, delete spent branches",
		Long: `reconcile looks at every incident and does what needs neither an alert nor a
person: it proposes the release of an incident whose time is over, grafts anew
what does not merge any more, opens a pull request that was not opened, and
deletes branches that nobody needs. It merges nothing. All it knows is in Git and
the forge, so it may be stopped at any moment, and run by cron or CI with --once.`,
		Example: "  irgit reconcile --once --repo https://github.com/acme/fleet",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.output == "patch" {
				return usageError{errors.New("-o patch is not known here"), "use text or json"}
			}
			if interval < time.Second {
				return usageError{fmt.Errorf("--interval %s is too short", interval), "give a second at least"}
			}
			config, err := o.configure(cmd, environ)
			if err != nil {
				return err
			}
			engine, _, err := config.engine(cmd, o.dryRun)
			if err != nil {
				return err
			}
			if once {
				return o.reconcile(cmd, engine)
			}
			return o.reconcileEvery(cmd, engine, interval)
		},
	}
	o.readerFlags(c)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and change nothing")
	c.Flags().BoolVar(&once, "once", false, "run once, for cron and CI; otherwise every interval until it is told to stop")
	c.Flags().DurationVar(&interval, "interval", time.Minute, "between two runs")
	return c
}

// reconcileEvery goes on until the command is told to stop. A run that fails
// is said, and the next one begins anew.
func (o *respondOptions) reconcileEvery(cmd *cobra.Command, engine *incident.Engine, interval time.Duration) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := o.reconcile(cmd, engine); err != nil && cmd.Context().Err() == nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "irgit: warning: %s; the next run is in %s\n", err, interval)
		}
		select {
		case <-cmd.Context().Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (o *respondOptions) reconcile(cmd *cobra.Command, engine *incident.Engine) error {
	steps, err := engine.Reconcile(cmd.Context())
	var failures []error
	for _, step := range steps {
		if step.Err != nil {
			failures = append(failures, fmt.Errorf("incident %s: %w", step.Incident, step.Err))
			continue
		}
		if o.output == "json" {
			if err := printLine(cmd.OutOrStdout(), step); err != nil {
				return fmt.Errorf("print step: %w", err)
			}
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", step.Incident, step.Did)
		if step.Outcome != nil && step.Outcome.Incident.PullRequest != nil {
			fmt.Fprintf(cmd.OutOrStdout(), "  review    %s\n", step.Outcome.Incident.PullRequest.URL)
		}
	}
	if err = errors.Join(append(failures, err)...); err != nil {
		return explain(err)
	}
	return nil
}
