package fleet

import (
	"fmt"
	"slices"

	"github.com/irgit/irgit/internal/controllers"
)

// Unliftable says why a suspended sync object could not be resumed by a commit,
// or would take irgit's own way into the cluster with it, "" when neither is so.
func (ix *Index) Unliftable(sync ObjectRef) string {
	delivers := func(id string) bool {
		ref, ok := ix.delivering(id)
		return ok && sameRef(ref, sync)
	}
	if slices.ContainsFunc(ix.above(sync.Root), delivers) {
		return "it applies its own manifest, or what applies that, so that no commit could resume it"
	}
	for _, s := range ix.response {
		o := refOf(s.Object)
		if sameRef(o, sync) {
			return "it applies irgit's incidents"
		}
		for _, ref := range ix.Find(o.Kind, o.Namespace, o.Name) {
			if slices.ContainsFunc(ix.above(ref.Root), delivers) {
				return fmt.Sprintf("it applies %s %s/%s, which applies irgit's incidents", o.Kind, o.Namespace, o.Name)
			}
		}
	}
	for _, id := range ix.order {
		if r := ix.roots[id]; delivers(id) && (within(ix.cluster.Response, r.Path) || within(r.Path, ix.cluster.Response)) {
			return "it applies irgit's incidents"
		}
	}
	return ""
}

// above is a root and those that apply its sync object, and so on up to where
// the cluster starts.
func (ix *Index) above(id string) (ids []string) {
	for r, known := ix.roots[id]; known && !slices.Contains(ids, r.id); r, known = ix.roots[r.parent] {
		ids = append(ids, r.id)
	}
	return ids
}

func (ix *Index) delivering(root string) (ObjectRef, bool) {
	r, known := ix.roots[root]
	if !known || r.sync == nil {
		return ObjectRef{}, false
	}
	ref := refOf(r.sync.Object)
	ref.Root = r.parent
	return ref, true
}

func refOf(o controllers.ObjectRef) ObjectRef {
	return ObjectRef{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
}

func sameRef(a, b ObjectRef) bool {
	return a.Kind == b.Kind && GroupOf(a.APIVersion) == GroupOf(b.APIVersion) && a.Namespace == b.Namespace && a.Name == b.Name
}
