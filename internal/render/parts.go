package render

import (
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/validate"
)

// The folders of an incident, in the order in which they are applied.
const (
	containDir  = "contain"
	evidenceDir = "evidence"
)

var partNames = []string{containDir, evidenceDir, podsDir}

// Part is a folder of an incident's objects. Flux applies each by a Flux
// Kustomization of its own: what it refuses of one holds up no other.
type Part struct {
	Name    string // contain, evidence, pods
	Objects []*unstructured.Unstructured
	Sync    *unstructured.Unstructured // the Flux Kustomization that applies them; nil under Argo CD
	files   []file
}

// part is the bundle's of a name, made where there is none yet.
func (b *bundler) part(name string) *Part {
	i := slices.IndexFunc(b.bundle.Parts, func(p Part) bool { return p.Name == name })
	if i < 0 {
		b.bundle.Parts = append(b.bundle.Parts, Part{Name: name})
		slices.SortFunc(b.bundle.Parts, func(a, c Part) int { return slices.Index(partNames, a.Name) - slices.Index(partNames, c.Name) })
		return b.part(name)
	}
	return &b.bundle.Parts[i]
}

// parts writes the folders, what applies them, and names what the incident's
// kustomization has to list.
func (b *bundler) parts() (listed []string, err error) {
	flux := b.request.Index.Cluster().GitOps == "flux"
	for i := range b.bundle.Parts {
		p := &b.bundle.Parts[i]
		if err := b.put(path.Join(b.dir(), p.Name), p.files); err != nil {
			return nil, err
		}
		if !flux {
			listed = append(listed, p.Name)
			continue
		}
		file := "sync-" + p.Name + ".yaml"
		if err := b.sync(p, file); err != nil {
			return nil, err
		}
		listed = append(listed, file)
	}
	return listed, nil
}

// sync writes a part's Flux Kustomization: one object that Flux refuses must
// not hold up other incidents, and each gets a Ready of its own (lab/flux.md).
func (b *bundler) sync(p *Part, file string) error {
	c := b.request.Index.Cluster()
	spec := map[string]any{
		"interval": "10m", "retryInterval": "30s", "timeout": "2m", "prune": true, "wait": true,
		"path":      "./" + path.Join(b.dir(), p.Name),
		"sourceRef": map[string]any{"kind": c.Flux.Source.Kind, "name": c.Flux.Source.Name},
	}
	if p.Name == podsDir {
		spec["wait"] = false // whether a pod is ready is not for an incident to wait for
		if after := b.before(p); len(after) > 0 {
			spec["dependsOn"] = after
		}
	}
	if account := b.request.Index.Restricted(); account != "" {
		spec["serviceAccountName"] = account // what is denied to what applies the incidents is not to be had by one of them
	}
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": fluxKustomize + "/v1", "kind": "Kustomization",
		"metadata": map[string]any{"name": syncName(b.request.Incident, p.Name), "namespace": c.Flux.Namespace},
		"spec":     spec,
	}}
	b.mark(obj)
	annotate(obj, "event.toolkit.fluxcd.io/incident", b.request.Incident)
	data, err := b.write("", obj.Object)
	if err != nil {
		return err
	}
	name := path.Join(b.dir(), file)
	wrong := b.catalogue.validator.Object(name, obj.Object)
	if len(obj.GetName()) > maxObjectName {
		wrong = append(wrong, validate.Problem{File: name, Path: "metadata.name", Message: "is longer than the label value that Flux makes of it"})
	}
	if len(wrong) > 0 {
		return &RefusedError{"", wrong}
	}
	p.Sync = obj
	b.change(name, data)
	return nil
}

// before lists what has to be applied before a pod is touched: the policies,
// so that it is never outside of all of them, and, where it is ended, what
// keeps evidence.
func (b *bundler) before(pods *Part) (all []any) {
	for _, p := range b.bundle.Parts {
		ends := pods.Objects[0].Object["spec"] != nil
		if p.Name == containDir || p.Name == evidenceDir && ends {
			all = append(all, map[string]any{"name": syncName(b.request.Incident, p.Name)})
		}
	}
	return all
}

func syncName(incident, part string) string { return objectName(incident) + "-" + part }
