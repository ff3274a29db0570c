package kustomize

import (
	"context"
	"fmt"
	"path"
	"runtime/debug"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/irgit/irgit/internal/gitops"
)

// maxLevels is how far bases are followed ahead of the build.
const maxLevels = 16

// Prefetch brings what builds of the roots will read in as many round trips as
// bases stand on each other, instead of one for every file. It is a hint: what
// it cannot read, Build reports.
func Prefetch(ctx context.Context, tree *gitops.Tree, roots ...string) error {
	seen := map[string]bool{}
	next := make([]string, 0, len(roots))
	for _, r := range roots {
		next = append(next, clean(r))
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

// PrefetchFollow brings what Follow of the roots reads, and no manifests: in a
// few round trips for each level of bases, however many roots there are. It is
// a hint as Prefetch is.
func PrefetchFollow(ctx context.Context, tree *gitops.Tree, roots ...string) error {
	seen := map[string]bool{}
	type dir struct {
		name  string
		plain bool // searched as Flux would where it has no kustomization
	}
	var next []dir
	for _, r := range roots {
		next = append(next, dir{clean(r), true})
	}
	for range maxLevels {
		var level []dir
		var names []string
		for _, d := range next {
			if !seen[d.name] {
				seen[d.name] = true
				level, names = append(level, d), append(names, d.name)
			}
		}
		if len(level) == 0 {
			return nil
		}
		if err := unreadable(ctx, tree.PrefetchListings(ctx, names...)); err != nil {
			return fmt.Errorf("read ahead: %w", err)
		}
		var files []string
		next = nil
		for _, d := range level {
			entries, err := tree.ReadDir(ctx, d.name)
			if err != nil {
				continue // a file, or nothing: Follow takes it for a leaf
			}
			found := false
			for _, e := range entries {
				if e.Mode != gitops.Dir && isKustomization(e.Name) {
					found, files = true, append(files, path.Join(d.name, e.Name))
				}
			}
			for _, e := range entries {
				if !found && d.plain && e.Mode == gitops.Dir {
					next = append(next, dir{path.Join(d.name, e.Name), true})
				}
			}
		}
		if err := unreadable(ctx, tree.Prefetch(ctx, files...)); err != nil {
			return fmt.Errorf("read ahead: %w", err)
		}
		for _, file := range files {
			data, err := tree.ReadFile(ctx, file)
			if err != nil || inflated(data) != "" {
				continue
			}
			k, _ := parseKustomization(data) // Build says what is wrong with it
			for _, p := range within(path.Dir(file), k.bases) {
				next = append(next, dir{p, false})
			}
		}
	}
	return nil
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
