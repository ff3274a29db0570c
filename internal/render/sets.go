package render

import (
	"context"
	"maps"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
)

// patchSet is a set of objects that a template may patch.
type patchSet struct {
	refs func(*bundler) []fleet.ObjectRef
	many bool                           // expressions see each
	wrap func(*bundler) (path []string) // where the fields stand in the object, nil: at its top
}

// patchSets are what the on of a patch may say.
var patchSets = map[string]patchSet{
	"target": {refs: (*bundler).self},
	"podTemplate": {refs: (*bundler).self, wrap: func(b *bundler) []string {
		return podTemplate(b.target.Kind)
	}},
	"autoscalers": {many: true, refs: func(b *bundler) []fleet.ObjectRef { return b.request.Index.Autoscalers(b.target) }},
	"bindings":    {many: true, refs: func(b *bundler) []fleet.ObjectRef { return b.request.Index.Bindings(b.target) }},
	"claims": {many: true, refs: func(b *bundler) (refs []fleet.ObjectRef) {
		for _, c := range b.request.Index.Claims(b.target) {
			if c.Ref.Name != "" {
				refs = append(refs, c.Ref)
			}
		}
		return refs
	}},
	"delivery": {many: true, refs: func(b *bundler) []fleet.ObjectRef {
		ref, ok := b.request.Index.Delivering(b.target.Root)
		if !ok {
			return nil
		}
		return []fleet.ObjectRef{ref}
	}},
}

func (b *bundler) self() []fleet.ObjectRef { return []fleet.ObjectRef{b.target.Ref()} }

// patches evaluates patches and finds the way of each into the cluster.
func (b *bundler) patches(ctx context.Context, d *draft, action string, nodes []patchNode, vars expr.Vars) (all []Patch, err error) {
	vars = maps.Clone(vars)
	for _, n := range nodes {
		set := patchSets[n.on]
		for _, ref := range set.refs(b) {
			vars["each"] = viewOf(b.request.Index, ref)
			fields, err := n.fields.object(ctx, vars)
			if err != nil {
				return nil, err
			}
			if set.wrap != nil {
				fields = under(set.wrap(b), fields)
			}
			p := Patch{Action: action, Object: ref, Fields: runtime.DeepCopyJSON(fields)}
			if err := b.reach(ctx, d, &p); err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// under puts fields at a path.
func under(path []string, fields map[string]any) map[string]any {
	for i := len(path) - 1; i >= 0; i-- {
		fields = map[string]any{path[i]: fields}
	}
	return fields
}
