package kustomize

import (
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// tracked asks the library to note where each object comes from, which it does
// as an annotation. Where the root's kustomization asks for that itself, it is
// left as it is.
func (s *session) tracked(kustomization []byte) []byte {
	var doc map[string]any
	if !s.options.Origins || yaml.Unmarshal(kustomization, &doc) != nil || doc == nil {
		return kustomization
	}
	list, _ := doc["buildMetadata"].([]any)
	if slices.Contains(list, any(types.OriginAnnotations)) {
		return kustomization
	}
	for key := range doc {
		if key != "buildMetadata" && strings.EqualFold(key, "buildMetadata") {
			return kustomization
		}
	}
	doc["buildMetadata"] = append(list, types.OriginAnnotations)
	data, err := yaml.Marshal(doc)
	if err != nil {
		return kustomization
	}
	s.tracking = true
	return data
}

// originsOf takes the notes off the objects again, as the library does with
// those that nobody asked for.
func (s *session) originsOf(rendered resmap.ResMap) error {
	if !s.tracking {
		return nil
	}
	for _, r := range rendered.Resources() {
		file := ""
		if origin, err := r.GetOrigin(); err == nil && origin != nil && origin.Repo == "" && origin.Path != "" {
			file = s.where(path.Join(s.root, origin.Path))
		}
		s.origins = append(s.origins, file)
	}
	return rendered.RemoveOriginAnnotations()
}
