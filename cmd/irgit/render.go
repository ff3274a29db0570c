package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

func newRenderCommand(environ []string) *cobra.Command {
	o := &respondOptions{}
	c := &cobra.Command{
		Use:   "render FILE",
		Short: "Render one action for a workload, for authors of action templates",
		Long: `render reads a file that names an action, its parameters and a workload, and
prints the files that an incident would write and the difference that the
cluster would see. It changes nothing. The fleet is a folder as it lies on disk,
or a repository at its base branch.

  apiVersion: irgit.dev/v1alpha1
  kind: ActionPreview
  action: quarantine
  parameters:
    dns: true
  fleet: examples/fleet      # or --repo
  target:
    cluster: prod-eu
    namespace: payments
    kind: Deployment
    name: payments
  indicators:                # for actions that use those of the alerts
    - {type: ip, value: 203.0.113.7}`,
		Args: oneArgument("a file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.output == "json" {
				return usageError{errors.New("-o json is not known"), "use text or patch"}
			}
			config, err := o.configure(cmd, environ)
			if err != nil {
				return err
			}
			return o.render(cmd, config, args[0])
		},
	}
	configFlags(c, &o.config)
	c.Flags().String("templates", "", "folder that extends the built-in action templates, and overrides them by name")
	c.Flags().StringVarP(&o.output, "output", "o", "text", "text or patch (for git apply)")
	return c
}

func (o *respondOptions) render(cmd *cobra.Command, config *Config, file string) error {
	catalogue, err := readTemplates(cmd.ErrOrStderr(), config.Templates)
	if err != nil {
		return err
	}
	data, err := readFile(file)
	if err != nil {
		return usageError{fmt.Errorf("read preview: %w", err), "give a file; --help shows one"}
	}
	preview, problems := render.ParsePreview(policy.Source{Name: file, Data: data})
	if len(problems) > 0 {
		printProblems(cmd.ErrOrStderr(), problems)
		return invalidError{fmt.Errorf("%s has problems", file), "irgit render --help shows what it holds"}
	}
	if !catalogue.Has(preview.Action) {
		return invalidError{fmt.Errorf("%s: action: there is no action %q", file, preview.Action), unknownAction(catalogue, config.Templates)}
	}
	where, err := previewTree(cmd, config, preview.Fleet)
	if err != nil {
		return explain(err)
	}
	f, err := fleet.Load(cmd.Context(), where, fleet.Options{})
	if err != nil {
		return explain(err)
	}
	bundle, proof, err := catalogue.Preview(cmd.Context(), preview, f)
	if err != nil {
		return invalidError{err, "`irgit actions show " + preview.Action + "` says what the action needs"}
	}
	if o.output == "patch" {
		return printPatch(cmd.Context(), cmd.OutOrStdout(), where, bundle)
	}
	return printBundle(cmd.OutOrStdout(), bundle, proof)
}

// previewTree is the fleet as it lies in a folder, or a repository's base.
func previewTree(cmd *cobra.Command, config *Config, at string) (*gitops.Tree, error) {
	if at != "" {
		config.Repo = at
	}
	if _, err := os.Stat(filepath.Join(config.Repo, fleet.ConfigFile)); config.Repo != "" && err == nil {
		return gitops.DirTree(config.Repo)
	}
	options, err := config.git(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	remote, err := gitops.Open(cmd.Context(), options)
	if err != nil {
		return nil, err
	}
	_, revision, err := remote.Base(config.Base)
	if err != nil {
		return nil, err
	}
	return remote.Tree(cmd.Context(), revision)
}

func printPatch(ctx context.Context, w io.Writer, before *gitops.Tree, b *render.Bundle) error {
	after, err := before.With(ctx, b.Changes...)
	if err != nil {
		return err
	}
	patch, _, err := incident.Patch(ctx, before, after)
	if err == nil {
		_, err = io.WriteString(w, patch)
	}
	return err
}

func printBundle(w io.Writer, b *render.Bundle, proof render.Proof) error {
	for _, s := range b.Steps {
		fmt.Fprintf(w, "# %s: %s\n", s.Action, s.Summary)
		if s.Variant != "" {
			fmt.Fprintf(w, "# variant %s\n", s.Variant)
		}
		for _, warning := range s.Warnings {
			fmt.Fprintf(w, "# warning: %s\n", warning)
		}
	}
	for _, c := range b.Changes {
		fmt.Fprintf(w, "\n# --- %s\n%s", c.Path, c.Content)
	}
	_, err := fmt.Fprintf(w, "\n# what the cluster would see\n%s", proof.Diff())
	return err
}
