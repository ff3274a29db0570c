package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// Ways to get a patch of an object into the cluster.
const (
	// ThroughHook: the owner's kustomization names the hook already, so that
	// only irgit's own files change.
	ThroughHook = "hook"
	// ByWiring: once, the owner's kustomization has to name the hook.
	ByWiring = "wiring"
	// InManifest: no kustomization stands between the manifest and the
	// controller, so that the fields are set in the manifest itself.
	InManifest = "manifest"
	// BySync: the cluster's own sync object takes the patch, since the
	// directory is not the cluster's alone, or a chart renders the object.
	BySync = "sync"
)

// Placement says how a patch of an object is brought into the cluster.
type Placement struct {
	How  string
	Hook Hook // ThroughHook, ByWiring; its Kustomization may have to be made
	// File is edited: ByWiring the kustomization that has to list Entry in
	// transformers, InManifest the object's manifest, BySync that of Object.
	File   string
	Entry  string    // ByWiring: the hook's directory, relative to that of File
	Object ObjectRef // BySync: the sync object
	List   []string  // BySync: the list in it that takes the patch
	Roots  []string  // the roots whose builds change, the owner's first
}

// Placement finds how an object of the cluster can be patched. The error is a
// *HookError when it cannot be, or the repository's.
func (ix *Index) Placement(ctx context.Context, ref ObjectRef) (Placement, error) {
	if root, known := ix.roots[ref.Root]; known && root.isRelease() {
		return ix.inRelease(root, ref)
	}
	h, err := ix.Hook(Workload{Root: ref.Root})
	var refused *HookError
	if err == nil {
		return Placement{How: ThroughHook, Hook: h, Roots: h.Roots}, nil
	}
	if !errors.As(err, &refused) {
		return Placement{}, err
	}
	root, known := ix.roots[ref.Root]
	switch {
	case !known:
		return Placement{}, refused
	case len(root.sharers) > 0:
		return ix.bySync(root, refused)
	case root.kustomization != "" && slices.Contains(root.transformers, root.Hook):
		return Placement{}, refused // it is wired, and wrongly
	case root.kustomization != "":
		p, err := ix.byWiring(root, root.kustomization)
		if errors.As(err, &refused) {
			return ix.bySync(root, refused)
		}
		return p, err
	}
	return ix.inPlain(ctx, root, ref)
}

// byWiring has a kustomization name the hook.
func (ix *Index) byWiring(root rootInfo, file string) (Placement, error) {
	roots, err := ix.alone(root, file, "kustomization")
	if err != nil {
		return Placement{}, err
	}
	return Placement{
		How: ByWiring, File: file, Entry: relative(path.Dir(file), root.Hook), Roots: roots,
		Hook: Hook{Dir: root.Hook, Kustomization: path.Join(root.Hook, "kustomization.yaml"), Roots: roots},
	}, nil
}

// bySync has the sync object of the root take the patch; why is the reason for
// which the root's own files cannot.
func (ix *Index) bySync(root rootInfo, why *HookError) (Placement, error) {
	if root.sync == nil || root.sync.Controller != controllers.FluxCD {
		return Placement{}, why
	}
	o := root.sync.Object
	ref := ObjectRef{o.APIVersion, o.Kind, o.Namespace, o.Name, root.parent}
	file := ix.fileOf(ref)
	if file == "" {
		return Placement{}, why
	}
	if other := ix.readBy(file); other != "" {
		return Placement{}, &HookError{
			file, fmt.Sprintf("%s; and the manifest of its %s %s/%s is read by %s, too", why.Reason, o.Kind, o.Namespace, o.Name, other), why.Step,
		}
	}
	p := Placement{How: BySync, File: file, Object: ref, List: []string{"spec", "patches"}, Roots: []string{root.id}}
	for _, id := range ix.readersHere(ix.roots[root.parent], file)[1:] { // what else the manifest makes must stay as it is
		if id != root.id {
			p.Roots = append(p.Roots, id)
		}
	}
	return p, nil
}

// inRelease has a HelmRelease patch what its chart renders.
func (ix *Index) inRelease(root rootInfo, ref ObjectRef) (Placement, error) {
	name := root.syncRef().String()
	if len(root.transformers) > 0 {
		return Placement{}, &HookError{
			root.kustomization, "it lists transformers, which here run after the post-renderers of " + name + ", and never in the cluster",
			"keep in " + root.Path + " what they make",
		}
	}
	if object, ok := ix.Object(ref); ok && object.GetAnnotations()[chartHook] != "" {
		return Placement{}, &HookError{
			root.Path, fmt.Sprintf("%s %s is a hook of the chart, and whether post-renderers get to see it depends on the version of helm-controller", ref.Kind, ref.Name),
			"change by hand what the chart makes it of",
		}
	}
	p, err := ix.bySync(root, &HookError{
		root.file, "a chart renders it, and which manifest " + name + " comes from is not known", "add the patch to its spec.postRenderers by hand",
	})
	if err == nil {
		p.List = []string{"spec", "postRenderers"}
	}
	return p, err
}

