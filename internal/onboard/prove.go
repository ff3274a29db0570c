package onboard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// prove builds every root that the draft could change, before and after, and
// reads the fleet as the next run will. Parts that change more than they should,
// or achieve nothing, come back with the reason. An error that is a
// *RefusedError says that no part is to blame.
func (p *planner) prove(ctx context.Context, d *draft) (wrong map[string]string, err error) {
	wrong = map[string]string{}
	d.doc.Roots = 0
	for _, c := range p.clusters {
		after, err := d.after.Index(ctx, c.Name)
		if err != nil {
			return nil, err
		}
		d.doc.Roots += len(c.index.Roots())
		if err := p.compareRoots(ctx, d, c, wrong); err != nil {
			return nil, err
		}
		if err := p.hooked(ctx, d, c, after, wrong); err != nil {
			return nil, err
		}
		if len(wrong) == 0 && !slices.Equal(idsOf(c.index), idsOf(after)) {
			return nil, &RefusedError{"after the setup " + c.Name + " would apply other directories than today", "prepare the fleet by hand, as the README shows"}
		}
	}
	if len(wrong) > 0 {
		return wrong, nil
	}
	return wrong, p.reread(ctx, d, wrong)
}

func idsOf(ix *fleet.Index) (ids []string) {
	for _, r := range ix.Roots() {
		ids = append(ids, r.ID)
	}
	return ids
}

// compareRoots accepts new sync objects and nothing else.
func (p *planner) compareRoots(ctx context.Context, d *draft, c *cluster, wrong map[string]string) error {
	files := slices.Sorted(maps.Keys(d.files))
	for _, root := range c.index.Touched(files) {
		before, failedBefore, err := buildOf(ctx, c.index, p.before, root)
		if err != nil {
			return err
		}
		after, failedAfter, err := buildOf(ctx, c.index, d.after.Tree(), root)
		if err != nil {
			return err
		}
		why := ""
		switch {
		case failedBefore != "" && failedAfter != "":
			continue
		case failedAfter != "":
			why = root + " would not build any more: " + failedAfter
		case failedBefore != "":
			continue // it builds now
		default:
			why = d.difference(root, before.Objects, after.Objects)
		}
		if why != "" {
			d.blame(c, root, why, wrong)
		}
	}
	return nil
}

// hooked accepts hooks that a build reads.
func (p *planner) hooked(ctx context.Context, d *draft, c *cluster, after *fleet.Index, wrong map[string]string) error {
	for _, w := range c.wirings {
		if len(w.Needs) == 0 {
			continue
		}
		now, err := after.Wiring(ctx, w.Root)
		if err != nil {
			return err
		}
		for _, place := range now.Needs {
			part := hookPart(c, w, place)
			if slices.Contains(d.owners[place.File], part) && wrong[part] == "" {
				wrong[part] = "a build of " + w.Root + " would not read it"
			}
		}
	}
	return nil
}

// buildOf builds a root; failure is why it does not build.
func buildOf(ctx context.Context, ix *fleet.Index, tree *gitops.Tree, root string) (r *kustomize.Result, failure string, err error) {
	r, err = ix.Build(ctx, tree, root)
	var broken *kustomize.Error
	if errors.As(err, &broken) {
		return nil, err.Error(), nil
	}
	return r, "", err
}

// difference says in what a build differs from the one before, apart from new
// sync objects.
func (d *draft) difference(root string, before, after []*unstructured.Unstructured) string {
	rest := before
	for _, o := range after {
		switch {
		case len(rest) > 0 && reflect.DeepEqual(rest[0].Object, o.Object):
			rest = rest[1:]
		case !d.isNew(o):
			return fmt.Sprintf("in %s, %s %s would not be what it is", root, o.GetKind(), path.Join(o.GetNamespace(), o.GetName()))
		}
	}
	if len(rest) > 0 {
		return fmt.Sprintf("in %s, %s %s would be missing, or stand elsewhere", root, rest[0].GetKind(), path.Join(rest[0].GetNamespace(), rest[0].GetName()))
	}
	return ""
}

func (d *draft) isNew(o *unstructured.Unstructured) bool {
	for _, some := range d.objects {
		if slices.ContainsFunc(some, func(n object) bool { return n.kind == o.GetKind() && n.name == o.GetName() }) {
			return true
		}
	}
	return false
}

// blame finds the parts that changed what a root reads.
func (d *draft) blame(c *cluster, root, why string, wrong map[string]string) {
	for file, parts := range d.owners {
		if !slices.Contains(c.index.Touched([]string{file}), root) {
			continue
		}
		for _, part := range parts {
			wrong[part] = why
		}
	}
	if len(wrong) == 0 {
		wrong["the rest"] = why
	}
}

// reread takes the setup for merged: .irgit.yaml has to mean what was found,
// and every delivery has to work.
func (p *planner) reread(ctx context.Context, d *draft, wrong map[string]string) error {
	again, err := d.after.Reloaded(ctx)
	var invalid *fleet.ConfigError
	if errors.As(err, &invalid) {
		return &RefusedError{"the repository has names that .irgit.yaml cannot hold: " + err.Error(), "write .irgit.yaml by hand, and run irgit init again"}
	}
	if err != nil {
		return err
	}
	for _, c := range p.clusters {
		if p.declared {
			break
		}
		found, err := d.after.Index(ctx, c.Name)
		if err != nil {
			return err
		}
		declared, err := again.Index(ctx, c.Name)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(found.Roots(), declared.Roots()) || !reflect.DeepEqual(found.Workloads(), declared.Workloads()) {
			return &RefusedError{"what .irgit.yaml would say of " + c.Name + " does not lead to what was found", "write .irgit.yaml by hand, and run irgit init again"}
		}
	}
	whole, _, err := again.Completed(ctx, probes(again)...)
	if err != nil {
		return err
	}
	applied, err := applying(ctx, whole)
	if err != nil {
		return err
	}
	for _, c := range p.clusters {
		if d.delivered(c) && len(applied[c.Name]) == 0 {
			wrong["delivery "+c.Name] = "the controller would not apply " + c.Response + " by it"
		}
		for name, others := range applied {
			for _, s := range others {
				if o := (name != c.Name); o && (s.Path == c.Response || strings.HasPrefix(s.Path, c.Response+"/")) {
					wrong["delivery "+c.Name] = name + " would apply " + c.Response + ", too"
				}
			}
		}
	}
	return nil
}

// delivered reports whether a new sync object should work after the merge.
func (d *draft) delivered(c *cluster) bool {
	if len(d.objects[c.Name]) == 0 || c.delivery.Kustomization == "" {
		return len(d.objects[c.Name]) > 0
	}
	_, listed := d.files[c.delivery.Kustomization]
	return listed
}
