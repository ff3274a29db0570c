package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An alert becomes a branch, the merge is applied, the release is pruned, and
// nothing else of the cluster has changed: not an object, not a pod.
func TestAlertToRelease(t *testing.T) {
	w := enter(t)
	before, pods := w.snapshot(t), w.pods(t, "payments")
	policies := w.policies(t, map[string]string{"life": "- action: deny-east-west\n- action: quarantine\n- action: freeze-scale\n- action: freeze-rollout"})

	a := w.propose(t, policies, "life", "payments", w.pod(t, "payments", "payments"))
	require.Equal(t, "Deployment payments/payments", a.Incident.Target)

	start := time.Now()
	w.merge(t, a.Incident.Branch)
	w.applied(t, "incident-response", "apps", containment(a.Incident.ID))
	t.Logf("merge → applied %s (Flux is told, as its receiver does)", time.Since(start).Round(time.Millisecond))
	dir := w.checkout(t, "main")
	w.live(t, dir, "apps/"+name)
	w.live(t, dir, "incident-response/"+name+"/"+a.Incident.ID+"/contain")
	require.Equal(t, true, w.field(t, "apps/v1", "Deployment", "payments", "payments", "spec", "paused"))
	require.Equal(t, pods, w.pods(t, "payments"), "containment replaces no pod")

	again := w.respond(t, policies, "life", "payments", w.pod(t, "payments", "payments"))
	require.Equal(t, "unchanged", again.State)

	start = time.Now()
	w.release(t, a.Incident.ID)
	w.applied(t, "incident-response", "apps")
	eventually(t, w.gone(containment(a.Incident.ID)))
	t.Logf("release → pruned %s", time.Since(start).Round(time.Millisecond))
	w.asBefore(t, before)
	require.Equal(t, pods, w.pods(t, "payments"), "the release replaces no pod")
}
