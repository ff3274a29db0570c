package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irgit/irgit/internal/manifest"
	"github.com/irgit/irgit/internal/validate"
)

const (
	incidentLabel     = "irgit.dev/incident"
	managedByLabel    = "app.kubernetes.io/managed-by"
	kustomizationFile = "kustomization.yaml"
	fluxKustomize     = "kustomize.toolkit.fluxcd.io"
	fluxHelm          = "helm.toolkit.fluxcd.io"
	istioSecurity     = "security.istio.io"
)

// create adds an object that a template rendered.
func (b *bundler) create(step *Step, fields map[string]any) error {
	obj := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(fields)}
	kind, _ := creationOf(obj)
	if meta, ok := obj.Object["metadata"].(map[string]any); ok && meta["namespace"] == nil && !kind.ofCluster {
		obj.SetNamespace(b.target.Namespace)
	}
	b.mark(obj)
	switch flux := b.request.Index.Cluster().GitOps == "flux"; {
	case flux:
		annotate(obj, fluxKustomize+"/substitute", "disabled") // nothing in it is a variable (TRAPS, lab/render.md §4)
	case kind.evidence:
		annotate(obj, "argocd.argoproj.io/sync-wave", "1") // all parts are one Application: after the policies, which it must not hold up
	}
	suffix := strings.TrimPrefix(obj.GetName(), objectName(b.request.Incident))
	name := strings.ToLower(obj.GetKind()) + suffix + ".yaml"
	if n := obj.GetNamespace(); n != "" && n != b.target.Namespace {
		name = path.Join(n, name)
	}
	wrong := b.invariants(obj)
	var data []byte
	if len(wrong) == 0 {
		var err error
		if data, err = b.write(step.Action, obj.Object); err != nil {
			return err
		}
		wrong = b.catalogue.validator.Object(name, obj.Object)
	}
	if len(b.bundle.Objects) == maxCreated {
		wrong = append(wrong, validate.Problem{Message: fmt.Sprintf("more than %d objects in one incident", maxCreated)})
	}
	if len(wrong) > 0 {
		return &RefusedError{step.Action, wrong}
	}
	b.bundle.Objects, step.Objects = append(b.bundle.Objects, obj), append(step.Objects, obj)
	p := b.part(kind.folder())
	p.Objects, p.files = append(p.Objects, obj), append(p.files, file{name, data})
	step.Files = append(step.Files, path.Join(b.dir(), p.Name, name))
	return nil
}

// patch adds a patch of an object of the fleet: where a hook takes it, as a
// PatchTransformer.
func (b *bundler) patch(step *Step, p Patch) error {
	wrongly, ok := patchable[kindOf(p.Object)]
	if !ok {
		return &RefusedError{step.Action, []validate.Problem{{Message: fmt.Sprintf("%s %s may not be patched by a containment", p.Object.APIVersion, p.Object.Kind)}}}
	}
	wrong := append(inert(p.Fields, ""), annotated(p.Fields, p.Object.Kind)...)
	if why := wrongly(b, p); why != "" {
		wrong = append(wrong, validate.Problem{Message: fmt.Sprintf("the patch of %s %s %s", p.Object.Kind, p.Object.Name, why)})
	}
	if len(b.bundle.Patches) == maxPatched {
		wrong = append(wrong, validate.Problem{Message: fmt.Sprintf("more than %d patches in one incident", maxPatched)})
	}
	if slices.ContainsFunc(b.bundle.Patches, func(o Patch) bool { return o.Action == p.Action && o.Object == p.Object }) {
		wrong = append(wrong, validate.Problem{Message: fmt.Sprintf("the action patches %s %s twice: put the fields into one patch", p.Object.Kind, p.Object.Name)})
	}
	p.File = p.Place.File
	if place := b.places[p.Place.Hook.Dir]; place != nil {
		f, problems, err := b.transformer(p)
		if err != nil {
			return err
		}
		wrong = append(wrong, problems...)
		p.File = path.Join(place.hook.Dir, b.request.Incident, f.name)
		if slices.ContainsFunc(place.files, func(o file) bool { return o.name == f.name }) {
			wrong = append(wrong, validate.Problem{File: p.File, Message: "two patches would be this one file"})
		}
		place.files = append(place.files, f)
	}
	if len(wrong) > 0 {
		return &RefusedError{step.Action, wrong}
	}
	b.bundle.Patches = append(b.bundle.Patches, p)
	step.Files = append(step.Files, p.File)
	b.warn(step, p)
	return nil
}

