package kustomize

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/gitops"
)

// generatedName is the file that Flux writes into a directory that has no
// kustomization.
const generatedName = "kustomization.yaml"

// generate makes the root's kustomization where the root has none: as Flux's
// kustomize-controller does, which lists every manifest below it and of a
// directory with a kustomization only the directory, or as Argo CD's directory
// source takes it without recurse.
func (s *session) generate() error {
	if !s.options.Generate && s.options.Directory == nil {
		return nil
	}
	if has, err := s.hasKustomization(s.root); has || err != nil {
		return err
	}
	resources := []string{} // not nil: the library refuses a kustomization without any field
	list := s.manifests
	if s.options.Directory != nil {
		list = s.flatManifests
	}
	if err := list(s.root, &resources); err != nil {
		return err
	}
	slices.Sort(resources)
	data, err := yaml.Marshal(map[string]any{
		"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources,
	})
	if err != nil {
		return err
	}
	s.generated = data
	return nil
}

// flatManifests lists what Argo CD's directory source reads. Charts and
// Jsonnet, which it would render, are errors.
func (s *session) flatManifests(dir string, resources *[]string) error {
	entries, err := s.tree.ReadDir(s.ctx, dir)
	if err != nil {
		return s.note(err, mount(dir))
	}
	for _, e := range entries {
		switch ext := path.Ext(e.Name); {
		case e.Mode == gitops.Dir:
		case e.Name == "Chart.yaml":
			return &Error{Root: s.root, File: path.Join(dir, e.Name), Reason: "the root is a Helm chart, which irgit does not render: leave it out of .irgit.yaml"}
		case ext == ".jsonnet":
			return &Error{Root: s.root, File: path.Join(dir, e.Name), Reason: "irgit does not evaluate Jsonnet: leave the root out of .irgit.yaml"}
		case ext == ".yaml" || ext == ".yml" || ext == ".json":
			*resources = append(*resources, e.Name)
		}
	}
	return nil
}

func (s *session) hasKustomization(dir string) (bool, error) {
	entries, err := s.tree.ReadDir(s.ctx, dir)
	if err != nil {
		return false, s.note(err, mount(dir))
	}
	return slices.ContainsFunc(entries, func(e gitops.Entry) bool { return e.Mode != gitops.Dir && isKustomization(e.Name) }), nil
}

func (s *session) manifests(dir string, resources *[]string) error {
	entries, err := s.tree.ReadDir(s.ctx, dir)
	if err != nil {
		return s.note(err, mount(dir))
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
