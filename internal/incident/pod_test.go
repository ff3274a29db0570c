package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/incident"
)

// The pod is the first that an alert names with its uid. An alert without one
// is refused, later ones change nothing of it, and the reviewer reads of the
// others.
func TestActionsOnOnePodAreAboutTheFirst(t *testing.T) {
	w := newWorld(t, nil)
	w.options.Policies = builtIn(t, w.options.Actions, strings.NewReplacer("NAME", "one-pod", "RULE", "One*", "freeze-rollout", "isolate-pod", "tier: freeze", "tier: isolate").Replace(freeze))
	about := func(minute int, pod, uid string) *incident.Outcome {
		a := shell()
		a.rule, a.pod, a.at = "One pod", pod, night.Add(time.Duration(minute)*time.Minute)
		if a.fields = map[string]any{}; uid != "" {
			a.fields["k8s.pod.uid"] = uid
		}
		return w.respond(a.String())[0]
	}
	const first, second = "payments-6d4cf56db6-x2x9p", "payments-6d4cf56db6-zzzzz"
	o := about(0, first, "")
	require.Equal(t, incident.Refused, o.State)
	require.Contains(t, o.Reason, "no alert of the incident names a pod with its uid")

	o = about(1, first, "3e41dc6b-08a8-44db-bc2a-3724b18ab19a")
	require.Equal(t, incident.Proposed, o.State, o.Reason)
	require.NotContains(t, strings.Join(o.Warnings, "\n"), "other pods")
	file := "incident-response/prod-eu/" + o.Incident.ID + "/pods/pod-" + first + ".yaml"
	declared := w.git("show", o.Incident.Branch+":"+file)
	require.Contains(t, declared, "uid: \"3e41dc6b-08a8-44db-bc2a-3724b18ab19a\"")

	o = about(2, second, "11111111-08a8-44db-bc2a-3724b18ab19a")
	require.Equal(t, incident.Updated, o.State, o.Reason)
	require.Contains(t, strings.Join(o.Warnings, "\n"), "the alerts name other pods, too ("+second+"): what is done to a single pod is done to "+first+" alone")
	require.Equal(t, declared, w.git("show", o.Incident.Branch+":"+file))
	require.NotContains(t, w.git("ls-tree", "-r", "--name-only", o.Incident.Branch), "pod-"+second)
}
