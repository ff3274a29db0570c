package main

import (
	"fmt"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/incident"
)

// revisionForm is what a person may name a commit by here: gitops knows no
// shorter ids, and a range of branches would move.
var revisionForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

func newVerifyCommand(environ []string) *cobra.Command {
	o := &respondOptions{dryRun: true}
	var signers, keyring string
	c := &cobra.Command{
		Use:   "verify [AFTER]",
		Short: "Hold the history of the base branch against what irgit would have done, from a clone alone",
		Long: `verify reads the commits of the base branch (after the commit AFTER, if it is given)
and asks of each that says it is irgit's: is it signed by somebody who may, does it
hold the record that it names, does rendering the record again give the same tree,
does the record follow the one before it? Then it asks whether what the branch holds
of incidents today came by such commits. Every failure is named, and the exit code
is 3.

Who approved a merge is the forge's to say, and is not asked here.`,
		Example: "  irgit verify --repo . --allowed-signers allowed_signers",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			after := ""
			if len(args) == 1 {
				if after = args[0]; !revisionForm.MatchString(after) {
					return usageError{fmt.Errorf("%q is no commit", after), "give the full id: git rev-parse prints it"}
				}
			}
			verifier, err := readSigners(signers, keyring)
			if err != nil {
				return err
			}
			engine, err := o.reader(cmd, environ)
			if err != nil {
				return err
			}
			found, err := engine.Verify(cmd.Context(), verifier, gitops.Revision(after))
			if err != nil {
				return explain(err)
			}
			return o.printVerification(cmd, found)
		},
	}
	o.readerFlags(c)
	c.Flags().StringVar(&signers, "allowed-signers", "", "file of SSH keys and whose they are, as git's gpg.ssh.allowedSignersFile")
	c.Flags().StringVar(&keyring, "keyring", "", "file of OpenPGP public keys, armored")
	c.Flags().String("templates", "", "folder that extends the built-in action templates, and overrides them by name")
	return c
}

func readSigners(signers, keyring string) (*gitops.Verifier, error) {
	var both [2][]byte
	for i, name := range []string{signers, keyring} {
		if name == "" {
			continue
		}
		data, err := os.ReadFile(name) //nolint:gosec // the user's own file
		if err != nil {
			return nil, usageError{fmt.Errorf("read keys: %w", err), "give a file that is there"}
		}
		both[i] = data
	}
	v, err := gitops.NewVerifier(both[0], both[1])
	if err != nil {
		return nil, usageError{err, "--allowed-signers FILE or --keyring FILE says whose signatures count"}
	}
	return v, nil
}

func (o *respondOptions) printVerification(cmd *cobra.Command, v *incident.Verification) error {
	w := cmd.OutOrStdout()
	if o.output == "json" {
		if err := printJSON(w, v); err != nil {
			return fmt.Errorf("print verification: %w", err)
		}
	} else {
		for _, one := range v.Commits {
			fmt.Fprintf(w, "good  %.12s  %s of incident %s, signed by %s\n", one.Revision, one.What, one.Incident, visible(one.Signer))
		}
		for _, f := range v.Failures {
			fmt.Fprintf(w, "BAD   %.12s  incident %s, %s: %s\n", f.Revision, visible(f.Incident), f.Check, visible(f.Problem))
		}
		fmt.Fprintf(w, "%s at %.12s: %d commits read, %d of irgit's hold, %d failures\n", v.Base, v.Revision, v.Read, len(v.Commits), len(v.Failures))
	}
	if n := len(v.Failures); n > 0 {
		return invalidError{fmt.Errorf("%d checks failed, they are named above", n), "look at the commits with git show; a revert or an edit by hand of what irgit keeps shows as base"}
	}
	return nil
}
