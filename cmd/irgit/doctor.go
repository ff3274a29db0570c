package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

func newDoctorCommand(environ []string) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check that the fleet repository, its wiring and the signing key are usable; writes nothing",
		Long: `doctor reaches the fleet repository, makes the commit that a proposal would be
without pushing it, and reads the fleet as an alert would have it read: what each
cluster renders and whether irgit could patch it, what applies its incidents and
whether that may create what containment creates, whether the base branch is
protected, and what Git does not tell. A line with ! stands in the way, and the
line below it is the way out. It sees what is in Git, and no cluster.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(file, environ, cmd.Flags())
			if err != nil {
				return err
			}
			return doctor(cmd.Context(), config, cmd.OutOrStdout())
		},
	}
	configFlags(c, &file)
	return c
}

// doctor makes the commit that a proposal would be, and does not push it; then
// it reads the fleet as an alert would have it read.
func doctor(ctx context.Context, c *Config, out io.Writer) error {
	options, err := c.git(ctx, io.Discard)
	if err != nil {
		return err
	}
	signer, err := c.signer()
	if err != nil {
		return err
	}
	remote, err := gitops.Open(ctx, options)
	if err != nil {
		return explain(err)
	}
	base, revision, err := remote.Base(c.Base)
	if err != nil {
		return explain(err)
	}
	tree, err := remote.Tree(ctx, revision)
	if err != nil {
		return explain(err)
	}
	trial, err := remote.Commit(ctx, gitops.CommitSpec{
		Parent: revision, Message: "irgit: doctor\n", Signer: signer,
		Changes: []gitops.Change{{Path: "incident-response/doctor", Content: []byte("not pushed\n")}},
		Author:  gitops.Signature{Name: c.Author.Name, Email: c.Author.Email, When: time.Unix(1, 0).UTC()},
	})
	if err != nil {
		return explain(err)
	}
	fmt.Fprintf(out, "repository  %s\nbase        %s %s\n", remote, base, revision)
	if signer == nil {
		fmt.Fprintln(out, "signing     off (a warning): set signing.format and signing.key")
	} else {
		fmt.Fprintf(out, "signing     %s, verified by:\n%s\n", c.Signing.Format, signer.Public())
	}
	fmt.Fprintf(out, "commit      %s can be made (not pushed)\n", trial.Revision)
	wrong, err := c.review(ctx, base, tree, out)
	if err != nil {
		return explain(err)
	}
	f, err := fleet.Load(ctx, tree, fleet.Options{CacheDir: options.CacheDir})
	if err != nil {
		return explain(err)
	}
	found, err := examine(ctx, f, out)
	if err != nil {
		return explain(err)
	}
	wrong += found
	if read := remote.Traffic(); read > 0 {
		fmt.Fprintf(out, "\nread        %d bytes for all of this\n", read)
	}
	if wrong > 0 {
		return invalidError{fmt.Errorf("the fleet is not ready: %d problems, above", wrong), "each line with ! names the place, the line below it the way out; irgit init proposes most of it"}
	}
	return nil
}

// review looks at who has to agree to a containment, and counts what is wrong.
func (c *Config) review(ctx context.Context, base string, tree *gitops.Tree, out io.Writer) (wrong int, err error) {
	where, err := c.forge()
	if err != nil {
		return 0, err
	}
	if wrong, err = protected(ctx, where, base, out); err != nil {
		return 0, err
	}
	return wrong, owned(ctx, tree, out)
}

// auth reads what the configuration names.
func (c *Config) auth(ctx context.Context) (gitops.Auth, error) {
	a := gitops.Auth{Username: c.Auth.Username, Token: c.Auth.Token, Passphrase: []byte(c.Auth.Passphrase), KnownHosts: c.Auth.KnownHosts}
	app, err := c.app()
	if err != nil {
		return a, err
	}
	if app != nil && strings.HasPrefix(c.Repo, "http") {
		if a.Token, err = app.Token(ctx); err != nil {
			return a, explain(err)
		}
	}
	if c.Auth.SSHKey == "" {
		return a, nil
	}
	key, err := os.ReadFile(c.Auth.SSHKey)
	if err != nil {
		return a, usageError{fmt.Errorf("configuration: auth.sshKey: %w", err), "give the file of an OpenSSH private key"}
	}
	if err := gitops.CheckSSHKey(key, a.Passphrase); err != nil {
		return a, usageError{fmt.Errorf("configuration: auth.sshKey %s: %w", c.Auth.SSHKey, err), loginHint(err)}
	}
	a.SSHKey = key
	return a, nil
}

// signer is nil when commits are not signed.
func (c *Config) signer() (gitops.Signer, error) {
	if c.Signing.Key == "" {
		return nil, nil
	}
	key, err := os.ReadFile(c.Signing.Key)
	if err != nil {
		return nil, usageError{fmt.Errorf("configuration: signing.key: %w", err), "give the file of the private key"}
	}
	open := gitops.SSHSigner
	if c.Signing.Format == "openpgp" {
		open = gitops.OpenPGPSigner
	}
	signer, err := open(key, []byte(c.Signing.Passphrase))
	if err != nil {
		return nil, usageError{fmt.Errorf("configuration: signing.key %s: %w", c.Signing.Key, err), "signing.format says which kind of key it is, signing.passphrase opens it"}
	}
	return signer, nil
}
