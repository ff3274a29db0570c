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
	root, ok := ix.roots[w.Root]
	if !ok {
		return Hook{}, &HookError{ConfigFile, "the cluster has no root " + w.Root, "declare it in " + ConfigFile}
	}
	if len(root.sharers) > 0 {
		return Hook{}, &HookError{
			ConfigFile, fmt.Sprintf("the root %s is shared: %s applies it too, so a patch would reach both", root.Path, strings.Join(root.sharers, ", ")),
			"give each cluster an overlay of its own and declare that as the root",
		}
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
				relative(root.Path, root.Hook), root.kustomization, root.Hook),
		}
	}
	h := Hook{Dir: root.Hook, Roots: []string{root.id}}
	for file := range ix.readers {
		if path.Dir(file) == root.Hook && slices.ContainsFunc(ix.readers[file], func(r reader) bool { return r.root == root.id && r.cluster == ix.cluster.Name }) {
			h.Kustomization = file
		}
	}
	if h.Kustomization == "" {
		return Hook{}, &HookError{root.Hook, "the hook is not a kustomization", "add a kustomization.yaml with `resources: []` and `sortOptions: {order: fifo}`"}
	}
	for _, r := range ix.readers[h.Kustomization] {
		switch {
		case r.cluster != ix.cluster.Name:
			return Hook{}, &HookError{
				h.Kustomization, fmt.Sprintf("the hook is shared: root %s of %s reads it too, so a patch would reach both clusters", r.root, r.cluster),
				fmt.Sprintf("give %s a hook of its own", r.cluster),
			}
		case r.failed:
			return Hook{}, &HookError{
				h.Kustomization, fmt.Sprintf("root %s reads the hook and does not build, so what a patch does there is unknown", r.root),
				"repair that root, or give it a hook of its own",
			}
		case r.root != root.id:
			h.Roots = append(h.Roots, r.root)
		}
	}
	return h, nil
}

// reader is a root whose build reads a hook.
type reader struct {
	cluster, root string
	failed        bool
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
