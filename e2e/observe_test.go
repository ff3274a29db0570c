package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/e2e/cluster"
)

const (
	fluxAPI   = "kustomize.toolkit.fluxcd.io/v1"
	sourceAPI = "source.toolkit.fluxcd.io/v1"
)

// eventually waits until ask says "", and fails with the last it said.
func eventually(t *testing.T, ask func(context.Context) string) {
	t.Helper()
	within(t, patient, ask)
}

func within(t *testing.T, most time.Duration, ask func(context.Context) string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), most)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for said := ""; ; {
		if answer := ask(ctx); answer == "" {
			return
		} else if ctx.Err() == nil {
			said = answer
		}
		select {
		case <-ctx.Done():
			require.FailNow(t, "waited in vain", "%s: %s", most, said)
		case <-tick.C:
		}
	}
}

// applied waits until Flux has applied main with its Kustomizations, which it
// is asked to do as its webhook receiver asks.
func (w *world) applied(t *testing.T, kustomizations ...string) {
	t.Helper()
	want := w.main(t)
	require.NoError(t, w.Poke(context.WithoutCancel(t.Context()), sourceAPI, "GitRepository", "flux-system"))
	for _, k := range kustomizations {
		eventually(t, func(ctx context.Context) string { return w.atRevision(ctx, k, want) })
	}
}

func (w *world) atRevision(ctx context.Context, kustomization, revision string) string {
	u, err := w.Get(ctx, fluxAPI, "Kustomization", cluster.FluxNamespace, kustomization)
	if err != nil || u == nil {
		return fmt.Sprintf("Kustomization %s: %v", kustomization, err)
	}
	applied, _, _ := unstructured.NestedString(u.Object, "status", "lastAppliedRevision")
	status, reason, message := cluster.Ready(u)
	if status != "True" || !strings.HasSuffix(applied, revision) {
		return fmt.Sprintf("Kustomization %s is at %s: %s %s %s", kustomization, applied, status, reason, message)
	}
	return ""
}

// containment is the name of an incident's own Flux Kustomization.
func containment(id string) string { return "irgit-" + id + "-contain" }

