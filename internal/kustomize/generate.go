package kustomize

import (
	"path"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
)

// generatedName is the file that Flux writes into a directory that has no
// kustomization.
const generatedName = "kustomization.yaml"

// generate makes the root's kustomization where the root has none, as Flux's
// kustomize-controller does: it lists every manifest below it, and of a
// directory with a kustomization only the directory.
func (s *session) generate() error {
	if !s.options.Generate {
		return nil
	}
	if has, err := s.hasKustomization(s.root); has || err != nil {
		return err
	}
	var resources []string
	if err := s.manifests(s.root, &resources); err != nil {
		return err
	}
	data, err := s.merged(nil, resources)
	s.generated = data
	return err
}

func (s *session) hasKustomization(dir string) (bool, error) {
	entries, err := s.list(dir)
	return slices.ContainsFunc(entries, func(e gitops.Entry) bool { return e.Mode != gitops.Dir && isKustomization(e.Name) }), err
}

// manifests lists files in the order in which Flux walks them.
func (s *session) manifests(dir string, resources *[]string) error {
	entries, err := s.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		relative := strings.TrimPrefix(strings.TrimPrefix(name, s.root), "/")
		switch e.Mode {
		case gitops.Dir:
			has, err := s.hasKustomization(name)
			if err != nil {
				return err
			}
			if has {
				*resources = append(*resources, relative)
			} else if err := s.manifests(name, resources); err != nil {
				return err
			}
		case gitops.File, gitops.Executable:
			if ext := path.Ext(e.Name); ext == ".yaml" || ext == ".yml" {
				*resources = append(*resources, relative)
			}
		}
	}
	return nil
}
