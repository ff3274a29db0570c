package fleet

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/kustomize"
)

const (
	maxRoots  = 20_000 // of one cluster
	maxRounds = 50     // levels of sync objects that lead to sync objects
)

// appliedRoot is a directory as a controller applies it to the cluster.
type appliedRoot struct {
	Root
	id        string // the path; with the sync object's name where the path is applied twice
	built     string // the path that is built, where the controller gets an artifact with paths of its own
	options   kustomize.Options
	namespace string            // where objects without one go
	sync      *controllers.Sync // nil when .irgit.yaml declares the root and nothing else does
	file      string            // where the sync object was found
	parent    string            // id of the root that renders the sync object
	start     bool              // a bootstrap that no sync object applies
	passing   bool              // it is applied to the controller's cluster, and followed from another
}

func (r *appliedRoot) want() want { return want{path: cmp.Or(r.built, r.Path), options: r.options} }

// closure is all that a cluster applies.
type closure struct {
	cluster  Cluster
	roots    []*appliedRoot
	entries  []*entry // of the roots
	response []controllers.Sync
	findings []Finding
	// destinations are where the syncs go, when those of every cluster are
	// followed.
	destinations []controllers.Destination
}

// pending is a sync object that has not been read.
type pending struct {
	obj  *unstructured.Unstructured
	from *appliedRoot // what renders it
	file string
}

// walker follows a cluster's sync objects from its bootstraps.
type walker struct {
	closure
	fleet    *Fleet
	builder  *builder
	declared map[string]Root // by path, while no sync object was found for them
	objects  map[string]*unstructured.Unstructured
	maps     map[string]*unstructured.Unstructured // ConfigMaps that were built for their values
	mapNames map[string]*appliedRoot               // what renders a ConfigMap
	queue    []pending
	met      map[string]bool    // sync objects
	paths    map[string]bool    // ids of roots
	names    map[string]bool    // of roots
	urls     map[string]bool    // of this repository
	releases map[string]Release // that are declared and whose directory is there, by key

	everywhere bool // syncs to other clusters are followed too
}

// close follows everything that a cluster applies. Its error is one of the
// repository as a whole.
func (f *Fleet) close(ctx context.Context, c Cluster, everywhere bool) (*closure, error) {
	w := &walker{
		everywhere: everywhere, closure: closure{cluster: c}, fleet: f, builder: f.builder(c.Name), declared: map[string]Root{},
		objects: map[string]*unstructured.Unstructured{}, maps: map[string]*unstructured.Unstructured{},
		mapNames: map[string]*appliedRoot{}, met: map[string]bool{}, paths: map[string]bool{}, names: map[string]bool{}, urls: map[string]bool{},
		releases: map[string]Release{},
	}
	for _, url := range f.urls {
		w.urls[normalURL(url)] = true
	}
	declared, findings, err := f.roots(ctx, c)
	if err != nil {
		return nil, err
	}
	w.findings = findings
	for _, r := range declared {
		w.declared[r.Path], w.names[r.Name] = r, true
	}
	if err := w.prepared(ctx); err != nil {
		return nil, err
	}
	level, err := w.bootstraps(ctx)
	if err != nil {
		return nil, err
	}
	for range maxRounds {
		if err := w.take(ctx, level); err != nil {
			return nil, err
		}
		if level, err = w.next(ctx); err != nil {
			return nil, err
		}
		if len(level) == 0 {
			level = w.undiscovered(declared)
		}
		if len(level) == 0 {
			break
		}
	}
	if err := w.leave(ctx); err != nil {
		return nil, err
	}
	w.unmet()
	w.builder.finish(ctx)
	return &w.closure, nil
}

// undiscovered makes roots of what is declared and no sync object applies.
func (w *walker) undiscovered(declared []Root) (level []*appliedRoot) {
	for _, r := range declared {
		if _, left := w.declared[r.Path]; !left {
			continue
		}
		delete(w.declared, r.Path)
		root := &appliedRoot{Root: r, id: r.Path, options: w.cluster.buildOptions()}
		root.into(r.TargetNamespace, w.cluster.GitOps)
		level = append(level, root)
	}
	return level
}

// into sets the namespace of a root's objects: Flux sets or overrides it,
// Argo CD fills it in where it is missing.
func (r *appliedRoot) into(namespace, controller string) {
	switch {
	case namespace == "":
	case controller == controllers.FluxCD:
		fields := map[string]any{"namespace": namespace}
		for k, v := range r.options.Fields {
			if k != "namespace" {
				fields[k] = v
			}
		}
		r.options.Fields = fields
	default:
		r.namespace = namespace
	}
}

