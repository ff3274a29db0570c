package fleet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
)

// Options of Load.
type Options struct {
	// CacheDir keeps what roots render, one file for each cluster. A
	// directory serves one repository; several processes may share it.
	// Without one every Index builds all roots.
	CacheDir string
}

// Fleet is a repository at one revision, as its .irgit.yaml declares it.
type Fleet struct {
	tree     *gitops.Tree
	clusters []Cluster
	options  Options
}

// Load reads .irgit.yaml. A *ConfigError holds everything wrong with it.
func Load(ctx context.Context, tree *gitops.Tree, o Options) (*Fleet, error) {
	data, err := tree.ReadFile(ctx, ConfigFile)
	if errors.Is(err, gitops.ErrNotFound) {
		return nil, &ConfigError{[]Problem{{ConfigFile, "", "is not there: declare the clusters, their roots and capabilities in it"}}}
	}
	if err != nil {
		return nil, fmt.Errorf("load fleet: %w", err)
	}
	clusters, problems := parseConfig(data)
	if len(problems) > 0 {
		return nil, &ConfigError{problems}
	}
	return &Fleet{tree: tree, clusters: clusters, options: o}, nil
}

// Tree is the tree that the fleet was loaded from.
func (f *Fleet) Tree() *gitops.Tree { return f.tree }

// Clusters lists the clusters in the order of the configuration.
func (f *Fleet) Clusters() []Cluster { return slices.Clone(f.clusters) }

// Cluster finds a cluster by its name or an alias, to the letter.
func (f *Fleet) Cluster(word string) (Cluster, bool) {
	for _, c := range f.clusters {
		if c.answersTo(word) {
			return c, true
		}
	}
	return Cluster{}, false
}

func (c Cluster) answersTo(word string) bool {
	return word != "" && (c.Name == word || slices.Contains(c.Aliases, word))
}

// roots expands the patterns of a cluster's roots. What is declared and is not
// there is a finding; an error is one of the repository as a whole.
func (f *Fleet) roots(ctx context.Context, c Cluster) (roots []Root, findings []Finding, err error) {
	seen, names := map[string]bool{}, map[string]bool{}
	add := func(r Root) {
		if seen[r.Path] {
			return
		}
		seen[r.Path] = true
		if names[r.Name] { // of directories such as a.b and a-b
			r.Name = fmt.Sprintf("%s-%x", r.Name, sha256.Sum256([]byte(r.Path)))[:len(r.Name)+9]
		}
		names[r.Name] = true
		if r.Hook == "" {
			r.Hook = path.Join(patchesRoot, c.Name, r.Name)
		}
		roots = append(roots, r)
	}
	// A root with a line of its own keeps its name where a pattern covers it too.
	for _, r := range c.Roots {
		if _, glob := strings.CutSuffix(r.Path, "/*"); glob {
			continue
		}
		e, err := f.tree.Stat(ctx, r.Path)
		if err == nil && e.Mode != gitops.Dir {
			err = fmt.Errorf("the root %s is not a directory", r.Path)
		}
		switch found, err := missing(ctx, r.Path, err); {
		case err != nil:
			return nil, nil, err
		case found != nil:
			findings = append(findings, *found)
		default:
			add(r)
		}
	}
	for _, r := range c.Roots {
		dir, glob := strings.CutSuffix(r.Path, "/*")
		if !glob {
			continue
		}
		entries, err := f.tree.ReadDir(ctx, dir)
		found, err := missing(ctx, r.Path, err)
		if err != nil {
			return nil, nil, err
		}
		before := len(roots)
		for _, e := range entries {
			if e.Mode == gitops.Dir && !strings.HasPrefix(e.Name, ".") {
				add(Root{Path: path.Join(dir, e.Name), Name: r.Name + "-" + rootName(e.Name), TargetNamespace: r.TargetNamespace})
			}
		}
		if found == nil && len(roots) == before && !slices.ContainsFunc(roots, func(o Root) bool { return path.Dir(o.Path) == dir }) {
			found = &Finding{r.Path, ConfigFile, "no directory matches " + r.Path}
		}
		if found != nil {
			findings = append(findings, *found)
		}
	}
	return roots, findings, nil
}

// missing makes a finding of an error about a root, and leaves an error that
// says nothing about it.
func missing(ctx context.Context, root string, err error) (*Finding, error) {
	switch {
	case err == nil:
		return nil, nil
	case ctx.Err() != nil || errors.Is(err, gitops.ErrUnreachable) || errors.Is(err, gitops.ErrAuthentication):
		return nil, err
	case errors.Is(err, gitops.ErrNotFound):
		return &Finding{root, ConfigFile, "the root " + root + " is declared and not there: remove it or correct its path"}, nil
	}
	return &Finding{root, ConfigFile, err.Error()}, nil
}

// sharers lists the other clusters that declare the root.
func (f *Fleet) sharers(cluster, root string) (others []string) {
	for _, c := range f.clusters {
		covers := func(r Root) bool { return r.Path == root || r.Path == path.Dir(root)+"/*" }
		if c.Name != cluster && slices.ContainsFunc(c.Roots, covers) {
			others = append(others, c.Name)
		}
	}
	return others
}
