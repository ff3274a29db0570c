package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/gitops"
)

func newDoctorCommand(environ []string) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check that the fleet repository and the signing key are usable; writes nothing",
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

// doctor makes the commit that a proposal would be, and does not push it.
func doctor(ctx context.Context, c *Config, out io.Writer) error {
	options, err := c.git(io.Discard)
	if err != nil {
		return err
	}
	signer, err := c.signer()
	if err != nil {
		return err
	}
	remote, err := gitops.Open(ctx, options)
	if err != nil {
		return err
	}
	base, revision, err := remote.Base(c.Base)
	if err != nil {
		return explain(err)
	}
	tree, err := remote.Tree(ctx, revision)
	if err != nil {
		return err
	}
	entries, err := tree.ReadDir(ctx, "")
	if err != nil {
		return err
	}
	trial, err := remote.Commit(ctx, gitops.CommitSpec{
		Parent: revision, Message: "irgit: doctor\n", Signer: signer,
		Changes: []gitops.Change{{Path: "incident-response/doctor", Content: []byte("not pushed\n")}},
		Author:  gitops.Signature{Name: c.Author.Name, Email: c.Author.Email, When: time.Unix(1, 0).UTC()},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "repository  %s\nbase        %s %s\nreads       %d entries at the top, %d bytes so far\n", remote, base, revision, len(entries), remote.Traffic())
	if signer == nil {
		fmt.Fprintln(out, "signing     off: set signing.format and signing.key")
	} else {
		fmt.Fprintf(out, "signing     %s, verified by:\n%s\n", c.Signing.Format, signer.Public())
	}
	fmt.Fprintf(out, "commit      %s can be made (not pushed)\n", trial.Revision)
	return nil
}

// auth reads what the configuration names.
func (c *Config) auth() (gitops.Auth, error) {
	a := gitops.Auth{Username: c.Auth.Username, Token: c.Auth.Token, KnownHosts: c.Auth.KnownHosts}
	if c.Auth.SSHKey == "" {
		return a, nil
	}
	key, err := os.ReadFile(c.Auth.SSHKey)
	if err != nil {
		return a, usageError{fmt.Errorf("configuration: auth.sshKey: %w", err), "give the file of an OpenSSH private key"}
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
