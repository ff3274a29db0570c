package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/kustomize"
	"github.com/irgit/irgit/internal/proposal"
	"github.com/irgit/irgit/internal/redact"
)

const demoAlert = "falco-terminal-shell.json"

func newDemoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Play an alert through the example fleet: proposal, merge, release",
		Long: `demo serves the example fleet over smart HTTP on loopback, answers a Falco alert
about it with a signed containment proposal, has the git program check and merge
it, shows what the fleet builds to after the merge, releases the containment,
and shows that the fleet is as before. It works in a temporary folder, which it
leaves for a look around.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "irgit-demo-")
			if err != nil {
				return fmt.Errorf("make the demo's folder: %w", err)
			}
			d := &demo{out: cmd.OutOrStdout(), dir: dir}
			if err := d.play(cmd); err != nil {
				return fmt.Errorf("demo in %s: %w", dir, err)
			}
			return nil
		},
	}
}

// demo is one run; every step prints what it saw.
type demo struct {
	out    io.Writer
	dir    string
	bare   string
	url    string
	engine *incident.Engine
	signer gitops.Signer
}

func (d *demo) play(cmd *cobra.Command) error {
	ctx := cmd.Context()
	if err := d.setUp(ctx); err != nil {
		return err
	}
	server, err := gittest.Serve(ctx, d.dir, gittest.Options{})
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the process ends
	d.url = server.URL + "/fleet.git"
	if err := d.hire(cmd); err != nil {
		return err
	}
	outcome, err := d.respond(ctx)
	if err != nil {
		return err
	}
	if err := d.inspect(ctx, outcome); err != nil {
		return err
	}
	before, err := d.git(ctx, "rev-parse", "main")
	if err != nil {
		return err
	}
	d.title("The merge, by the git program")
	if err := d.merge(ctx, outcome.Incident.Revision); err != nil {
		return err
	}
	if err := d.built(ctx, outcome, before); err != nil {
		return err
	}
	return d.release(ctx, outcome.Incident, before)
}

// setUp makes the repository and a signing key of its own.
func (d *demo) setUp(ctx context.Context) error {
	files, err := examples.Fleet()
	if err != nil {
		return err
	}
	if d.bare, err = gittest.NewRepository(ctx, d.dir, "fleet.git", files); err != nil {
		return err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "irgit demo")
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	if d.signer, err = gitops.SSHSigner(pem.EncodeToMemory(block), nil); err != nil {
		return err
	}
	allowed := filepath.Join(d.dir, "allowed_signers")
	line := "irgit@example.com namespaces=\"git\" " + d.signer.Public() + "\n"
	_, err = gittest.Git(ctx, d.dir, "--git-dir", d.bare, "config", "gpg.ssh.allowedSignersFile", allowed)
	return errors.Join(err, os.WriteFile(allowed, []byte(line), 0o600))
}

// hire makes the engine that a user's configuration would make.
func (d *demo) hire(cmd *cobra.Command) error {
	catalogue, err := readTemplates(cmd.ErrOrStderr(), "")
	if err != nil {
		return err
	}
	policies, err := readPolicies("", catalogue)
	if err != nil {
		return err
	}
	if err := policies.report(cmd.ErrOrStderr(), policies.problems); err != nil {
		return err
	}
	d.engine, err = incident.New(incident.Options{
		Git: gitops.Options{URL: d.url}, Policies: policies.set, Actions: catalogue, Redactor: redact.New(nil),
		Author: incident.Author{Name: "irgit", Email: "irgit@example.com"}, Signer: d.signer, Version: version,
		Now: func() time.Time { return time.Date(2026, 11, 23, 3, 12, 12, 0, time.UTC) }, // the night of the alert
	})
	return err
}

// respond plays the alert, twice.
func (d *demo) respond(ctx context.Context) (*incident.Outcome, error) {
	data, err := examples.Alert(demoAlert)
	if err != nil {
		return nil, err
	}
	d.title("The alert, as Falco posts it (examples/alerts/%s)", demoAlert)
	d.line("%s", strings.TrimSpace(string(data)))
	items, err := alert.Decode(data, alert.Options{Source: alert.Auto, Redactor: redact.New(nil)})
	if err != nil {
		return nil, err
	}
	start := time.Now()
	outcomes, err := d.engine.Respond(ctx, items)
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	o := outcomes[0]
	if o.State != incident.Proposed {
		return nil, fmt.Errorf("the alert is answered with %s: %s", o.State, o.Reason)
	}
	again, err := d.engine.Respond(ctx, items)
	if err != nil {
		return nil, err
	}
	d.title("The answer: %s, %s after the alert", o.State, took.Round(time.Millisecond))
	d.line("%s.\n", o.Reason)
	d.line("incident      %s", o.Incident.ID)
	d.line("target        %s in %s", o.Incident.Target, o.Incident.Cluster)
	for _, h := range o.BlastRadius.Workloads {
		d.line("hits          %s %s/%s (%s)", h.Kind, h.Namespace, h.Name, h.Why)
	}
	for _, a := range o.Actions {
		if a.Skipped != "" {
			d.line("left out      %s: %s", a.Name, a.Skipped)
			continue
		}
		d.line("action        %s", a.Name)
	}
	d.line("guardrails    target and rendered objects pass the floor and the policy's own limits")
	d.line("proof         builds of %s before and after differ by the plan and nothing else", strings.Join(o.Proof.Roots, ", "))
	d.line("branch        %s", o.Incident.Branch)
	d.line("revision      %s", o.Incident.Revision)
	d.line("expires       %s", o.Incident.Expires.Format(time.RFC3339))
	d.line("the same alert again: %s, revision %s", again[0].State, again[0].Incident.Revision)
	return o, nil
}

// inspect shows the proposal as its reviewer reads it, and has the git program
// check the commit.
func (d *demo) inspect(ctx context.Context, o *incident.Outcome) error {
	d.title("The proposal, as the reviewer reads it")
	d.line("%s", proposal.Terminal(*o.Document))
	d.title("The commit, by the git program")
	stat, err := d.git(ctx, "show", "--stat=100", "--format=fuller", o.Incident.Branch)
	if err != nil {
		return err
	}
	d.line("%s\n", stat)
	if _, err := d.git(ctx, "fsck", "--strict"); err != nil {
		return err
	}
	d.line("git fsck --strict: nothing to complain about")
	// git asks ssh-keygen about SSH signatures, and a fresh machine may lack it.
	if tool, _ := exec.LookPath("ssh-keygen"); tool == "" {
		d.line("git verify-commit: not run, since ssh-keygen is not installed")
		return nil
	}
	if _, err := d.git(ctx, "verify-commit", string(o.Incident.Revision)); err != nil {
		return err
	}
	d.line("git verify-commit: good signature of irgit@example.com")
	return nil
}

// merge plays the reviewer who approves.
func (d *demo) merge(ctx context.Context, revision gitops.Revision) error {
	tree, err := d.git(ctx, "merge-tree", "--write-tree", "main", string(revision))
	if err != nil {
		return err
	}
	merged, err := d.git(ctx, "commit-tree", "-p", "main", "-p", string(revision), "-m", "Merge "+string(revision), tree)
	if err != nil {
		return err
	}
	if _, err := d.git(ctx, "update-ref", "refs/heads/main", merged); err != nil {
		return err
	}
	d.line("merged    %s", merged)
	return nil
}

// built shows the objects that changed, as kustomize builds them from main.
func (d *demo) built(ctx context.Context, o *incident.Outcome, before string) error {
	d.title("The fleet after the merge, as kustomize builds it")
	remote, err := gitops.Open(ctx, gitops.Options{URL: d.url})
	if err != nil {
		return err
	}
	_, revision, err := remote.Base("main")
	if err != nil {
		return err
	}
	was, err := remote.Tree(ctx, gitops.Revision(before))
	if err != nil {
		return err
	}
	is, err := remote.Tree(ctx, revision)
	if err != nil {
		return err
	}
	for _, root := range o.Proof.Roots {
		built, err := kustomize.Build(ctx, is, root, kustomize.Options{Generate: true})
		if err != nil {
			return err
		}
		count := 0
		if earlier, err := kustomize.Build(ctx, was, root, kustomize.Options{Generate: true}); err == nil {
			count = len(earlier.Objects)
		}
		d.line("%s: %d objects, %d before", root, len(built.Objects), count)
	}
	for _, c := range o.Proof.Changed {
		for _, f := range c.Fields {
			d.line("  %s %s/%s %s: %s → %s", c.Kind, c.Namespace, c.Name, f.Path, orAbsent(f.Before), orAbsent(f.After))
		}
	}
	for _, c := range o.Proof.Added {
		d.line("  %s %s/%s: new", c.Kind, c.Namespace, c.Name)
	}
	return nil
}

func orAbsent(v any) string {
	if v == nil {
		return "absent"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// release takes the containment back and compares.
func (d *demo) release(ctx context.Context, in *incident.Summary, before string) error {
	d.title("The release")
	released, err := d.engine.Release(ctx, in.ID)
	if err != nil {
		return err
	}
	d.line("branch    %s", released.Incident.Branch)
	d.line("revision  %s", released.Incident.Revision)
	if err := d.merge(ctx, released.Incident.Revision); err != nil {
		return err
	}
	left, err := d.git(ctx, "diff", "--name-status", before, "main")
	if err != nil {
		return err
	}
	history := "A\tincident-response/history/2026/" + in.ID + ".yaml"
	if left != history {
		return fmt.Errorf("the release leaves more than the record: %s", left)
	}
	d.line("\ngit diff --name-status %s main", before)
	d.line("  %s", left)
	d.line("The fleet is as before the incident, byte for byte; the record of it is kept.")
	d.title("Look around")
	d.line("git --git-dir %s log --graph --show-signature main", d.bare)
	d.line("git --git-dir %s show main:incident-response/history/2026/%s.yaml", d.bare, in.ID)
	d.line("git --git-dir %s diff %s %s", d.bare, before[:12], in.Branch)
	d.line("git clone %s", d.bare)
	d.line("rm -rf %s", d.dir)
	return nil
}

func (d *demo) git(ctx context.Context, args ...string) (string, error) {
	out, err := gittest.Git(ctx, d.dir, append([]string{"--git-dir", d.bare}, args...)...)
	return strings.TrimRight(out, "\n"), err
}

func (d *demo) title(format string, args ...any) { fmt.Fprintf(d.out, "\n== "+format+"\n\n", args...) }

func (d *demo) line(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }
