package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/kustomize"
)

func messages(ix *Index) (out []string) {
	for _, f := range ix.Findings() {
		out = append(out, f.Root+": "+f.File+": "+f.Message)
	}
	return out
}

func TestWorkload(t *testing.T) {
	ix := indexOf(t, `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop, labels: {not: seen}}
spec:
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db, tier: back}}
    spec:
      serviceAccountName: db
      hostNetwork: true
      initContainers:
        - {name: setup, image: setup}
        - {name: proxy, image: proxy, restartPolicy: Always}
      containers:
        - {name: main, image: 'db:1', ports: [{name: sql, containerPort: 5432}, {containerPort: 53, protocol: UDP}]}
`, manifest("Deployment", "shop", "plain"))
	three := int64(3)
	require.Equal(t, Workload{
		Cluster: "c", Namespace: "shop", Kind: "StatefulSet", Name: "db", APIVersion: "apps/v1", Root: "apps", File: "apps/000.yaml",
		Labels: map[string]string{"app": "db", "tier": "back"}, Selector: map[string]string{"app": "db"}, ServiceAccount: "db", HostNetwork: true, Replicas: &three,
		Containers: []Container{{Name: "proxy", Image: "proxy"}, {Name: "main", Image: "db:1", Ports: []Port{{"sql", 5432, "TCP"}, {"", 53, "UDP"}}}},
	}, workload(t, ix, "StatefulSet", "shop", "db"))
	require.Equal(t, "default", workload(t, ix, "Deployment", "shop", "plain").ServiceAccount)
}

