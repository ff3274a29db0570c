package kustomize

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"
)

// check refuses a file that would make the library reach outside the tree or
// grow without bound. What is no YAML is left to the library, which reads
// other files as bytes.
func (s *session) check(file string, data []byte) error {
	refuse := func(reason string) error { return &Error{Root: s.root, File: file, Reason: reason} }
	if reason := inflated(data); reason != "" {
		return refuse(reason)
	}
	if isKustomization(file) {
		if path.Dir(file) == s.root || s.root == "" && !strings.Contains(file, "/") {
			s.kustomization = file
		}
		k, err := parseKustomization(data)
		if err != nil {
			return refuse("is not YAML of a kustomization: " + oneLine(err))
		}
		if s.kustomization == file {
			s.transformers = within(path.Dir(file), k.transformers)
		}
		if k.ownSchema && !s.alone {
			return errOwnSchema
		}
		if k.helm {
			return refuse("inflates a Helm chart, which irgit does not run: render the chart into the repository, or leave the root out of .irgit.yaml")
		}
		for _, r := range k.references {
			if remote(r) {
				return refuse(fmt.Sprintf("refers to %q, which is outside the repository and is not fetched: vendor it, or leave the root out of .irgit.yaml", shorten(r)))
			}
		}
		for _, text := range k.inline {
			if reason := builtinReaches([]byte(text)); reason != "" {
				return refuse(reason)
			}
		}
		return nil
	}
	if bytes.Contains(data, []byte(konfig.BuiltinPluginApiVersion)) {
		if reason := builtinReaches(data); reason != "" {
			return refuse(reason)
		}
	}
	return nil
}

// within resolves references of a kustomization in dir, those that lead to a
// path of the repository.
func within(dir string, references []string) (paths []string) {
	for _, r := range references {
		if p := path.Join(dir, r); !remote(r) && !path.IsAbs(r) && p != ".." && !strings.HasPrefix(p, "../") {
			paths = append(paths, p)
		}
	}
	return paths
}

func isKustomization(file string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(file))
}

func oneLine(err error) string {
	return shorten(strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
}

func shorten(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// remoteForm is every spelling that the library fetches by HTTP or hands to
// the git program: a scheme, the git:: prefix, user@host:path, and GitHub's
// name without a scheme (kustomize: internal/git/repospec.go, loader.IsRemoteFile).
// A generator's file may stand behind "key=".
var remoteForm = regexp.MustCompile(`(?i)(^|=)\s*(git::|(https?|ssh|file|git|s3|gcs|oci|hg):|(www\.)?github\.com[/:]|gh:|[a-z][a-z0-9-]*@[^/]*[:/])|://`)

func remote(reference string) bool { return remoteForm.MatchString(reference) }

// kustomization is what the guard and the reading ahead need of a file.
type kustomization struct {
	references   []string // paths, or what stands in their place
	bases        []string // the part of references that are directories or manifests to build
	transformers []string
	inline       []string // plugin configurations written in place
	helm         bool
	ownSchema    bool
}

func parseKustomization(data []byte) (kustomization, error) {
	var doc map[string]any
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return kustomization{}, err
	}
	var k kustomization
	for key, value := range doc {
		switch key {
		case "resources", "bases", "components", "generators", "transformers", "validators", "crds", "configurations", "patchesStrategicMerge":
			for _, item := range texts(value) {
				if strings.Contains(item, "\n") {
					k.inline = append(k.inline, item)
					continue
				}
				k.references = append(k.references, item)
				k.bases = append(k.bases, item)
				if key == "transformers" {
					k.transformers = append(k.transformers, item)
				}
			}
		case "patches", "patchesJson6902", "replacements":
			for _, m := range mappings(value) {
				k.references = append(k.references, texts(m["path"])...)
			}
		case "configMapGenerator", "secretGenerator":
			for _, m := range mappings(value) {
				for _, field := range []string{"files", "envs", "env"} {
					k.references = append(k.references, texts(m[field])...)
				}
			}
		case "openapi":
			k.ownSchema = true
			if m, ok := value.(map[string]any); ok {
				k.references = append(k.references, texts(m["path"])...)
			}
		case "helmCharts", "helmChartInflationGenerator":
			k.helm = len(mappings(value)) > 0
		}
	}
	return k, nil
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

func mappings(v any) (out []map[string]any) {
	list, _ := v.([]any)
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// pathFields are the fields of builtin plugins' configurations that the
// library loads.
var pathFields = map[string]bool{"path": true, "paths": true, "files": true, "envs": true, "env": true, "filePath": true}

// builtinReaches looks through the configurations of builtin plugins in data.
func builtinReaches(data []byte) (reason string) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc any
		if err := dec.Decode(&doc); err != nil {
			return "" // the end, or nothing that can be a configuration
		}
		m, ok := doc.(map[string]any)
		if !ok || m["apiVersion"] != konfig.BuiltinPluginApiVersion {
			continue
		}
		if kind, _ := m["kind"].(string); strings.HasPrefix(kind, "HelmChart") {
			return "inflates a Helm chart, which irgit does not run"
		}
		if found := remoteIn(m); found != "" {
			return fmt.Sprintf("refers to %q, which is outside the repository and is not fetched", shorten(found))
		}
	}
}

func remoteIn(v any) string {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if pathFields[key] {
				for _, s := range texts(value) {
					if remote(s) {
						return s
					}
				}
			}
			if found := remoteIn(value); found != "" {
				return found
			}
		}
	case []any:
		for _, item := range v {
			if found := remoteIn(item); found != "" {
				return found
			}
		}
	}
	return ""
}
