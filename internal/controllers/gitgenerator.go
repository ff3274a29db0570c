package controllers

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
)

type gitGenerator struct {
	RepoURL         string            `json:"repoURL"`
	Revision        string            `json:"revision"`
	Directories     []gitPath         `json:"directories"`
	Files           []gitPath         `json:"files"`
	PathParamPrefix string            `json:"pathParamPrefix"`
	Values          map[string]string `json:"values"`
}

type gitPath struct {
	Path    string `json:"path"`
	Exclude bool   `json:"exclude"`
}

// git reads directories or files of this repository (argo-cd:
// applicationset/generators/git.go).
func (g *generation) git(ctx context.Context, spec gitGenerator) (out []parameters, err error) {
	revision := strings.TrimPrefix(spec.Revision, "refs/heads/")
	switch {
	case !g.env.Own(spec.RepoURL):
		return nil, problemf(declare, "reads another repository (git generator)")
	case g.env.Branch != "" && revision != "" && revision != "HEAD" && revision != g.env.Branch:
		return nil, problemf("run irgit on that branch too", "reads %s, not the branch %s that is read here", revision, g.env.Branch)
	}
	read := g.gitFiles
	if len(spec.Directories) > 0 {
		read = g.gitDirectories
	}
	if out, err = read(ctx, spec); err != nil {
		return nil, err
	}
	for _, p := range out {
		if err := g.addValues(spec.Values, p); err != nil {
			return nil, err
		}
	}
	return g.counted(out)
}

// gitDirectories are those that a pattern matches, segment by segment, and that
// no exclude does. Hidden ones are passed over.
func (g *generation) gitDirectories(ctx context.Context, spec gitGenerator) (out []parameters, err error) {
	var found []string
	err = g.walk(ctx, ".", func(name string, e gitops.Entry) bool {
		if e.Mode != gitops.Dir || strings.HasPrefix(e.Name, ".") {
			return false
		}
		included, excluded, further := false, false, false
		for _, d := range spec.Directories {
			matched, err := path.Match(d.Path, name)
			matched = matched && err == nil
			included = included || matched && !d.Exclude
			excluded = excluded || matched && d.Exclude
			further = further || !d.Exclude && leadsTo(d.Path, name)
		}
		if included && !excluded {
			found = append(found, name)
		}
		return further
	})
	if err != nil {
		return nil, err
	}
	for _, dir := range inWalkOrder(found) {
		p := parameters{}
		g.addPath(p, spec.PathParamPrefix, dir, "")
		out = append(out, p)
	}
	return out, nil
}

// leadsTo reports whether what a pattern matches may lie below a directory.
func leadsTo(pattern, dir string) bool {
	segments, at := strings.Split(pattern, "/"), strings.Split(dir, "/")
	if len(segments) <= len(at) {
		return false
	}
	matched, err := path.Match(strings.Join(segments[:len(at)], "/"), dir)
	return matched || err != nil // a bracket may hold a slash
}

// inWalkOrder sorts paths as a walk by names comes by them.
func inWalkOrder(paths []string) []string {
	return slices.SortedFunc(slices.Values(paths), func(a, b string) int {
		return cmp.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
	})
}