// A fleet that lies in one corner still answers in the others, and says which
// file to look at.
func TestFindings(t *testing.T) {
	ok := manifest("Deployment", "shop", "web")
	files := map[string]string{
		ConfigFile: "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters: [{name: c, gitops: flux, roots: [{path: good}, {path: gone}, {path: file.yaml}, {path: broken}, {path: remote}," +
			" {path: helm}, {path: cycle}, {path: 'teams/*', name: teams}, {path: 'none/*', name: none}, {path: homeless}, {path: again}, {path: bomb}, {path: empty}]}]\n",
		"good/kustomization.yaml":     "resources: [web.yaml]\n",
		"good/web.yaml":               ok,
		"file.yaml":                   ok,
		"broken/kustomization.yaml":   "resources: [a.yaml]\n",
		"broken/a.yaml":               "kind: [\n",
		"remote/kustomization.yaml":   "resources: ['https://example.com/x.yaml']\n",
		"helm/kustomization.yaml":     "helmCharts: [{name: x}]\n",
		"cycle/kustomization.yaml":    "resources: [../cycle2]\n",
		"cycle2/kustomization.yaml":   "resources: [../cycle]\n",
		"teams/a.b/kustomization.yml": "namespace: ab\nresources: [../../good]\n",
		"teams/a-b/kustomization.yml": "namespace: a-b\nresources: [../../good]\n",
		"teams/.hidden/x.yaml":        ok,
		"teams/README.md":             "",
		"homeless/a.yaml":             strings.Replace(ok, ", namespace: shop", "", 1),
		"again/kustomization.yaml":    "resources: [../good]\n",
		"bomb/a.yaml":                 "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + strings.Repeat("b: &a [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n", 12),
		"empty/README.md":             "",
	}
	ix := indexTree(t, treeOf(t, files), Options{}, "c")
	found := messages(ix)
	for i, want := range []string{
		"bomb: bomb/a.yaml: its aliases write out to more than",
		"broken: broken/a.yaml: accumulating resources",
		"cycle: cycle/kustomization.yaml: accumulating resources",
		"file.yaml: .irgit.yaml: the root file.yaml is not a directory",
		"gone: .irgit.yaml: the root gone is declared and not there",
		"good: good: Deployment shop/web is rendered by again as well",
		"helm: helm/kustomization.yaml: only a part of the root is known: Helm chart x",
		"homeless: .irgit.yaml: 1 workloads of homeless have no namespace",
		"none/*: .irgit.yaml: the root none/* is declared and not there",
		"remote: remote/kustomization.yaml: only a part of the root is known: resources: \"https://example.com/x.yaml\"",
	} {
		require.Less(t, i, len(found))
		require.Contains(t, found[i], want)
	}
	require.Len(t, ix.Findings(), 10)
	require.Equal(t, []string{"Deployment /web", "Deployment a-b/web", "Deployment ab/web", "Deployment shop/web", "Deployment shop/web"}, namesOf(ix.Workloads()))

	r := ix.Resolve(Query{Namespace: "shop", Pod: "web-5d4f8c7b96-x7k2p"})
	require.Equal(t, Ambiguous, r.State, "two roots render it")
	require.Contains(t, r.Reason, "Deployment shop/web of good")
	require.Contains(t, ix.Resolve(Query{Namespace: "shop", Pod: "ghost"}).Reason, "5 roots do not build whole")

	w := ix.inNamespace("a-b")[0]
	require.Equal(t, "teams/a-b", w.Root)
	require.Equal(t, "incident-response/patches/c/teams-a-b", ix.roots["teams/a-b"].Hook)
	require.Regexp(t, `^incident-response/patches/c/teams-a-b-[0-9a-f]{8}$`, ix.roots["teams/a.b"].Hook, "the names of two roots never meet")
}

// targetNamespace is what the controller does with it.
func TestTargetNamespace(t *testing.T) {
	for gitops, want := range map[string]string{"flux": "Deployment over/here Deployment over/there", "argocd": "Deployment over/here Deployment own/there"} {
		ix := indexTree(t, treeOf(t, map[string]string{
			ConfigFile:     "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters: [{name: c, gitops: " + gitops + ", roots: [{path: apps, targetNamespace: over}]}]\n",
			"apps/a.yaml":  strings.Replace(manifest("Deployment", "x", "here"), ", namespace: x", "", 1),
			"apps/b.yaml":  manifest("Deployment", "own", "there"),
			"apps/ns.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: over, labels: {a: b}}\n",
		}), Options{}, "c")
		require.Equal(t, want, strings.Join(namesOf(ix.Workloads()), " "))
		require.Contains(t, ix.Namespaces(), Namespace{"over", map[string]string{"a": "b"}})
	}
}

// A root that is a link, or lies behind one, is a finding.
func TestThreatB2LinkedRoots(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	write(ConfigFile, "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters: [{name: c, gitops: flux, roots: [{path: link}, {path: link/sub}, {path: module}, {path: real}, {path: 'link/*', name: all}]}]\n")
	write("real/a.yaml", manifest("Deployment", "shop", "web"))
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "link")))
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,module"}, {"commit", "-q", "-m", "Links"}} {
		_, err := gittest.Git(t.Context(), dir, args...)
		require.NoError(t, err)
	}
	remote, err := gitops.Open(t.Context(), gitops.Options{URL: dir})
	require.NoError(t, err)
	head, _ := remote.Branch("main")
	tree, err := remote.Tree(t.Context(), head)
	require.NoError(t, err)
	ix := indexTree(t, tree, Options{}, "c")
	require.Equal(t, []string{"Deployment shop/web"}, namesOf(ix.Workloads()))
	require.Len(t, ix.Findings(), 4, "%v", messages(ix))
	for _, m := range messages(ix) {
		require.Regexp(t, "symlink|not a directory", m)
	}
}

func fluxKey(root string) entryKey {
	return want{path: root, options: kustomize.Options{Generate: true}}.key()
}

