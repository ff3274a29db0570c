package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

// examine prints what irgit sees of each cluster, and counts what stands in
// the way of a containment.
func examine(ctx context.Context, f *fleet.Fleet, out io.Writer) (wrong int, err error) {
	for _, c := range f.Clusters() {
		ix, err := f.Index(ctx, c.Name)
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(out, "\n%s (%s, mesh %s, cni %s)\n", c.Name, c.GitOps, c.Mesh.Mode, c.CNI)
		e := &examination{out: out, cluster: c, index: ix, byRoot: make(map[string][]fleet.Workload)}
		for _, w := range ix.Workloads() {
			e.byRoot[w.Root] = append(e.byRoot[w.Root], w)
		}
		for _, root := range e.roots() {
			e.root(root)
		}
		for _, finding := range ix.Findings() {
			e.problem(place(finding.File, finding.Root), finding.Message, remedy(finding))
		}
		if err := e.response(ctx, f.Tree()); err != nil {
			return 0, err
		}
		wrong += e.wrong
	}
	return wrong, nil
}

// examination is the part of examine about one cluster.
type examination struct {
	out     io.Writer
	cluster fleet.Cluster
	index   *fleet.Index
	byRoot  map[string][]fleet.Workload
	wrong   int
}

// roots are the paths of the roots as they are declared, and what renders
// workloads of the directories that a pattern stands for.
func (e *examination) roots() (paths []string) {
	for _, r := range e.cluster.Roots {
		dir, pattern := strings.CutSuffix(r.Path, "/*")
		if !pattern {
			paths = append(paths, r.Path)
			continue
		}
		before := len(paths)
		for root := range e.byRoot {
			if path.Dir(root) == dir {
				paths = append(paths, root)
			}
		}
		if len(paths) == before {
			paths = append(paths, r.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// root is one line, and a problem where nothing could be patched.
func (e *examination) root(root string) {
	workloads := e.byRoot[root]
	if len(workloads) == 0 { // and so nothing to patch
		what := "no workloads"
		if slices.ContainsFunc(e.index.Findings(), func(f fleet.Finding) bool { return f.Root == root }) {
			what = "not read, see below"
		}
		fmt.Fprintf(e.out, "  %s: %s\n", root, what)
		return
	}
	hook, err := e.index.Hook(workloads[0])
	var unwired *fleet.HookError
	if errors.As(err, &unwired) {
		fmt.Fprintf(e.out, "  %s: %s, no hook\n", root, count(len(workloads), "workload"))
		e.problem(unwired.File, unwired.Reason, unwired.Step)
		return
	}
	fmt.Fprintf(e.out, "  %s: %s, hook %s\n", root, count(len(workloads), "workload"), hook.Dir)
}

// response looks for the directory that new objects go to.
func (e *examination) response(ctx context.Context, tree *gitops.Tree) error {
	switch entry, err := tree.Stat(ctx, e.cluster.Response); {
	case errors.Is(err, gitops.ErrNotFound), err == nil && entry.Mode != gitops.Dir:
		e.problem(e.cluster.Response, "the directory is not in the base", "put a README.md there, and have the controller of "+e.cluster.Name+" apply it")
	case err != nil:
		return err
	default:
		fmt.Fprintf(e.out, "  %s: is there; whether the controller applies it is not seen from here\n", e.cluster.Response)
	}
	return nil
}

func (e *examination) problem(where, what, wayOut string) {
	e.wrong++
	fmt.Fprintf(e.out, "  ! %s: %s\n", where, what)
	if wayOut != "" {
		fmt.Fprintf(e.out, "    %s\n", wayOut)
	}
}

func place(file, root string) string {
	if file == "" {
		return root
	}
	return file
}

// remedy is the way out of a finding. Those about the configuration say it
// themselves; any other is about what a root renders.
func remedy(f fleet.Finding) string {
	if f.File == fleet.ConfigFile {
		return "correct the root " + f.Root + " there"
	}
	return "repair the root " + f.Root + ": until then no alert finds all of its workloads"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
