package render

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

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
	listed, err := b.parts()
	if err != nil {
		return err
	}
	if err := b.kustomization(b.dir(), listed); err != nil {
		return err
	}
	for _, dir := range sorted(b.places) {
		if err := b.hook(ctx, b.places[dir]); err != nil {
			return err
		}
	}
	if err := b.edits(); err != nil {
		return err
	}
	slices.SortFunc(b.bundle.Changes, func(a, c gitops.Change) int { return strings.Compare(a.Path, c.Path) })
	return nil
}

// hook puts an incident's patches into a hook, which is made where there is
// none yet.
func (b *bundler) hook(ctx context.Context, place *placement) error {
	if len(place.files) == 0 {
		return nil
	}
	hook := place.hook
	if err := b.put(path.Join(hook.Dir, b.request.Incident), place.files); err != nil {
		return err
	}
	data, err := b.request.Tree.ReadFile(ctx, hook.Kustomization)
	if errors.Is(err, gitops.ErrNotFound) {
		data, err = NewHook(b.served(hook)), nil
	}
	if err != nil {
		return fmt.Errorf("render incident %s: read hook: %w", b.request.Incident, err)
	}
	edited, err := insertEntry(hook.Kustomization, data, workloadComment(b.target), b.request.Incident)
	if err != nil {
		return err
	}
	b.change(hook.Kustomization, edited)
	wirings := slices.DeleteFunc(slices.Clone(b.draft.edits), func(e Edit) bool { return !e.wires(hook.Dir) })
	if len(wirings) == 0 {
		return nil
	}
	name := path.Join(hook.Dir, wiringFile)
	if _, err := b.request.Tree.Stat(ctx, name); !errors.Is(err, gitops.ErrNotFound) {
		return cmp.Or(err, error(&fleet.HookError{
			File: name, Reason: "irgit named the hook before, and " + wirings[0].File + " does not name it any more", Step: "name it there again, or remove " + name,
		}))
	}
	return b.list(name, editList{Metadata: metadata{hook.Dir}, Edits: wirings})
}

// list writes a file of edits.
func (b *bundler) list(name string, l editList) error {
	data, err := l.encode()
	if err != nil {
		return fmt.Errorf("render incident %s: %w", b.request.Incident, err)
	}
	if len(data) > maxObject {
		return &RefusedError{"", []validate.Problem{{File: name, Message: fmt.Sprintf("the edits of files of others take %d bytes, more than the %d allowed", len(data), maxObject)}}}
	}
	b.change(name, data)
	return nil
}

// served are the workloads that a hook may get patches for.
func (b *bundler) served(hook fleet.Hook) []fleet.Workload {
	return slices.DeleteFunc(b.request.Index.Workloads(), func(w fleet.Workload) bool { return !slices.Contains(hook.Roots, w.Root) })
}

// edits writes what the edits make of the files of others, and the list by
// which the release finds them and hooks in places of their own.
func (b *bundler) edits() error {
	b.bundle.Edits = b.draft.edits
	for _, name := range sorted(b.draft.contents) {
		b.change(name, b.draft.contents[name])
	}
	l := editList{Metadata: metadata{b.request.Incident}}
	for _, e := range slices.Concat(b.draft.shared, b.draft.edits) {
		if e.How != fleet.ByWiring {
			l.Edits = append(l.Edits, e)
		}
	}
	for _, dir := range sorted(b.places) {
		if len(b.places[dir].files) > 0 && !strings.HasPrefix(dir, hooksOf(b.request.Index.Cluster())+"/") {
			l.Hooks = append(l.Hooks, dir)
		}
	}
	if len(l.Edits)+len(l.Hooks) == 0 {
		return nil
	}
	return b.list(path.Join(b.dir(), editsFile), l)
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

// absent refuses to write where something stands already (THREATS A8).
func (b *bundler) absent(ctx context.Context) error {
	dirs := []string{b.dir()}
	for _, hook := range sorted(b.places) {
		dirs = append(dirs, path.Join(hook, b.request.Incident))
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
