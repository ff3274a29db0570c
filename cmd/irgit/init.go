package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/onboard"
	"github.com/irgit/irgit/internal/proposal"
)

// initOptions are the flags of init.
type initOptions struct {
	config, output  string
	noHooks, dryRun bool
}

func newInitCommand(environ []string) *cobra.Command {
	o := &initOptions{}
	c := &cobra.Command{
		Use:   "init",
		Short: "Propose what the fleet repository lacks: directories for incidents, sync objects, hooks",
		Long: `init reads the fleet repository and proposes, on the branch irgit/init and as a
pull request where there is a forge, what containment takes: .irgit.yaml with the
clusters that were found, a directory for each cluster's incidents with what makes
its controller apply it, and the hooks through which objects are patched. Files of
others change by one entry each. Every root that could come out otherwise is built
before and after: nothing that is rendered today changes. Twice changes nothing.`,
		Example: `  irgit init --repo https://github.com/acme/fleet
  irgit init --repo /path/to/fleet --dry-run -o patch | git apply`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd, environ) },
	}
	configFlags(c, &o.config)
	c.Flags().BoolVar(&o.noHooks, "no-hooks", false, "leave the kustomizations of others alone: an incident that needs a hook names it itself")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "do everything but push and propose")
	c.Flags().StringVarP(&o.output, "output", "o", "text", "text, json or patch (for git apply)")
	return c
}

func (o *initOptions) run(cmd *cobra.Command, environ []string) error {
	if !slices.Contains(outputs, o.output) {
		return usageError{fmt.Errorf("-o %s is not known", o.output), "use " + strings.Join(outputs, ", ")}
	}
	config, err := loadConfig(o.config, environ, cmd.Flags())
	if err != nil {
		return err
	}
	options, err := o.options(cmd, config)
	if err != nil {
		return err
	}
	out, err := onboard.Propose(cmd.Context(), options)
	var refused *onboard.RefusedError
	if errors.As(err, &refused) {
		return refusedError{err, refused.Step}
	}
	if err != nil {
		return explain(err)
	}
	return o.print(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), out)
}

func (o *initOptions) options(cmd *cobra.Command, c *Config) (out onboard.Options, err error) {
	git, err := c.git(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return out, err
	}
	signer, err := c.signer()
	if err != nil {
		return out, err
	}
	var where forge.Forge = forge.Git{}
	if !o.dryRun {
		if where, err = c.forge(); err != nil {
			return out, err
		}
	}
	out = onboard.Options{
		Git: git, Base: c.Base, CacheDir: git.CacheDir, Forge: where, Signer: signer, NoHooks: o.noHooks, DryRun: o.dryRun,
		Author: gitops.Signature{Name: c.Author.Name, Email: c.Author.Email},
	}
	if _, err := forge.ParseRepository(c.Repo); err == nil {
		out.URL = c.Repo
	}
	return out, nil
}

// initAnswer is the outcome in JSON.
type initAnswer struct {
	State       onboard.State             `json:"state"` // proposed, unchanged, vetoed
	Reason      string                    `json:"reason"`
	DryRun      bool                      `json:"dryRun"`
	Branch      string                    `json:"branch"`
	Base        string                    `json:"base"`
	Revision    gitops.Revision           `json:"revision"` // "" when nothing is proposed
	PullRequest *incident.PullRequestLink `json:"pullRequest"`
	Files       []proposal.File           `json:"files"`
	Clusters    []proposal.Prepared       `json:"clusters"`
	ByHand      []proposal.Remark         `json:"byHand"`
	Unwired     []proposal.Remark         `json:"unwired"`
	Unknown     []proposal.Remark         `json:"unknown"`
	Warnings    []string                  `json:"warnings"`
}

func (o *initOptions) print(ctx context.Context, w, aside io.Writer, out *onboard.Outcome) error {
	d := out.Setup.Document
	switch o.output {
	case "json":
		answer := initAnswer{
			State: out.State, Reason: out.Reason, DryRun: o.dryRun, Branch: out.Branch, Base: out.Base, Revision: out.Revision, Files: orEmpty(d.Files), Clusters: orEmpty(d.Clusters),
			ByHand: orEmpty(d.ByHand), Unwired: orEmpty(d.Unwired), Unknown: orEmpty(d.Unknown), Warnings: orEmpty(out.Warnings),
		}
		if pr := out.PullRequest; pr != nil && pr.Number > 0 {
			answer.PullRequest = &incident.PullRequestLink{Number: pr.Number, URL: pr.URL}
		}
		return printJSON(w, answer)
	case "patch":
		patch, _, err := incident.Patch(ctx, out.Setup.Before, out.Setup.After)
		if err == nil {
			_, err = io.WriteString(w, patch)
		}
		return err
	}
	if len(d.Files) > 0 {
		fmt.Fprintln(w, proposal.OnboardingTerminal(d))
	}
	fmt.Fprintf(w, "%s: %s\n", out.State, out.Reason)
	if len(d.Files) == 0 {
		for _, r := range d.ByHand {
			fmt.Fprintf(w, "  by hand: %s: %s %s\n", r.Where, r.What, r.Step)
		}
		if d.Kept != "" {
			fmt.Fprintln(w, "  "+d.Kept)
		}
	}
	switch pr := out.PullRequest; {
	case o.dryRun:
		fmt.Fprintln(w, "  dry run: nothing was pushed")
	case pr != nil && pr.URL != "":
		fmt.Fprintf(w, "  pull request %d: %s\n", pr.Number, pr.URL)
	case out.Revision != "":
		fmt.Fprintf(w, "  branch %s at %s\n", out.Branch, out.Revision)
	}
	for _, warning := range out.Warnings {
		fmt.Fprintf(aside, "irgit: warning: %s\n", warning)
	}
	return nil
}
