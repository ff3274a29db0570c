package render

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/edit"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

// ErrNotOpen is an incident of which a repository holds nothing.
var ErrNotOpen = errors.New("the repository holds nothing of the incident")

// Release gives the changes that take an incident back: everything in its
// directory goes, the record too, everything in its directories below the
// cluster's hooks, its entries in them, and its edits in files of others. An
// edit that another open incident needs as well stays until that is released,
// too; a kustomization names a hook until no incident is left in it. The rest of
// the tree keeps its bytes: for a bundle's changes made on a tree, the release
// gives that tree again, whatever came and went in between.
//
// An edit that somebody changed since is not guessed at: the error is an
// *edit.Refusal with the file, the line and what to do by hand.
func Release(ctx context.Context, tree *gitops.Tree, cluster fleet.Cluster, incident string) ([]gitops.Change, error) {
	if !incidentForm.MatchString(incident) {
		return nil, fmt.Errorf("release: %q is not the id of an incident: want <yyyymmdd>-<slug>-<key>", incident)
	}
	r := &releaser{tree: tree, cluster: cluster, incident: incident, edited: map[string][]byte{}}
	if err := r.release(ctx); err != nil {
		return nil, fmt.Errorf("release incident %s: %w", incident, err)
	}
	if len(r.changes) == 0 {
		return nil, fmt.Errorf("release incident %s: %w", incident, ErrNotOpen)
	}
	for _, name := range sorted(r.edited) {
		r.changes = append(r.changes, gitops.Change{Path: name, Content: r.edited[name]})
	}
	slices.SortFunc(r.changes, func(a, b gitops.Change) int { return strings.Compare(a.Path, b.Path) })
	return r.changes, nil
}

type releaser struct {
	tree     *gitops.Tree
	cluster  fleet.Cluster
	incident string
	changes  []gitops.Change
	edited   map[string][]byte // files of others
}

func (r *releaser) release(ctx context.Context) (err error) {
	dir := path.Join(r.cluster.Response, r.incident)
	if r.changes, err = deletions(ctx, r.tree, dir); err != nil {
		return err
	}
	list := path.Join(dir, editsFile)
	l, err := readEdits(ctx, r.tree, list)
	if err != nil {
		return err
	}
	if err := r.takeBack(ctx, l.Edits, list); err != nil {
		return err
	}
	hooks, err := hookDirs(ctx, r.tree, r.cluster)
	if err != nil {
		return err
	}
	for _, hook := range l.Hooks {
		if !slices.Contains(hooks, hook) {
			hooks = append(hooks, hook)
		}
	}
	for _, hook := range hooks {
		if err := r.leave(ctx, hook); err != nil {
			return err
		}
	}
	return nil
}

// takeBack reverts the incident's own edits but for those that another open
// incident needs.
func (r *releaser) takeBack(ctx context.Context, edits []Edit, list string) error {
	if len(edits) == 0 {
		return nil
	}
	others, err := editsOfOthers(ctx, r.tree, r.cluster, r.incident)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(edits) {
		if slices.ContainsFunc(others, e.same) {
			continue
		}
		if err := r.revert(ctx, e, list); err != nil {
			return err
		}
	}
	return nil
}

// revert takes back an edit that a list holds.
func (r *releaser) revert(ctx context.Context, e Edit, list string) (err error) {
	data, known := r.edited[e.File]
	if !known {
		data, err = r.tree.ReadFile(ctx, e.File)
		if errors.Is(err, gitops.ErrNotFound) {
			return nil // whoever removed the file took the edit back
		}
		if err != nil {
			return err
		}
	}
	after, err := e.revert(data)
	var refused *edit.Refusal
	if errors.As(err, &refused) {
		with := *refused
		with.Step += ", then remove it from " + list
		return &with
	}
	r.edited[e.File] = after
	return err
}

// leave takes the incident out of a hook. The last one takes the hook's wiring
// back, where irgit made it.
func (r *releaser) leave(ctx context.Context, dir string) error {
	gone, err := deletions(ctx, r.tree, path.Join(dir, r.incident))
	if err != nil {
		return err
	}
	r.changes = append(r.changes, gone...)
	file, err := kustomizationIn(ctx, r.tree, dir)
	if err != nil || file == "" {
		return err
	}
	data, err := r.tree.ReadFile(ctx, file)
	if err != nil {
		return err
	}
	if !strings.Contains(string(data), r.incident) {
		return nil // a file that could not be edited matters only where it has to be
	}
	edited, _, err := removeEntry(file, data, r.incident)
	if err != nil {
		return err
	}
	left, err := parseHook(file, edited)
	if err != nil {
		return err
	}
	if len(left.entries) == 0 {
		unwired, err := r.unwire(ctx, dir, file)
		if err != nil || unwired {
			return err
		}
	}
	r.changes = append(r.changes, hookChange(file, data, edited)...)
	return nil
}

// unwire takes back what irgit did to have a hook named; gone is true when the
// hook's own kustomization goes with it.
func (r *releaser) unwire(ctx context.Context, dir, file string) (gone bool, err error) {
	list := path.Join(dir, wiringFile)
	l, err := readEdits(ctx, r.tree, list)
	if err != nil || len(l.Edits) == 0 {
		return false, err
	}
	for _, e := range slices.Backward(l.Edits) {
		if !e.wires(dir) {
			return false, &fleet.HookError{File: list, Reason: "it holds an edit that does not name the hook beside it", Step: "take the edit back by hand, and remove the file"}
		}
		if err := r.revert(ctx, e, list); err != nil {
			return false, err
		}
		gone = gone || e.Made == file
	}
	r.changes = append(r.changes, gitops.Change{Path: list})
	if gone {
		r.changes = append(r.changes, gitops.Change{Path: file})
	}
	return gone, nil
}

// hooksOf is the directory of a cluster's hooks, where none is said.
func hooksOf(cluster fleet.Cluster) string {
	return path.Join(path.Dir(cluster.Response), "patches", cluster.Name)
}

// hookDirs lists where hooks of a cluster are: the directories of the default
// place and those that roots declare, and the hooks below them, which belong to
// kustomizations below a root.
func hookDirs(ctx context.Context, tree *gitops.Tree, cluster fleet.Cluster) (dirs []string, err error) {
	add := func(dir string) {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	below := func(dir string) error {
		entries, err := tree.ReadDir(ctx, dir)
		if err != nil && !errors.Is(err, gitops.ErrNotFound) {
			return err
		}
		for _, e := range entries {
			if e.Mode == gitops.Dir && !incidentForm.MatchString(e.Name) {
				add(path.Join(dir, e.Name))
			}
		}
		return nil
	}
	if err := below(hooksOf(cluster)); err != nil {
		return nil, err
	}
	for _, r := range cluster.Roots {
		if r.Hook != "" {
			add(r.Hook)
		}
	}
	for _, dir := range slices.Clone(dirs) {
		if err := below(dir); err != nil {
			return nil, err
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
