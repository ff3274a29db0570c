// Command irgit turns security alerts into containment proposals in a GitOps
// fleet repository. See the README for what this version does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
)

// version is set by the linker.
var version = "devel"

// Exit codes, as the README documents them.
const (
	exitOK      = 0
	exitError   = 1
	exitUsage   = 2
	exitInvalid = 3
	exitAuth    = 4
	exitRefused = 5
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	stderr := os.Stderr
	// kustomize writes advice about the fleet's files there, and offers no
	// switch. A panic still comes out: the runtime writes to the descriptor.
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, stderr)
	stop()
	os.Exit(code)
}

// run is the whole program apart from the process around it.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	root := newRootCommand(environ)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "irgit: error: %v\n", err)
	}
	var usage usageError
	var invalid invalidError
	var refused refusedError
	var hinted hintedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "irgit: hint: %s\n", usage.hint)
		return exitUsage
	case errors.As(err, &invalid):
		fmt.Fprintf(stderr, "irgit: hint: %s\n", invalid.hint)
		return exitInvalid
	case errors.As(err, &refused):
		fmt.Fprintf(stderr, "irgit: hint: %s\n", refused.hint)
		return exitRefused
	case errors.Is(err, gitops.ErrAuthentication), errors.Is(err, forge.ErrAuthentication):
		hint := "set auth.token (IRGIT_AUTH_TOKEN) or auth.sshKey; the token needs to read and write the contents of the repository"
		if errors.As(err, &hinted) {
			hint = hinted.hint
		}
		fmt.Fprintf(stderr, "irgit: hint: %s\n", hint)
		return exitAuth
	case errors.As(err, &hinted):
		fmt.Fprintf(stderr, "irgit: hint: %s\n", hinted.hint)
	}
	return exitError
}

// usageError is a mistake on the command line or in the configuration.
type usageError struct {
	error
	hint string
}

// Unwrap gives the mistake itself.
func (e usageError) Unwrap() error { return e.error }

// invalidError is a file of the user's that irgit understood and will not take.
type invalidError struct {
	error
	hint string
}

// Unwrap gives what is wrong with it.
func (e invalidError) Unwrap() error { return e.error }

// refusedError is a guardrail that stood against a containment.
type refusedError struct {
	error
	hint string
}

// Unwrap gives the refusal.
func (e refusedError) Unwrap() error { return e.error }

// hintedError is any other error to which there is a way out.
type hintedError struct {
	error
	hint string
}

// Unwrap gives the error without its hint.
func (e hintedError) Unwrap() error { return e.error }

func newRootCommand(environ []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "irgit",
		Short:         "Incident response through Git",
		Long:          "irgit turns security alerts into containment proposals in the fleet repository that Argo CD or Flux applies.",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{err, "see " + cmd.CommandPath() + " --help"}
	})
	root.AddCommand(
		newRespondCommand(environ), newPlanCommand(environ), newAlertCommand(environ), newIncidentCommand(environ), newReconcileCommand(environ), newVerifyCommand(environ), newActionsCommand(), newPolicyCommand(environ),
		newFleetCommand(environ), newInitCommand(environ), newRenderCommand(environ), newDoctorCommand(environ), newConfigCommand(environ), newDemoCommand(), newVersionCommand(),
	)
	for _, c := range allCommands(root) {
		if c.Args != nil {
			continue
		}
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := cobra.NoArgs(cmd, args); err != nil {
				return usageError{err, "see " + cmd.CommandPath() + " --help"}
			}
			return nil
		}
	}
	return root
}

func allCommands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, below := range c.Commands() {
		all = append(all, allCommands(below)...)
	}
	return all
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "irgit %s\n", version)
			return err
		},
	}
}

// configFlags adds the flags that set configuration keys.
func configFlags(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "config", "", "configuration file (default: irgit.yaml if it is there)")
	c.Flags().String("repo", "", "URL or path of the fleet repository")
	c.Flags().String("base", "", "base branch (default: the remote's)")
	c.Flags().String("cache", "", "cache folder, or off")
}

func newConfigCommand(environ []string) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "config",
		Short: "Print the configuration in force, without its secrets",
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(file, environ, cmd.Flags())
			if err != nil {
				return err
			}
			return config.print(cmd.OutOrStdout())
		},
	}
	configFlags(c, &file)
	return c
}
