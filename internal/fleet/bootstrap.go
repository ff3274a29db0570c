package fleet

import (
	"cmp"
	"context"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// bootstraps reads what starts the cluster's controller.
func (w *walker) bootstraps(ctx context.Context) (level []*appliedRoot, err error) {
	for _, name := range w.cluster.Bootstrap {
		e, err := w.fleet.tree.Stat(ctx, name)
		found, err := missing(ctx, name, err)
		switch {
		case err != nil:
			return nil, err
		case found != nil:
			found.Message = "the bootstrap " + name + " is declared and not there: remove it or correct its path"
			w.findings = append(w.findings, *found)
		case e.Mode != gitops.Dir:
			if err := w.loose(ctx, name); err != nil {
				return nil, err
			}
		default:
			root, err := w.bootstrap(ctx, name)
			if err != nil {
				return nil, err
			}
			if root != nil {
				level = append(level, root)
			}
		}
	}
	return level, nil
}

// bootstrap reads a directory that starts the controller. Where an object in
// it applies it, as `flux bootstrap` has it, that object says how.
func (w *walker) bootstrap(ctx context.Context, name string) (*appliedRoot, error) {
	root := &appliedRoot{Root: Root{Path: name}, id: name, options: w.cluster.buildOptions(), file: ConfigFile, start: true}
	root.passing = w.cluster.GitOps == controllers.ArgoCD && !w.cluster.InCluster
	kustomization, err := kustomizationIn(ctx, w.fleet.tree, name)
	if err != nil {
		return nil, err
	}
	if root.options.Directory != nil && kustomization == "" {
		root.options.Directory.Recurse = true
	}
	entries, err := w.builder.entries(ctx, []want{root.want()})
	if err != nil {
		return nil, err
	}
	if entries[0].Failure != "" && kustomization == "" {
		return nil, w.looseDir(ctx, name) // not all of it are manifests, so it is applied file by file
	}
	itself, err := w.itself(ctx, root, entries[0])
	if itself != nil || err != nil {
		return itself, err
	}
	w.paths[root.id] = true
	root.Name = w.name(rootName(name), name)
	root.Hook = path.Join(patchesRoot, w.cluster.Name, root.Name)
	return root, nil
}

// itself looks for the object that applies the directory it is rendered from.
func (w *walker) itself(ctx context.Context, root *appliedRoot, e *entry) (*appliedRoot, error) {
	type candidate struct {
		obj  *unstructured.Unstructured
		file string
	}
	var candidates []candidate
	for _, o := range e.Leads {
		u := o.decoded()
		if u == nil {
			continue
		}
		if isFlux(u) && clean(text(dig(u.Object, "spec", "path"))) == root.Path {
			candidates = append(candidates, candidate{u, cmp.Or(o.File, root.Path)})
		}
		if u.GetKind() == "GitRepository" {
			w.note(u, root, root.Path)
		}
	}
	for _, name := range e.ConfigMaps {
		w.mapNames[name] = root // until it is built as the object says
	}
	for _, found := range candidates {
		u := found.obj
		if err := w.fetchMaps(ctx, u); err != nil {
			return nil, err
		}
		// It can only mean the repository that it stands in.
		name := text(dig(u.Object, "spec", "sourceRef", "name"))
		namespace := cmp.Or(text(dig(u.Object, "spec", "sourceRef", "namespace")), u.GetNamespace())
		if repo := w.objects[keyOf("GitRepository", namespace, name)]; repo != nil {
			w.own(repo)
		}
		sync, _, err := controllers.Flux(ctx, w.env(), u)
		if err != nil {
			return nil, err
		}
		if sync != nil && sync.Path == root.Path {
			w.met[keyOf(u.GetKind(), u.GetNamespace(), u.GetName())] = true
			return w.rooted(*sync, pending{u, root, found.file}), nil
		}
	}
	return nil, nil
}

// loose reads sync objects from a file that no controller applies.
func (w *walker) loose(ctx context.Context, file string) error {
	data, err := w.fleet.tree.ReadFile(ctx, file)
	found, err := missing(ctx, file, err)
	if err != nil {
		return err
	}
	if found != nil {
		w.findings = append(w.findings, *found)
		return nil
	}
	objects, problem := kustomize.Manifests(file, data)
	if problem != nil {
		w.findings = append(w.findings, Finding{Root: file, File: file, Message: problem.Error(), Unknown: true})
	}
	root := &appliedRoot{Root: Root{Path: path.Dir(file)}, id: file, file: file, start: true}
	for _, u := range objects {
		w.note(u, root, file)
	}
	return nil
}

// listed reads the sync objects in the files that a root lists, as they stand:
// the root needs what lies outside of the repository and does not build even
// in part, but what it lists is applied.
func (w *walker) listed(ctx context.Context, root *appliedRoot, name string, seen map[string]bool) error {
	if seen[name] {
		return nil
	}
	seen[name] = true
	e, err := w.fleet.tree.Stat(ctx, name)
	if found, err := missing(ctx, name, err); found != nil || err != nil {
		return err
	}
	if e.Mode != gitops.Dir {
		data, err := w.fleet.tree.ReadFile(ctx, name)
		if found, err := missing(ctx, name, err); found != nil || err != nil {
			return err
		}
		if !mayLead(data) {
			return nil
		}
		objects, _ := kustomize.Manifests(name, data) // what is no manifest is said of the root
		for _, u := range objects {
			w.note(u, root, name)
		}
		return nil
	}
	for _, file := range kustomize.FileNames() {
		data, err := w.fleet.tree.ReadFile(ctx, path.Join(name, file))
		found, err := missing(ctx, name, err)
		if err != nil {
			return err
		}
		if found != nil {
			continue
		}
		for _, r := range kustomize.References(data).Bases {
			if err := w.listed(ctx, root, path.Join(name, r), seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) looseDir(ctx context.Context, dir string) error {
	entries, err := w.fleet.tree.ReadDir(ctx, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Mode != gitops.Dir && isManifest(e.Name) {
			if err := w.loose(ctx, path.Join(dir, e.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}
