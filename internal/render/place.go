package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/irgit/irgit/internal/edit"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
	"github.com/irgit/irgit/internal/manifest"
)

// placement is a hook and what goes into it.
type placement struct {
	hook  fleet.Hook
	files []file
}

// draft is what becomes of files that teams own.
type draft struct {
	contents map[string][]byte
	edits    []Edit
	shared   []Edit // of open incidents, that this one needs as well
}

func (d draft) clone() draft {
	return draft{maps.Clone(d.contents), slices.Clone(d.edits), slices.Clone(d.shared)}
}

// reach finds the way of a patch into the cluster and plans what it takes in
// files of others. Errors are as of [fleet.Index.Placement].
func (b *bundler) reach(ctx context.Context, d *draft, p *Patch) (err error) {
	if p.Place, err = b.request.Index.Placement(ctx, p.Object); err != nil {
		return err
	}
	switch p.Place.How {
	case fleet.ThroughHook, fleet.ByWiring:
		return b.wire(ctx, d, p)
	case fleet.InManifest:
		return b.setFields(ctx, d, p)
	case fleet.BySync:
		return b.addToSync(ctx, d, p)
	}
	return fmt.Errorf("render incident %s: no way to place a patch by %q", b.request.Incident, p.Place.How)
}

// wire names the hook in the owner's kustomization, where it is not yet.
func (b *bundler) wire(ctx context.Context, d *draft, p *Patch) error {
	hook := &p.Place.Hook
	wiring := Edit{How: fleet.ByWiring}
	if p.Place.How == fleet.ByWiring {
		there, err := kustomizationIn(ctx, b.request.Tree, hook.Dir)
		if err != nil {
			return err
		}
		if hook.Kustomization = there; there == "" {
			hook.Kustomization = path.Join(hook.Dir, kustomizationFile)
			wiring.Made = hook.Kustomization
		}
	}
	if b.places[hook.Dir] == nil {
		b.places[hook.Dir] = &placement{hook: *hook}
	}
	if p.Place.How == fleet.ThroughHook {
		return nil
	}
	return b.plan(ctx, d, p.Place.File, wiring, func(data []byte) (edit.Edit, error) {
		return edit.AddListItem(p.Place.File, data, edit.Selector{}, edit.Path{"transformers"}, p.Place.Entry)
	}, fmt.Sprintf("add `transformers: [%s]` to it by hand, and a kustomization.yaml with `resources: []` and `sortOptions: {order: fifo}` to %s", p.Place.Entry, hook.Dir))
}

// kustomizationIn is the kustomization file of a directory, "" without one.
func kustomizationIn(ctx context.Context, tree *gitops.Tree, dir string) (string, error) {
	for _, name := range kustomize.FileNames() {
		file := path.Join(dir, name)
		_, err := tree.Stat(ctx, file)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, gitops.ErrNotFound) {
			return "", err
		}
	}
	return "", nil
}

// setFields sets the patch's fields in the object's own manifest. What an open
// incident has set there already is kept for this one, too.
func (b *bundler) setFields(ctx context.Context, d *draft, p *Patch) error {
	file := p.Place.File
	by := fmt.Sprintf("put a kustomization.yaml there that lists all its manifests, or set the fields of %s %s by hand", p.Object.Kind, p.Object.Name)
	object, _ := b.request.Index.Object(p.Object)
	var old map[string]any
	if object != nil {
		old = object.Object
	}
	fields, reason := scalars(nil, p.Fields, old)
	if reason != "" {
		return &fleet.HookError{File: file, Reason: reason, Step: by}
	}
	open, err := b.openEdits(ctx)
	if err != nil {
		return err
	}
	for _, e := range open {
		if e.How == fleet.InManifest && e.File == file && e.sets(p.Object, fields) && !slices.ContainsFunc(d.shared, e.same) {
			d.shared = append(d.shared, e)
		}
	}
	return b.plan(ctx, d, file, Edit{How: fleet.InManifest}, func(data []byte) (edit.Edit, error) {
		return edit.Set(file, data, written(data, p.Object), fields)
	}, by)
}

