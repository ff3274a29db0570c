package render

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// ErrNotOpen is an incident of which a repository holds nothing.
var ErrNotOpen = errors.New("the repository holds nothing of the incident")

// Release gives the changes that take an incident back: everything in its
// directory goes, the record too, everything in its directories below the
// cluster's hooks, and its entries in them. The rest of the tree keeps its
// bytes: for a bundle's changes made on a tree, the release gives that tree
// again.
func Release(ctx context.Context, tree *gitops.Tree, cluster fleet.Cluster, incident string) ([]gitops.Change, error) {
	if !incidentForm.MatchString(incident) {
		return nil, fmt.Errorf("release: %q is not the id of an incident: want <yyyymmdd>-<slug>-<key>", incident)
	}
	wrap := func(err error) error { return fmt.Errorf("release incident %s: %w", incident, err) }
	changes, err := deletions(ctx, tree, path.Join(cluster.Response, incident))
	if err != nil {
		return nil, wrap(err)
	}
	hooks, err := hookDirs(ctx, tree, cluster)
	if err != nil {
		return nil, wrap(err)
	}
	for _, dir := range hooks {
		gone, err := deletions(ctx, tree, path.Join(dir, incident))
		if err != nil {
			return nil, wrap(err)
		}
		changes = append(changes, gone...)
		for _, name := range kustomize.FileNames() {
			file := path.Join(dir, name)
			data, err := tree.ReadFile(ctx, file)
			if errors.Is(err, gitops.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, wrap(err)
			}
			if !strings.Contains(string(data), incident) {
				break // a file that could not be edited matters only where it has to be
			}
			edited, _, err := removeEntry(file, data, incident)
			if err != nil {
				return nil, wrap(err)
			}
			changes = append(changes, hookChange(file, data, edited)...)
			break
		}
	}
	if len(changes) == 0 {
		return nil, wrap(ErrNotOpen)
	}
	slices.SortFunc(changes, func(a, b gitops.Change) int { return strings.Compare(a.Path, b.Path) })
	return changes, nil
}

// hookDirs lists where hooks of a cluster are: the directories of the default
// place and those that roots declare.
func hookDirs(ctx context.Context, tree *gitops.Tree, cluster fleet.Cluster) (dirs []string, err error) {
	home := path.Join(path.Dir(cluster.Response), "patches", cluster.Name)
	entries, err := tree.ReadDir(ctx, home)
	if err != nil && !errors.Is(err, gitops.ErrNotFound) {
		return nil, err
	}
	for _, e := range entries {
		if e.Mode == gitops.Dir {
			dirs = append(dirs, path.Join(home, e.Name))
		}
	}
	for _, r := range cluster.Roots {
		if r.Hook != "" && !slices.Contains(dirs, r.Hook) {
			dirs = append(dirs, r.Hook)
		}
	}
	return dirs, nil
}

// deletions lists every file below a directory, none when it is not there.
func deletions(ctx context.Context, tree *gitops.Tree, dir string) (changes []gitops.Change, err error) {
	entries, err := tree.ReadDir(ctx, dir)
	if errors.Is(err, gitops.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		switch e.Mode {
		case gitops.Dir:
			below, err := deletions(ctx, tree, name)
			if err != nil {
				return nil, err
			}
			changes = append(changes, below...)
		case gitops.File, gitops.Executable:
			changes = append(changes, gitops.Change{Path: name})
		default:
			return nil, fmt.Errorf("%s is neither a file nor a directory: remove it first", name)
		}
	}
	return changes, nil
}
