package e2e

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/irgit/irgit/e2e/cluster"
)

// autoscaler scales a Deployment between 2 and a number of pods.
func autoscaler(name string, most int) string {
	return fmt.Sprintf(`apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: %s
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: %[1]s
  minReplicas: 2
  maxReplicas: %d
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: %d
`, name, most, cluster.Steady)
}

// The four ways to say how many pods there are, and one workload that nobody
// freezes, to see that load is felt.
const (
	scaled  = "scaled"  // an autoscaler says, Git does not
	pinned  = "pinned"  // Git says
	manual  = "manual"  // nobody says: it was scaled by hand
	both    = "both"    // Git and an autoscaler say
	control = "control" // an autoscaler says, and is not frozen
)

// A frozen workload stands still against kubectl, load, a raised autoscaler and
// a new image from Git; what is lifted has as many pods as before.
func TestFreezeHoldsAndLifts(t *testing.T) {
	w := enter(t)
	w.extra(t, deployment(scaled, "minReadySeconds: 0"), autoscaler(scaled, 6), deployment(pinned, "replicas: 3"), deployment(manual, "minReadySeconds: 0"),
		deployment(both, "replicas: 2"), autoscaler(both, 6), deployment(control, "minReadySeconds: 0"), autoscaler(control, 4))
	t.Cleanup(func() {
		for _, app := range []string{scaled, both, control} {
			w.metrics.Load(app, cluster.Steady)
		}
	})
	w.metrics.Load(scaled, 300)
	w.replicas(t, scaled, 6)
	w.metrics.Load(scaled, cluster.Steady)
	w.kubectl(t, "-n", "extra", "scale", "deployment/"+manual, "--replicas=4")
	want := map[string]int64{scaled: 6, pinned: 3, manual: 4, both: 2}
	for app, n := range want {
		w.replicas(t, app, n)
	}

	policies := w.policies(t, map[string]string{"freeze": "- action: freeze-scale\n  optional: true\n- action: freeze-rollout\n- action: freeze-changes"})
	var ids []string
	for app := range want {
		a := w.propose(t, policies, "freeze", "extra", w.pod(t, "extra", app))
		w.merge(t, a.Incident.Branch)
		ids = append(ids, a.Incident.ID)
	}
	w.applied(t, "incident-response", "extra")
	for _, id := range ids {
		w.applied(t, containment(id))
	}
	pods := w.podsOf(t, want)
	for app := range want {
		eventually(t, func(ctx context.Context) string { // an admission policy is in force a moment after it is applied
			if _, err := w.Kubectl(ctx, "", "-n", "extra", "scale", "deployment/"+app, "--replicas=9", "--dry-run=server"); err == nil {
				return "kubectl scale is let through"
			}
			return ""
		})
		for _, args := range [][]string{{"scale", "deployment/" + app, "--replicas=9"}, {"set", "image", "deployment/" + app, "main=evil"}, {"set", "env", "deployment/" + app, "EVIL=1"}, {"delete", "deployment/" + app}} {
			_, err := w.Kubectl(t.Context(), "", append([]string{"-n", "extra"}, args...)...)
			require.ErrorContains(t, err, "denied", "%v", args)
		}
	}

	w.metrics.Load(scaled, 300)
	w.metrics.Load(both, 300)
	w.metrics.Load(control, 300)
	w.replicas(t, control, 4)
	for _, app := range []string{scaled, both} {
		w.feels(t, app, 300)
	}
	w.stand(t, want, pods, "under load")
	for _, app := range []string{scaled, both} { // before it is raised: below its minimum an autoscaler looks at no load
		w.metrics.Load(app, cluster.Steady)
		w.feels(t, app, cluster.Steady)
	}

	manifests := w.show(t, "main", "extra/workloads.yaml")
	raised := bytes.Replace(manifests, []byte("minReplicas: 2\n  maxReplicas: 6"), []byte("minReplicas: 8\n  maxReplicas: 20"), 1)
	raised = bytes.ReplaceAll(raised, []byte(":1.0.0"), []byte(":1.0.1"))
	w.commit(t, "Raise the autoscaler, and a new version", map[string][]byte{"extra/workloads.yaml": raised})
	w.applied(t, "extra")
	require.EqualValues(t, 8, w.field(t, "autoscaling/v2", "HorizontalPodAutoscaler", "extra", scaled, "spec", "minReplicas"))
	eventually(t, func(context.Context) string {
		text := fmt.Sprint(w.field(t, "autoscaling/v2", "HorizontalPodAutoscaler", "extra", scaled, "status", "conditions"))
		if !strings.Contains(text, "FailedUpdateScale") {
			return "the autoscaler has not tried: " + text
		}
		return ""
	})
	for app := range want {
		w.settled(t, app)
	}
	w.stand(t, want, pods, "after a raised autoscaler and a new image from Git")

	least := w.watchReplicas(t)
	start := time.Now()
	for _, id := range ids {
		w.release(t, id)
	}
	w.applied(t, "incident-response", "extra")
	for _, id := range ids {
		eventually(t, w.gone(containment(id)))
	}
	t.Logf("release → pruned %s", time.Since(start).Round(time.Millisecond))
	want[scaled] = 8 // what Git raised it to meanwhile
	for app, n := range want {
		w.replicas(t, app, n)
		require.Equal(t, "registry.example.com/e2e/"+app+":1.0.1", w.image(t, app), "what waited goes out")
	}
	for app, n := range least() {
		require.GreaterOrEqual(t, n, map[string]int64{scaled: 6, pinned: 3, manual: 4, both: 2, control: 2}[app], "%s lost capacity on the way", app)
	}
}

