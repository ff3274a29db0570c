package kustomize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/gobwas/glob"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/irgit/irgit/internal/gitops"
)

// isDirectory reports whether Argo CD takes the root for a directory source:
// because its Application says something about directories, or because nothing
// in it speaks for another tool (argo-cd: ExplicitType and util/app/discovery).
func (s *session) isDirectory() (bool, error) {
	if s.options.Directory == nil {
		return false, nil
	}
	if *s.options.Directory != (Directory{}) {
		return true, nil
	}
	has, err := s.hasKustomization(s.root)
	return !has, err
}

// directory reads the manifests of a directory source as they stand (argo-cd:
// reposerver/repository/repository.go, findManifests). Nothing of it goes
// through kustomize there either.
func (s *session) directory() ([]*unstructured.Unstructured, error) {
	entries, err := s.list(s.root)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Mode != gitops.Dir && strings.HasSuffix(e.Name, "Chart.yaml") && *s.options.Directory == (Directory{}) {
			return nil, s.without(path.Join(s.root, e.Name), "the directory is a Helm chart, which irgit does not render")
		}
	}
	if len(s.options.Fields) > 0 {
		return nil, errors.New("has no kustomization, and the sync object sets fields of one")
	}
	include, exclude := compiled(s.options.Directory.Include), compiled(s.options.Directory.Exclude)
	var objects []*unstructured.Unstructured
	err = s.eachFile(s.root, s.options.Directory.Recurse, func(name string) error {
		below := strings.TrimPrefix(strings.TrimPrefix(name, s.root), "/")
		if !slices.Contains([]string{".yaml", ".yml", ".json", ".jsonnet"}, path.Ext(name)) ||
			s.options.Directory.Exclude != "" && exclude(below) || s.options.Directory.Include != "" && !include(below) {
			return nil
		}
		if path.Ext(name) == ".jsonnet" {
			return s.without(name, "is Jsonnet, which irgit does not evaluate")
		}
		data, err := s.manifest(name)
		if err != nil {
			return err
		}
		found, err := sourceObjects(name, data)
		if err != nil {
			return s.refuse(name, oneLine(err))
		}
		for range found {
			s.origins = append(s.origins, s.where(name))
		}
		objects = append(objects, found...)
		return nil
	})
	return objects, err
}

// manifest is a file of a directory source, where a kustomization is a
// manifest like any other.
func (s *session) manifest(name string) ([]byte, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	data, err := s.raw(name)
	if err != nil {
		return nil, err
	}
	if reason := inflated(data); reason != "" {
		return nil, s.refuse(name, reason)
	}
	if isPointer(data) {
		return nil, s.refuse(name, isLFS)
	}
	return data, s.count(name, data)
}

// compiled is a pattern of include or exclude. As in Argo CD, * matches
// slashes too, and a pattern that is none matches nothing.
func compiled(pattern string) func(string) bool {
	g, err := glob.Compile(pattern)
	if err != nil {
		return func(string) bool { return false }
	}
	return g.Match
}

// eachFile visits files in the order of filepath.Walk.
func (s *session) eachFile(dir string, recurse bool, visit func(name string) error) error {
	entries, err := s.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name)
		switch {
		case e.Mode != gitops.Dir:
			err = visit(name)
		case recurse:
			err = s.eachFile(name, true, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skipMarker in a manifest takes the file out of a directory source.
const skipMarker = "+argocd:skip-file-rendering"

// sourceObjects reads one file of a directory source, Lists taken apart. YAML
// that does not look like a manifest is passed over, as Argo CD does.
func sourceObjects(name string, data []byte) ([]*unstructured.Unstructured, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.Contains(data, []byte(skipMarker)) {
		return nil, nil
	}
	var found []*unstructured.Unstructured
	var err error
	if path.Ext(name) == ".json" {
		found, err = oneJSON(data)
	} else {
		found, err = decoded(data)
		manifest := bytes.Contains(data, []byte("apiVersion:")) && bytes.Contains(data, []byte("kind:")) && bytes.Contains(data, []byte("metadata:"))
		if err != nil && len(found) == 0 && !manifest {
			return nil, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("is no manifest: %w", err)
	}
	var objects []*unstructured.Unstructured
	for _, u := range found {
		if !u.IsList() {
			objects = append(objects, u)
			continue
		}
		err := u.EachListItem(func(item runtime.Object) error {
			objects = append(objects, item.(*unstructured.Unstructured))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return objects, nil
}

func oneJSON(data []byte) ([]*unstructured.Unstructured, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	u := &unstructured.Unstructured{}
	if err := dec.Decode(u); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("a JSON file may hold one object only")
	}
	return []*unstructured.Unstructured{u}, nil
}

// decoded reads documents up to the first that is no object.
func decoded(data []byte) (found []*unstructured.Unstructured, err error) {
	dec := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		u := &unstructured.Unstructured{}
		switch err := dec.Decode(&u); {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return found, err
		case u != nil:
			found = append(found, u)
		}
	}
}
