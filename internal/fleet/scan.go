package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// maxScanned is the largest manifest that is looked through, in bytes.
const maxScanned = 4 << 20

// scan is what stands in the repository's manifests about what is applied.
// Manifests that say nothing about that are most of them, and not in it.
type scan struct {
	objects        []scannedObject
	files          map[string]scannedFile // by path
	dirs           map[string][]string    // manifests and directories in a directory, by its path
	kustomizations map[string]string      // the kustomization file of a directory, by its path
	findings       []Finding

	mu       sync.Mutex
	links    map[string][]string // by kustomization file, of those that were asked for
	climbing sync.Once
	parents  map[string][]string // when somebody asked
}

type scannedObject struct {
	file string
	obj  *unstructured.Unstructured
}

// scannedFile is what the cache keeps of a manifest.
type scannedFile struct {
	Name          string
	Objects       []string // JSON of the sync objects in it
	Kustomization bool
	Component     bool
	Chart         bool     // it inflates a Helm chart
	References    []string // of a kustomization, relative to the directory
	Problem       string
}

// scannedDir is what the cache keeps of a directory, by the id of its tree.
type scannedDir struct {
	Files []scannedFile
	Dirs  []belowDir
}

// belowDir is a directory by its path in what holds it, and the id of its tree.
type belowDir struct{ Name, Hash string }

// scan reads every manifest of the repository, or those that changed since,
// once. Nobody may change what it returns.
func (f *Fleet) scan(ctx context.Context) (*scan, error) {
	f.mu.Lock()
	have := f.scanned
	f.mu.Unlock()
	if have != nil {
		return have, nil
	}
	made, err := f.scanAll(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scanned = made
	return made, nil
}

func (f *Fleet) scanAll(ctx context.Context) (*scan, error) {
	disk := openCache(f.options.CacheDir, "manifests of the repository")
	old, now := map[string]scannedDir{}, map[string]scannedDir{}
	if body, ok := disk.read(); !ok || !read(body, &old, scannedDirsCode) {
		old = map[string]scannedDir{}
	}
	s := &scan{files: map[string]scannedFile{}, dirs: map[string][]string{}, kustomizations: map[string]string{}, links: map[string][]string{}}
	level := []belowDir{{".", f.tree.Root()}}
	changed := false
	for len(level) > 0 {
		var missing []string
		for _, d := range level {
			if _, known := old[d.Hash]; !known {
				missing = append(missing, d.Name)
			}
		}
		changed = changed || len(missing) > 0
		if err := f.prefetchManifests(ctx, missing); err != nil {
			return nil, err
		}
		dirs, errs := make([]scannedDir, len(level)), make([]error, len(level))
		parallel(len(level), func(i int) {
			if known, ok := old[level[i].Hash]; ok {
				dirs[i] = known
				return
			}
			dirs[i], errs[i] = f.scanDir(ctx, level[i].Name)
		})
		var below []belowDir
		for i, d := range level {
			if errs[i] != nil {
				return nil, errs[i]
			}
			now[d.Hash] = dirs[i]
			s.add(d.Name, dirs[i])
			for _, e := range dirs[i].Dirs {
				e.Name = path.Join(d.Name, e.Name)
				below = append(below, e)
			}
		}
		level = below
	}
	if changed {
		_ = disk.store(write(&now, scannedDirsCode)) // the next scan is slower, and as good
	}
	return s, nil
}

// prefetchManifests brings the manifests in directories in two round trips.
func (f *Fleet) prefetchManifests(ctx context.Context, dirs []string) error {
	if len(dirs) == 0 {
		return nil
	}
	if err := f.tree.PrefetchListings(ctx, dirs...); err != nil {
		return err
	}
	var names []string
	for _, d := range dirs {
		entries, err := f.tree.ReadDir(ctx, d)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Mode != gitops.Dir && isManifest(e.Name) {
				names = append(names, path.Join(d, e.Name))
			}
		}
	}
	return f.tree.Prefetch(ctx, names...)
}

func (f *Fleet) scanDir(ctx context.Context, dir string) (out scannedDir, err error) {
	entries, err := f.tree.ReadDir(ctx, dir)
	if err != nil {
		return out, err
	}
	for _, e := range entries {
		switch {
		case e.Mode == gitops.Dir:
			out.Dirs = append(out.Dirs, belowDir{e.Name, e.Hash})
		case e.Mode != gitops.File && e.Mode != gitops.Executable:
		case isManifest(e.Name) || slices.Contains(kustomize.FileNames(), e.Name):
			file, err := f.scanFile(ctx, dir, e.Name)
			if err != nil {
				return out, err
			}
			if file.Kustomization || len(file.Objects) > 0 || file.Problem != "" {
				out.Files = append(out.Files, file)
			}
		}
	}
	return out, nil
}

// leadingGroups stand in every manifest that holds a sync object.
var leadingGroups = [][]byte{[]byte("toolkit.fluxcd.io"), []byte("argoproj.io"), []byte("fluxcd.controlplane.io"), []byte("extensions.fluxcd.io")}

// mayLead reports whether a manifest can hold a sync object, and is worth
// parsing.
func mayLead(data []byte) bool {
	return len(data) <= maxScanned && slices.ContainsFunc(leadingGroups, func(g []byte) bool { return bytes.Contains(data, g) })
}

func (f *Fleet) scanFile(ctx context.Context, dir, name string) (out scannedFile, err error) {
	out.Name = name
	file := path.Join(dir, name)
	data, err := f.tree.ReadFile(ctx, file)
	if found, err := missing(ctx, file, err); found != nil || err != nil {
		if found != nil {
			out.Problem = found.Message
		}
		return out, err
	}
	if slices.Contains(kustomize.FileNames(), name) {
		out.Kustomization = true
		l := kustomize.References(data)
		out.References, out.Component, out.Chart = l.Names, l.Component, l.Chart
		return out, nil
	}
	if !mayLead(data) {
		return out, nil
	}
	objects, problem := kustomize.Manifests(file, data)
	if problem != nil && bytes.Contains(data, []byte("{{")) {
		out.Problem = "it is a template of another tool, which irgit does not render: what it makes is not known"
	} else if problem != nil {
		out.Problem = strings.TrimPrefix(problem.Error(), file+": ")
	}
	for _, u := range objects {
		if !leads(u.GetAPIVersion(), u.GetKind()) && !starts(u) {
			continue
		}
		if text, err := json.Marshal(u.Object); err == nil {
			out.Objects = append(out.Objects, string(text))
		}
	}
	return out, nil
}

func starts(u *unstructured.Unstructured) bool {
	return u.GetKind() == "FluxInstance" || u.GetKind() == "HelmRelease" && dig(u.Object, "spec", "values", "instance") != nil
}
