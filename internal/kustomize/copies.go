package kustomize

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// copier is one copy operation of an ArtifactGenerator, read as source-watcher
// does (internal/builder/builder.go): like cp, with patterns that match within
// one segment of a path, and what they match taken along as a whole.
type copier struct {
	from    []string // segments, none for the whole repository
	glob    bool
	to      string // a directory, or the path of a single file
	into    bool   // to is a directory even for a single file
	strip   int    // segments of a source that are not part of its destination
	base    string // what excludes may be relative to
	exclude []string
}

func copiers(copies []Copy) []copier {
	out := make([]copier, 0, len(copies))
	for _, c := range copies {
		from, to := c.From, strings.TrimPrefix(c.To, "@artifact/")
		if strings.HasPrefix(from, "@") {
			_, from, _ = strings.Cut(from, "/")
		}
		next := copier{from: segments(clean(from)), to: clean(to), into: to == "" || strings.HasSuffix(to, "/"), exclude: c.Exclude}
		next.glob = strings.ContainsAny(from, "*?[]")
		literal := slices.IndexFunc(next.from, func(s string) bool { return strings.ContainsAny(s, "*?[]") })
		switch last := len(next.from) - 1; {
		case next.glob:
			next.base = path.Join(next.from[:literal]...)
			if literal == last && next.from[last] == "**" {
				next.strip = last // dir/** puts what is in dir right below to
			}
		default:
			next.base, next.strip = path.Join(next.from...), max(last, 0)
		}
		for _, earlier := range out {
			next.into = next.into || earlier.makes(next.to)
		}
		out = append(out, next)
	}
	return out
}

// makes reports whether a copy makes a directory at the path at.
func (c copier) makes(at string) bool {
	return at == "" || strings.HasPrefix(c.to+"/", at+"/") && (c.to != at || c.glob || c.into)
}

// covers reports whether a path of the repository is one that is copied, or
// lies below it.
func (c copier) covers(name []string) bool {
	return len(name) >= len(c.from) && c.leads(name) && !c.excluded(name)
}

// leads reports whether a path is on the way to what is copied.
func (c copier) leads(name []string) bool {
	for i, pattern := range c.from[:min(len(c.from), len(name))] {
		if matched, err := path.Match(pattern, name[i]); c.glob && (err != nil || !matched) || !c.glob && pattern != name[i] {
			return false
		}
	}
	return true
}

func (c copier) excluded(name []string) bool {
	for i := max(len(c.from), 1); i <= len(name); i++ {
		at := path.Join(name[:i]...)
		if !c.glob && i == len(c.from) && len(name) > i {
			continue // the directory itself is taken whatever it is called
		}
		below, _ := strings.CutPrefix(at, c.base+"/")
		for _, pattern := range c.exclude {
			if doublestar.MatchUnvalidated(pattern, at) || doublestar.MatchUnvalidated(pattern, below) ||
				!strings.Contains(pattern, "/") && doublestar.MatchUnvalidated(pattern, name[i-1]) {
				return true
			}
		}
	}
	return false
}

// place is where a path of the repository comes to lie. One that is named as it
// is, is taken for a file.
func (c copier) place(name string) (artifact string, ok bool) {
	at := segments(name)
	switch {
	case !c.covers(at):
		return "", false
	case !c.glob && len(at) == len(c.from) && !c.into:
		return c.to, true
	}
	return path.Join(c.to, path.Join(at[c.strip:]...)), true
}

// source is the path of the repository that would come to lie at a path of the
// artifact.
func (c copier) source(artifact string) (name string, ok bool) {
	if c.single(artifact) {
		return path.Join(c.from...), c.covers(c.from)
	}
	dir, ok := c.dir(artifact)
	return dir, ok && c.covers(segments(dir))
}

// dir is the directory of the repository that a directory of the artifact
// stands for, which may be one on the way to what is copied.
func (c copier) dir(artifact string) (name string, ok bool) {
	below, ok := strings.CutPrefix("/"+artifact+"/", strings.TrimSuffix("/"+c.to, "/")+"/")
	if !ok {
		return "", false
	}
	at := slices.Concat(c.from[:c.strip], segments(strings.Trim(below, "/")))
	return path.Join(at...), c.leads(at)
}

// single reports whether the copy may be of one file to the path artifact.
func (c copier) single(artifact string) bool {
	return !c.glob && !c.into && len(c.from) > 0 && artifact == c.to
}

// opens reports whether a path of the artifact is a directory because the copy
// goes to it, or below it.
func (c copier) opens(artifact string) bool {
	_, deeper := c.next(artifact)
	return deeper || artifact == c.to && (c.glob || c.into)
}

// next is the name below a directory of the artifact on the way to where the
// copy goes; deeper reports that it is a directory.
func (c copier) next(artifact string) (name string, deeper bool) {
	below, ok := strings.CutPrefix(c.to+"/", strings.TrimPrefix(artifact+"/", "/"))
	if !ok {
		return "", false
	}
	name, rest, _ := strings.Cut(below, "/")
	return name, rest != "" || name != "" && (c.glob || c.into)
}

// prove makes sure of what source-watcher makes sure of: that patterns are
// patterns, and that every copy finds something.
func (v *view) prove(ctx context.Context) error {
	if v.proven {
		return nil
	}
	for i, c := range v.copies {
		for _, pattern := range append(slices.Clone(c.from), c.exclude...) {
			if _, err := doublestar.Match(pattern, "."); err != nil {
				return fmt.Errorf("the artifact's copy from %q has %q, which is no pattern", v.source.Copies[i].From, pattern)
			}
		}
		found, err := v.finds(ctx, c, 0, "")
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("the artifact's copy from %q finds nothing", v.source.Copies[i].From)
		}
	}
	v.proven = true
	return nil
}

// finds goes down the pattern of a copy, from dir on, which it matches.
func (v *view) finds(ctx context.Context, c copier, depth int, dir string) (bool, error) {
	if depth == len(c.from) {
		_, err := v.shipped(ctx, dir)
		return err == nil && (depth == 0 || !c.glob || !c.excluded(segments(dir))), unreadable(ctx, err)
	}
	if !strings.ContainsAny(c.from[depth], "*?[]") {
		return v.finds(ctx, c, depth+1, path.Join(dir, c.from[depth]))
	}
	v.looked(dir)
	entries, err := v.tree.ReadDir(ctx, dir)
	if err != nil {
		return false, unreadable(ctx, err)
	}
	for _, e := range entries {
		if matched, err := path.Match(c.from[depth], e.Name); err != nil || !matched {
			continue
		}
		if found, err := v.finds(ctx, c, depth+1, path.Join(dir, e.Name)); found || err != nil {
			return found, err
		}
	}
	return false, nil
}
