package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
)

// RootState is a root and what is known of it.
type RootState struct {
	ID        string   `json:"id"`   // as Workload.Root has it: the path, and more where one path is applied twice
	Path      string   `json:"path"` // in the repository
	Name      string   `json:"name"`
	Sync      *SyncRef `json:"sync"` // what applies it, null when only .irgit.yaml declares it
	Hook      string   `json:"hook"`
	DependsOn []string `json:"dependsOn,omitempty"`
	Suspended string   `json:"suspended,omitempty"` // why nothing is applied
	Manual    string   `json:"manual,omitempty"`    // why somebody has to sync by hand
	Shared    []string `json:"shared,omitempty"`    // other clusters that apply the same directory
	Workloads int      `json:"workloads"`
	Failure   string   `json:"failure,omitempty"`  // why it does not build
	Missing   []string `json:"missing,omitempty"`  // what lies outside of the repository
	Files     []string `json:"files"`              // the root's kustomization, and where it is told to be applied
	Chart     bool     `json:"chart,omitempty"`    // Path holds what a HelmRelease's chart renders
	Effect    string   `json:"effect,omitempty"`   // what a patch in the sync object sets off besides
	Cautions  []string `json:"cautions,omitempty"` // what may take a change back, each half a sentence about Sync and the way out
}

// SyncRef is the object by which a controller is told to apply something.
type SyncRef struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	File      string `json:"file"` // where it stands, or the root that renders it
}

// String names the object to people: Kind namespace/name.
func (s SyncRef) String() string { return s.Kind + " " + path.Join(s.Namespace, s.Name) }

// Roots lists what the cluster applies, in the order in which it was found.
func (ix *Index) Roots() []RootState {
	count := map[string]int{}
	for _, w := range ix.workloads {
		count[w.Root]++
	}
	failures := map[string]string{}
	for _, f := range ix.findings {
		if r, known := ix.roots[f.Root]; known && r.failed && failures[f.Root] == "" {
			failures[f.Root] = f.Message
		}
	}
	out := make([]RootState, 0, len(ix.order))
	for _, id := range ix.order {
		r := ix.roots[id]
		s := RootState{
			ID: id, Path: r.Path, Name: r.Name, Sync: r.syncRef(), Hook: r.Hook, Shared: r.sharers, Workloads: count[id], Failure: failures[id], Missing: r.missing,
			Files: r.files(),
		}
		if r.sync != nil {
			s.DependsOn, s.Suspended, s.Manual = r.sync.DependsOn, r.sync.Rules.Suspended, r.sync.Rules.Manual
			s.Chart, s.Effect = r.isRelease(), r.sync.Rules.Effect
			for _, c := range r.sync.Rules.Cautions {
				s.Cautions = append(s.Cautions, c.Reason+": "+c.Step)
			}
		}
		out = append(out, s)
	}
	return out
}

func (r *appliedRoot) syncRef() *SyncRef {
	if r.sync == nil {
		return nil
	}
	o := r.sync.Object
	return &SyncRef{o.Kind, o.Namespace, o.Name, r.file}
}

// files are where a root and its sync object stand.
func (r rootInfo) files() (out []string) {
	for _, f := range []string{r.kustomization, r.file} {
		if f != "" && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		out = append(out, r.Path)
	}
	return out
}

// Owner is what makes an object what it is in the cluster.
type Owner struct {
	Object ObjectRef
	Root   string
	Sync   *SyncRef  // what applies the root, nil when only .irgit.yaml declares it
	Chain  []SyncRef // what applies the sync object, and so on to the bootstrap
	Files  []string  // the manifest it comes from, the root's kustomization, and the sync object's file
}

// Release finds the HelmRelease that installs into a namespace and whose
// release name begins the name of a workload, the longest of several.
func (ix *Index) Release(namespace, workload string) (ReleaseState, bool) {
	r, ok := ix.release(namespace, workload)
	if !ok {
		return ReleaseState{}, false
	}
	return ReleaseState{r.ref.Namespace, r.ref.Name, namespace, r.name, cmp.Or(ix.fileOf(r.ref), r.ref.Root), r.rendered}, true
}

// Owner says what renders an object and what applies that.
func (ix *Index) Owner(ref ObjectRef) (Owner, bool) {
	r, known := ix.roots[ref.Root]
	if !known {
		return Owner{}, false
	}
	o := Owner{Object: ref, Root: ref.Root, Sync: r.syncRef()}
	for _, w := range ix.objects[ref.Namespace] {
		if w.ref == ref && w.File != "" {
			o.Files = append(o.Files, w.File)
		}
	}
	for _, f := range r.files() {
		if !slices.Contains(o.Files, f) {
			o.Files = append(o.Files, f)
		}
	}
	seen := map[string]bool{}
	for up := ix.roots[r.parent].appliedRoot; up != nil && !seen[up.id]; up = ix.roots[up.parent].appliedRoot {
		seen[up.id] = true
		if s := up.syncRef(); s != nil {
			o.Chain = append(o.Chain, *s)
		}
	}
	return o, true
}

