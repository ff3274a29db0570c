package fleet

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
)

// largeFleet is two clusters of n roots each; a root is an overlay of a base of
// its own with a Deployment, a Service, an autoscaler, two policies and a hook.
func largeFleet(n int) map[string]string {
	files := map[string]string{
		ConfigFile: "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n  - {name: eu, gitops: flux, roots: [{path: apps/eu/*, name: apps}]}\n  - {name: us, gitops: argocd, roots: [{path: apps/us/*, name: apps}]}\n",
	}
	for i := range n {
		name, base := fmt.Sprintf("app-%d", i), fmt.Sprintf("base/app-%d/", i)
		files[base+"kustomization.yaml"] = "resources: [workload.yaml, service.yaml, scaling.yaml, policies.yaml]\nlabels: [{pairs: {team: x}}]\n"
		files[base+"workload.yaml"] = manifest("Deployment", name, "web", "tier: front")
		files[base+"service.yaml"] = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: " + name + "}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
		files[base+"scaling.yaml"] = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: " + name + "}\nspec: {maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n"
		files[base+"policies.yaml"] = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: " + name + "}\nspec: {podSelector: {}, ingress: [{}]}\n---\n" +
			"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: b, namespace: " + name + "}\nspec: {selector: {matchLabels: {app: web}}}\n"
		for _, c := range []string{"eu", "us"} {
			hook := fmt.Sprintf("incident-response/patches/%s/apps-%s/", c, name)
			files[fmt.Sprintf("apps/%s/%s/kustomization.yaml", c, name)] = "resources: [../../../" + base + "]\npatches: [{path: patch.yaml}]\ntransformers: [../../../" + hook + "]\n"
			files[fmt.Sprintf("apps/%s/%s/patch.yaml", c, name)] = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: " + name + "}\nspec: {replicas: 3}\n"
			files[hook+"kustomization.yaml"] = emptyYet
		}
	}
	return files
}

// BenchmarkIndex reads a cluster of 100 roots from a tree in memory: without a
// cache, with one when nothing changed, and with one file changed.
func BenchmarkIndex(b *testing.B) {
	const n = 100
	files := largeFleet(n)
	index := func(b *testing.B, tree *gitops.Tree, o Options) {
		f, err := Load(b.Context(), tree, o)
		require.NoError(b, err)
		ix, err := f.Index(b.Context(), "eu")
		require.NoError(b, err)
		require.Len(b, ix.workloads, n)
		_, err = ix.Hook(ix.workloads[n/2])
		require.NoError(b, err)
	}
	b.Run("cold", func(b *testing.B) {
		tree := treeOf(b, files)
		for b.Loop() {
			index(b, tree, Options{})
		}
	})
	b.Run("warm", func(b *testing.B) {
		tree, o := treeOf(b, files), Options{CacheDir: b.TempDir()}
		index(b, tree, o)
		for b.Loop() {
			index(b, tree, o)
		}
	})
	b.Run("one file changed", func(b *testing.B) {
		o := Options{CacheDir: b.TempDir()}
		index(b, treeOf(b, files), o)
		i := 0
		for b.Loop() {
			b.StopTimer()
			i++
			tree := treeOf(b, with(files, "base/app-7/workload.yaml", manifest("Deployment", "app-7", "web", fmt.Sprintf("n: x%d", i))))
			b.StartTimer()
			index(b, tree, o)
		}
	})
}

// BenchmarkResolve finds a pod among a thousand workloads.
func BenchmarkResolve(b *testing.B) {
	ix := &Index{objects: map[string][]indexedObject{}, extras: map[ObjectRef]extra{}}
	for i := range 1000 {
		ix.workloads = append(ix.workloads, Workload{Namespace: fmt.Sprintf("n%d", i%20), Kind: "Deployment", Name: fmt.Sprintf("web-%d", i)})
	}
	ix.finish()
	for b.Loop() {
		if r := ix.Resolve(Query{Namespace: "n7", Pod: "web-507-5d4f8c7b96-x7k2p"}); r.State != Found {
			b.Fatal(r)
		}
	}
}
