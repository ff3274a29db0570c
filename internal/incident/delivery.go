package incident

import (
	"context"
	"path"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/render"
)

// delivery says why what a bundle creates may not reach the cluster; after is
// the tree that holds it.
func delivery(ctx context.Context, ix *fleet.Index, after *gitops.Tree, incident string, b *render.Bundle) (warnings []string, err error) {
	if len(b.Objects) == 0 {
		return nil, nil
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
