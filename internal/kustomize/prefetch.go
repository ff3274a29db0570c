package kustomize

import (
	"context"
	"fmt"
	"path"
	"runtime/debug"

	"github.com/fluxcd/pkg/sourceignore"
	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/irgit/irgit/internal/gitops"
)

// maxLevels is how far bases are followed ahead of the build.
const maxLevels = 16

// Root is a directory that is built, or followed, and how.
type Root struct {
	Path    string
	Options Options
}

// components are the paths that the sync object adds to the root's own.
func (r Root) components() []string {
	list, _ := r.Options.Fields["components"].([]any)
	return within(clean(r.Path), texts(list))
}

// places are where what a build knows as name may lie in the repository.
func (r Root) places(name string) (out []string) {
	if len(r.Options.Source.Copies) == 0 {
		return []string{name}
	}
	for _, c := range copiers(r.Options.Source.Copies) {
		if dir, ok := c.dir(name); ok {
			out = append(out, dir)
		}
	}
	return out
}

// ignoreFiles are where files may lie that say what is left out of a directory.
func (r Root) ignoreFiles(dir string) (out []string) {
	if !r.Options.Source.Ignores {
		return nil
	}
	for {
		out = append(out, path.Join(dir, sourceignore.IgnoreFile))
		if dir == "" {
			return out
		}
		dir = tidy(path.Dir(dir))
	}
}

// Prefetch brings what builds of the roots will read in as many round trips as
// bases stand on each other, instead of one for every file. It is a hint: what
// it cannot read, Build reports.
func Prefetch(ctx context.Context, tree *gitops.Tree, roots ...Root) error {
	seen := map[string]bool{}
	var next []string
	for _, r := range roots {
		names := append(r.components(), clean(r.Path))
		if len(r.Options.Source.Copies) > 0 {
			names = nil // paths in what is copied mean something else: all of it
			for _, c := range copiers(r.Options.Source.Copies) {
				names = append(names, c.base)
			}
		}
		for _, name := range names {
			next = append(append(next, name), r.ignoreFiles(name)...)
		}
	}
	for range maxLevels {
		var fetch []string
		for _, name := range next {
			if !seen[name] && name != "" { // the whole repository is never fetched
				seen[name] = true
				fetch = append(fetch, name)
			}
		}
		if len(fetch) == 0 {
			return nil
		}
		if err := unreadable(ctx, tree.Prefetch(ctx, fetch...)); err != nil {
			return fmt.Errorf("read ahead: %w", err)
		}
		next = nil
		for _, dir := range fetch {
			found, err := references(ctx, tree, dir, seen)
			if err != nil {
				return err
			}
			next = append(next, found...)
		}
	}
	return nil
}

// spot is a directory, as the build of a root knows it, on the way of Follow.
type spot struct {
	root  *Root
	name  string
	plain bool // searched as Flux would where it has no kustomization
}

// PrefetchFollow brings what Follow of the roots reads, and no manifests: in a
// few round trips for each level of bases, however many roots there are. It is
// a hint as Prefetch is.
func PrefetchFollow(ctx context.Context, tree *gitops.Tree, roots ...Root) error {
	seen := map[string]bool{}
	var next []spot
	for _, r := range roots {
		next = append(next, spot{&r, clean(r.Path), true})
		for _, c := range r.components() {
			next = append(next, spot{&r, c, false})
		}
	}
	for range maxLevels {
		var level []spot // by their places in the repository
		var names []string
		for _, at := range next {
			for _, place := range at.root.places(at.name) {
				if !seen[place] {
					seen[place] = true
					level, names = append(level, at), append(names, place)
				}
			}
		}
		if len(level) == 0 {
			return nil
		}
		if err := unreadable(ctx, tree.PrefetchListings(ctx, names...)); err != nil {
			return fmt.Errorf("read ahead: %w", err)
		}
		var err error
		if next, err = further(ctx, tree, level, names); err != nil {
			return err
		}
	}
	return nil
}

// further reads the kustomizations of one level, and lists where they lead.
func further(ctx context.Context, tree *gitops.Tree, level []spot, places []string) (next []spot, err error) {
	type file struct {
		spot
		at string
	}
	var files []file
	var fetch []string
	for i, at := range level {
		entries, err := tree.ReadDir(ctx, places[i])
		if err != nil {
			continue // a file, or nothing: Follow takes it for a leaf
		}
		found := false
		for _, e := range entries {
			if e.Mode != gitops.Dir && isKustomization(e.Name) {
				found = true
				files = append(files, file{at, path.Join(places[i], e.Name)})
				fetch = append(fetch, path.Join(places[i], e.Name))
			}
		}
		for _, e := range entries {
			if !found && at.plain && e.Mode == gitops.Dir {
				next = append(next, spot{at.root, path.Join(at.name, e.Name), true})
			}
		}
		fetch = append(fetch, at.root.ignoreFiles(places[i])...)
	}
	if err := unreadable(ctx, tree.Prefetch(ctx, fetch...)); err != nil {
		return nil, fmt.Errorf("read ahead: %w", err)
	}
	for _, f := range files {
		data, err := tree.ReadFile(ctx, f.at)
		if err != nil || inflated(data) != "" {
			continue
		}
		k, _ := parseKustomization(data) // Build says what is wrong with it
		for _, p := range within(f.name, k.bases) {
			next = append(next, spot{f.root, p, false})
		}
	}
	return next, nil
}

// references lists the paths outside dir that the kustomizations in and below
// it build on.
func references(ctx context.Context, tree *gitops.Tree, dir string, seen map[string]bool) (out []string, err error) {
	entry, err := tree.Stat(ctx, dir)
	if err != nil || entry.Mode != gitops.Dir {
		return nil, ctx.Err()
	}
	entries, err := tree.ReadDir(ctx, dir)
	if err != nil {
		return nil, ctx.Err()
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		switch {
		case e.Mode == gitops.Dir:
			seen[name] = true
			below, err := references(ctx, tree, name, seen)
			if err != nil {
				return nil, err
			}
			out = append(out, below...)
		case e.Mode == gitops.File && isKustomization(e.Name):
			data, err := tree.ReadFile(ctx, name)
			if err != nil || inflated(data) != "" {
				continue // Build says what is wrong
			}
			k, err := parseKustomization(data)
			if err != nil {
				continue
			}
			for _, p := range within(dir, k.bases) {
				if !covered(seen, p) {
					out = append(out, p)
				}
			}
		}
	}
	return out, nil
}

// covered reports whether name, or a directory above it, is here already.
func covered(seen map[string]bool, name string) bool {
	for ; name != "." && name != "/"; name = path.Dir(name) {
		if seen[name] {
			return true
		}
	}
	return false
}

// FileNames are the names that make a directory a kustomization.
func FileNames() []string { return konfig.RecognizedKustomizationFileNames() }

// Version is that of the library: another one may render another thing.
func Version() string {
	info, _ := debug.ReadBuildInfo()
	if info != nil {
		for _, m := range info.Deps {
			if m.Path == "sigs.k8s.io/kustomize/api" {
				return m.Version
			}
		}
	}
	return "unknown"
}
