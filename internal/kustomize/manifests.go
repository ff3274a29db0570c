package kustomize

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Manifests reads the objects in a manifest file as they stand there, Lists
// taken apart. Documents without kind are passed over. The error is that of
// the first document that is no YAML; the objects of the others come with it.
func Manifests(file string, data []byte) (objects []*unstructured.Unstructured, err error) {
	if reason := inflated(data); reason != "" {
		return nil, fmt.Errorf("%s: %s", file, reason)
	}
	docs := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		doc, end := docs.Read()
		if end != nil && !errors.Is(end, io.EOF) {
			return objects, errors.Join(err, fmt.Errorf("%s: %s", file, oneLine(end)))
		}
		if end != nil {
			return objects, err
		}
		var content any
		plain, wrong := yaml.YAMLToJSON(doc)
		if wrong == nil {
			wrong = utiljson.Unmarshal(plain, &content) // numbers as unstructured objects have them
		}
		if wrong != nil {
			if err == nil {
				err = fmt.Errorf("%s: is no manifest: %s", file, oneLine(wrong))
			}
			continue
		}
		if fields, ok := content.(map[string]any); ok { // a patch may be a list
			objects = append(objects, unlisted(fields)...)
		}
	}
}

func unlisted(fields map[string]any) (objects []*unstructured.Unstructured) {
	kind, _ := fields["kind"].(string)
	if kind == "" {
		return nil
	}
	items, listed := fields["items"].([]any)
	if !listed || !strings.HasSuffix(kind, "List") {
		return []*unstructured.Unstructured{{Object: fields}}
	}
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			objects = append(objects, unlisted(m)...)
		}
	}
	return objects
}

// Listing is what a kustomization file names, without being built.
type Listing struct {
	Names     []string // paths, as the file has them
	Bases     []string // those of Names that are built, and not patches or values
	Component bool
	Chart     bool // it inflates a Helm chart
}

// References reads a kustomization file. What lies elsewhere is not among the
// names, and a file that is no kustomization names nothing.
func References(data []byte) (l Listing) {
	if inflated(data) != "" {
		return l
	}
	k, err := parseKustomization(data)
	if err != nil {
		return l
	}
	var kind struct {
		Kind string `json:"kind"`
	}
	_ = yaml.Unmarshal(data, &kind) // it has been parsed above
	l.Component, l.Chart = kind.Kind == "Component", k.helm
	l.Bases = local(k.bases)
	l.Names = local(slices.Concat(k.bases, k.references))
	return l
}

func local(references []string) (names []string) {
	for _, r := range references {
		if r != "" && !strings.Contains(r, "\n") && !remote(r) && !path.IsAbs(r) {
			names = append(names, path.Clean(r))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
