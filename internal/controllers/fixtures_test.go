package controllers

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/gitops"
)

const ownURL = "https://github.com/example/fleet"

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	var content map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &content))
	data, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	u := &unstructured.Unstructured{}
	require.NoError(t, u.UnmarshalJSON(data))
	return u
}

// world is an Env of files and of the objects in documents.
func world(t testing.TB, files map[string]string, documents string) Env {
	t.Helper()
	content := make(map[string][]byte, len(files))
	for name, text := range files {
		content[name] = []byte(text)
	}
	tree, err := gitops.NewTree(content)
	require.NoError(t, err)
	var objects []*unstructured.Unstructured
	for doc := range strings.SplitSeq(documents, "\n---\n") {
		if strings.TrimSpace(doc) != "" {
			objects = append(objects, object(t, doc))
		}
	}
	return Env{
		Tree: tree,
		Own:  func(url string) bool { return strings.TrimSuffix(url, ".git") == ownURL },
		Find: func(kind, namespace, name string) *unstructured.Unstructured {
			for _, o := range objects {
				if o.GetKind() == kind && o.GetNamespace() == namespace && o.GetName() == name {
					return o
				}
			}
			return nil
		},
		All: func(kind string) (out []*unstructured.Unstructured) {
			for _, o := range objects {
				if o.GetKind() == kind {
					out = append(out, o)
				}
			}
			return out
		},
	}
}
