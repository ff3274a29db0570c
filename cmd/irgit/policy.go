package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/validate"
	"github.com/irgit/irgit/policies"
)

func newPolicyCommand() *cobra.Command {
	var dir string
	group := &cobra.Command{
		Use:   "policy",
		Short: "List, lint and test response policies",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.PersistentFlags().StringVar(&dir, "policies", "", "folder that extends the built-in policies, and overrides them by name")
	add := func(use, short string, act func(*cobra.Command, *policyFiles) error) {
		group.AddCommand(&cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, _ []string) error {
			files, err := readPolicies(dir)
			if err != nil {
				return err
			}
			return act(cmd, files)
		}})
	}
	add("list", "List the policies in force", func(cmd *cobra.Command, f *policyFiles) error {
		if err := f.report(cmd.ErrOrStderr(), f.problems); err != nil {
			return err
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "POLICY\tTIER\tACTIONS")
		for _, p := range f.set.Policies() {
			var actions []string
			for _, a := range p.Spec.Response {
				actions = append(actions, a.Name)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name(), p.Spec.Tier, strings.Join(actions, ", "))
		}
		return w.Flush()
	})
	add("lint", "Report every problem of the policies, with file, line and column", func(cmd *cobra.Command, f *policyFiles) error {
		if err := f.report(cmd.ErrOrStderr(), f.problems); err != nil {
			return err
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d policies, no problems\n", len(f.set.Policies()))
		return err
	})
	add("test", "Run the tests beside the policies", func(cmd *cobra.Command, f *policyFiles) error {
		if err := f.report(cmd.ErrOrStderr(), f.problems); err != nil {
			return err
		}
		results, problems := policy.Test(cmd.Context(), f.set, f.tests)
		if err := f.report(cmd.ErrOrStderr(), problems); err != nil {
			return err
		}
		failed := 0
		for _, r := range results {
			if r.Passed {
				continue
			}
			failed++
			fmt.Fprintf(cmd.OutOrStdout(), "FAIL %s %s: %s: %s\n", r.File, r.Test, r.Case, strings.Join(r.Differ, "; "))
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%d passed, %d failed\n", len(results)-failed, failed)
		if failed > 0 {
			return invalidError{fmt.Errorf("%d policy tests fail", failed), "each FAIL line names the case and what differs"}
		}
		return nil
	})
	return group
}

type policyFiles struct {
	set      *policy.Set
	tests    []policy.Source
	problems []validate.Problem
}

func readPolicies(dir string) (*policyFiles, error) {
	sources, tests, err := policy.ReadFS(policies.FS, "built-in", "built-in")
	if err != nil {
		return nil, err
	}
	if dir != "" {
		own, ownTests, err := policy.ReadFS(os.DirFS(dir), dir, dir)
		if err != nil {
			return nil, usageError{err, "--policies takes a folder of policy files"}
		}
		sources, tests = append(sources, own...), append(tests, ownTests...)
	}
	f := &policyFiles{tests: tests}
	f.set, f.problems = policy.Load(sources, knownActions{})
	return f, nil
}

// report prints problems and turns them into an error.
func (f *policyFiles) report(w io.Writer, problems []validate.Problem) error {
	for _, p := range problems {
		fmt.Fprintf(w, "%s: %s: %s\n", p.File, p.Path, p.Message)
	}
	if len(problems) > 0 {
		return invalidError{errors.New("the policies have problems"), "each line names the file, the field and the way out"}
	}
	return nil
}

// knownActions are the actions that a policy may name. Their parameters are
// checked where their templates are known.
type knownActions struct{}

var actionNames = []string{"deny-east-west", "deny-http", "freeze-rollout", "freeze-scale", "quarantine"}

func (knownActions) Names() []string      { return slices.Clone(actionNames) }
func (knownActions) Has(name string) bool { return slices.Contains(actionNames, name) }

func (knownActions) CheckParameters(string, map[string]any) []string { return nil }
