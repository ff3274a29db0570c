package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// parameters are what an action cannot do without.
var parameters = map[string]string{
	"block-egress":    "\n  parameters:\n    networks: [203.0.114.9]\n    allow: [10.0.0.0/8]",
	"block-source":    "\n  parameters:\n    networks: [203.0.114.9]",
	"deny-http":       "\n  parameters:\n    methods: [POST]",
	"revoke-identity": "\n  parameters:\n    unmount: true",
}

// fits says which workloads of the fleet each action is for. What is not named
// has to be refused.
var fits = map[string][]string{
	"block-egress":     {"CronJob batch/report", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"block-metadata":   nil, // the cluster's network cannot deny
	"block-source":     {"CronJob batch/report", "DaemonSet infra/node-agent", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"deny-identity":    {"CronJob batch/report", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"deny-east-west":   {"CronJob batch/report", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"deny-http":        {"Deployment payments/payments", "Deployment web/frontend"},
	"deny-image":       {"CronJob batch/report", "DaemonSet infra/node-agent", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"quarantine":       {"CronJob batch/report", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"freeze-scale":     {"Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"freeze-delivery":  {"CronJob batch/report", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"freeze-changes":   {"CronJob batch/report", "DaemonSet infra/node-agent", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"freeze-rollout":   {"CronJob batch/report", "DaemonSet infra/node-agent", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"respawn-hardened": {"CronJob batch/report", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"revoke-identity":  {"CronJob batch/report", "DaemonSet infra/node-agent", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"scale-to-zero":    {"Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"delete-pod":       nil, // its alerts name no uid
	"isolate-pod":      nil,
	"snapshot-volume":  {"StatefulSet payments/ledger"},
	"hold-evidence":    {"CronJob batch/report", "DaemonSet infra/node-agent", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"observe-traffic":  {"CronJob batch/report", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
	"restart-workload": {"DaemonSet infra/node-agent", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"},
}

// apart are actions that are not merged together with all others: those that
// replace pods have a round of their own, since a freeze holds them back, and
// what stops the delivery would stop the others, so that it is only proposed.
var apart = map[string]string{
	"respawn-hardened": "evict", "restart-workload": "evict", "revoke-identity": "evict", "scale-to-zero": "evict", "freeze-delivery": "",
}

// workload is a line of irgit fleet workloads.
type workload struct{ Namespace, Kind, Name string }

func (w workload) String() string { return w.Kind + " " + w.Namespace + "/" + w.Name }

// podOf is the name of a pod that an alert would name. What runs no pod now
// has one whose name its controllers would give.
func (w *world) podOf(t *testing.T, o workload) string {
	t.Helper()
	if o.Kind == "CronJob" {
		return o.Name + fmt.Sprintf("-%d-x7k2p", time.Now().Unix()/60)
	}
	return w.pod(t, o.Namespace, o.Name)
}

// Every action, on every workload that it fits: the API server takes the
// objects in a server-side dry run, Flux applies them as they were rendered,
// and when all are released the cluster is as it was.
func TestEveryActionOnEveryWorkload(t *testing.T) {
	w := enter(t)
	var actions []struct{ Name string }
	w.runJSON(t, &actions, nil, "actions", "list", "-o", "json")
	var workloads []workload
	w.runJSON(t, &workloads, nil, "fleet", "workloads", "--repo", w.url, "--cluster", name, "-o", "json")
	require.NotEmpty(t, workloads)
	responses := map[string]string{}
	for _, a := range actions {
		require.Contains(t, fits, a.Name, "say which workloads the action fits")
		responses[a.Name] = "- action: " + a.Name + parameters[a.Name]
	}
	policies := w.policies(t, responses)
	before := w.snapshot(t)

	proposed := map[string]answer{}
	again := map[string]func() answer{} // has the same alert answered once more
	for _, a := range actions {
		var fit []string
		for _, o := range workloads {
			pod := w.podOf(t, o)
			got := w.respond(t, policies, a.Name, o.Namespace, pod)
			if got.State == "proposed" {
				which := a.Name + " on " + o.String()
				fit = append(fit, o.String())
				proposed[which] = got
				again[which] = func() answer { return w.respond(t, policies, a.Name, o.Namespace, pod) }
				continue
			}
			require.Equal(t, "refused", got.State, "%s on %s: %s", a.Name, o, got.Reason)
			require.Equal(t, 5, got.code)
			t.Logf("%s on %s is refused: %s", a.Name, o, got.Reason)
		}
		slices.Sort(fit)
		require.Equal(t, fits[a.Name], fit, a.Name)
	}
	rounds := map[string][]string{}
	for _, which := range slices.Sorted(maps.Keys(proposed)) {
		w.dryRun(t, which, proposed[which])
		action, _, _ := strings.Cut(which, " ")
		round, own := apart[action]
		if !own {
			round = "contain"
		}
		rounds[round] = append(rounds[round], which)
	}
	for _, round := range []string{"contain", "evict"} {
		w.comeAndGo(t, rounds[round], proposed, again)
		// An autoscaler makes up for pods that were scaled away in a round of its own.
		eventually(t, func(context.Context) string { return w.differences(t, before) })
	}
}

// comeAndGo merges proposals, waits until Flux has applied what they render,
// and releases them.
func (w *world) comeAndGo(t *testing.T, order []string, proposed map[string]answer, again map[string]func() answer) {
	t.Helper()
	start := time.Now()
	for _, which := range order {
		// Two patches of one workload are listed at one line, so the later one is
		// grafted anew once the earlier is in.
		if branch := proposed[which].Incident.Branch; !w.merges(t, branch) {
			a := again[which]()
			require.Equal(t, "updated", a.State, "%s: %s", which, a.Reason)
			require.Equal(t, branch, a.Incident.Branch)
		}
		w.merge(t, proposed[which].Incident.Branch)
	}
	w.applied(t, "incident-response", "apps", "infrastructure")
	dir := w.checkout(t, "main")
	for _, which := range order {
		if root, ok := contains(proposed[which]); ok {
			w.applied(t, containment(proposed[which].Incident.ID))
			w.live(t, dir, root)
		}
	}
	w.live(t, dir, "apps/"+name)
	w.live(t, dir, "infrastructure/"+name)
	t.Logf("%d incidents, merge → applied %s", len(order), time.Since(start).Round(time.Millisecond))

	start = time.Now()
	for _, which := range order {
		w.release(t, proposed[which].Incident.ID)
	}
	w.applied(t, "incident-response", "apps", "infrastructure")
	for _, which := range order {
		eventually(t, w.gone(containment(proposed[which].Incident.ID)))
	}
	t.Logf("%d releases, first alert → pruned %s", len(order), time.Since(start).Round(time.Millisecond))
}

// contains is the folder of the objects that an incident adds, if it adds any.
func contains(a answer) (string, bool) {
	root := "incident-response/" + name + "/" + a.Incident.ID + "/contain"
	return root, slices.ContainsFunc(a.Files, func(f struct{ Path, Change string }) bool { return strings.HasPrefix(f.Path, root+"/") })
}

// dryRun has the API server judge what a branch adds and what it patches, as
// Flux would apply it.
func (w *world) dryRun(t *testing.T, which string, a answer) {
	t.Helper()
	dir := w.checkout(t, a.Incident.Branch)
	roots := []string{"apps/" + name, "infrastructure/" + name}
	if root, ok := contains(a); ok {
		roots = append(roots, root)
	}
	for _, root := range roots {
		text, objects := w.built(t, dir, root)
		require.NotEmpty(t, objects, root)
		_, err := w.Kubectl(t.Context(), text, "apply", "--server-side", "--dry-run=server", "--field-manager=kustomize-controller", "-f", "-")
		require.NoError(t, err, "%s: %s", which, root)
	}
}
