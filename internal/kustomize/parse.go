package kustomize

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// kustomization is what the guard and the reading ahead need of a file.
type kustomization struct {
	references   []string // paths, or what stands in their place
	bases        []string // the part of references that are directories or manifests to build
	transformers []string
	plugins      []string // entries of generators, transformers and validators: paths or configurations
	changes      string   // a field that changes objects, which is more than listing them
	steps        int      // entries of all lists: each is work for every object
	sorts        bool
	helm         bool
	openapi      bool
}

// listing are the fields of a kustomization that only collects objects.
var listing = []string{"apiVersion", "kind", "metadata", "resources", "bases", "components", "sortOptions", "buildMetadata"}

// parseKustomization reads a file as the library does: through JSON, with
// field names in any case.
func parseKustomization(data []byte) (kustomization, error) {
	doc, err := mapping(data)
	if err != nil {
		return kustomization{}, err
	}
	var k kustomization
	for key, value := range doc {
		is := func(names ...string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, key) })
		}
		list, _ := value.([]any)
		k.steps += len(list)
		if !is(listing...) {
			k.changes = max(k.changes, key) // one of them, the same every time
		}
		switch {
		case is("resources", "bases", "components", "crds", "configurations", "patchesStrategicMerge"):
			k.references = append(k.references, paths(value)...)
			if is("resources", "bases", "components") {
				k.bases = append(k.bases, paths(value)...)
			}
		case is("generators", "transformers", "validators"):
			k.plugins = append(k.plugins, texts(value)...)
			k.references, k.bases = append(k.references, paths(value)...), append(k.bases, paths(value)...)
			if is("transformers") {
				k.transformers = append(k.transformers, paths(value)...)
			}
		case is("patches", "patchesJson6902", "replacements"):
			k.references = append(k.references, fields(list, "path")...)
		case is("configMapGenerator", "secretGenerator"):
			k.references = append(k.references, fields(list, "files", "envs", "env")...)
		case is("sortOptions"):
			k.sorts = value != nil
		case is("openapi"):
			k.openapi = true
			k.references = append(k.references, fields([]any{value}, "path")...)
		case is("helmCharts", "helmChartInflationGenerator"):
			k.helm = k.helm || len(list) > 0
		}
	}
	return k, nil
}

// mapping is the first document of data.
func mapping(data []byte) (doc map[string]any, err error) {
	plain, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(plain, &doc)
	return doc, err
}

// paths are the entries that are not a configuration written in place.
func paths(v any) []string {
	return slices.DeleteFunc(texts(v), func(s string) bool { return strings.Contains(s, "\n") })
}

func texts(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// fields are the texts in the named fields of every mapping in the list.
func fields(list []any, names ...string) (out []string) {
	for _, item := range list {
		m, _ := item.(map[string]any)
		for key, value := range m {
			if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, key) }) {
				out = append(out, texts(value)...)
			}
		}
	}
	slices.Sort(out)
	return out
}

// within resolves references of a kustomization in dir, those that lead to a
// path of the repository.
func within(dir string, references []string) (paths []string) {
	for _, r := range references {
		if p := path.Join(dir, r); !strings.Contains(r, "\n") && !remote(r) && !path.IsAbs(r) && p != ".." && !strings.HasPrefix(p, "../") {
			paths = append(paths, p)
		}
	}
	return paths
}
