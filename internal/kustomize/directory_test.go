package kustomize

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What Argo CD's directory source takes of a directory, and what it makes of
// files that are no manifests.
func TestDirectory(t *testing.T) {
	named := func(n string) string { return strings.ReplaceAll(configMap, "name: a", "name: "+n) }
	object := func(n string) string {
		return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"` + n + `"}}`
	}
	tree := files(t, map[string]string{
		"root/a.yaml":                  named("a") + "---\n# nothing here\n---\n" + named("a2"),
		"root/list.yml":                "apiVersion: v1\nkind: List\nitems: [" + object("l1") + ", " + object("l2") + "]\n",
		"root/n.json":                  object("n"),
		"root/notes.txt":               "# no manifest",
		"root/skipped.yaml":            "# +argocd:skip-file-rendering\n" + named("skipped"),
		"root/values.yaml":             "image: {tag: 1}\n", // no manifest, and passed over
		"root/sub/s.yaml":              named("s"),
		"root/sub/kustomization.yaml":  "resources: [s.yaml]\n", // has no kind: passed over too
		"root/sub/deep/Chart.yaml":     "name: x\n",
		"root/sub/deep/d.yaml":         named("d"),
		"root/.hidden/h.yaml":          named("h"),
		"own/kustomization.yaml":       "resources: [a.yaml]\nnamePrefix: p-\n",
		"own/a.yaml":                   named("own"),
		"own/b.yaml":                   named("b"),
		"chart/Chart.yaml":             "name: x\n",
		"chart/a.yaml":                 named("a"),
		"both/Chart.yaml":              "name: x\n",
		"both/kustomization.yaml":      "resources: [a.yaml]\n",
		"both/a.yaml":                  named("both"),
		"jsonnet/a.yaml":               named("a"),
		"jsonnet/x.jsonnet":            "{}",
		"two/two.json":                 object("a") + object("b"),
		"broken/b.yaml":                "apiVersion: v1\nkind: [\nmetadata: {}\n",
		"half/h.yaml":                  named("a") + "---\nb: c\n",
		"kindless/k.json":              `{"a": 1}`,
		"anchors/a.yaml":               "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\na: &a [x]\nb: *a\n",
		"windows/w.yaml":               strings.ReplaceAll("\ufeff"+named("a")+"---\n"+named("b"), "\n", "\r\n"),
		"kustomized/kustomization.yml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [https://example.com]\n",
	})
	for _, c := range []struct {
		root string
		d    Directory
		want []string
	}{
		{"root", Directory{}, []string{"a", "a2", "l1", "l2", "n"}},
		{"root", Directory{Recurse: true}, []string{"h", "a", "a2", "l1", "l2", "n", "d", "s"}},
		{"root", Directory{Include: "*.json"}, []string{"n"}},
		{"root", Directory{Recurse: true, Include: "*.yaml"}, []string{"h", "a", "a2", "d", "s"}},
		{"root", Directory{Recurse: true, Include: "{a.yaml,sub/*.yaml}"}, []string{"a", "a2", "d", "s"}},
		{"root", Directory{Recurse: true, Exclude: "{*/deep/*,.hidden/*,l*}"}, []string{"a", "a2", "n", "s"}},
		{"root", Directory{Recurse: true, Include: "*", Exclude: "*"}, nil},
		{"root", Directory{Include: "[", Exclude: "["}, nil},
		{"own", Directory{}, []string{"p-own"}},
		{"own", Directory{Recurse: true}, []string{"own", "b"}},
		{"both", Directory{}, []string{"both"}},
		{"chart", Directory{Recurse: true}, []string{"a"}},
		{"anchors", Directory{}, []string{"a"}},
		{"windows", Directory{}, []string{"a", "b"}},
		{"kustomized", Directory{Recurse: true}, []string{""}},
	} {
		r, err := Build(t.Context(), tree, c.root, Options{Directory: &c.d})
		require.NoError(t, err, "%v", c)
		require.Equal(t, c.want, names(r.Objects), "%v", c)
	}
	for _, c := range []struct{ root, file, reason string }{
		{"two", "two/two.json", "one object only"},
		{"broken", "broken/b.yaml", "is no manifest"},
		{"half", "half/h.yaml", "Object 'Kind' is missing"},
		{"kindless", "kindless/k.json", "Object 'Kind' is missing"},
		{"absent", "absent", "not exist"},
	} {
		_, err := Build(t.Context(), tree, c.root, Options{Directory: &Directory{}})
		var bad *Error
		require.ErrorAs(t, err, &bad, c.root)
		require.Equal(t, c.file, bad.File)
		require.Contains(t, bad.Reason, c.reason)
		require.False(t, bad.Outside)
	}
	for _, c := range []struct {
		root, file string
		rest       []string
	}{
		{"chart", "chart/Chart.yaml", nil}, // nothing but the chart is applied
		{"jsonnet", "jsonnet/x.jsonnet", []string{"a"}},
	} {
		_, err := Build(t.Context(), tree, c.root, Options{Directory: &Directory{}})
		var bad *Error
		require.ErrorAs(t, err, &bad, c.root)
		require.Equal(t, c.file, bad.File)
		require.True(t, bad.Outside)
		r, err := Build(t.Context(), tree, c.root, Options{Directory: &Directory{}, Partial: true})
		require.NoError(t, err)
		require.Equal(t, c.rest, names(r.Objects))
		require.Len(t, r.Missing, 1)
		require.Contains(t, r.Missing[0], c.file+": ")
	}
}
