package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/validate"
	"github.com/irgit/irgit/policies"
)

func newPolicyCommand(environ []string) *cobra.Command {
	var dir, templates string
	group := &cobra.Command{
		Use:   "policy",
		Short: "List, lint, test and explain response policies",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	add := func(use, short string, act func(*cobra.Command, *policyFiles) error) {
		c := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, _ []string) error {
			catalogue, err := readTemplates(cmd.ErrOrStderr(), templates)
			if err != nil {
				return err
			}
			files, err := readPolicies(dir, catalogue)
			if err != nil {
				return err
			}
			if err := files.report(cmd.ErrOrStderr(), files.problems); err != nil {
				return err
			}
			return act(cmd, files)
		}}
		c.Flags().StringVar(&dir, "policies", "", "folder that extends the built-in policies, and overrides them by name")
		c.Flags().StringVar(&templates, "templates", "", "folder that extends the built-in action templates, and overrides them by name")
		group.AddCommand(c)
	}
	add("list", "List the policies in force", listPolicies)
	add("lint", "Report every problem of the policies, with file, line and column", func(cmd *cobra.Command, f *policyFiles) error {
		own := 0
		for _, p := range f.set.Policies() {
			if p.Origin() != builtIn {
				own++
			}
		}
		of := ""
		if f.dir != "" {
			of = fmt.Sprintf(", %d of them of %s", own, f.dir)
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d policies%s, no problems\n", len(f.set.Policies()), of)
		return err
	})
	add("test", "Run the tests beside the policies", testPolicies)
	group.AddCommand(newExplainCommand(environ))
	return group
}

func listPolicies(cmd *cobra.Command, f *policyFiles) error {
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
}

// testPolicies runs the built-in tests against the built-in policies alone, so
// that a folder may override a policy, and the folder's against what is in
// force with it.
func testPolicies(cmd *cobra.Command, f *policyFiles) error {
	results, problems := policy.Test(cmd.Context(), f.builtIn, f.builtInTests)
	own, more := policy.Test(cmd.Context(), f.set, f.tests)
	results, problems = append(results, own...), append(problems, more...)
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
	of := ""
	if f.dir != "" {
		of = fmt.Sprintf(" (%d built-in tests, %d of %s)", len(results)-len(own), len(own), f.dir)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d passed, %d failed%s\n", len(results)-failed, failed, of)
	if failed > 0 {
		return invalidError{fmt.Errorf("%d policy tests fail", failed), "each FAIL line names the case and what differs"}
	}
	return nil
}

// builtIn is the origin of the policies that irgit brings along.
const builtIn = "built-in"

type policyFiles struct {
	set      *policy.Set // in force: built-in and the folder's
	dir      string      // the folder, "" for none
	tests    []policy.Source
	problems []validate.Problem

	builtIn      *policy.Set
	builtInTests []policy.Source
}

// readPolicies reads the built-in policies and those of a folder, "" for none.
func readPolicies(dir string, actions policy.Actions) (*policyFiles, error) {
	sources, tests, err := policy.ReadFS(policies.FS, builtIn, builtIn)
	if err != nil {
		return nil, err
	}
	f := &policyFiles{dir: dir, builtInTests: tests}
	f.builtIn, f.problems = policy.Load(sources, actions)
	f.set = f.builtIn
	if dir != "" {
		own, ownTests, err := readFolder("policies", dir)
		if err != nil {
			return nil, err
		}
		f.tests = ownTests
		f.set, f.problems = policy.Load(append(sources, own...), actions)
	}
	return f, nil
}

// report prints problems and turns them into an error.
func (f *policyFiles) report(w io.Writer, problems []validate.Problem) error {
	printProblems(w, problems)
	if len(problems) > 0 {
		return invalidError{errors.New("the policies have problems"), "each line names the file, the field and the way out"}
	}
	return nil
}