// Find lists the objects of a kind and name, in one namespace or, with "", in
// all.
func (ix *Index) Find(kind, namespace, name string) (refs []ObjectRef) {
	for ns, objects := range ix.objects {
		if namespace != "" && ns != namespace {
			continue
		}
		for _, o := range objects {
			if strings.EqualFold(o.ref.Kind, kind) && o.ref.Name == name {
				refs = append(refs, o.ref)
			}
		}
	}
	slices.SortFunc(refs, compareRefs)
	return refs
}

// Obstacle is something that could stop a change of an object on its way from
// Git to the cluster.
type Obstacle struct {
	Reason   string `json:"reason"`
	Step     string `json:"step,omitempty"` // the way out
	File     string `json:"file"`
	Blocking bool   `json:"blocking"` // it does; otherwise it delays, or may
}

// Path lists what could stop a change of the fields of an object, as paths
// such as spec.replicas; without fields, of anything in it.
func (ix *Index) Path(ctx context.Context, tree *gitops.Tree, ref ObjectRef, fields ...string) (out []Obstacle, err error) {
	r, known := ix.roots[ref.Root]
	if !known {
		return nil, fmt.Errorf("cluster %s has no root %s", ix.cluster.Name, ref.Root)
	}
	add := func(file string, blocking bool, reason, step string) {
		out = append(out, Obstacle{reason, step, file, blocking})
	}
	if r.sync != nil {
		for _, o := range r.sync.Rules.Obstacles(GroupOf(ref.APIVersion), ref.Kind, ref.Namespace, ref.Name, fields) {
			add(r.file, o.Blocking, r.syncRef().String()+": "+o.Reason, o.Step)
		}
	}
	seen, within := map[string]bool{r.id: true}, r.isRelease() // the patch is in the HelmRelease itself
	for up := ix.roots[r.parent].appliedRoot; up != nil && !seen[up.id]; up = ix.roots[up.parent].appliedRoot {
		seen[up.id] = true
		if up.sync != nil && within {
			within = false
			o := r.sync.Object
			for _, o := range up.sync.Rules.Obstacles(GroupOf(o.APIVersion), o.Kind, o.Namespace, o.Name, []string{"spec.postRenderers"}) {
				add(up.file, o.Blocking, up.syncRef().String()+": "+o.Reason, o.Step)
			}
		} else if up.sync != nil && up.sync.Rules.Suspended != "" {
			add(up.file, false, up.syncRef().String()+", which applies what applies this, is suspended: a change of the sync object itself would wait", "resume it")
		}
	}
	if len(r.missing) > 0 {
		add(r.kustomization, false, "a part of the root lies outside of the repository, so a build here is not the whole of what is applied", "vendor it into the repository")
	}
	if slices.Contains(fields, "spec.replicas") {
		for _, by := range ix.Autoscalers(Workload{Namespace: ref.Namespace, Kind: ref.Kind, Name: ref.Name, APIVersion: ref.APIVersion}) {
			add(cmp.Or(ix.fileOf(by), by.Root), false, fmt.Sprintf("%s %s/%s sets spec.replicas, whatever Git says", by.Kind, by.Namespace, by.Name), "freeze the autoscaler instead")
		}
	}
	if r.sync == nil && !r.start {
		add(ConfigFile, false, "what applies "+r.Path+" is not known: "+ConfigFile+" declares it, and no sync object was followed to it", "name the cluster's bootstrap in "+ConfigFile)
	}
	if r.start && r.sync == nil {
		add(r.Path, true, "no sync object applies this directory, as far as Git tells: somebody applies it by hand", "apply it by a Kustomization or an Application")
	}
	hidden, err := ix.hidden(ctx, tree, r)
	if err != nil {
		return nil, err
	}
	if hidden != "" {
		add(hidden, true, "the source that the controller gets leaves out "+r.Hook+", so a patch there would break the build in the cluster", "let "+hidden+" ship it, or set another hook for the root in "+ConfigFile)
	}
	var unplaced *HookError
	if _, err := ix.Placement(ctx, ref); errors.As(err, &unplaced) {
		add(unplaced.File, true, "irgit cannot patch it: "+unplaced.Reason, unplaced.Step)
	} else if err != nil {
		return nil, err
	}
	return out, nil
}

// hidden is the file that keeps a root's hook out of what its controller gets,
// "" when none does.
func (ix *Index) hidden(ctx context.Context, tree *gitops.Tree, r rootInfo) (string, error) {
	hidden, err := r.options.Source.Hidden(ctx, tree, path.Join(r.Hook, "kustomization.yaml"))
	if !hidden || err != nil {
		return "", err
	}
	return r.file, nil
}