// chartHook is the annotation that makes an object of a chart one of its hooks
// (helm.sh/docs/topics/charts_hooks).
const chartHook = "helm.sh/hook"

// fileOf is the manifest that an object comes from, "" when that is not known.
func (ix *Index) fileOf(ref ObjectRef) string {
	for _, o := range ix.objects[ref.Namespace] {
		if o.ref == ref {
			return o.File
		}
	}
	return ""
}

// readBy names another cluster whose roots may read a file.
func (ix *Index) readBy(file string) string {
	for b := range ix.everyone() {
		if b.cluster != ix.cluster.Name && b.entry.mayRead(file) {
			return fmt.Sprintf("root %s of %s", b.root, b.cluster)
		}
	}
	return ""
}

// inPlain places a patch in a directory without a kustomization of its own: in
// the one below it that renders the object, or in the object's manifest.
func (ix *Index) inPlain(ctx context.Context, root rootInfo, ref ObjectRef) (Placement, error) {
	file := ix.fileOf(ref)
	owner, err := ix.ownerBelow(ctx, root, ref)
	switch {
	case err != nil:
		return Placement{}, err
	case owner != "":
		return ix.belowRoot(root, owner)
	case file == "":
		return ix.bySync(root, &HookError{root.Path, "the root has no kustomization file, and which manifest the object comes from is not known", "put a kustomization.yaml there that lists all its manifests"})
	}
	if other := ix.readBy(file); other != "" {
		return ix.bySync(root, &HookError{file, "the manifest is read by " + other + ", too, so an edit would reach both clusters", "give each cluster a manifest of its own"})
	}
	return Placement{How: InManifest, File: file, Roots: ix.readersHere(root, file)}, nil
}

// readersHere lists the cluster's roots that may read a file, root first.
func (ix *Index) readersHere(root rootInfo, file string) []string {
	roots := []string{root.id}
	for b := range ix.everyone() {
		if b.cluster == ix.cluster.Name && b.root != root.id && b.entry.mayRead(file) {
			roots = append(roots, b.root)
		}
	}
	return roots
}

// ownerBelow is the kustomization file of the directory below a plain root
// that renders an object, "" when a manifest of the root itself holds it.
func (ix *Index) ownerBelow(ctx context.Context, root rootInfo, ref ObjectRef) (string, error) {
	if root.options.Directory != nil {
		return "", nil // Argo CD takes what lies below as manifests, a kustomization too
	}
	for _, file := range ix.directBelow(root) {
		built, err := kustomize.Build(ctx, ix.fleet.tree, path.Dir(file), kustomize.Options{Source: root.options.Source, Partial: true})
		var broken *kustomize.Error
		if errors.As(err, &broken) {
			continue
		}
		if err != nil {
			return "", err
		}
		for _, u := range built.Objects {
			if u.GetKind() == ref.Kind && u.GetName() == ref.Name && (u.GetNamespace() == "" || u.GetNamespace() == ref.Namespace) {
				return file, nil
			}
		}
	}
	return "", nil
}

// directBelow lists the kustomization files that a plain root reads and that
// no other one of them stands above.
func (ix *Index) directBelow(root rootInfo) (out []string) {
	for b := range ix.everyone() {
		if b.cluster != ix.cluster.Name || b.root != root.id {
			continue
		}
		files := slices.Clone(b.entry.Kustomizations)
		slices.SortFunc(files, func(a, b string) int { return cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")) })
		for _, f := range files {
			dir := path.Dir(f)
			inside := func(o string) bool { return strings.HasPrefix(dir+"/", path.Dir(o)+"/") }
			if strings.HasPrefix(dir+"/", root.Path+"/") && !slices.ContainsFunc(out, inside) {
				out = append(out, f)
			}
		}
	}
	return out
}

// belowRoot wires a kustomization below a plain root; its hook is its own.
func (ix *Index) belowRoot(root rootInfo, file string) (Placement, error) {
	own := *root.appliedRoot
	own.Hook = path.Join(root.Hook, rootName(strings.TrimPrefix(path.Dir(file), root.Path+"/")))
	root.appliedRoot = &own
	p, err := ix.byWiring(root, file)
	if err != nil {
		return Placement{}, err
	}
	reads := func(r reader) bool { return r.root == root.id && r.cluster == ix.cluster.Name }
	if slices.ContainsFunc(ix.readersOf(p.Hook.Kustomization), reads) {
		p = Placement{How: ThroughHook, Hook: p.Hook, Roots: p.Roots}
	}
	return p, nil
}

// In is the index of the same cluster in another tree, such as one with an
// incident's changes. The cache is read and not written.
func (ix *Index) In(ctx context.Context, tree *gitops.Tree) (*Index, error) {
	return ix.fleet.in(tree, ix.fleet.clusters).Index(ctx, ix.cluster.Name)
}
