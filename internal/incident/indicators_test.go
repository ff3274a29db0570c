package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/incident"
)

// blocking is a policy that blocks what alerts name.
const blocking = `apiVersion: irgit.dev/v1alpha1
kind: ResponsePolicy
metadata: {name: block}
spec:
  description: What the alerts name is blocked.
  tier: isolate
  priority: 100
  match: {rules: [Terminal shell in container]}
  response: [{action: block-egress}]
  expiry: 4h
`

// onCilium is the example fleet's configuration with Cilium in every cluster.
func onCilium(t *testing.T) map[string]string {
	t.Helper()
	files, err := examples.Fleet()
	require.NoError(t, err)
	return map[string]string{".irgit.yaml": strings.ReplaceAll(string(files[".irgit.yaml"]), "    mesh:\n", "    cni: cilium\n    mesh:\n")}
}

// A later alert that names another address has the open branch block that too;
// one that names nothing new changes the record alone, and the policy's bytes
// stay. The same alerts in a fresh process give the same commit.
func TestALaterIndicatorReachesTheOpenBranch(t *testing.T) {
	answer := func() (w *world, revisions []string) {
		w = newWorld(t, onCilium(t))
		w.options.Policies = builtIn(t, w.options.Actions, blocking)
		for i, address := range []string{"45.9.148.7", "45.9.148.7", "45.9.149.1"} {
			a := shell()
			a.at, a.fields = night.Add(time.Duration(i)*time.Minute), map[string]any{"fd.sip": address, "fd.rip": "10.1.2.3"}
			o := w.respond(a.String())[0]
			require.Equal(t, []incident.State{incident.Proposed, incident.Updated, incident.Updated}[i], o.State, o.Reason)
			require.Len(t, o.Files, []int{5, 1, 2}[i], "%v", o.Files)
			revisions = append(revisions, string(o.Incident.Revision))
		}
		return w, revisions
	}
	w, revisions := answer()
	policy := func(revision string) string {
		files := w.git("ls-tree", "-r", "--name-only", revision)
		for _, name := range strings.Split(files, "\n") {
			if strings.HasSuffix(name, "/ciliumnetworkpolicy-egress.yaml") {
				return w.git("show", revision+":"+name)
			}
		}
		return ""
	}
	require.Contains(t, policy(revisions[0]), "    - toCIDR:\n        - \"45.9.148.7/32\"\n  enable")
	require.Equal(t, policy(revisions[0]), policy(revisions[1]))
	require.Contains(t, policy(revisions[2]), "    - toCIDR:\n        - \"45.9.148.7/32\"\n        - \"45.9.149.1/32\"\n  enable")
	_, again := answer()
	require.Equal(t, revisions, again)
}

// The base moves on: the branch that is made anew blocks what its record names.
func TestIndicatorsOutliveARegraft(t *testing.T) {
	w := newWorld(t, onCilium(t))
	w.options.Policies = builtIn(t, w.options.Actions, blocking)
	a := shell()
	a.fields = map[string]any{"fd.sip": "45.9.148.7"}
	o := w.respond(a.String())[0]
	require.Equal(t, incident.Proposed, o.State, o.Reason)
	show := func(branch string) string {
		return w.git("show", branch+":incident-response/prod-eu/"+o.Incident.ID+"/contain/ciliumnetworkpolicy-egress.yaml")
	}
	before := show(o.Incident.Branch)
	w.edit("main", "Rename the label", "apps/base/payments/payments.yaml", "app.kubernetes.io/name: payments", "app.kubernetes.io/name: purse", -1)
	again := w.respond(a.String())[0]
	require.Equal(t, incident.Updated, again.State, again.Reason)
	require.Equal(t, strings.ReplaceAll(before, "app.kubernetes.io/name: payments", "app.kubernetes.io/name: purse"), show(again.Incident.Branch))
}
