package fleet

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A policy on images hits the workloads of its namespace that have one, in any
// container.
func TestHitsOfImages(t *testing.T) {
	of := func(namespace, name string, images ...string) Workload {
		w := Workload{APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: name}
		for _, i := range images {
			w.Containers = append(w.Containers, Container{Name: i, Image: i})
		}
		return w
	}
	ix := &Index{workloads: []Workload{of("shop", "a", "x/a:1"), of("shop", "b", "x/b:1", "x/a:1@sha256:00"), of("shop", "c", "x/a:10"), of("web", "d", "x/a:1")}, extras: map[ObjectRef]extra{}}
	ix.extras[ix.workloads[2].Ref()] = extra{init: []Container{{Image: "y/i@sha256:01"}}}
	hits := func(images ...string) (names []string) {
		hit, err := ix.Hits(&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": map[string]any{"name": "x"},
			"spec": map[string]any{
				"failurePolicy": "Fail",
				"matchConstraints": map[string]any{
					"namespaceSelector": map[string]any{"matchLabels": map[string]any{NamespaceName: "shop"}},
					"resourceRules":     []any{newPods},
				},
				"validations": []any{map[string]any{"expression": ImageRule(images)}},
			},
		}})
		require.NoError(t, err)
		for _, w := range hit {
			names = append(names, w.Name)
		}
		return names
	}
	require.Equal(t, []string{"a", "b"}, hits("x/a:1"))
	require.Equal(t, []string{"c"}, hits("sha256:01"))
	require.Empty(t, hits("x/a:2"))
	require.Equal(t, []string{"y/i@sha256:01", "x/a:10"}, ix.Images(ix.workloads[2]))
}
