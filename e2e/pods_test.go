package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// contain answers an alert that names a pod with its uid, and merges what is
// proposed.
func (w *world) contain(t *testing.T, policies, rule, namespace, pod, uid string) (a answer) {
	t.Helper()
	var event map[string]any
	require.NoError(t, json.Unmarshal(alert(rule, namespace, pod), &event))
	event["output_fields"].(map[string]any)["k8s.pod.uid"] = uid
	data, err := json.Marshal(event)
	require.NoError(t, err)
	out, errText, _ := w.exit(t, data, "respond", "--repo", w.url, "--alert", "-", "--policies", policies, "-o", "json")
	require.NoError(t, json.NewDecoder(strings.NewReader(out)).Decode(&a), errText)
	require.Equal(t, "proposed", a.State, "%s %v", a.Reason, a.Problems)
	w.merge(t, a.Incident.Branch)
	w.applied(t, "incident-response")
	return a
}

// replaced waits until a workload has a pod that it did not have.
func (w *world) replaced(t *testing.T, namespace, workload string, before map[string]string) {
	t.Helper()
	eventually(t, func(context.Context) string {
		for pod := range w.pods(t, namespace) {
			if strings.HasPrefix(pod, workload+"-") && before[pod] == "" {
				return ""
			}
		}
		return workload + " has no new pod"
	})
}

// A pod leaves its Deployment, which gets another; a pod gets its end; the
// release deletes both, and nothing of any other pod. With stays, the pod and
// the policy that cuts it off are left. A uid that is another's hits nobody.
func TestOnePodIsContained(t *testing.T) {
	w := enter(t)
	before := w.snapshot(t)
	policies := w.policies(t, map[string]string{
		"isolate": "- action: isolate-pod", "end": "- action: delete-pod", "namesake": "- action: delete-pod",
		"stay": "- action: isolate-pod\n  parameters:\n    stays: true",
	})
	const namespace = "payments"
	part := func(a answer) string { return "irgit-" + a.Incident.ID + "-pods" }
	pod := func(name string) *unstructured.Unstructured { return w.object(t, "v1", "Pod", namespace, name) }
	end := func(name string) any {
		return w.field(t, "v1", "Pod", namespace, name, "spec", "activeDeadlineSeconds")
	}
	deleted := func(name, uid string) {
		eventually(t, func(context.Context) string {
			if w.pods(t, namespace)[name] == uid {
				return "pod " + name + " is still there"
			}
			return ""
		})
	}

	all := w.pods(t, namespace)
	isolated := w.pod(t, namespace, "payments")
	a := w.contain(t, policies, "isolate", namespace, isolated, all[isolated])
	w.applied(t, containment(a.Incident.ID), part(a))
	require.Regexp(t, "^irgit-", pod(isolated).GetLabels()["app.kubernetes.io/name"])
	w.replaced(t, namespace, "payments", all)
	require.Empty(t, pod(isolated).GetOwnerReferences())
	w.release(t, a.Incident.ID)
	w.applied(t, "incident-response")
	eventually(t, w.gone(part(a)))
	eventually(t, w.gone(containment(a.Incident.ID)))
	deleted(isolated, all[isolated])

	all = w.pods(t, namespace)
	staying := w.pod(t, namespace, "payments")
	a = w.contain(t, policies, "stay", namespace, staying, all[staying])
	w.applied(t, containment(a.Incident.ID), part(a))
	w.replaced(t, namespace, "payments", all)
	w.release(t, a.Incident.ID)
	w.applied(t, "incident-response")
	eventually(t, w.gone(part(a)))
	eventually(t, w.gone(containment(a.Incident.ID)))
	require.Equal(t, all[staying], string(pod(staying).GetUID()))
	policy := "irgit-" + a.Incident.ID + "-pod"
	require.NotNil(t, w.object(t, "networking.k8s.io/v1", "NetworkPolicy", namespace, policy))
	w.kubectl(t, "-n", namespace, "delete", "pod/"+staying, "networkpolicy/"+policy)

	all = w.pods(t, namespace)
	ending := w.pod(t, namespace, "ledger")
	a = w.contain(t, policies, "end", namespace, ending, all[ending])
	w.applied(t, part(a))
	require.Equal(t, int64(1), end(ending))
	w.release(t, a.Incident.ID)
	w.applied(t, "incident-response")
	eventually(t, w.gone(part(a)))
	deleted(ending, all[ending])

	other := w.pod(t, namespace, "payments")
	a = w.contain(t, policies, "namesake", namespace, other, "00000000-0000-0000-0000-000000000000")
	eventually(t, func(ctx context.Context) string {
		u, err := w.Get(ctx, fluxAPI, "Kustomization", "flux-system", part(a))
		if text := fmt.Sprint(u); err != nil || u == nil || !strings.Contains(text, "uid") || !strings.Contains(text, "ReconciliationFailed") {
			return fmt.Sprintf("the API server has not refused another's uid: %v %v", u, err)
		}
		return ""
	})
	require.Nil(t, end(other))
	w.release(t, a.Incident.ID)
	w.applied(t, "incident-response")
	eventually(t, w.gone(part(a)))
	require.NotNil(t, pod(other))
	w.asBefore(t, before)
}
