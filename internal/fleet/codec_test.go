package fleet

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func documentCode(c *codec, d *cacheDocument) { d.code(c) }

func document() cacheDocument {
	three := int64(3)
	e := &entry{Mode: "{}", Root: "apps/eu", Cover: []string{"apps/eu", "base"}, Failure: "why", Missing: []string{}}
	e.pack([]object{
		{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web", File: "base/web.yaml", Data: `{"kind":"Deployment"}`, Indexed: true, Workload: &Workload{
			Kind: "Deployment", Name: "web", Labels: map[string]string{"app": "web"}, Selector: map[string]string{}, Replicas: &three, HostNetwork: true,
			Containers: []Container{{Name: "main", Image: "web:1", Ports: []Port{{"http", 8080, "TCP"}, {"", -1, ""}}}},
		}, Init: []Container{{Name: "init"}}},
		{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Name: "web", Scales: &scaleTarget{"apps/v1", "Deployment", "web"}},
		{APIVersion: "argoproj.io/v1alpha1", Kind: "Application", Name: "leads", Data: `{"kind":"Application"}`},
	})
	return cacheDocument{Root: "0123", Hashes: "packed", Entries: []*entry{e, {Root: "empty"}}}
}

func TestCodecReadsWhatItWrote(t *testing.T) {
	want := document()
	var got cacheDocument
	require.True(t, read(string(write(&want, documentCode)), &got, documentCode))
	require.Equal(t, want.Entries[0].Leads, got.Entries[0].Leads)
	objects := got.Entries[0].objects()
	require.Equal(t, want.Entries[0].objects(), objects)
	require.Equal(t, []string{`{"kind":"Deployment"}`, "", `{"kind":"Application"}`}, []string{objects[0].json(), objects[1].json(), objects[2].json()})
	require.Equal(t, int64(-1), objects[0].Workload.Containers[0].Ports[1].Number)
	require.Equal(t, map[string]string{}, objects[0].Workload.Selector)
	require.Empty(t, got.Entries[1].objects())
}

// FuzzCodec reads what no codec wrote.
func FuzzCodec(f *testing.F) {
	d := document()
	whole := string(write(&d, documentCode))
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
	f.Fuzz(func(t *testing.T, data string) {
		var got cacheDocument
		if !read(data, &got, documentCode) {
			return
		}
		for _, e := range got.Entries {
			if e == nil {
				continue
			}
			for _, o := range e.objects() {
				_ = o.json()
			}
		}
		var again cacheDocument
		require.True(t, read(string(write(&got, documentCode)), &again, documentCode))
	})
}

// A change costs what it concerns: of 40 roots of three clusters, the cache of
// one cluster is written anew when a file of it changes.
func TestChangeRewritesOneCluster(t *testing.T) {
	files, config := map[string]string{}, "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n"
	for _, c := range []string{"a", "b", "c"} {
		config += fmt.Sprintf("  - {name: %s, gitops: flux, roots: [{path: %s/*, name: apps}]}\n", c, c)
		for i := range 2*atOnce + 8 {
			files[fmt.Sprintf("%s/r%d/kustomization.yaml", c, i)] = "resources: [web.yaml]\n"
			files[fmt.Sprintf("%s/r%d/web.yaml", c, i)] = manifest("Deployment", fmt.Sprintf("n%d", i), "web")
		}
	}
	files[ConfigFile] = config
	o := Options{CacheDir: t.TempDir()}
	all := func(files map[string]string) {
		for _, c := range []string{"a", "b", "c"} {
			require.Len(t, indexTree(t, treeOf(t, files), o, c).Workloads(), 2*atOnce+8)
		}
	}
	kept := func() map[string]os.FileInfo {
		names, err := filepath.Glob(filepath.Join(o.CacheDir, "fleet-*.index"))
		require.NoError(t, err)
		infos := map[string]os.FileInfo{}
		for _, n := range names {
			infos[n], err = os.Stat(n)
			require.NoError(t, err)
		}
		return infos
	}
	all(files)
	before := kept()
	require.Len(t, before, 6, "what each cluster renders, and what its roots read")
	all(with(files, "b/r7/web.yaml", manifest("Deployment", "n7", "web", "v: x2")))
	changed := map[string]bool{}
	for name, info := range kept() {
		if !os.SameFile(before[name], info) {
			changed[name] = true
		}
	}
	require.Equal(t, map[string]bool{openCache(o.CacheDir, "b").file: true, openCache(o.CacheDir, "readers of b").file: true}, changed)
}