// take builds a level of roots and notes the sync objects in them.
func (w *walker) take(ctx context.Context, level []*appliedRoot) error {
	wanted := make([]want, len(level))
	for i, r := range level {
		wanted[i] = r.want()
	}
	entries, err := w.builder.entries(ctx, wanted)
	if err != nil {
		return err
	}
	for i, r := range level {
		if len(w.roots) == maxRoots {
			w.findings = append(w.findings, Finding{Root: r.id, File: r.file, Message: fmt.Sprintf("the cluster has more than %d roots: the rest is not read", maxRoots)})
			return nil
		}
		if !r.passing {
			if err := w.settle(ctx, r, entries[i]); err != nil {
				return err
			}
			w.roots, w.entries = append(w.roots, r), append(w.entries, entries[i])
		} else if entries[i].Failure != "" {
			w.findings = append(w.findings, Finding{
				Root: r.id, File: entries[i].FailureFile, Message: "what it would have applied is not known: " + entries[i].Failure, Unknown: entries[i].Outside != "",
			})
		}
		if err := w.installs(ctx, r, entries[i]); err != nil {
			return err
		}
		if len(w.cluster.Bootstrap) == 0 {
			continue // what is declared is all there is
		}
		for _, name := range entries[i].ConfigMaps {
			w.mapNames[name] = r
		}
		untold, err := w.untold(ctx, r, entries[i])
		if err != nil {
			return err
		}
		for _, o := range entries[i].Leads {
			if u := o.decoded(); !untold[o.File] {
				w.note(u, r, cmp.Or(o.File, r.Path))
			} else if u != nil {
				w.unknown(controllers.Unknown{
					Object: controllers.RefOf(u), Reason: "what it applies depends on values that are not in Git: " + strings.Join(r.sync.Missing, ", "),
					Step: "declare the roots that it leads to in " + ConfigFile,
				}, pending{u, r, cmp.Or(o.File, r.Path)})
			}
		}
		if entries[i].Outside != "" && entries[i].Failure != "" {
			if err := w.listed(ctx, r, r.Path, map[string]bool{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle finds out where a root of an artifact stands in the repository, and
// brings its hook to where the controller gets it.
func (w *walker) settle(ctx context.Context, r *appliedRoot, e *entry) error {
	moved := len(r.options.Source.Copies) > 0
	if e.Kustomization == "" {
		return nil // nothing can name a hook
	}
	if moved && r.built == "" {
		r.built, r.Path = r.Path, path.Dir(e.Kustomization)
		if !w.paths[r.Path] {
			w.paths[r.Path], r.id = true, r.Path
		}
	}
	if r.Hook != path.Join(patchesRoot, w.cluster.Name, r.Name) {
		return nil // .irgit.yaml says where it is
	}
	hidden, err := r.options.Source.Hidden(ctx, w.fleet.tree, path.Join(r.Hook, "kustomization.yaml"))
	if err == nil && (hidden || moved) {
		r.Hook = path.Join(path.Dir(e.Kustomization), responseRoot)
	}
	return err
}

// rooted makes a root of a sync, nil when it is of another cluster or irgit's
// own. What .irgit.yaml says of the path wins.
func (w *walker) rooted(s controllers.Sync, p pending) *appliedRoot {
	whither := w.whither(s, p)
	if whither == elsewhere {
		return nil
	}
	if within(s.Path, responseRoot) {
		w.response = append(w.response, s)
		return nil
	}
	r := &appliedRoot{Root: Root{Path: s.Path}, id: s.Path, options: s.Build, namespace: s.Namespace, sync: &s, file: p.file, parent: p.from.id, passing: whither == passing}
	if w.paths[r.id] {
		r.id = fmt.Sprintf("%s@%s", s.Path, path.Join(s.Object.Namespace, s.Object.Name))
	}
	if w.paths[r.id] {
		r.id = fmt.Sprintf("%s#%d", r.id, s.SourceIndex)
	}
	w.paths[r.id] = true
	if r.isRelease() { // no kustomization of a team stands above it, so no hook can be named
		r.Name = w.name(rootName(s.Object.Name), r.id)
		return r
	}
	if declared, ok := w.declared[s.Path]; ok {
		delete(w.declared, s.Path)
		r.Root = declared
		r.into(declared.TargetNamespace, s.Controller)
		return r
	}
	r.Name = w.name(rootName(s.Object.Name), r.id)
	r.Hook = path.Join(patchesRoot, w.cluster.Name, r.Name)
	return r
}

// name makes a root's name unique within the cluster.
func (w *walker) name(name, id string) string {
	name = strings.Trim(name[:min(len(name), 50)], "-")
	if name == "" || w.names[name] {
		name = strings.TrimPrefix(name+"-"+shortHash(id), "-")
	}
	w.names[name] = true
	return name
}
