package kustomize

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops"
)

// files makes a tree; a text without kind is taken as it is.
func files(t testing.TB, content map[string]string) *gitops.Tree {
	t.Helper()
	all := make(map[string][]byte, len(content))
	for name, text := range content {
		all[name] = []byte(text)
	}
	tree, err := gitops.NewTree(all)
	require.NoError(t, err)
	return tree
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n"

func names(objects []*unstructured.Unstructured) (out []string) {
	for _, o := range objects {
		out = append(out, strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/"))
	}
	return out
}

// onDisk writes a tree's files to a folder.
func onDisk(t *testing.T, all map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range all {
		full := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, content, 0o600))
	}
	return dir
}

// Every kustomization of the example fleet comes out of Git objects as the
// library builds it on disk, to the byte.
func TestSameAsOnDisk(t *testing.T) {
	all, err := examples.Fleet()
	require.NoError(t, err)
	dir := onDisk(t, all)
	tree, err := gitops.NewTree(all)
	require.NoError(t, err)
	built := 0
	for name := range all {
		root, file := path.Split(name)
		if file != "kustomization.yaml" {
			continue
		}
		want, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(dir, root))
		require.NoError(t, err)
		wantObjects, err := plain(want)
		require.NoError(t, err)
		have, err := Build(t.Context(), tree, root, Options{})
		require.NoError(t, err)
		require.Equal(t, wantObjects, have.Objects, root)
		require.Contains(t, have.Files, name)
		for _, f := range have.Files {
			require.Contains(t, all, f)
		}
		built++
	}
	require.Greater(t, built, 10)
}

func TestResult(t *testing.T) {
	tree := files(t, map[string]string{
		"apps/prod/kustomization.yaml": "resources: [../base, own.yaml]\ntransformers: [../../hook, ./local.yaml]\npatches: [{path: p.yaml}]\nconfigMapGenerator: [{name: g, files: [x=data.txt], envs: [e.env]}]\n",
		"apps/prod/own.yaml":           strings.ReplaceAll(configMap, "name: a", "name: own"),
		"apps/prod/p.yaml":             strings.ReplaceAll(configMap, "k: v", "k: patched"),
		"apps/prod/local.yaml":         "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: n, namespace: moved}\n",
		"apps/prod/data.txt":           "hello",
		"apps/prod/e.env":              "A=b\n",
		"apps/prod/unread.yaml":        "{",
		"apps/base/kustomization.yml":  "resources: [a.yaml]\n",
		"apps/base/a.yaml":             configMap,
		"hook/kustomization.yaml":      "sortOptions: {order: fifo}\nresources:\n  # nothing yet\n",
	})
	r, err := Build(t.Context(), tree, "./apps/prod/", Options{})
	require.NoError(t, err)
	require.Len(t, r.Objects, 3)
	require.Equal(t, []string{"moved/a", "moved/own"}, names(r.Objects)[:2])
	require.Equal(t, "patched", r.Objects[0].Object["data"].(map[string]any)["k"])
	require.Equal(t, "apps/prod/kustomization.yaml", r.Kustomization)
	require.Equal(t, []string{"hook", "apps/prod/local.yaml"}, r.Transformers)
	require.Equal(t, []string{
		"apps/base/a.yaml", "apps/base/kustomization.yml", "apps/prod/data.txt", "apps/prod/e.env", "apps/prod/kustomization.yaml",
		"apps/prod/local.yaml", "apps/prod/own.yaml", "apps/prod/p.yaml", "hook/kustomization.yaml",
	}, r.Files)

	kustomizations, _, err := Follow(t.Context(), tree, "apps/prod", Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"apps/base/kustomization.yml", "apps/prod/kustomization.yaml", "hook/kustomization.yaml"}, kustomizations)
}

