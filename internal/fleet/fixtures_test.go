package fleet

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
)

const oneCluster = "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n  - name: c\n    gitops: flux\n    mesh: {mode: istio-sidecar}\n    roots: [{path: apps, name: apps}]\n"

// treeOf makes a tree; without a .irgit.yaml of its own, cluster c applies apps.
func treeOf(t testing.TB, files map[string]string) *gitops.Tree {
	t.Helper()
	all := map[string][]byte{ConfigFile: []byte(oneCluster)}
	for name, text := range files {
		all[name] = []byte(text)
	}
	tree, err := gitops.NewTree(all)
	require.NoError(t, err)
	return tree
}

func indexTree(t testing.TB, tree *gitops.Tree, o Options, cluster string) *Index {
	t.Helper()
	f, err := Load(t.Context(), tree, o)
	require.NoError(t, err)
	ix, err := f.Index(t.Context(), cluster)
	require.NoError(t, err)
	return ix
}

// indexOf indexes cluster c of a tree in which apps holds the manifests.
func indexOf(t testing.TB, manifests ...string) *Index {
	t.Helper()
	files := map[string]string{}
	for i, m := range manifests {
		files[fmt.Sprintf("apps/%03d.yaml", i)] = m
	}
	ix := indexTree(t, treeOf(t, files), Options{}, "c")
	for _, f := range ix.Findings() {
		require.True(t, f.Unknown, "%v", f)
	}
	return ix
}

func with(files map[string]string, more ...string) map[string]string {
	out := maps.Clone(files)
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

// manifest writes a workload. Its pods have the label app: name and more.
func manifest(kind, namespace, name string, more ...string) string {
	version := map[string]string{"Job": "batch/v1", "CronJob": "batch/v1", "Rollout": "argoproj.io/v1alpha1", "Pod": "v1"}[kind]
	if version == "" {
		version = "apps/v1"
	}
	labels := append([]string{"app: " + name}, more...)
	head := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: %s", version, kind, name, namespace)
	pod := "containers: [{name: main, image: 'registry.example.com/x/" + name + ":1'}]"
	template := fmt.Sprintf("template: {metadata: {labels: {%s}}, spec: {%s}}", strings.Join(labels, ", "), pod)
	switch kind {
	case "Pod":
		return head + fmt.Sprintf(", labels: {%s}}\nspec: {%s}\n", strings.Join(labels, ", "), pod)
	case "CronJob":
		return head + "}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {" + template + "}}}\n"
	}
	return head + fmt.Sprintf("}\nspec: {selector: {matchLabels: {app: %s}}, %s}\n", name, template)
}

func namesOf(ws []Workload) (out []string) {
	for _, w := range ws {
		out = append(out, fmt.Sprintf("%s %s/%s", w.Kind, w.Namespace, w.Name))
	}
	return out
}

func workload(t testing.TB, ix *Index, kind, namespace, name string) Workload {
	t.Helper()
	for _, w := range ix.Workloads() {
		if w.Kind == kind && w.Namespace == namespace && w.Name == name {
			return w
		}
	}
	require.Fail(t, "no such workload", "%s %s/%s", kind, namespace, name)
	return Workload{}
}
