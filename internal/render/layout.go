package render

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/validate"
)

// finish writes the kustomizations, the sync object and the hooks' entries.
func (b *bundler) finish(ctx context.Context) error {
	if len(b.bundle.Objects)+len(b.bundle.Patches) == 0 {
		return nil
	}
	if err := b.absent(ctx); err != nil {
		return err
	}
	var listed []string
	if len(b.contain) > 0 {
		if err := b.put(path.Join(b.dir(), containDir), b.contain); err != nil {
			return err
		}
		listed = []string{containDir}
		if b.request.Index.Cluster().GitOps == "flux" {
			listed = []string{syncFile}
			if err := b.sync(); err != nil {
				return err
			}
		}
	}
	if err := b.kustomization(b.dir(), listed); err != nil {
		return err
	}
	for _, place := range b.places {
		if len(place.files) == 0 {
			continue
		}
		if err := b.put(path.Join(place.hook.Dir, b.request.Incident), place.files); err != nil {
			return err
		}
		data, err := b.request.Tree.ReadFile(ctx, place.hook.Kustomization)
		if err != nil {
			return fmt.Errorf("render incident %s: read hook: %w", b.request.Incident, err)
		}
		edited, err := insertEntry(place.hook.Kustomization, data, workloadComment(b.target), b.request.Incident)
		if err != nil {
			return err
		}
		b.change(place.hook.Kustomization, edited)
	}
	slices.SortFunc(b.bundle.Changes, func(a, c gitops.Change) int { return strings.Compare(a.Path, c.Path) })
	return nil
}

func (b *bundler) change(name string, data []byte) {
	b.bundle.Changes = append(b.bundle.Changes, gitops.Change{Path: name, Content: data})
}

// put writes files and the kustomization that lists them.
func (b *bundler) put(dir string, files []file) error {
	var names []string
	for _, f := range files {
		names = append(names, f.name)
		b.change(path.Join(dir, f.name), f.data)
	}
	return b.kustomization(dir, names)
}

// kustomization lists files. An empty one needs a field beside its kind, or
// kustomize takes the file for empty.
func (b *bundler) kustomization(dir string, listed []string) error {
	k := map[string]any{"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
	var resources []any
	for _, l := range listed {
		resources = append(resources, l)
	}
	if k["resources"] = resources; len(resources) == 0 {
		delete(k, "resources")
		k["sortOptions"] = map[string]any{"order": "fifo"}
	}
	data, err := b.write("", k)
	if err != nil {
		return err
	}
	name := path.Join(dir, kustomizationFile)
	if wrong := b.catalogue.validator.Object(name, k); len(wrong) > 0 {
		return &RefusedError{"", wrong}
	}
	b.change(name, data)
	return nil
}

// sync writes the incident's own Flux Kustomization: one object that Flux
// refuses must not hold up other incidents, and each gets a Ready of its own
// (lab/flux.md).
func (b *bundler) sync() error {
	c := b.request.Index.Cluster()
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": fluxKustomize + "/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": objectName(b.request.Incident) + "-" + containDir, "namespace": c.Flux.Namespace},
		"spec": map[string]any{
			"interval": "10m", "retryInterval": "30s", "timeout": "2m", "prune": true, "wait": true,
			"path":      "./" + path.Join(b.dir(), containDir),
			"sourceRef": map[string]any{"kind": c.Flux.Source.Kind, "name": c.Flux.Source.Name},
		},
	}}
	b.mark(obj)
	annotate(obj, "event.toolkit.fluxcd.io/incident", b.request.Incident)
	data, err := b.write("", obj.Object)
	if err != nil {
		return err
	}
	name := path.Join(b.dir(), syncFile)
	wrong := b.catalogue.validator.Object(name, obj.Object)
	if len(obj.GetName()) > maxObjectName {
		wrong = append(wrong, validate.Problem{File: name, Path: "metadata.name", Message: "is longer than the label value that Flux makes of it"})
	}
	if len(wrong) > 0 {
		return &RefusedError{"", wrong}
	}
	b.bundle.Sync = obj
	b.change(name, data)
	return nil
}

// absent refuses to write where something stands already (THREATS A8).
func (b *bundler) absent(ctx context.Context) error {
	dirs := []string{b.dir()}
	for _, place := range b.places {
		dirs = append(dirs, path.Join(place.hook.Dir, b.request.Incident))
	}
	for _, dir := range dirs {
		_, err := b.request.Tree.Stat(ctx, dir)
		if err == nil {
			return &RefusedError{"", []validate.Problem{{File: dir, Message: "is in the repository already, and irgit writes over nothing"}}}
		}
		if !errors.Is(err, gitops.ErrNotFound) {
			return fmt.Errorf("render incident %s: %w", b.request.Incident, err)
		}
	}
	return nil
}

// workloadComment is the line of a hook that a workload's incidents go below.
func workloadComment(w fleet.Workload) string {
	return fmt.Sprintf("# %s %s/%s", w.Kind, w.Namespace, w.Name)
}