// A directory without a kustomization is what its controller makes of it.
func TestPlainDirectories(t *testing.T) {
	named := func(n string) string { return strings.ReplaceAll(configMap, "name: a", "name: "+n) }
	tree := files(t, map[string]string{
		"root/README.md":                 "# not a manifest",
		"root/b.yml":                     named("b"),
		"root/a.yaml":                    named("a"),
		"root/j.json":                    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"j"}}`,
		"root/sub/c.yaml":                named("c"),
		"root/sub/deep/d.yaml":           named("d"),
		"root/inc-1/kustomization.yaml":  "resources: [contain.yaml]\n",
		"root/inc-1/contain.yaml":        named("contain"),
		"root/inc-1/incident.yaml":       "the record: is no manifest\n",
		"empty/README.md":                "keeps the directory",
		"chart/Chart.yaml":               "name: x\n",
		"jsonnet/x.jsonnet":              "{}",
		"broken/a.yaml":                  "a: [",
		"own/kustomization.yaml":         "resources: [a.yaml]\n",
		"own/a.yaml":                     named("own"),
		"own/not-listed.yaml":            named("other"),
		"incident-response/c/README.md":  "no incident is open",
		"incident-response/c/i/x/y.yaml": named("y"),
	})
	flux, argo := Options{Generate: true}, Options{Directory: &Directory{}}
	for _, c := range []struct {
		root string
		o    Options
		want []string
	}{
		{"root", flux, []string{"a", "b", "contain", "c", "d"}},
		{"root", argo, []string{"a", "b", "j"}},
		{"empty", flux, nil},
		{"empty", argo, nil},
		{"own", flux, []string{"own"}},
		{"own", argo, []string{"own"}},
		{"incident-response/c", flux, []string{"y"}},
	} {
		r, err := Build(t.Context(), tree, c.root, c.o)
		require.NoError(t, err, "%v", c)
		require.Equal(t, c.want, names(r.Objects), "%v", c)
	}
	for _, c := range []struct {
		root   string
		o      Options
		file   string
		reason string
	}{
		{"root", Options{}, "root", "unable to find one of"},
		{"chart", argo, "chart/Chart.yaml", "Helm chart"},
		{"jsonnet", argo, "jsonnet/x.jsonnet", "Jsonnet"},
		{"broken", flux, "broken/a.yaml", "did not find expected node content"},
		{"absent", flux, "absent", "not"},
		{"root/a.yaml", flux, "root/a.yaml", "not a directory"},
	} {
		_, err := Build(t.Context(), tree, c.root, c.o)
		var bad *Error
		require.ErrorAs(t, err, &bad, "%v", c)
		require.Contains(t, bad.Reason, c.reason)
		require.Equal(t, c.file, bad.File)
		require.NotContains(t, bad.Error(), mountPoint)
		require.NotContains(t, bad.Error(), "\n")
	}
	// A whole repository is a root too.
	r, err := Build(t.Context(), files(t, map[string]string{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": configMap}), ".", Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names(r.Objects))
	require.Equal(t, "kustomization.yaml", r.Kustomization)
}

// What a failure depends on is told, what is not there included.
func TestErrorSaysWhatItLookedAt(t *testing.T) {
	tree := files(t, map[string]string{"root/kustomization.yaml": "resources: [../lib/gone.yaml]\n"})
	_, err := Build(t.Context(), tree, "root", Options{})
	var bad *Error
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "root/kustomization.yaml", bad.File)
	require.Contains(t, bad.Looked, "lib/gone.yaml")
	require.Contains(t, bad.Looked, "root/kustomization.yaml")
}

// Builds run side by side; one that sets the library's schema does not leak it
// into the others.
func TestConcurrentBuildsKeepTheirSchema(t *testing.T) {
	schema := `{"definitions":{"v1.Box":{"properties":{"spec":{"properties":{"list":{"type":"array","items":{"type":"object"},` +
		`"x-kubernetes-patch-merge-key":"name","x-kubernetes-patch-strategy":"merge"}}}},"x-kubernetes-group-version-kind":[{"group":"x.io","kind":"Box","version":"v1"}]}}}`
	box := "apiVersion: x.io/v1\nkind: Box\nmetadata: {name: a}\nspec: {list: [{name: one, v: 1}, {name: two, v: 2}]}\n"
	patch := "apiVersion: x.io/v1\nkind: Box\nmetadata: {name: a}\nspec: {list: [{name: one, v: 9}]}\n"
	tree := files(t, map[string]string{
		"own/kustomization.yaml":   "resources: [../box.yaml]\nopenapi: {path: schema.json}\npatches: [{path: ../patch.yaml}]\n",
		"own/schema.json":          schema,
		"stock/kustomization.yaml": "resources: [../box.yaml]\npatches: [{path: ../patch.yaml}]\n",
		"box.yaml":                 box,
		"patch.yaml":               patch,
	})
	var wg sync.WaitGroup
	sizes := make([]int, 24)
	for i := range sizes {
		wg.Go(func() {
			root := "stock"
			if i%6 == 0 {
				root = "own"
			}
			r, err := Build(t.Context(), tree, root, Options{})
			if err == nil {
				list, _, _ := unstructured.NestedSlice(r.Objects[0].Object, "spec", "list")
				sizes[i] = len(list)
			}
		})
	}
	wg.Wait()
	for i, n := range sizes {
		want := 1 // without a schema a list is replaced
		if i%6 == 0 {
			want = 2
		}
		require.Equal(t, want, n, "build %d", i)
	}
}

func TestContextEnds(t *testing.T) {
	cause := errors.New("the job's time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, err := Build(ctx, files(t, map[string]string{"root/kustomization.yaml": "resources: []\n"}), "root", Options{})
	require.ErrorIs(t, err, cause)
	var bad *Error
	require.NotErrorAs(t, err, &bad, "the repository is not to blame")
}

// BenchmarkBuild renders a root of the example fleet.
func BenchmarkBuild(b *testing.B) {
	all, err := examples.Fleet()
	require.NoError(b, err)
	tree, err := gitops.NewTree(all)
	require.NoError(b, err)
	for b.Loop() {
		if _, err := Build(b.Context(), tree, "apps/prod-eu", Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(all)), "files")
}
