package kustomize

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/yaml"
)

// without is the error of something that lies outside of the repository, or
// nil when the build is to go on without it.
func (s *session) without(file, reason string) error {
	if !s.options.Partial {
		return &Error{Root: s.root, File: s.where(file), Reason: reason + ": leave the root out of .irgit.yaml", Outside: true}
	}
	s.leave(file, reason)
	return nil
}

// leave notes what a Partial build goes without.
func (s *session) leave(file, what string) {
	if sentence := s.where(file) + ": " + what; !slices.Contains(s.missing, sentence) {
		s.missing = append(s.missing, sentence)
	}
}

// strip takes out of a file what lies outside of the repository. What has
// nothing of it keeps its bytes.
func (s *session) strip(file string, data []byte) ([]byte, error) {
	if !isKustomization(file) {
		return s.stripConfigurations(file, data), nil
	}
	doc, err := mapping(data)
	if err != nil {
		return nil, s.refuse(file, notKustomization(err))
	}
	if doc == nil {
		return data, nil
	}
	before := len(s.missing)
	for key, value := range doc {
		if left := s.stripField(file, strings.ToLower(key), value); left != nil {
			doc[key] = left
		} else if value != nil {
			delete(doc, key)
		}
	}
	if len(s.missing) == before && !s.stripped[file] {
		return data, nil
	}
	s.stripped[file] = true
	slices.Sort(s.missing[before:]) // maps have no order
	if _, ok := doc["resources"]; !ok {
		doc["resources"] = []any{} // the library refuses a kustomization without any field
	}
	return yaml.Marshal(doc)
}

// stripField is what stays of the value of a field, nil for nothing.
func (s *session) stripField(file, key string, value any) any {
	list, listed := value.([]any)
	switch key {
	case "helmcharts", "helmchartinflationgenerator":
		for _, chart := range list {
			m, _ := chart.(map[string]any)
			name := m["name"]
			if name == nil {
				name = m["chartName"]
			}
			s.leave(file, fmt.Sprintf("Helm chart %s, which irgit does not run", shorten(fmt.Sprint(name))))
		}
		return nil
	case "openapi":
		m, _ := value.(map[string]any)
		if p, _ := m["path"].(string); remote(p) {
			s.leave(file, notFetched(key, p))
			return nil
		}
	}
	if !listed {
		return value
	}
	switch key {
	case "resources", "bases", "components", "crds", "configurations", "patchesstrategicmerge":
		return slices.DeleteFunc(list, func(v any) bool {
			return s.beyond(file, key, v) || s.plugins[tidy(path.Dir(file))] && s.foreign(file, v)
		})
	case "generators", "transformers", "validators":
		return slices.DeleteFunc(list, func(v any) bool { return s.beyond(file, key, v) || s.foreign(file, v) })
	case "patches", "patchesjson6902", "replacements":
		return slices.DeleteFunc(list, func(v any) bool {
			m, _ := v.(map[string]any)
			return s.beyond(file, key, m["path"])
		})
	case "configmapgenerator", "secretgenerator":
		for _, v := range list {
			m, _ := v.(map[string]any)
			for _, source := range []string{"files", "envs"} {
				if from, ok := m[source].([]any); ok {
					m[source] = slices.DeleteFunc(from, func(v any) bool { return s.beyond(file, key, v) })
				}
			}
			if s.beyond(file, key, m["env"]) {
				delete(m, "env")
			}
		}
	}
	return value
}

func notFetched(key, reference string) string {
	return fmt.Sprintf("%s: %q, which is outside the repository and is not fetched", key, shorten(reference))
}

// beyond reports whether an entry is fetched from elsewhere.
func (s *session) beyond(file, key string, v any) bool {
	reference, _ := v.(string)
	elsewhere := !strings.Contains(reference, "\n") && remote(reference)
	if reference != "" && !elsewhere {
		for _, name := range within(tidy(path.Dir(file)), []string{reference}) {
			elsewhere = s.inSubmodule(name)
		}
	}
	if elsewhere {
		s.leave(file, notFetched(key, reference))
	}
	return elsewhere
}

// foreign reports whether an entry of plugins is a configuration, or leads to a
// file with one, of a plugin that is not part of kustomize.
func (s *session) foreign(file string, v any) bool {
	entry, _ := v.(string)
	if strings.Contains(entry, "\n") {
		if plugin := foreignPlugin([]byte(entry)); plugin != "" {
			s.leave(file, plugin)
			return true
		}
		return false
	}
	for _, name := range within(tidy(path.Dir(file)), []string{entry}) {
		data, where, err := s.view.read(s.ctx, name)
		if err != nil || inflated(data) != "" {
			return false // a directory, or the library says what is wrong
		}
		s.read[where] = true
		if plugin := foreignPlugin(data); plugin != "" {
			s.leave(name, plugin)
			return true
		}
	}
	return false
}

// foreignPlugin says of the first plugin of a configuration that is not part of
// kustomize, or reaches out, that it is not run.
func foreignPlugin(data []byte) string {
	for _, piece := range documents(data) {
		var doc struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Items      []any  `json:"items"`
		}
		if err := yaml.Unmarshal(piece, &doc); err == nil && doc.Kind != "" && doc.Items == nil && doc.APIVersion != konfig.BuiltinPluginApiVersion {
			return fmt.Sprintf("plugin %s, which irgit does not run", shorten(doc.APIVersion+" "+doc.Kind))
		}
	}
	return pluginReaches(data)
}

// stripConfigurations takes out configurations of builtin plugins that fetch or
// run something.
func (s *session) stripConfigurations(file string, data []byte) []byte {
	if pluginReaches(data) == "" {
		return data
	}
	var kept [][]byte
	for _, piece := range documents(data) {
		if reason := pluginReaches(piece); reason != "" {
			s.leave(file, reason)
		} else {
			kept = append(kept, piece)
		}
	}
	return bytes.Join(kept, []byte("\n---\n"))
}

// documents are those of a file, as the library tells them apart.
func documents(data []byte) [][]byte {
	if all := pieces(data); len(all) > 1 {
		return all[1:]
	}
	return [][]byte{data}
}