func (w *world) kubectl(t *testing.T, args ...string) {
	t.Helper()
	_, err := w.Kubectl(t.Context(), "", args...)
	require.NoError(t, err)
}

// replicas waits until a Deployment of the extra root has so many pods.
func (w *world) replicas(t *testing.T, app string, n int64) {
	t.Helper()
	eventually(t, func(context.Context) string {
		want := w.field(t, "apps/v1", "Deployment", "extra", app, "spec", "replicas")
		have := w.field(t, "apps/v1", "Deployment", "extra", app, "status", "readyReplicas")
		if want != n || have != n {
			return fmt.Sprintf("%s: %v of %v pods are ready, not %d", app, have, want, n)
		}
		return ""
	})
}

// feels waits until an autoscaler has seen a load.
func (w *world) feels(t *testing.T, app string, percent int64) {
	t.Helper()
	eventually(t, func(context.Context) string {
		metrics := fmt.Sprint(w.field(t, "autoscaling/v2", "HorizontalPodAutoscaler", "extra", app, "status", "currentMetrics"))
		if !strings.Contains(metrics, fmt.Sprintf("averageUtilization:%d ", percent)) {
			return "the autoscaler sees " + metrics
		}
		return ""
	})
}

// settled waits until the controllers have seen a Deployment's last change.
func (w *world) settled(t *testing.T, app string) {
	t.Helper()
	eventually(t, func(context.Context) string {
		generation := w.field(t, "apps/v1", "Deployment", "extra", app, "metadata", "generation")
		seen := w.field(t, "apps/v1", "Deployment", "extra", app, "status", "observedGeneration")
		if generation != seen {
			return fmt.Sprintf("%s: generation %v, %v seen", app, generation, seen)
		}
		return ""
	})
}

func (w *world) image(t *testing.T, app string) any {
	t.Helper()
	containers := w.field(t, "apps/v1", "Deployment", "extra", app, "spec", "template", "spec", "containers")
	return containers.([]any)[0].(map[string]any)["image"]
}

// podsOf are the pods of some Deployments of the extra root.
func (w *world) podsOf(t *testing.T, apps map[string]int64) map[string]string {
	t.Helper()
	pods := w.pods(t, "extra")
	for pod := range pods {
		app, _, _ := strings.Cut(pod, "-")
		if _, ok := apps[app]; !ok {
			delete(pods, pod)
		}
	}
	return pods
}

// stand checks that the same pods are there as before.
func (w *world) stand(t *testing.T, want map[string]int64, pods map[string]string, when string) {
	t.Helper()
	require.Equal(t, pods, w.podsOf(t, want), when)
	for app, n := range want {
		require.Equal(t, n, w.field(t, "apps/v1", "Deployment", "extra", app, "spec", "replicas"), "%s, %s", app, when)
	}
}

// watchReplicas notes the lowest spec.replicas that each Deployment of the
// extra root has from now until the answer is asked for.
func (w *world) watchReplicas(t *testing.T) func() map[string]int64 {
	t.Helper()
	r, err := w.Resource("apps/v1", "Deployment", "extra")
	require.NoError(t, err)
	list, err := r.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	least := map[string]int64{}
	note := func(u *unstructured.Unstructured) {
		n, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas")
		if low, ok := least[u.GetName()]; !ok || n < low {
			least[u.GetName()] = n
		}
	}
	for i := range list.Items {
		note(&list.Items[i])
	}
	watch, err := r.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range watch.ResultChan() {
			if u, ok := event.Object.(*unstructured.Unstructured); ok {
				note(u)
			}
		}
	}()
	return func() map[string]int64 {
		watch.Stop()
		<-done
		return least
	}
}

// A responder that acts on the live cluster is undone by Flux within an
// interval. What irgit has merged stays.
func TestLiveEditIsRevertedAndGitStays(t *testing.T) {
	w := enter(t)
	policies := w.policies(t, map[string]string{"cut": "- action: quarantine\n- action: freeze-scale"})
	a := w.propose(t, policies, "cut", "payments", w.pod(t, "payments", "payments"))
	start := time.Now()
	w.merge(t, a.Incident.Branch)
	w.applied(t, "incident-response", "apps", containment(a.Incident.ID))
	t.Logf("irgit: merge → applied %s", time.Since(start).Round(time.Millisecond))

	// As Falco Talon patches, under its own name.
	r, err := w.Resource("autoscaling/v2", "HorizontalPodAutoscaler", "web")
	require.NoError(t, err)
	start = time.Now()
	_, err = r.Patch(t.Context(), "frontend", types.MergePatchType, []byte(`{"spec":{"minReplicas":1,"maxReplicas":1}}`), metav1.PatchOptions{FieldManager: "falco-talon"})
	require.NoError(t, err)
	eventually(t, func(context.Context) string {
		most := w.field(t, "autoscaling/v2", "HorizontalPodAutoscaler", "web", "frontend", "spec", "maxReplicas")
		if most == int64(1) {
			return "the live edit stands"
		}
		return ""
	})
	t.Logf("live edit → reverted %s (Flux interval %s)", time.Since(start).Round(time.Millisecond), interval)
	require.EqualValues(t, 12, w.field(t, "autoscaling/v2", "HorizontalPodAutoscaler", "web", "frontend", "spec", "maxReplicas"))

	w.applied(t, "incident-response", "apps", containment(a.Incident.ID))
	require.NotNil(t, w.object(t, "networking.k8s.io/v1", "NetworkPolicy", "payments", "irgit-"+a.Incident.ID))
	require.Equal(t, "Disabled", w.field(t, "autoscaling/v2", "HorizontalPodAutoscaler", "payments", "payments", "spec", "behavior", "scaleUp", "selectPolicy"))
}