// sets reports whether an edit of an open incident gives one of the fields of
// an object the same value.
func (e Edit) sets(ref fleet.ObjectRef, fields []edit.Field) bool {
	if e.Selector.Group != fleet.GroupOf(ref.APIVersion) || e.Selector.Kind != ref.Kind || e.Selector.Name != ref.Name {
		return false
	}
	return slices.ContainsFunc(e.Changes, func(c edit.Change) bool {
		return slices.ContainsFunc(fields, func(f edit.Field) bool {
			return slices.Equal(c.Path, f.Path) && compact(c.Value) == show(f.Value)
		})
	})
}

// scalars lists the fields of a merge patch. Whatever else one can say has no
// place in a manifest that is edited field by field.
func scalars(at edit.Path, patch, old map[string]any) (fields []edit.Field, reason string) {
	for _, key := range sorted(patch) {
		path := append(slices.Clone(at), key)
		switch v := patch[key].(type) {
		case map[string]any:
			below, _ := old[key].(map[string]any)
			more, reason := scalars(path, v, below)
			if reason != "" {
				return nil, reason
			}
			fields = append(fields, more...)
		case nil:
			if old[key] != nil {
				return nil, fmt.Sprintf("the manifest stands for itself, and irgit removes no field of one: %s would have to go", path)
			}
		case []any:
			return nil, fmt.Sprintf("the manifest stands for itself, and irgit writes no list into one: %s is a list", path)
		default:
			fields = append(fields, edit.Field{Path: path, Value: v})
		}
	}
	return fields, ""
}

// addToSync puts the patch into the cluster's own Flux Kustomization, or into
// the HelmRelease as a post-renderer of its own: the last one wins.
func (b *bundler) addToSync(ctx context.Context, d *draft, p *Patch) error {
	text, target, err := b.strategic(*p)
	if err != nil {
		return err
	}
	p.Item = map[string]any{
		"patch":  fmt.Sprintf(itemComment, b.request.Incident, p.Action) + text,
		"target": target,
	}
	if p.Place.List[len(p.Place.List)-1] == postRenderers {
		p.Item = map[string]any{"kustomize": map[string]any{"patches": []any{p.Item}}}
	}
	sync := p.Place.Object
	return b.plan(ctx, d, p.Place.File, Edit{How: fleet.BySync}, func(data []byte) (edit.Edit, error) {
		return edit.AddListItem(p.Place.File, data, written(data, sync), p.Place.List, p.Item)
	}, fmt.Sprintf("give the cluster an overlay of its own, or patch %s %s in %s by hand", p.Object.Kind, p.Object.Name, strings.Join(p.Place.List, ".")))
}

// plan edits a file of a draft. What cannot be edited is a *fleet.HookError;
// byHand is what a person can do instead.
func (b *bundler) plan(ctx context.Context, d *draft, file string, e Edit, change func([]byte) (edit.Edit, error), byHand string) (err error) {
	data, known := d.contents[file]
	if !known {
		if data, err = b.request.Tree.ReadFile(ctx, file); err != nil {
			return fmt.Errorf("edit %s: %w", file, err)
		}
	}
	e.Edit, err = change(data)
	var refused *edit.Refusal
	if errors.As(err, &refused) {
		reason := refused.Reason
		if refused.Field != "" {
			reason = refused.Field + ": " + reason
		}
		if refused.Line > 0 {
			reason = fmt.Sprintf("line %d: %s", refused.Line, reason)
		}
		return &fleet.HookError{File: file, Reason: reason, Step: refused.Step + "; or " + byHand}
	}
	if err != nil || len(e.Changes) == 0 {
		return err
	}
	after, err := e.Apply(data)
	if err != nil {
		return err
	}
	d.contents[file], d.edits = after, append(d.edits, e)
	return nil
}

// written selects an object as its file has it: the namespace may be another
// one there than where it ends up.
func written(data []byte, ref fleet.ObjectRef) edit.Selector {
	sel := edit.Selector{Group: fleet.GroupOf(ref.APIVersion), Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
	var namespaces []string
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string
			Metadata   struct{ Name, Namespace string }
		}
		if dec.Decode(&doc) != nil {
			break
		}
		if fleet.GroupOf(doc.APIVersion) == sel.Group && doc.Kind == sel.Kind && doc.Metadata.Name == sel.Name {
			namespaces = append(namespaces, doc.Metadata.Namespace)
		}
	}
	if len(namespaces) == 1 {
		sel.Namespace = namespaces[0]
	}
	return sel
}

