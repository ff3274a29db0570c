package incident

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/render"
)

// delivery says why what a bundle creates or patches may not reach the
// cluster; after is the tree that holds it, before the one that is indexed.
func delivery(ctx context.Context, ix *fleet.Index, before, after *gitops.Tree, incident string, b *render.Bundle) (warnings []string, err error) {
	for _, p := range b.Patches {
		obstacles, err := ix.Path(ctx, before, p.Object, paths("", p.Fields)...)
		if err != nil {
			return nil, err
		}
		for _, o := range obstacles {
			if warning := fmt.Sprintf("a patch will not arrive (%s): %s. To have it there: %s", o.File, o.Reason, o.Step); o.Blocking && !slices.Contains(warnings, warning) {
				warnings = append(warnings, warning)
			}
		}
	}
	if len(b.Objects) == 0 {
		return warnings, nil
	}
	undelivered, err := ix.Undelivered(ctx)
	if err != nil {
		return nil, err
	}
	if undelivered != "" {
		warnings = append(warnings, undelivered)
	}
	barred, err := ix.Barred(ctx, after, path.Join(ix.Cluster().Response, incident), b.Objects)
	return append(warnings, barred...), err
}

// paths are those of the fields that a merge patch sets, as spec.replicas.
func paths(at string, fields map[string]any) (out []string) {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		name := key
		if at != "" {
			name = at + "." + key
		}
		if below, ok := fields[key].(map[string]any); ok {
			out = append(out, paths(name, below)...)
		} else {
			out = append(out, name)
		}
	}
	return out
}