// Whatever changes from one Index to the next, with a cache the answer is the
// one without.
func TestCache(t *testing.T) {
	o := Options{CacheDir: filepath.Join(t.TempDir(), "cache")}
	files := with(twoClusters(), "infra/eu/extra.yaml", "kind: [")
	first := indexTree(t, treeOf(t, files), o, "eu")
	state := openCache(o.CacheDir, "eu").load()
	require.Len(t, state.entries, 2, "the cluster's roots")
	require.Len(t, openCache(o.CacheDir, "readers of us").load().entries, 1, "what the other cluster's root reads")
	require.Equal(t, []string{"apps/eu", "base", "incident-response/patches/eu/apps"}, state.entries[fluxKey("apps/eu")].Cover)

	same := func(a, b *Index) {
		t.Helper()
		require.Equal(t, a.Workloads(), b.Workloads())
		require.Equal(t, a.Findings(), b.Findings())
		require.Equal(t, a.Namespaces(), b.Namespaces())
		ha, ea := a.Hook(a.Workloads()[len(a.Workloads())-1])
		hb, eb := b.Hook(b.Workloads()[len(b.Workloads())-1])
		require.Equal(t, ha, hb)
		require.Equal(t, ea, eb)
	}
	same(first, indexTree(t, treeOf(t, files), o, "eu"))

	for _, change := range [][]string{
		{"base/web.yaml", manifest("Deployment", "shop", "other")},
		{"unrelated.txt", "x"},
		{"infra/eu/kustomization.yaml", "resources: [agent.yaml, gone.yaml]\n"},
		{"infra/eu/gone.yaml", manifest("Deployment", "infra", "found")},
		{"infra/eu/gone.yaml", "kind: ["},
		{"infra/eu/gone.yaml", manifest("Deployment", "infra", "repaired")},
		{"apps/eu/kustomization.yaml", "resources: [../../base]\n"},
		{"apps/eu/Kustomization", "resources: []\n"}, // two of them: it does not build
		{"apps/us/kustomization.yaml", "resources: [../eu]\n"},
		{"base/kustomization.yaml", "resources: [web.yaml, ../later.yaml]\n"},
		{"later.yaml", manifest("Deployment", "shop", "later")},
		{ConfigFile, strings.Replace(twoClusters()[ConfigFile], "name: eu, gitops: flux", "name: eu, gitops: argocd", 1)},
		{ConfigFile, strings.Replace(twoClusters()[ConfigFile], "{path: infra/eu, name: infra}", "{path: infra/eu, name: infra, targetNamespace: moved}", 1)},
	} {
		files = with(files, change...)
		tree := treeOf(t, files)
		cached := indexTree(t, tree, o, "eu")
		require.Equal(t, indexTree(t, tree, Options{}, "eu").Findings(), cached.Findings(), change[0])
		same(indexTree(t, tree, Options{}, "eu"), cached)
		same(indexTree(t, tree, o, "eu"), cached)
	}
}

// A failure outside the root is found again when the file it missed appears.
func TestCacheOfFailures(t *testing.T) {
	o := Options{CacheDir: t.TempDir()}
	files := map[string]string{"apps/kustomization.yaml": "resources: [../lib/web.yaml]\n", "other/x": ""}
	require.Len(t, indexTree(t, treeOf(t, files), o, "c").Findings(), 1)
	entry := openCache(o.CacheDir, "c").load().entries[fluxKey("apps")]
	require.Contains(t, entry.Cover, "lib/web.yaml")
	require.NotContains(t, entry.Cover, ".", "the failure holds until what it looked at changes")
	ix := indexTree(t, treeOf(t, with(files, "lib/web.yaml", manifest("Deployment", "shop", "web"))), o, "c")
	require.Empty(t, ix.Findings())
	require.Len(t, ix.Workloads(), 1)
}

// With a warm cache only what changed is read, and with nothing changed
// nothing is built: the server does not have to be there.
func TestCacheReadsOnlyWhatChanged(t *testing.T) {
	files := map[string][]byte{}
	for name, text := range twoClusters() {
		files[name] = []byte(text)
	}
	for i := range 30 {
		files[fmt.Sprintf("infra/eu/unused/%d/big.yaml", i)] = []byte(strings.Repeat(fmt.Sprintf("# %d\n", i), 2000))
	}
	dir, o := t.TempDir(), Options{CacheDir: t.TempDir()}
	_, err := gittest.NewRepository(t.Context(), dir, "fleet.git", files)
	require.NoError(t, err)
	server, err := gittest.Serve(t.Context(), dir, gittest.Options{})
	require.NoError(t, err)
	defer func() { _ = server.Close() }()
	traffic := func() (int64, *Index) {
		remote, err := gitops.Open(t.Context(), gitops.Options{URL: server.URL + "/fleet.git"})
		require.NoError(t, err)
		head, _ := remote.Branch("main")
		tree, err := remote.Tree(t.Context(), head)
		require.NoError(t, err)
		ix := indexTree(t, tree, o, "eu")
		return remote.Traffic(), ix
	}
	cold, first := traffic()
	warm, second := traffic()
	require.Equal(t, first.Workloads(), second.Workloads())
	require.Less(t, warm, cold/2, "cold %d bytes, warm %d", cold, warm)
}