// openEdits are those of the cluster's open incidents, read when somebody asks.
func (b *bundler) openEdits(ctx context.Context) (edits []Edit, err error) {
	if b.open == nil {
		if b.open, err = editsOfOthers(ctx, b.request.Tree, b.request.Index.Cluster(), b.request.Incident); err != nil {
			return nil, err
		}
	}
	return b.open, nil
}

// editsOfOthers are the edits of the cluster's open incidents but one.
func editsOfOthers(ctx context.Context, tree *gitops.Tree, cluster fleet.Cluster, incident string) ([]Edit, error) {
	entries, err := tree.ReadDir(ctx, cluster.Response)
	if err != nil && !errors.Is(err, gitops.ErrNotFound) {
		return nil, err
	}
	var dirs []string
	for _, e := range entries {
		if e.Mode == gitops.Dir && e.Name != incident && incidentForm.MatchString(e.Name) {
			dirs = append(dirs, path.Join(cluster.Response, e.Name))
		}
	}
	if err := tree.PrefetchListings(ctx, dirs...); err != nil {
		return nil, err
	}
	all := []Edit{}
	for _, dir := range dirs {
		l, err := readEdits(ctx, tree, path.Join(dir, editsFile))
		if err != nil {
			return nil, err
		}
		all = append(all, l.Edits...)
	}
	return all, nil
}

// strategic writes a patch as a strategic merge, and what it is aimed at:
// regular expressions, all of them.
func (b *bundler) strategic(p Patch) (text string, target map[string]any, err error) {
	group, version, _ := strings.Cut(p.Object.APIVersion, "/")
	if version == "" {
		group, version = "", group
	}
	name, namespace, pattern := b.aim(p)
	meta := map[string]any{}
	if below, ok := p.Fields["metadata"].(map[string]any); ok {
		meta = maps.Clone(below)
	}
	meta["name"] = name
	target = map[string]any{"group": exactly(group), "version": exactly(version), "kind": exactly(p.Object.Kind), "name": exactly(name)}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	if pattern != "" {
		target["namespace"] = pattern
	}
	merge := map[string]any{"apiVersion": p.Object.APIVersion, "kind": p.Object.Kind, "metadata": meta}
	for key, value := range p.Fields {
		if key != "metadata" {
			merge[key] = value
		}
	}
	data, err := manifest.Encode("", merge)
	if err != nil {
		return "", nil, fmt.Errorf("render action %s: %w", p.Action, err)
	}
	return strings.TrimSuffix(string(data), "\n"), target, nil
}

// aim is what an object is called where its patch meets it. The hook of a root
// meets its final name and namespace. A hook further down, and the patches of a
// sync object, meet it before the sync object has set either; there the
// namespace is left out if nothing else of the root has the name.
func (b *bundler) aim(p Patch) (name, namespace, pattern string) {
	ix := b.request.Index
	name, namespace = p.Object.Name, ix.BuiltNamespace(p.Object)
	switch {
	case p.Place.How == fleet.BySync:
		if sync, ok := ix.Object(p.Place.Object); ok {
			spec, _ := sync.Object["spec"].(map[string]any)
			name = strings.TrimSuffix(strings.TrimPrefix(name, text(spec["namePrefix"])), text(spec["nameSuffix"]))
		}
	case p.Place.Hook.Dir == b.root(p.Object.Root).Hook:
		if namespace != "" {
			pattern = exactly(namespace)
		}
		return name, namespace, pattern
	}
	same := slices.DeleteFunc(ix.Find(p.Object.Kind, "", p.Object.Name), func(o fleet.ObjectRef) bool {
		return o.Root != p.Object.Root || fleet.GroupOf(o.APIVersion) != fleet.GroupOf(p.Object.APIVersion)
	})
	if len(same) > 1 && namespace != "" {
		pattern = "^(" + regexp.QuoteMeta(namespace) + "|default)$" // default: none is set yet
	}
	return name, "", pattern
}

// root is what is known of a root of the cluster.
func (b *bundler) root(id string) fleet.RootState {
	if b.states == nil {
		b.states = map[string]fleet.RootState{}
		for _, s := range b.request.Index.Roots() {
			b.states[s.ID] = s
		}
	}
	return b.states[id]
}
