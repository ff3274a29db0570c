package onboard

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
	"github.com/irgit/irgit/internal/proposal"
	"github.com/irgit/irgit/internal/render"
)

// wire has the kustomizations of the cluster's roots name their hooks.
func (p *planner) wire(ctx context.Context, d *draft, c *cluster, into *proposal.Prepared) error {
	var wired, elsewhere, unplaced int
	for _, w := range c.wirings {
		wired, elsewhere, unplaced = wired+w.Wired, elsewhere+w.Elsewhere, unplaced+w.Unplaced
		for _, e := range w.Refused {
			d.unwired(e.File, e.Reason, e.Step)
		}
		if p.o.NoHooks {
			continue
		}
		for _, place := range w.Needs {
			done, err := p.hook(ctx, d, c, w, place)
			if err != nil {
				return err
			}
			if done {
				into.Hooks++
			}
		}
	}
	if wired > 0 {
		into.Applies = append(into.Applies, objects(wired)+" can be patched through hooks that are there.")
	}
	if elsewhere > 0 {
		into.Applies = append(into.Applies, objects(elsewhere)+" can be patched without a hook, in a manifest or a sync object.")
	}
	if unplaced > 0 {
		into.Applies = append(into.Applies, objects(unplaced)+" cannot be patched: see below.")
	}
	if p.o.NoHooks {
		into.Applies = append(into.Applies, "No hook was added (--no-hooks): an incident that needs one names it itself.")
	}
	return nil
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

func (d *draft) unwired(file, reason, step string) {
	r := proposal.Remark{Where: file, What: reason, Step: step}
	if !slices.Contains(d.doc.Unwired, r) {
		d.doc.Unwired = append(d.doc.Unwired, r)
	}
}

func hookPart(c *cluster, w fleet.Wiring, place fleet.Placement) string {
	return "hook " + c.Name + " " + w.Root + " " + place.File
}

// hook adds one hook; done is false where that is for a person.
func (p *planner) hook(ctx context.Context, d *draft, c *cluster, w fleet.Wiring, place fleet.Placement) (done bool, err error) {
	part := hookPart(c, w, place)
	if why := p.skipped[part]; why != "" {
		d.unwired(place.File, "the hook is left out: "+why, "")
		return false, nil
	}
	if done, err = p.list(ctx, d, part, place.File, "transformers", place.Entry); !done || err != nil {
		return false, err
	}
	there, err := kustomizationIn(ctx, p.whole.Tree(), place.Hook.Dir)
	if there || err != nil {
		return true, err
	}
	served := slices.DeleteFunc(c.index.Workloads(), func(o fleet.Workload) bool { return !slices.Contains(place.Roots, o.Root) })
	d.put(part, place.Hook.Kustomization, render.NewHook(served))
	return true, nil
}

func kustomizationIn(ctx context.Context, tree *gitops.Tree, dir string) (bool, error) {
	for _, name := range kustomize.FileNames() {
		switch _, err := tree.Stat(ctx, path.Join(dir, name)); {
		case err == nil:
			return true, nil
		case ctx.Err() != nil:
			return false, err
		}
	}
	return false, nil
}
