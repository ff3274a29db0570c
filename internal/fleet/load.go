package fleet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/irgit/irgit/internal/gitops"
)

// Options of Load.
type Options struct {
	// CacheDir keeps what roots render, one file for each cluster. A
	// directory serves one repository; several processes may share it.
	// Without one every Index builds all roots.
	CacheDir string
	// URL is what the repository was read from, if it is a URL: sync objects
	// that name it mean this repository.
	URL string
	// Discover finds the clusters where there is no .irgit.yaml.
	Discover bool

	keep  bool // what is in the cache
	found bool // the clusters are discovered, so their names are not Argo CD's
}

// Fleet is a repository at one revision.
type Fleet struct {
	tree     *gitops.Tree
	clusters []Cluster
	urls     []string  // of this repository
	findings []Finding // of the repository as a whole
	options  Options
	hashes   *hashes // of the tree

	mu       sync.Mutex
	closures map[string]*closure // by cluster
	entries  map[entryKey]*entry // that were made from the tree
	around   *others
	scanned  *scan
}

// Load reads .irgit.yaml. A *ConfigError holds everything wrong with it.
func Load(ctx context.Context, tree *gitops.Tree, o Options) (*Fleet, error) {
	data, err := tree.ReadFile(ctx, ConfigFile)
	if errors.Is(err, gitops.ErrNotFound) && o.Discover {
		return Discover(ctx, tree, o)
	}
	if errors.Is(err, gitops.ErrNotFound) {
		return nil, &ConfigError{[]Problem{{ConfigFile, "", "is not there: declare the clusters, their roots and capabilities in it"}}}
	}
	if err != nil {
		return nil, fmt.Errorf("load fleet: %w", err)
	}
	config, problems := parseConfig(data)
	if len(problems) > 0 {
		return nil, &ConfigError{problems}
	}
	return newFleet(tree, config, o), nil
}

func newFleet(tree *gitops.Tree, c config, o Options) *Fleet {
	f := &Fleet{
		tree: tree, clusters: c.Clusters, urls: c.Repositories, options: o, closures: map[string]*closure{}, entries: map[entryKey]*entry{},
		hashes: &hashes{tree: tree, dirs: map[string]map[string]string{}},
	}
	if o.URL != "" {
		f.urls = append(slices.Clone(f.urls), o.URL)
	}
	return f
}

// everywhere follows what a bootstrap applies to any cluster.
func (f *Fleet) everywhere(ctx context.Context, c Cluster) (*closure, error) {
	c.Name = "from " + strings.Join(c.Bootstrap, " ") // of its cache
	return f.close(ctx, c, true)
}

// Findings lists what is about no cluster: what discovery could not read, or
// not follow to one.
func (f *Fleet) Findings() []Finding { return slices.Clone(f.findings) }

// closure follows what a cluster applies, once.
func (f *Fleet) closure(ctx context.Context, c Cluster) (*closure, error) {
	f.mu.Lock()
	have := f.closures[c.Name]
	f.mu.Unlock()
	if have != nil {
		return have, nil
	}
	made, err := f.close(ctx, c, false)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closures[c.Name] = made
	return made, nil
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

func shortHash(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s)))[:8] }

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
			r.Name += "-" + shortHash(r.Path)
		}
		names[r.Name] = true
		if r.Hook == "" {
			r.Hook = path.Join(patchesRoot, c.Name, r.Name)
		}
		roots = append(roots, r)
	}
	if err := f.prefetchRoots(ctx, c); err != nil {
		return nil, nil, err
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
			found = &Finding{Root: r.Path, File: ConfigFile, Message: "no directory matches " + r.Path}
		}
		if found != nil {
			findings = append(findings, *found)
		}
	}
	return roots, findings, nil
}

// prefetchRoots brings the listings that roots looks at, in a round trip for
// each level of directories.
func (f *Fleet) prefetchRoots(ctx context.Context, clusters ...Cluster) error {
	var dirs []string
	for _, c := range clusters {
		for _, r := range c.Roots {
			dirs = append(dirs, strings.TrimSuffix(r.Path, "/*"))
		}
	}
	return f.tree.PrefetchListings(ctx, dirs...)
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
		return &Finding{Root: root, File: ConfigFile, Message: "the root " + root + " is declared and not there: remove it or correct its path"}, nil
	}
	return &Finding{Root: root, File: ConfigFile, Message: err.Error()}, nil
}
