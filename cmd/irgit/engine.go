package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/redact"
	"github.com/irgit/irgit/internal/render"
	"github.com/irgit/irgit/internal/validate"
)

// engine makes what the configuration describes, and the redactor that the
// input has to go through before it.
func (c *Config) engine(cmd *cobra.Command, dryRun bool) (*incident.Engine, *redact.Redactor, error) {
	git, err := c.git(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return nil, nil, err
	}
	signer, err := c.signer()
	if err != nil {
		return nil, nil, err
	}
	catalogue, err := readTemplates(cmd.ErrOrStderr(), c.Templates)
	if err != nil {
		return nil, nil, err
	}
	policies, err := readPolicies(c.Policies, catalogue)
	if err != nil {
		return nil, nil, err
	}
	if err := policies.report(cmd.ErrOrStderr(), policies.problems); err != nil {
		return nil, nil, err
	}
	redactor, err := c.redactor()
	if err != nil {
		return nil, nil, err
	}
	where, err := c.forge()
	if err != nil {
		return nil, nil, err
	}
	engine, err := incident.New(incident.Options{
		Git: git, Base: c.Base, CacheDir: git.CacheDir, Cluster: c.Cluster,
		Policies: policies.set, Actions: catalogue, Redactor: redactor, Forge: where,
		Author: incident.Author{Name: c.Author.Name, Email: c.Author.Email}, Signer: signer, Version: version, DryRun: dryRun,
	})
	return engine, redactor, err
}

// git is how to reach the fleet repository. What its server says while it
// works goes to progress.
func (c *Config) git(ctx context.Context, progress io.Writer) (gitops.Options, error) {
	if c.Repo == "" {
		return gitops.Options{}, usageError{errors.New("no fleet repository is given"), "use --repo, IRGIT_REPO or repo in irgit.yaml"}
	}
	auth, err := c.auth(ctx)
	if err != nil {
		return gitops.Options{}, err
	}
	cache := c.Cache
	if cache == "off" {
		cache = ""
	}
	return gitops.Options{URL: c.Repo, Auth: auth, CacheDir: cache, Progress: func(line string) { fmt.Fprintln(progress, "remote:", line) }}, nil
}

func (c *Config) redactor() (*redact.Redactor, error) {
	if c.Redaction.Key == "" {
		return redact.New(nil), nil
	}
	key, err := os.ReadFile(c.Redaction.Key)
	if err != nil {
		return nil, usageError{fmt.Errorf("configuration: redaction.key: %w", err), "give a file with at least 16 random bytes"}
	}
	if len(key) < 16 {
		return nil, usageError{fmt.Errorf("configuration: redaction.key: %s has %d bytes", c.Redaction.Key, len(key)), "give a file with at least 16 random bytes"}
	}
	return redact.New(key), nil
}

// readTemplates reads the built-in action templates and those of a folder, ""
// for none. Problems are printed.
func readTemplates(w io.Writer, dir string) (*render.Catalogue, error) {
	sources, err := render.Sources()
	if err != nil {
		return nil, err
	}
	if dir != "" {
		own, _, err := readFolder("templates", dir)
		if err != nil {
			return nil, err
		}
		sources = append(sources, own...)
	}
	catalogue, problems := render.Load(sources)
	printProblems(w, problems)
	if len(problems) > 0 {
		return nil, invalidError{errors.New("the action templates have problems"), "each line names the file, the field and the way out"}
	}
	return catalogue, nil
}

// readFolder reads the folder of --policies or --templates.
func readFolder(flag, dir string) (files, tests []policy.Source, err error) {
	if _, err = os.ReadDir(dir); err == nil { // its error names the folder
		files, tests, err = policy.ReadFS(os.DirFS(dir), dir, dir)
	}
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("read the folder of %s: %w", flag, err), "--" + flag + " takes a folder of YAML files"}
	}
	return files, tests, nil
}

func printProblems(w io.Writer, problems []validate.Problem) {
	for _, p := range problems {
		parts := []string{p.File, p.Path, p.Message}
		if p.Path == "" {
			parts = []string{p.File, p.Message}
		}
		fmt.Fprintln(w, strings.Join(parts, ": "))
	}
}

// explain gives an engine's error its exit code and hint.
func explain(err error) error {
	var fleetProblems *fleet.ConfigError
	var branch *gitops.BranchError
	var cluster *incident.ClusterError
	var login *gitops.LoginError
	var owner *gitops.OwnerError
	switch {
	case errors.As(err, &fleetProblems):
		return invalidError{err, "the README shows what .irgit.yaml holds"}
	case errors.As(err, &branch):
		return usageError{err, "use --base, IRGIT_BASE or base in irgit.yaml"}
	case errors.As(err, &cluster):
		return usageError{err, "use --cluster, IRGIT_CLUSTER or cluster in irgit.yaml with a cluster's name or alias"}
	case errors.As(err, &login):
		return hintedError{err, loginHint(err)}
	case errors.As(err, &owner):
		return hintedError{err, "if you trust it: git config --global --add safe.directory " + owner.Dir}
	case errors.Is(err, gitops.ErrRejected):
		return hintedError{err, "a rule or hook of the server refused the branch; irgit pushes to irgit/* only"}
	case errors.Is(err, gitops.ErrUnreachable), errors.Is(err, forge.ErrUnreachable), errors.Is(err, forge.ErrRateLimited), errors.Is(err, gitops.ErrMoved):
		return hintedError{err, "the same command may be run again: what was done is not done twice"}
	}
	return err
}

// loginHint says which key of the configuration helps against a log-in that
// could not be tried.
func loginHint(err error) string {
	var login *gitops.LoginError
	if errors.As(err, &login) {
		switch login.Field {
		case "Passphrase":
			return "set auth.passphrase (IRGIT_AUTH_PASSPHRASE) to the passphrase of auth.sshKey"
		case "KnownHosts":
			return "set auth.knownHosts (IRGIT_AUTH_KNOWNHOSTS) to a known_hosts file with the server's key, and take the key from the server's own pages"
		}
	}
	return "set auth.sshKey (IRGIT_AUTH_SSHKEY) to the file of an OpenSSH private key, or start an ssh agent that holds one"
}
