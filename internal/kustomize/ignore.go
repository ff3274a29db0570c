package kustomize

import (
	"bytes"
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"

	"github.com/irgit/irgit/internal/gitops"
)

// rules are the patterns that say of the files in one directory whether Flux's
// source-controller ships them, the weakest first.
type rules struct {
	patterns []gitignore.Pattern
	taken    []string // what patterns with ! take in again, as in the files
	depth    []int    // how deep the file of each of taken lies
}

// and is r with the patterns of one more file, which lies in the directory dir.
func (r rules) and(text []byte, dir string) rules {
	domain := segments(dir)
	read := sourceignore.ReadPatterns(bytes.NewReader(text), domain)
	out := rules{slices.Concat(r.patterns, read), slices.Clone(r.taken), slices.Clone(r.depth)}
	for line := range strings.Lines(string(text)) {
		if again, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			out.taken, out.depth = append(out.taken, again), append(out.depth, len(domain))
		}
	}
	return out
}

// mayTake reports whether something below dir could be taken in again.
func (r rules) mayTake(dir string) bool {
	at := segments(dir)
	for i, again := range r.taken {
		want := strings.Split(strings.Trim(again, "/"), "/")
		if !strings.Contains(strings.TrimSuffix(again, "/"), "/") || want[0] == "**" {
			return true // a name at any depth
		}
		reaches := true
		for j, segment := range at[min(r.depth[i], len(at)):] {
			if j < len(want) && want[j] != "**" {
				matched, err := path.Match(want[j], segment)
				reaches = reaches && matched && err == nil
			} else if j < len(want) {
				break
			}
		}
		if reaches {
			return true
		}
	}
	return false
}

func segments(name string) []string {
	if name == "" {
		return nil
	}
	return strings.Split(name, "/")
}

var (
	always   = sourceignore.NewMatcher(sourceignore.VCSPatterns(nil))
	defaults = sourceignore.NewDefaultMatcher(nil, nil)
)

// ignored reports whether the ignore files leave out the file or directory at
// name. As there, a file is judged by itself: a directory that is left out may
// have files that are not (fluxcd/pkg: artifact/storage, SourceIgnoreFilter).
func (v *view) ignored(ctx context.Context, name string, dir bool) (bool, error) {
	if !v.source.Ignores || name == "" {
		return false, nil
	}
	at := segments(name)
	r, err := v.rulesIn(ctx, tidy(path.Dir(name)))
	if err != nil {
		return false, err
	}
	all := r.and([]byte(v.source.Ignore), "")
	if len(all.patterns) > 0 {
		return gitignore.NewMatcher(slices.Concat(sourceignore.VCSPatterns(nil), all.patterns)).Match(at, dir), nil
	}
	if always.Match(at, dir) {
		return true, nil
	}
	if !defaults.Match(at, dir) {
		return false, nil
	}
	// One ignore file anywhere in the repository puts the defaults out of force.
	any, err := v.anyIgnoreFile(ctx)
	return !any, err
}

// rulesIn are the patterns of the ignore files in dir and above.
func (v *view) rulesIn(ctx context.Context, dir string) (rules, error) {
	if r, ok := v.rules[dir]; ok {
		return r, nil
	}
	var r rules
	if dir != "" {
		var err error
		if r, err = v.rulesIn(ctx, tidy(path.Dir(dir))); err != nil {
			return rules{}, err
		}
	}
	if file := path.Join(dir, sourceignore.IgnoreFile); v.checkedOut(file) {
		v.looked(file)
		text, err := v.tree.ReadFile(ctx, file)
		switch {
		case err == nil:
			v.consulted(file)
			r = r.and(text, dir)
		case !errors.Is(err, gitops.ErrNotFound):
			if _, listed := v.tree.ReadDir(ctx, dir); listed == nil || unreadable(ctx, err) != nil {
				return rules{}, err // a link, or the repository cannot be asked
			}
		}
	}
	v.rules[dir] = r
	return r, nil
}

// anyIgnoreFile looks for an ignore file that has patterns.
func (v *view) anyIgnoreFile(ctx context.Context) (bool, error) {
	if v.anyRules != nil {
		return *v.anyRules, nil
	}
	v.looked("") // at all of it
	found := false
	for level := []string{""}; len(level) > 0 && !found; {
		if err := v.tree.PrefetchListings(ctx, level...); err != nil {
			return false, err
		}
		var next []string
		for _, dir := range level {
			entries, err := v.tree.ReadDir(ctx, dir)
			if err != nil {
				return false, err
			}
			for _, e := range entries {
				if e.Mode == gitops.Dir {
					next = append(next, path.Join(dir, e.Name))
				}
				if e.Name == sourceignore.IgnoreFile {
					r, err := v.rulesIn(ctx, dir)
					if err != nil {
						return false, err
					}
					found = found || len(r.patterns) > 0
				}
			}
		}
		level = next
	}
	v.anyRules = &found
	return found, nil
}
