package kustomize

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "example.com/web:1", ports: [{containerPort: 80}]}]}
`

func field(t *testing.T, u *unstructured.Unstructured, fields ...string) any {
	t.Helper()
	v, _, err := unstructured.NestedFieldNoCopy(u.Object, fields...)
	require.NoError(t, err)
	return v
}

func image(t *testing.T, u *unstructured.Unstructured) any {
	t.Helper()
	return field(t, u, "spec", "template", "spec", "containers").([]any)[0].(map[string]any)["image"]
}

// What a sync object sets is set on the root, whatever its file is called.
func TestFieldsAreSet(t *testing.T) {
	fields := map[string]any{
		"namespace": "prod", "namePrefix": "p-", "nameSuffix": "-s",
		"patches": []any{map[string]any{"patch": "- {op: replace, path: /spec/replicas, value: 7}\n", "target": map[string]any{"kind": "Deployment"}}},
		"images":  []any{map[string]any{"name": "example.com/web", "newTag": "9"}},
	}
	for _, controller := range []Options{{Generate: true}, {Directory: &Directory{}}, {}} {
		for _, name := range FileNames() {
			tree := files(t, map[string]string{"root/" + name: "resources: [d.yaml]\nnamespace: dev\nnamePrefix: d-\n", "root/d.yaml": deployment})
			o := controller
			o.Fields = fields
			r, err := Build(t.Context(), tree, "root", o)
			require.NoError(t, err)
			require.Equal(t, []string{"prod/p-web-s"}, names(r.Objects))
			require.EqualValues(t, 7, field(t, r.Objects[0], "spec", "replicas"))
			require.Equal(t, "example.com/web:9", image(t, r.Objects[0]))
			require.Equal(t, "root/"+name, r.Kustomization)
			require.Equal(t, slices.Sorted(slices.Values([]string{"root/d.yaml", "root/" + name})), r.Files)
		}
	}
	// Flux sets them on what it generates too; Argo CD has nothing to set them on.
	tree := files(t, map[string]string{"root/d.yaml": deployment})
	r, err := Build(t.Context(), tree, "root", Options{Generate: true, Fields: fields})
	require.NoError(t, err)
	require.Equal(t, []string{"prod/p-web-s"}, names(r.Objects))
	require.Empty(t, r.Kustomization)
	require.Equal(t, []string{"root/d.yaml"}, r.Files)
	_, err = Build(t.Context(), tree, "root", Options{Directory: &Directory{}, Fields: fields})
	require.ErrorContains(t, err, "root: has no kustomization, and the sync object sets fields of one")
}

// Images and the like are merged as each controller does it.
func TestFieldsAreMerged(t *testing.T) {
	flux, argo := Options{Generate: true}, Options{Directory: &Directory{}}
	digest := "sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct {
		name string
		own  string
		o    Options
		set  map[string]any
		want string // in the merged kustomization, as JSON
	}{
		{"Flux keeps what is not set", "images: [{name: a, newName: b, newTag: '1'}]", flux, map[string]any{"images": []any{map[string]any{"name": "a", "newTag": "2"}}}, `"images":[{"name":"a","newName":"b","newTag":"2"}]`},
		{"tag and digest are one choice", "images: [{name: a, digest: '" + digest + "'}]", flux, map[string]any{"images": []any{map[string]any{"name": "a", "newTag": "2"}}}, `"images":[{"name":"a","newTag":"2"}]`},
		{"a name alone keeps both", "images: [{name: a, newTag: '1'}]", flux, map[string]any{"images": []any{map[string]any{"name": "a", "newName": "c"}}}, `"images":[{"name":"a","newName":"c","newTag":"1"}]`},
		{"Argo CD keeps nothing, and sorts", "images: [{name: z}, {name: a, newName: b, newTag: '1'}]", argo, map[string]any{"images": []any{map[string]any{"name": "a", "newTag": "2"}, map[string]any{"name": "k", "newTag": "3"}}}, `"images":[{"name":"a","newTag":"2"},{"name":"k","newTag":"3"},{"name":"z"}]`},
		{"but what is set to *", "images: [{name: a, newName: b, newTag: '1'}]", argo, map[string]any{"images": []any{map[string]any{"name": "a", "newName": "*", "newTag": "2", "digest": "*"}}}, `"images":[{"name":"a","newName":"b","newTag":"2"}]`},
		{"replicas by name", "replicas: [{name: b, count: 1}, {name: a, count: 1}]", argo, map[string]any{"replicas": []any{map[string]any{"name": "a", "count": 5}}}, `"replicas":[{"count":5,"name":"a"},{"count":1,"name":"b"}]`},
		{"labels into the entry of the same kind", "labels: [{pairs: {a: b}, includeSelectors: true}, {pairs: {c: d}}]", argo, map[string]any{"labels": []any{map[string]any{"pairs": map[string]any{"e": "f"}}}}, `"labels":[{"includeSelectors":true,"pairs":{"a":"b"}},{"pairs":{"c":"d","e":"f"}}]`},
		{"or into a new one", "labels: [{pairs: {a: b}}]", argo, map[string]any{"labels": []any{map[string]any{"pairs": map[string]any{"e": "f"}, "includeTemplates": true}}}, `"labels":[{"pairs":{"a":"b"}},{"includeTemplates":true,"pairs":{"e":"f"}}]`},
		{"annotations by key", "commonAnnotations: {a: b, c: d}", argo, map[string]any{"commonAnnotations": map[string]any{"c": "e"}}, `"commonAnnotations":{"a":"b","c":"e"}`},
		{"labels by key", "commonLabels: {a: b}", argo, map[string]any{"commonLabels": map[string]any{"a": "e"}}, `"commonLabels":{"a":"e"}`},
		{"Flux names a component twice", "components: [../a]", flux, map[string]any{"components": []any{"../a", "../b"}}, `"components":["../a","../a","../b"]`},
		{"Argo CD does not", "components: [../a]", argo, map[string]any{"components": []any{"../a", "../b"}}, `"components":["../a","../b"]`},
		{"patches are appended", "patches: [{path: a.yaml}]", argo, map[string]any{"patches": []any{map[string]any{"path": "b.yaml"}}}, `"patches":[{"path":"a.yaml"},{"path":"b.yaml"}]`},
		{"metadata of the build is replaced", "resources: [a.yaml]\nbuildMetadata: [originAnnotations]", flux, map[string]any{"buildMetadata": []any{"managedByLabel"}}, `"buildMetadata":["managedByLabel"]`},
		{"values become texts", "resources: [a.yaml]", flux, map[string]any{"patchesStrategicMerge": []any{map[string]any{"kind": "A"}}}, `"patchesStrategicMerge":["{\"kind\":\"A\"}"]`},
		{"operations become texts", "resources: [a.yaml]", flux, map[string]any{"patchesJson6902": []any{map[string]any{"target": map[string]any{"kind": "A"}, "patch": []any{map[string]any{"op": "remove", "path": "/a"}}}}}, `"patch":"[{\"op\":\"remove\",\"path\":\"/a\"}]"`},
		{"Flux reads numbers as texts", "commonLabels: {v: 1.10}\nunknown: {}", flux, nil, `"commonLabels":{"v":"1.1"}`},
		{"Flux fills what lists no resources", "components: [../a]", flux, nil, `"buildMetadata":["originAnnotations"]`},
	} {
		c.o.Fields = c.set
		s := newSession(t.Context(), files(t, map[string]string{"a.yaml": configMap}), "", c.o)
		data, err := s.merged([]byte(c.own+"\n"), nil)
		require.NoError(t, err, c.name)
		var doc any
		require.NoError(t, yaml.Unmarshal(data, &doc), c.name)
		require.Contains(t, asJSON(doc), c.want, c.name)
	}
}

// The guard sees what is built, not what is in the file.
func TestThreatA9FieldsAreGuarded(t *testing.T) {
	tree := files(t, map[string]string{"root/kustomization.yaml": "resources: [a.yaml]\n", "root/a.yaml": configMap, "plain/a.yaml": configMap})
	for _, root := range []string{"root", "plain"} {
		for _, component := range []string{"https://example.com/x.git//c", "git@example.com:x/y", "/etc", "../../etc"} {
			_, err := Build(t.Context(), tree, root, Options{Generate: true, Fields: map[string]any{"components": []any{component}}})
			var bad *Error
			require.ErrorAs(t, err, &bad, component)
			require.Regexp(t, "outside|cannot be absolute", bad.Reason, component)
		}
	}
}

func TestOptionalComponents(t *testing.T) {
	tree := files(t, map[string]string{
		"root/kustomization.yaml": "resources: [a.yaml]\n", "root/a.yaml": configMap,
		"there/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamespace: moved\n",
	})
	fields := map[string]any{"components": []any{"../there", "../gone", "../../gone"}}
	r, err := Build(t.Context(), tree, "root", Options{Generate: true, Fields: fields, OptionalComponents: true})
	require.NoError(t, err)
	require.Equal(t, []string{"moved/a"}, names(r.Objects))
	_, err = Build(t.Context(), tree, "root", Options{Generate: true, Fields: fields})
	var bad *Error
	require.ErrorAs(t, err, &bad)
	require.Contains(t, bad.Looked, "gone", "a component that comes makes it another build")
}

// Labels and annotations of the sync object win, and come last.
func TestCommonMetadata(t *testing.T) {
	tree := files(t, map[string]string{"root/a.yaml": deployment})
	r, err := Build(t.Context(), tree, "root", Options{
		Generate: true, Labels: map[string]string{"app": "other", "team": "x"}, Annotations: map[string]string{"note": "${V}"}, Substitute: map[string]string{"V": "1"},
	})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"app": "other", "team": "x"}, r.Objects[0].GetLabels())
	require.Equal(t, map[string]string{"note": "${V}"}, r.Objects[0].GetAnnotations())
	require.Equal(t, map[string]any{"app": "web"}, field(t, r.Objects[0], "spec", "selector", "matchLabels"))
}
