package fleet

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/controllers"
)

// leadingKinds are what controllers are told by, and what that refers to.
var leadingKinds = map[string]bool{
	"kustomize.toolkit.fluxcd.io/Kustomization": true, "source.toolkit.fluxcd.io/GitRepository": true, "source.toolkit.fluxcd.io/OCIRepository": true,
	"source.toolkit.fluxcd.io/Bucket": true, "source.toolkit.fluxcd.io/ExternalArtifact": true, "source.extensions.fluxcd.io/ArtifactGenerator": true,
	"fluxcd.controlplane.io/ResourceSet": true,
	"argoproj.io/Application":            true, "argoproj.io/ApplicationSet": true, "argoproj.io/AppProject": true,
}

func leads(apiVersion, kind string) bool { return leadingKinds[GroupOf(apiVersion)+"/"+kind] }

func (o *object) decoded() *unstructured.Unstructured { return decoded(o.json()) }

func isFlux(u *unstructured.Unstructured) bool {
	return u.GetKind() == "Kustomization" && GroupOf(u.GetAPIVersion()) == "kustomize.toolkit.fluxcd.io"
}

func keyOf(kind, namespace, name string) string { return kind + " " + namespace + "/" + name }

// note takes in an object that a controller acts upon.
func (w *walker) note(u *unstructured.Unstructured, from *appliedRoot, file string) {
	if u == nil || !leads(u.GetAPIVersion(), u.GetKind()) {
		return
	}
	key := keyOf(u.GetKind(), u.GetNamespace(), u.GetName())
	w.objects[key] = u
	w.trust(u)
	switch u.GetKind() {
	case "Kustomization", "Application", "ApplicationSet", "ResourceSet":
		if !w.met[key] {
			w.met[key] = true
			w.queue = append(w.queue, pending{u, from, file})
		}
	}
}

// next reads the sync objects that were met. Those that miss something wait.
func (w *walker) next(ctx context.Context) (level []*appliedRoot, err error) {
	w.guess(ctx)
	todo := w.queue
	w.queue = nil
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		found, err := w.read(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, u := range found.unknowns {
			if u.Waiting {
				w.queue = append(w.queue, p)
				continue
			}
			w.unknown(u, p)
		}
		for _, app := range found.generated {
			if key := keyOf(app.GetKind(), app.GetNamespace(), app.GetName()); !w.met[key] {
				w.met[key] = true
				todo = append(todo, pending{app, p.from, p.file})
			}
		}
		for _, s := range found.syncs {
			if r := w.rooted(s, p); r != nil {
				level = append(level, r)
			}
		}
	}
	slices.SortStableFunc(level, func(a, b *appliedRoot) int { return cmp.Compare(a.id, b.id) })
	return level, nil
}

// told is what a sync object says.
type told struct {
	syncs     []controllers.Sync
	generated []*unstructured.Unstructured
	unknowns  []controllers.Unknown
}

func (w *walker) read(ctx context.Context, p pending) (out told, err error) {
	switch p.obj.GetKind() {
	case "Kustomization":
		if err := w.fetchMaps(ctx, p.obj); err != nil {
			return told{}, err
		}
		sync, unknown, err := controllers.Flux(ctx, w.env(), p.obj)
		if sync != nil {
			out.syncs = append(out.syncs, *sync)
		}
		if unknown != nil {
			out.unknowns = append(out.unknowns, *unknown)
		}
		return out, err
	case helmRelease:
		return w.release(ctx, p.obj)
	case "Application":
		out.syncs, out.unknowns, err = controllers.Application(ctx, w.env(), p.obj)
	case "ApplicationSet":
		out.generated, out.unknowns, err = controllers.Generate(ctx, w.env(), p.obj)
	default:
		out.unknowns = []controllers.Unknown{{
			Object: controllers.RefOf(p.obj), Reason: "the Flux Operator makes objects from its templates, which irgit does not expand",
			Step: "declare the roots that it leads to in " + ConfigFile,
		}}
	}
	return out, err
}

// unknown notes what cannot be told about a sync object, unless it is clear
// that it is about another cluster.
func (w *walker) unknown(u controllers.Unknown, p pending) {
	to, _ := dig(p.obj.Object, "spec", "destination").(map[string]any)
	for _, word := range []string{text(to["name"]), text(to["server"])} {
		if c, ok := w.fleet.Cluster(word); ok && p.obj.GetKind() == "Application" && c.Name != w.cluster.Name {
			return
		}
	}
	w.findings = append(w.findings, Finding{
		Root: p.from.id, File: p.file, Message: fmt.Sprintf("%s %s: %s", u.Object.Kind, path.Join(u.Object.Namespace, u.Object.Name), u.Reason),
		Unknown: true, Step: u.Step,
	})
}

// leave says what the sync objects that still wait are waiting for.
func (w *walker) leave(ctx context.Context) error {
	for _, p := range w.queue {
		found, err := w.read(ctx, p)
		if err != nil {
			return err
		}
		for _, u := range found.unknowns {
			w.unknown(u, p)
		}
	}
	return nil
}
