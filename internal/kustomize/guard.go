package kustomize

import (
	"bytes"
	"fmt"
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
	refuse := func(reason string) error { return s.refuse(file, reason) }
	outside := func(reason string) error {
		return &Error{Root: s.root, File: s.where(file), Reason: reason, Outside: true}
	}
	if !isKustomization(file) {
		if reason := pluginReaches(data); reason != "" {
			return outside(reason)
		}
		return nil
	}
	k, err := parseKustomization(data)
	if err != nil {
		return refuse(notKustomization(err))
	}
	s.known[file] = k
	dir := tidy(path.Dir(file))
	if dir == s.root && s.generated == nil {
		s.kustomization, s.transformers = s.where(file), within(dir, k.transformers)
		for i, t := range s.transformers {
			s.transformers[i] = s.where(t)
		}
	}
	switch {
	case k.openapi && !s.alone:
		return errOwnSchema
	case k.helm:
		return outside("inflates a Helm chart, which irgit does not run: render the chart into the repository, or leave the root out of .irgit.yaml")
	case s.plugins[dir] && k.changes != "":
		return refuse(fmt.Sprintf("changes the configuration of plugins by %q, so what they load is not known: list the configurations as they are", k.changes))
	}
	for _, r := range k.references {
		if remote(r) {
			return outside(fmt.Sprintf("refers to %q, which is outside the repository and is not fetched: vendor it, or leave the root out of .irgit.yaml", shorten(r)))
		}
	}
	for _, text := range k.plugins { // a path, or a configuration in its place
		if reason := pluginReaches([]byte(text)); reason != "" {
			return outside(reason)
		}
	}
	s.mark(within(dir, k.plugins))
	if s.plugins[dir] {
		s.mark(within(dir, k.bases))
	}
	return nil
}

func notKustomization(err error) string { return "is not YAML of a kustomization: " + oneLine(err) }

func (s *session) refuse(file, reason string) error {
	return &Error{Root: s.root, File: s.where(file), Reason: reason}
}

// mark notes directories whose objects configure plugins. A kustomization that
// has been read as something else before is looked at again.
func (s *session) mark(dirs []string) {
	for _, dir := range dirs {
		if dir = tidy(dir); !s.plugins[dir] {
			s.plugins[dir] = true
			for _, name := range FileNames() {
				delete(s.checked, path.Join(dir, name))
			}
		}
	}
}

// tidy names the whole tree "", as a session does.
func tidy(dir string) string {
	if dir == "." {
		return ""
	}
	return dir
}

func isKustomization(file string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(file))
}

func oneLine(err error) string {
	return shorten(strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " "))
}

func shorten(s string) string {
	if len(s) > 200 {
		return strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

// remoteForm is every spelling that the library fetches by HTTP or hands to
// the git program: a scheme, the git:: prefix, user@host:path, and GitHub's
// name without a scheme (kustomize: internal/git/repospec.go, loader.IsRemoteFile).
// A generator's file may stand behind "key=".
var remoteForm = regexp.MustCompile(`(?i)(^|=)\s*(git::|(https?|ssh|file|git|s3|gcs|oci|hg):|(www\.)?github\.com[/:]|gh:|[a-z][a-z0-9-]*@[^/]*[:/])|://`)

func remote(reference string) bool { return remoteForm.MatchString(reference) }

// pathFields are the fields of builtin plugins' configurations that the
// library loads.
var pathFields = []string{"path", "paths", "files", "envs", "env", "filePath"}

// suspicious are the bytes without which no YAML can say that its apiVersion
// is that of a builtin plugin: the word itself, an escape, a tag for base64,
// or another encoding than UTF-8.
func suspicious(data []byte) bool {
	return bytes.Contains(data, []byte(konfig.BuiltinPluginApiVersion)) || bytes.ContainsAny(data, "\\\x00") ||
		bytes.Contains(data, []byte("binary")) || bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff"))
}

// pluginReaches looks through the configurations of builtin plugins in data.
func pluginReaches(data []byte) (reason string) {
	if !suspicious(data) {
		return ""
	}
	for _, piece := range pieces(data) {
		dec := yaml.NewDecoder(bytes.NewReader(piece))
		for {
			var doc any
			if err := dec.Decode(&doc); err != nil {
				break // the end, or nothing that can be a configuration
			}
			if reason := reaches(doc); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// reaches looks at one document, which may be a list of objects.
func reaches(doc any) string {
	m, _ := doc.(map[string]any)
	items, _ := m["items"].([]any)
	for _, item := range items {
		if reason := reaches(item); reason != "" {
			return reason
		}
	}
	if m["apiVersion"] != konfig.BuiltinPluginApiVersion {
		return ""
	}
	if kind, _ := m["kind"].(string); strings.HasPrefix(kind, "HelmChart") {
		return "inflates a Helm chart, which irgit does not run"
	}
	if found := remoteIn(m); found != "" {
		return fmt.Sprintf("refers to %q, which is outside the repository and is not fetched", shorten(found))
	}
	return ""
}

func remoteIn(v any) string {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if slices.ContainsFunc(pathFields, func(f string) bool { return strings.EqualFold(f, key) }) {
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