// transformer is a patch as a hook takes it.
func (b *bundler) transformer(p Patch) (f file, wrong []validate.Problem, err error) {
	text, target, err := b.strategic(p)
	if err != nil {
		return file{}, nil, err
	}
	label := b.label(p)
	transformer := map[string]any{
		"apiVersion": "builtin", "kind": "PatchTransformer",
		"metadata": map[string]any{"name": objectName(b.request.Incident) + "-" + label},
		"target":   target,
		"patch":    text,
	}
	data, err := b.write(p.Action, transformer)
	if err != nil {
		return file{}, nil, err
	}
	name := label + ".yaml"
	return file{name, data}, b.catalogue.validator.Object(path.Join(p.Place.Hook.Dir, b.request.Incident, name), transformer), nil
}

var labelForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// label is the name of a patch's file. A binding may have a name that no file
// can have, or one that it has in more than one namespace.
func (b *bundler) label(p Patch) string {
	name := p.Object.Name
	if !labelForm.MatchString(name) || len(name) > maxObjectName {
		sum := sha256.Sum256([]byte(name))
		name = hex.EncodeToString(sum[:6])
	}
	if ns := p.Object.Namespace; ns != "" && ns != b.target.Namespace {
		name = ns + "-" + name
	}
	return strings.Join([]string{p.Action, strings.ToLower(p.Object.Kind), name}, "-")
}

// warn says what a reviewer has to know of the way that a patch takes.
func (b *bundler) warn(step *Step, p Patch) {
	for _, id := range p.Place.Roots {
		if missing := b.root(id).Missing; len(missing) > 0 {
			b.once(step, "a part of root %s lies outside of the repository (%s): the proof covers the part that is in it", id, strings.Join(missing, "; "))
		}
	}
	root := b.root(p.Object.Root)
	if root.Effect != "" {
		b.once(step, "%s takes the patch: %s", root.Sync, root.Effect)
	}
	for _, c := range root.Cautions {
		b.once(step, "%s %s", root.Sync, c)
	}
}

// charted says where irgit knows from what a chart renders.
func (b *bundler) charted(step *Step) {
	if root := b.root(b.target.Root); root.Chart {
		b.once(step, "what the chart of %s renders is taken from %s, as the team keeps it there: irgit does not see the chart itself, and the cluster may hold something else",
			root.Sync, root.Path)
	}
}

// once adds a warning that no step has given yet.
func (b *bundler) once(step *Step, format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(b.said, s) {
		b.said, step.Warnings = append(b.said, s), append(step.Warnings, s)
	}
}

func exactly(s string) string { return "^" + regexp.QuoteMeta(s) + "$" }

func (b *bundler) dir() string {
	return path.Join(b.request.Index.Cluster().Response, b.request.Incident)
}

func (b *bundler) mark(obj *unstructured.Unstructured) {
	labels := obj.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[incidentLabel], labels[managedByLabel] = b.request.Incident, "irgit"
	obj.SetLabels(labels)
}

func annotate(obj *unstructured.Unstructured, key, value string) {
	annotations := obj.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	obj.SetAnnotations(annotations)
}

// write encodes a file of the incident within the limits.
func (b *bundler) write(action string, v map[string]any) ([]byte, error) {
	comment := "Incident " + b.request.Incident + ". Written by irgit, which removes it again."
	if action != "" {
		comment = "Incident " + b.request.Incident + ", action " + action + ". Written by irgit, which removes it again."
	}
	data, err := manifest.Encode(comment, v)
	if err != nil {
		return nil, fmt.Errorf("render incident %s: %w", b.request.Incident, err)
	}
	if b.size += len(data); len(data) > maxObject || b.size > maxBundle {
		return nil, &RefusedError{action, []validate.Problem{{Message: fmt.Sprintf("a file of %d bytes, of %d in all: more than the %d and %d allowed", len(data), b.size, maxObject, maxBundle)}}}
	}
	return data, nil
}
