package fleet

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/kustomize"
)

// Hook is the directory through which irgit patches what a root renders.
type Hook struct {
	Dir           string
	Kustomization string   // the file in Dir whose resources list the incidents' patches
	Roots         []string // the paths of all roots that read it, the owner's first
}

// HookError says why objects of a root cannot be patched, and the step that a
// person takes to change that.
type HookError struct{ File, Reason, Step string }

func (e *HookError) Error() string { return e.File + ": " + e.Reason + "; " + e.Step }

// Hook finds the hook of the root that renders w. It must be wired: the root's
// own kustomization file names it in transformers, and nothing of another
// cluster reads it. An error is a *HookError.
func (ix *Index) Hook(w Workload) (Hook, error) {
	root, err := ix.patchable(w.Root)
	if err != nil {
		return Hook{}, err
	}
	if root.kustomization == "" {
		return Hook{}, &HookError{
			root.Path, "the root has no kustomization file, so nothing can patch what it renders",
			fmt.Sprintf("put a kustomization.yaml there that lists all its manifests and has `transformers: [%s]`", relative(root.Path, root.Hook)),
		}
	}
	if !slices.Contains(root.transformers, root.Hook) {
		return Hook{}, &HookError{
			root.kustomization, "it does not name irgit's hook " + root.Hook + " in transformers",
			fmt.Sprintf("add `transformers: [%s]` to %s and a kustomization.yaml with `resources: []` and `sortOptions: {order: fifo}` to %s",
				relative(path.Dir(root.kustomization), root.Hook), root.kustomization, root.Hook),
		}
	}
	h := Hook{Dir: root.Hook}
	for _, name := range kustomize.FileNames() {
		file := path.Join(root.Hook, name)
		if slices.ContainsFunc(ix.readersOf(file), func(r reader) bool { return r.root == root.id && r.cluster == ix.cluster.Name }) {
			h.Kustomization = file
		}
	}
	if h.Kustomization == "" {
		return Hook{}, &HookError{root.Hook, "the hook is not a kustomization", "add a kustomization.yaml with `resources: []` and `sortOptions: {order: fifo}`"}
	}
	h.Roots, err = ix.alone(root, h.Kustomization, "hook")
	return h, err
}

// patchable finds a root whose directory no other cluster applies.
func (ix *Index) patchable(id string) (rootInfo, error) {
	root, ok := ix.roots[id]
	if !ok {
		return rootInfo{}, &HookError{ConfigFile, "the cluster has no root " + id, "declare it in " + ConfigFile}
	}
	if len(root.sharers) > 0 {
		return root, &HookError{
			ConfigFile, fmt.Sprintf("the root %s is shared: %s applies it too, so a patch would reach both", root.Path, strings.Join(root.sharers, ", ")),
			"give each cluster an overlay of its own and declare that as the root",
		}
	}
	return root, nil
}

// alone lists the roots of the cluster that read a file, root first. Nothing
// of another cluster may, or a change of it would reach that, too.
func (ix *Index) alone(root rootInfo, file, what string) (roots []string, err error) {
	roots = []string{root.id}
	for _, r := range ix.readersOf(file) {
		switch {
		case r.cluster != ix.cluster.Name:
			return nil, &HookError{
				file, fmt.Sprintf("the %s is shared: root %s of %s reads it too, so a patch would reach both clusters", what, r.root, r.cluster),
				fmt.Sprintf("give %s a %s of its own", r.cluster, what),
			}
		case r.failed:
			return nil, &HookError{
				file, fmt.Sprintf("root %s reads the %s and does not build, so what a patch does there is unknown", r.root, what),
				fmt.Sprintf("repair that root, or give it a %s of its own", what),
			}
		case r.root != root.id:
			roots = append(roots, r.root)
		}
	}
	return roots, nil
}

// reader is a root whose build reads a kustomization file.
type reader struct {
	cluster, root string
	failed        bool
}

func (ix *Index) readersOf(file string) []reader {
	ix.reading.Do(func() {
		ix.readers = map[string][]reader{}
		for b := range ix.everyone() {
			for _, f := range b.entry.Kustomizations {
				ix.readers[f] = append(ix.readers[f], reader{b.cluster, b.root, b.entry.Failure != ""})
			}
		}
	})
	return ix.readers[file]
}

// relative is the path from the directory from to the directory to.
func relative(from, to string) string {
	a, b := strings.Split(from, "/"), strings.Split(to, "/")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	return strings.Repeat("../", len(a)) + strings.Join(b, "/")
}

// buildOptions are how the cluster's GitOps controller takes a directory that
// has no kustomization file.
func (c Cluster) buildOptions() kustomize.Options {
	if c.GitOps == "argocd" {
		return kustomize.Options{Directory: &kustomize.Directory{}}
	}
	return kustomize.Options{Generate: true}
}