// Whatever lies in the cache directory, the answer is right.
func TestCacheThatIsBroken(t *testing.T) {
	o := Options{CacheDir: filepath.Join(t.TempDir(), "cache")}
	tree := treeOf(t, twoClusters())
	want := indexTree(t, tree, Options{}, "eu").Workloads()
	indexTree(t, tree, o, "eu")
	file := openCache(o.CacheDir, "eu").file
	good, err := os.ReadFile(file)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)/2] ^= 1
	for what, data := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)/2], "cut in the head": good[:len(cacheFormat)+2], "flipped": flipped, "junk": []byte("junk"), "another format": []byte("irgit fleet index 0\n0000"),
	} {
		require.NoError(t, os.WriteFile(file, data, 0o600))
		require.Equal(t, want, indexTree(t, tree, o, "eu").Workloads(), what)
		repaired, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Len(t, repaired, len(good), what)
	}
	// A place where nothing can be kept costs time, not the answer.
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	require.Equal(t, want, indexTree(t, tree, Options{CacheDir: filepath.Join(blocked, "cache")}, "eu").Workloads())
}

// Processes that share a cache directory, on different revisions.
func TestCacheIsShared(t *testing.T) {
	o := Options{CacheDir: t.TempDir()}
	var wg sync.WaitGroup
	wrong := make(chan string, 100)
	for i := range 4 {
		name := fmt.Sprintf("web%d", i)
		tree := treeOf(t, with(twoClusters(), "base/web.yaml", manifest("Deployment", "shop", name)))
		wg.Go(func() {
			for range 5 {
				f, err := Load(t.Context(), tree, o)
				if err != nil {
					wrong <- err.Error()
					return
				}
				ix, err := f.Index(t.Context(), "eu")
				if err != nil || len(ix.Workloads()) != 2 || ix.Workloads()[1].Name != name {
					wrong <- fmt.Sprint(name, err)
				}
			}
		})
	}
	wg.Wait()
	close(wrong)
	for w := range wrong {
		require.Fail(t, "wrong answer", w)
	}
}

// What is wrong with the world is an error, not a finding that is kept.
func TestIndexFailsWithTheRepository(t *testing.T) {
	files := map[string][]byte{}
	for name, text := range twoClusters() {
		files[name] = []byte(text)
	}
	dir, o := t.TempDir(), Options{CacheDir: t.TempDir()}
	_, err := gittest.NewRepository(t.Context(), dir, "fleet.git", files)
	require.NoError(t, err)
	server, err := gittest.Serve(t.Context(), dir, gittest.Options{})
	require.NoError(t, err)
	remote, err := gitops.Open(t.Context(), gitops.Options{URL: server.URL + "/fleet.git"})
	require.NoError(t, err)
	head, _ := remote.Branch("main")
	tree, err := remote.Tree(t.Context(), head)
	require.NoError(t, err)
	f, err := Load(t.Context(), tree, o)
	require.NoError(t, err)
	require.NoError(t, server.Close())
	_, err = f.Index(t.Context(), "eu")
	require.ErrorIs(t, err, gitops.ErrUnreachable)

	cause := errors.New("time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	f, err = Load(t.Context(), treeOf(t, twoClusters()), o)
	require.NoError(t, err)
	cancel(cause)
	_, err = f.Index(ctx, "eu")
	require.ErrorIs(t, err, cause)
	require.Empty(t, openCache(o.CacheDir, "eu").load().entries)
}

// An Index is read by many at once.
func TestIndexIsConcurrent(t *testing.T) {
	ix := neighbours(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, w := range ix.Workloads() {
				ix.Services(w)
				ix.Selecting(w)
				ix.Object(ObjectRef{Kind: "Service", Namespace: "shop", Name: "web"})
				ix.Resolve(Query{Namespace: w.Namespace, Pod: w.Name + "-5d4f8c7b96-x7k2p"})
			}
		})
	}
	wg.Wait()
}

// What nobody writes any more does not stay for ever, and nothing else goes.
func TestCacheIsSwept(t *testing.T) {
	o := Options{CacheDir: t.TempDir()}
	old := time.Now().Add(-2 * maxAge)
	for _, name := range []string{"fleet-gone.index", "fleet-died.tmp", "fleet-other.txt", "else.index"} {
		file := filepath.Join(o.CacheDir, name)
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		require.NoError(t, os.Chtimes(file, old, old))
	}
	indexTree(t, treeOf(t, twoClusters()), o, "eu")
	left, err := filepath.Glob(filepath.Join(o.CacheDir, "*"))
	require.NoError(t, err)
	var names []string
	for _, file := range left {
		names = append(names, filepath.Base(file))
	}
	require.Subset(t, names, []string{"fleet-other.txt", "else.index"})
	require.NotContains(t, names, "fleet-gone.index")
	require.NotContains(t, names, "fleet-died.tmp")
	require.Len(t, names, 5, "the index of the cluster, and what the roots of each read")
}
