package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
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
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

func newDemoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Carry a containment commit through the example fleet and back",
		Long: `demo serves the example fleet over smart HTTP on loopback, puts a containment
commit on a branch of it without a clone, has the git program check and merge
it, releases it, and shows that the tree is as before. It works in a temporary
folder, which it leaves for a look around.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "irgit-demo-")
			if err != nil {
				return fmt.Errorf("make the demo's folder: %w", err)
			}
			d := &demo{out: cmd.OutOrStdout(), dir: dir}
			if err := d.play(cmd.Context()); err != nil {
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
	signer gitops.Signer
}

const (
	demoIncident = "20261123-payments-0d15ea5e"
	demoBranch   = "irgit/" + demoIncident
	demoRelease  = "irgit/release/" + demoIncident
)

// demoContainment is what later versions render from an alert and a policy.
const demoContainment = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: irgit-quarantine-0d15ea5e
  namespace: payments
  annotations:
    kustomize.toolkit.fluxcd.io/substitute: disabled
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: payments
  policyTypes:
    - Ingress
    - Egress
`

func (d *demo) play(ctx context.Context) error {
	if err := d.setUp(ctx); err != nil {
		return err
	}
	server, err := gittest.Serve(ctx, d.dir, gittest.Options{})
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the process ends
	d.url = server.URL + "/fleet.git"
	before, err := d.git(ctx, "rev-parse", "main^{tree}")
	if err != nil {
		return err
	}

	d.title("The fleet, read without a clone from %s", d.url)
	dir := "incident-response/prod-eu/" + demoIncident
	contained, err := d.propose(ctx, demoBranch, "irgit: contain payments/payments in prod-eu (0d15ea5e)", []gitops.Change{
		{Path: dir + "/kustomization.yaml", Content: []byte("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - networkpolicy.yaml\n")},
		{Path: dir + "/networkpolicy.yaml", Content: []byte(demoContainment)},
	})
	if err != nil {
		return err
	}
	if err := d.show(ctx, demoBranch, contained); err != nil {
		return err
	}
	if err := d.merge(ctx, contained); err != nil {
		return err
	}

	d.title("The release")
	released, err := d.propose(ctx, demoRelease, "irgit: release payments/payments in prod-eu (0d15ea5e)", []gitops.Change{
		{Path: dir + "/kustomization.yaml"}, {Path: dir + "/networkpolicy.yaml"},
	})
	if err != nil {
		return err
	}
	if err := d.merge(ctx, released); err != nil {
		return err
	}
	after, err := d.git(ctx, "rev-parse", "main^{tree}")
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("the tree after the release is %s, want %s", after, before)
	}
	d.line("tree before the incident  %s", before)
	d.line("tree after the release    %s  (the same)", after)

	d.title("Look around")
	d.line("git --git-dir %s log --graph --show-signature main", d.bare)
	d.line("rm -rf %s", d.dir)
	return nil
}

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

// propose grafts the changes onto main and pushes them as a branch.
func (d *demo) propose(ctx context.Context, branch, subject string, changes []gitops.Change) (gitops.Revision, error) {
	remote, err := gitops.Open(ctx, gitops.Options{URL: d.url})
	if err != nil {
		return "", err
	}
	base, ok := remote.Branch(remote.DefaultBranch())
	if !ok {
		return "", errors.New("the fleet has no default branch")
	}
	message, err := gitops.Message{Subject: subject, Trailers: []gitops.Trailer{{Key: gitops.TrailerIncident, Value: demoIncident}}}.Format()
	if err != nil {
		return "", err
	}
	commit, err := remote.Commit(ctx, gitops.CommitSpec{
		Parent: base, Changes: changes, Message: message, Signer: d.signer,
		Author: gitops.Signature{Name: "irgit", Email: "irgit@example.com", When: time.Date(2026, 11, 23, 3, 12, 7, 0, time.UTC)},
	})
	if err != nil {
		return "", err
	}
	if err := remote.Push(ctx, gitops.Update{Branch: branch, New: commit.Revision}); err != nil {
		return "", err
	}
	d.line("base      %s", base)
	d.line("fetched   %d bytes", remote.Traffic())
	d.line("branch    %s", branch)
	d.line("revision  %s", commit.Revision)
	return commit.Revision, nil
}

// show has the git program look at the proposal.
func (d *demo) show(ctx context.Context, branch string, revision gitops.Revision) error {
	d.title("The proposal, as git shows it")
	diff, err := d.git(ctx, "diff", "main..."+branch)
	if err != nil {
		return err
	}
	d.line("%s", diff)
	if _, err := d.git(ctx, "fsck", "--strict"); err != nil {
		return err
	}
	d.line("git fsck --strict: nothing to complain about")
	// git asks ssh-keygen about SSH signatures, and a fresh machine may lack it.
	if tool, _ := exec.LookPath("ssh-keygen"); tool == "" {
		d.line("git verify-commit: not run, since ssh-keygen is not installed")
		return nil
	}
	if _, err := d.git(ctx, "verify-commit", string(revision)); err != nil {
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

func (d *demo) git(ctx context.Context, args ...string) (string, error) {
	out, err := gittest.Git(ctx, d.dir, append([]string{"--git-dir", d.bare}, args...)...)
	return strings.TrimRight(out, "\n"), err
}

func (d *demo) title(format string, args ...any) { fmt.Fprintf(d.out, "\n== "+format+"\n\n", args...) }

func (d *demo) line(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }
