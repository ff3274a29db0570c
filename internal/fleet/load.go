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
// there is a finding.
func (f *Fleet) roots(ctx context.Context, c Cluster) (roots []Root, findings []Finding) {
	seen, names := map[string]bool{}, map[string]bool{}
	add := func(r Root) {
		if names[r.Name] { // of directories such as a.b and a-b
			r.Name = fmt.Sprintf("%s-%x", r.Name, sha256.Sum256([]byte(r.Path)))[:len(r.Name)+9]
		}
		names[r.Name] = true
		if r.Hook == "" {
			r.Hook = path.Join(patchesRoot, c.Name, r.Name)
		}
		if !seen[r.Path] {
			seen[r.Path] = true
			roots = append(roots, r)
		}
	}
	// A root with a line of its own keeps its name where a pattern covers it too.
	for _, r := range c.Roots {
		if !strings.HasSuffix(r.Path, "/*") {
			if found := f.checkRoot(ctx, r.Path); found != nil {
				findings = append(findings, *found)
			} else {
				add(r)
			}
		}
	}
	for _, r := range c.Roots {
		dir, glob := strings.CutSuffix(r.Path, "/*")
		if !glob {
			continue
		}
		entries, err := f.tree.ReadDir(ctx, dir)
		if err != nil {
			findings = append(findings, missing(r.Path, err))
			continue
		}
		before := len(seen)
		for _, e := range entries {
			if e.Mode == gitops.Dir && !strings.HasPrefix(e.Name, ".") {
				add(Root{Path: path.Join(dir, e.Name), Name: r.Name + "-" + rootName(e.Name), TargetNamespace: r.TargetNamespace})
			}
		}
		if len(seen) == before {
			findings = append(findings, Finding{r.Path, ConfigFile, "no directory matches " + r.Path})
		}
	}
	return roots, findings
}

func (f *Fleet) checkRoot(ctx context.Context, root string) *Finding {
	e, err := f.tree.Stat(ctx, root)
	if err == nil && e.Mode != gitops.Dir {
		err = fmt.Errorf("%s is not a directory", root)
	}
	if err == nil {
		return nil
	}
	found := missing(root, err)
	return &found
}

func missing(root string, err error) Finding {
	if errors.Is(err, gitops.ErrNotFound) {
		return Finding{root, ConfigFile, "the root " + root + " is declared and not there: remove it or correct its path"}
	}
	return Finding{root, ConfigFile, err.Error()}
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