// gitFiles reads parameters from the files that `git ls-files` lists for a
// pattern, in which * goes over slashes.
func (g *generation) gitFiles(ctx context.Context, spec gitGenerator) (out []parameters, err error) {
	found := map[string]bool{}
	for _, exclude := range []bool{false, true} {
		for _, f := range spec.Files {
			if f.Exclude != exclude {
				continue
			}
			if err := g.listFiles(ctx, f.Path, func(name string) { found[name] = !exclude && len(found) <= maxApplications }); err != nil {
				return nil, err
			}
		}
	}
	var names []string
	for _, name := range sortedKeys(found) {
		if found[name] {
			names = append(names, name)
		}
	}
	if len(names) > maxApplications {
		return nil, problemf("", "reads more than %d files", maxApplications)
	}
	if err := g.env.Tree.Prefetch(ctx, names...); err != nil {
		return nil, err
	}
	for _, name := range names {
		sets, err := g.readParameters(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, set := range sets {
			if !g.spec.GoTemplate {
				texts := parameters{}
				for key, value := range flattened(set) {
					texts[key] = value
				}
				set = texts
			}
			g.addPath(set, spec.PathParamPrefix, path.Dir(name), path.Base(name))
			out = append(out, set)
		}
	}
	return out, nil
}

// readParameters reads a file that holds one object, or a list of them.
func (g *generation) readParameters(ctx context.Context, name string) (sets []parameters, err error) {
	data, err := g.env.Tree.ReadFile(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("reads %w", err)
	}
	if err := g.renderer.spend(len(data)); err != nil {
		return nil, err
	}
	var plain any
	if err := readYAML(data, &plain); err != nil {
		return nil, problemf("correct it", "reads %s, which is no YAML: %v", name, err)
	}
	all, listed := plain.([]any)
	if !listed {
		all = []any{plain}
	}
	for _, v := range all {
		set, ok := v.(map[string]any)
		if !ok && v != nil {
			return nil, problemf("correct it", "reads %s, which holds neither an object nor a list of objects", name)
		}
		if set == nil {
			set = parameters{} // an empty file is an object without fields
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// listFiles is `git ls-files -- pattern`.
func (g *generation) listFiles(ctx context.Context, pattern string, found func(name string)) error {
	if len(pattern) > maxPattern || strings.HasPrefix(pattern, ":") || path.IsAbs(pattern) || strings.HasPrefix(path.Clean(pattern), "..") {
		return problemf("correct it", "reads files by %q, which git refuses or irgit does not follow", pattern)
	}
	pattern = strings.TrimPrefix(path.Clean(pattern), "./")
	literal := pattern
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		literal = path.Dir(pattern[:i] + "x")
	}
	match, err := pathspec(pattern)
	if err != nil {
		return problemf("correct it", "reads files by %q, which is no pattern", pattern)
	}
	e, ok, err := entryAt(ctx, g.env.Tree, literal)
	if err != nil || !ok {
		return err
	}
	if e.Mode != gitops.Dir {
		if match(literal) && (e.Mode == gitops.File || e.Mode == gitops.Executable) {
			found(literal)
		}
		return nil
	}
	return g.walk(ctx, literal, func(name string, e gitops.Entry) bool {
		if (e.Mode == gitops.File || e.Mode == gitops.Executable) && match(name) {
			found(name)
		}
		return e.Mode == gitops.Dir
	})
}

// pathspec is a pattern of git's: * and ? match slashes too, and a plain path
// stands for all that is below it.
func pathspec(pattern string) (func(string) bool, error) {
	if !strings.ContainsAny(pattern, `*?[\`) {
		return func(name string) bool {
			return pattern == "." || name == pattern || strings.HasPrefix(name, pattern+"/")
		}, nil
	}
	var re strings.Builder
	for rest := pattern; rest != ""; {
		at := rest[:1]
		switch at {
		case "*":
			at = rest[:len(rest)-len(strings.TrimLeft(rest, "*"))]
			re.WriteString(".*")
		case "?":
			re.WriteString(".")
		case "[":
			set := bracket.FindString(rest)
			if set == "" {
				return nil, fmt.Errorf("%q has a bracket without its end", pattern)
			}
			at = set
			re.WriteString(strings.Replace(strings.ReplaceAll(set, `\`, `\\`), "[!", "[^", 1))
		case `\`:
			at = rest[:min(2, len(rest))]
			re.WriteString(regexp.QuoteMeta(at[1:]))
		default:
			re.WriteString(regexp.QuoteMeta(at))
		}
		rest = rest[len(at):]
	}
	compiled, err := regexp.Compile("^(?s:" + re.String() + ")$")
	if err != nil {
		return nil, err
	}
	return compiled.MatchString, nil
}

var bracket = regexp.MustCompile(`^\[[!^]?\]?[^\]]*\]`)

// walk goes through directories level by level. It goes into those for which
// visit says so.
func (g *generation) walk(ctx context.Context, start string, visit func(name string, e gitops.Entry) bool) error {
	for level := []string{start}; len(level) > 0; {
		if err := g.env.Tree.PrefetchListings(ctx, level...); err != nil {
			return err
		}
		var next []string
		for _, dir := range level {
			entries, err := g.env.Tree.ReadDir(ctx, dir)
			if err != nil {
				return err
			}
			if g.entries += len(entries); g.entries > maxEntries {
				return problemf("", "looks through more than %d files and directories", maxEntries)
			}
			for _, e := range entries {
				if name := path.Join(dir, e.Name); visit(name, e) && e.Mode == gitops.Dir {
					next = append(next, name)
				}
			}
		}
		level = next
	}
	return nil
}

// addPath adds what a git generator says of a path. file is "" for directories.
func (g *generation) addPath(p parameters, prefix, dir, file string) {
	segments := strings.Split(dir, "/")
	if g.spec.GoTemplate {
		at := map[string]any{"path": dir, "basename": path.Base(dir), "basenameNormalized": normalize(path.Base(dir)), "segments": segments}
		if file != "" {
			at["filename"], at["filenameNormalized"] = file, normalize(file)
		}
		if prefix != "" {
			p[prefix] = map[string]any{"path": at}
			return
		}
		p["path"] = at
		return
	}
	name := "path"
	if prefix != "" {
		name = prefix + ".path"
	}
	p[name], p[name+".basename"], p[name+".basenameNormalized"] = dir, path.Base(dir), normalize(path.Base(dir))
	if file != "" {
		p[name+".filename"], p[name+".filenameNormalized"] = file, normalize(file)
	}
	for i, segment := range segments {
		if segment != "" {
			p[name+"["+strconv.Itoa(i)+"]"] = segment
		}
	}
}