// checkout writes a revision to a folder.
func (w *world) checkout(t *testing.T, revision string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	require.NoError(t, os.Mkdir(dir, 0o755))
	index := "GIT_INDEX_FILE=" + filepath.Join(t.TempDir(), "index")
	cmd := exec.CommandContext(t.Context(), "git", "--git-dir", w.bare, "--work-tree", dir, "checkout", "-q", "-f", revision, "--", ".")
	cmd.Env = append(os.Environ(), index)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

// built is what kubectl renders of a folder of a checkout.
func (w *world) built(t *testing.T, dir, root string) (text string, objects []*unstructured.Unstructured) {
	t.Helper()
	text, err := w.Kubectl(t.Context(), "", "kustomize", filepath.Join(dir, root))
	require.NoError(t, err)
	for doc := range strings.SplitSeq(text, "\n---\n") {
		data, err := yaml.YAMLToJSON([]byte(doc))
		require.NoError(t, err)
		u := &unstructured.Unstructured{}
		require.NoError(t, utiljson.Unmarshal(data, &u.Object)) // whole numbers stay whole
		if len(u.Object) > 0 {
			objects = append(objects, u)
		}
	}
	return text, objects
}

// live holds the objects that a folder renders against those of the API
// server: every field that is rendered is there, with that value.
func (w *world) live(t *testing.T, dir, root string) {
	t.Helper()
	_, objects := w.built(t, dir, root)
	for _, want := range objects {
		have, err := w.Get(t.Context(), want.GetAPIVersion(), want.GetKind(), want.GetNamespace(), want.GetName())
		require.NoError(t, err)
		require.NotNil(t, have, "%s: %s %s/%s is not in the cluster", root, want.GetKind(), want.GetNamespace(), want.GetName())
		if differs := missing("", want.Object, have.Object); differs != "" {
			require.Fail(t, "the cluster has another value than Git", "%s: %s %s/%s: %s", root, want.GetKind(), want.GetNamespace(), want.GetName(), differs)
		}
	}
}

// missing names the first field of want that have lacks or has otherwise.
func missing(at string, want, have any) string {
	switch want := want.(type) {
	case map[string]any:
		have, _ := have.(map[string]any)
		for key, value := range want {
			if differs := missing(at+"."+key, value, have[key]); differs != "" {
				return differs
			}
		}
		return ""
	case []any:
		have, _ := have.([]any)
		if len(want) != len(have) {
			return fmt.Sprintf("%s: %d items, %d in Git", at, len(have), len(want))
		}
		for i := range want {
			if differs := missing(fmt.Sprintf("%s[%d]", at, i), want[i], have[i]); differs != "" {
				return differs
			}
		}
		return ""
	}
	if fmt.Sprint(want) != fmt.Sprint(have) {
		return fmt.Sprintf("%s: %v, %v in Git", at, have, want)
	}
	return ""
}

// volatile are kinds that come and go by themselves.
var volatile = []string{"Event", "Lease", "Pod", "ReplicaSet", "ControllerRevision", "EndpointSlice", "Endpoints", "Job", "Node", "PodMetrics", "PersistentVolumeClaim", "CustomResourceDefinition"}

// snapshot is the declared state of every object of the cluster: what pruning
// must bring back.
func (w *world) snapshot(t *testing.T) map[string]string {
	t.Helper()
	out, err := w.Kubectl(t.Context(), "", "api-resources", "--verbs=list", "-o", "name")
	require.NoError(t, err)
	text, err := w.Kubectl(t.Context(), "", "get", strings.Join(strings.Fields(out), ","), "-A", "-o", "json")
	require.NoError(t, err)
	var list unstructured.UnstructuredList
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	all := map[string]string{}
	for _, u := range list.Items {
		if slices.Contains(volatile, u.GetKind()) {
			continue
		}
		content := u.DeepCopy().Object
		delete(content, "status")
		delete(content, "metadata")
		data, err := json.Marshal([]any{u.GetLabels(), content})
		require.NoError(t, err)
		all[u.GetAPIVersion()+" "+u.GetKind()+" "+u.GetNamespace()+"/"+u.GetName()] = string(data)
	}
	require.NotEmpty(t, all)
	return all
}

// asBefore holds the cluster against a snapshot of it.
func (w *world) asBefore(t *testing.T, before map[string]string) {
	t.Helper()
	require.Empty(t, w.differences(t, before), "the cluster is not as it was")
}

// differences are those of the cluster from a snapshot of it, by line.
func (w *world) differences(t *testing.T, before map[string]string) string {
	t.Helper()
	var differs []string
	now := w.snapshot(t)
	for object, was := range before {
		if is, ok := now[object]; !ok {
			differs = append(differs, "gone: "+object)
		} else if is != was {
			differs = append(differs, "changed: "+object+"\n  "+was+"\n  "+is)
		}
	}
	for object := range now {
		if _, ok := before[object]; !ok {
			differs = append(differs, "new: "+object)
		}
	}
	return strings.Join(differs, "\n")
}

// pods are the pods of a namespace by name, with their uids.
func (w *world) pods(t *testing.T, namespace string) map[string]string {
	t.Helper()
	r, err := w.Resource("v1", "Pod", namespace)
	require.NoError(t, err)
	list, err := r.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	pods := map[string]string{}
	for _, u := range list.Items {
		if u.GetDeletionTimestamp() == nil {
			pods[u.GetName()] = string(u.GetUID())
		}
	}
	return pods
}

// pod is one of a workload's pods.
func (w *world) pod(t *testing.T, namespace, workload string) (pod string) {
	t.Helper()
	eventually(t, func(context.Context) string {
		for name := range w.pods(t, namespace) {
			if strings.HasPrefix(name, workload+"-") {
				pod = name
				return ""
			}
		}
		return workload + " has no pod"
	})
	return pod
}

// field reads a field of a live object.
func (w *world) field(t *testing.T, apiVersion, kind, namespace, object string, path ...string) any {
	t.Helper()
	u, err := w.Get(context.WithoutCancel(t.Context()), apiVersion, kind, namespace, object)
	require.NoError(t, err)
	require.NotNil(t, u, "%s %s/%s", kind, namespace, object)
	v, _, err := unstructured.NestedFieldNoCopy(u.Object, path...)
	require.NoError(t, err)
	return v
}

// gone waits for an incident's own Flux Kustomization to have pruned and ended.
func (w *world) gone(kustomization string) func(context.Context) string {
	return func(ctx context.Context) string {
		u, err := w.Get(ctx, fluxAPI, "Kustomization", cluster.FluxNamespace, kustomization)
		if err != nil || u != nil {
			return fmt.Sprintf("Kustomization %s is still there: %v", kustomization, err)
		}
		return ""
	}
}

// object is a live object, nil when it is not there.
func (w *world) object(t *testing.T, apiVersion, kind, namespace, object string) *unstructured.Unstructured {
	t.Helper()
	u, err := w.Get(t.Context(), apiVersion, kind, namespace, object)
	require.NoError(t, err)
	return u
}
