// Command fleets holds irgit against real fleet repositories and prints one
// table each about building, understanding and patching them. It takes local
// clones, work trees or bare ones:
//
//	go run ./test/fleets [-v] [-all] [-only builds,fleet] PATH...
//
// It asks the git program for HEAD of each and writes into none: what it reads
// is a repository of its own in the temporary directory, which borrows the
// clone's objects.
//
// Builds: every directory with a kustomization file that is no Component is
// built by the kustomize library from a checkout on disk and by
// internal/kustomize from Git objects; both with the network refused and no
// program to run.
//
// Fleet: clusters, roots and workloads as internal/fleet finds them, held
// against the counts of hand.go, which a person made by reading the repository.
// A repository without clusters of its own gets one, "all", of its outermost
// kustomizations and its directories of plain manifests, by an .irgit.yaml that
// lies over its tree in memory; with -all, every repository does.
//
// Placement: freeze-scale and freeze-rollout, rendered and proved for every
// workload, as an incident would. What is placed is then judged from outside:
// see verify.go.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	verbose := flag.Bool("v", false, "list each root, workload and reason behind the numbers")
	asOne := flag.Bool("all", false, "take every repository for one cluster of all its outermost kustomizations and plain directories")
	only := flag.String("only", "builds,fleet", "the stages to run")
	stage := flag.String("stage", "", "internal: the stage to run in this process, on a prepared copy")
	flag.Parse()
	ctx := context.Background()
	err := errors.New("name the clones to look at")
	switch {
	case *stage != "":
		err = runStage(ctx, *stage, flag.Arg(0))
	case flag.NArg() > 0:
		err = runAll(ctx, flag.Args(), strings.Split(*only, ","), *asOne, *verbose)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleets:", err)
		os.Exit(1)
	}
}

// row is what is known of one fleet.
type row struct {
	Name   string
	Commit string
	Absent int         // blobs that the clone lacks; their files are left out
	Builds *builds     `json:",omitempty"`
	Fleet  *understood `json:",omitempty"`
	Errors []string    `json:",omitempty"` // of stages that did not end
}

func runAll(ctx context.Context, paths, stages []string, asOne, verbose bool) error {
	// Clones may belong to another user, and serve more than they say.
	for k, v := range map[string]string{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"} {
		if err := os.Setenv(k, v); err != nil {
			return err
		}
	}
	var rows []row
	for _, p := range paths {
		fmt.Fprintln(os.Stderr, "fleets:", p)
		r, err := one(ctx, p, stages, asOne)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		rows = append(rows, r)
	}
	printTables(os.Stdout, rows, verbose)
	return nil
}

func one(ctx context.Context, path string, stages []string, asOne bool) (row, error) {
	dir, err := os.MkdirTemp("", "irgit-fleets-")
	if err != nil {
		return row{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c, err := borrow(ctx, path, dir, asOne)
	if err != nil {
		return row{}, err
	}
	r := row{Name: c.Name, Commit: c.Commit, Absent: c.Absent}
	for _, stage := range stages {
		if err := r.stage(ctx, stage, dir); err != nil {
			r.Errors = append(r.Errors, stage+": "+err.Error())
		}
	}
	return r, nil
}

// stage runs in a process of its own, so that its memory is its own.
func (r *row) stage(ctx context.Context, stage, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "-stage", stage, dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%w: %s", err, stderr.String())
	}
	return json.Unmarshal(out, r)
}

func runStage(ctx context.Context, stage, dir string) error {
	c, err := reopen(dir)
	if err != nil {
		return err
	}
	var r row
	switch stage {
	case "builds":
		r.Builds, err = compareBuilds(ctx, c)
	case "fleet":
		r.Fleet, err = understand(ctx, c)
	default:
		err = fmt.Errorf("%s is no stage: use builds, fleet", stage)
	}
	if err != nil {
		return err
	}
	r.Name, r.Commit, r.Absent = c.Name, c.Commit, c.Absent
	return json.NewEncoder(os.Stdout).Encode(r)
}
