package fleet

import (
	"path"
	"slices"

	"github.com/irgit/irgit/internal/kustomize"
)

// add takes in a directory of the repository.
func (s *scan) add(dir string, d scannedDir) {
	for _, e := range d.Dirs {
		s.dirs[dir] = append(s.dirs[dir], path.Join(dir, e.Name))
	}
	for _, file := range d.Files {
		name := path.Join(dir, file.Name)
		s.files[name] = file
		if k := s.kustomizations[dir]; file.Kustomization && (k == "" || precedes(file.Name, path.Base(k))) {
			s.kustomizations[dir] = name
		}
		s.dirs[dir] = append(s.dirs[dir], name)
		if file.Problem != "" {
			s.findings = append(s.findings, Finding{Root: dir, File: name, Message: file.Problem, Unknown: true})
		}
		for _, text := range file.Objects {
			if u := decoded(text); u != nil {
				s.objects = append(s.objects, scannedObject{name, u})
			}
		}
	}
}

// precedes reports whether a kustomization file counts where another one is in
// the same directory.
func precedes(name, other string) bool {
	return slices.Index(kustomize.FileNames(), name) < slices.Index(kustomize.FileNames(), other)
}

// reads lists the manifests of the scan that a build of a directory reads, as
// far as their kustomizations tell, and the directories on the way.
func (s *scan) reads(root string) map[string]bool {
	seen := map[string]bool{}
	s.visit(path.Clean(root), true, seen)
	return seen
}

func (s *scan) visit(name string, plain bool, seen map[string]bool) {
	if seen[name] {
		return
	}
	if _, file := s.files[name]; file {
		seen[name] = true
		return
	}
	if k := s.kustomizations[name]; k != "" {
		seen[name], seen[k] = true, true
		for _, to := range s.leadsTo(k) {
			s.visit(to, false, seen)
		}
		return
	}
	if !plain {
		return
	}
	seen[name] = true
	for _, below := range s.dirs[name] {
		s.visit(below, true, seen)
	}
}

// leadsTo lists what a kustomization file refers to, as far as the scan has it.
func (s *scan) leadsTo(file string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	links, have := s.links[file]
	if have {
		return links
	}
	for _, r := range s.files[file].References {
		to := path.Join(path.Dir(file), r)
		if _, known := s.files[to]; known || s.kustomizations[to] != "" {
			links = append(links, to)
		}
	}
	s.links[file] = links
	return links
}

// tops lists the directories of the kustomizations that read a file and that
// no other kustomization reads.
func (s *scan) tops(file string) (out []string) {
	seen := map[string]bool{}
	var climb func(name string)
	climb = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		above := s.above(name)
		if len(above) == 0 && name != file {
			out = append(out, name)
		}
		for _, dir := range above {
			climb(dir)
		}
	}
	climb(file)
	slices.Sort(out)
	return out
}

// above lists the directories of the kustomizations that name a path.
func (s *scan) above(name string) []string {
	s.climbing.Do(func() {
		s.parents = map[string][]string{}
		for name, file := range s.files {
			dir := path.Dir(name)
			for _, r := range file.References {
				s.parents[path.Join(dir, r)] = append(s.parents[path.Join(dir, r)], dir)
			}
		}
		for _, dirs := range s.parents {
			slices.Sort(dirs)
		}
	})
	return s.parents[name]
}
