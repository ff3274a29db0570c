package render_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

var theirPod = render.Pod{Name: "payments-7d4b9c6f5d-x2x7k", UID: "3e41dc6b-08a8-44db-bc2a-3724b18ab19a"}

// G7: what is done to a pod is done to the one that the alert means, or not at
// all.
func TestThreatG7PodsThatAreNotTheTargets(t *testing.T) {
	f, uid := newFleet(t), theirPod.UID
	for name, c := range map[string]struct {
		cluster, target string
		pod             render.Pod
		action          policy.Action
		want            string
	}{
		"no pod":             {"prod-eu", "payments/payments", render.Pod{}, act("isolate-pod"), "names a pod with its uid"},
		"no uid":             {"prod-eu", "payments/payments", render.Pod{Name: theirPod.Name}, act("delete-pod"), "names a pod with its uid"},
		"a uid of any form":  {"prod-eu", "payments/payments", render.Pod{Name: theirPod.Name, UID: "x"}, act("delete-pod"), "names a pod with its uid"},
		"a name of any form": {"prod-eu", "payments/payments", render.Pod{Name: "../payments", UID: uid}, act("delete-pod"), "names a pod with its uid"},
		"another's":          {"prod-eu", "payments/payments", render.Pod{Name: "ledger-0", UID: uid}, act("delete-pod"), "pod ledger-0 is none of Deployment payments/payments"},
		"nobody's":           {"prod-eu", "payments/ledger", render.Pod{Name: "ledger-0-x", UID: uid}, act("delete-pod"), "is none of StatefulSet payments/ledger"},
		"Argo CD":            {"prod-us", "payments/payments", theirPod, act("isolate-pod"), "under Argo CD"},
		"a StatefulSet":      {"prod-eu", "payments/ledger", render.Pod{Name: "ledger-0", UID: uid}, act("isolate-pod"), "no other takes its place"},
		"a CronJob":          {"prod-eu", "batch/report", render.Pod{Name: "report-29069040-x2x7k", UID: uid}, act("delete-pod"), "of which a new one is made"},
		"a DaemonSet":        {"prod-eu", "infra/node-agent", render.Pod{Name: "node-agent-x2x7k", UID: uid}, act("isolate-pod"), "out of Deployments only"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, f, c.cluster, c.target, c.action)
			r.Pod = c.pod
			require.Contains(t, misfit(t, catalogue(t), r), c.want)
		})
	}
}

// What a user's template says of a pod cannot lend it the labels of others,
// take it out of the mesh, or say anything else of it.
func TestThreatG3A9PodsOfTemplatesAreNotTrusted(t *testing.T) {
	f := newFleet(t)
	for said, want := range map[string]string{
		"{labels: {app.kubernetes.io/name: ledger}}":                                    "which no selector of a team has",
		"{labels: {istio.io/dataplane-mode: '${incident.key}'}}":                        "none of the mesh's",
		"{labels: {irgit.dev/incident: other}}":                                         "pod.labels",
		"{labels: {irgit.dev/x: '${target.labels}'}}":                                   "pod.labels",
		"{labels: {irgit.dev/x: '/'}}":                                                  "metadata.labels",
		"{labels: {}}":                                                                  "does nothing",
		"{labels: '${pod.outside}', stays: true}\n  resources: []":                      "",
		"{ends: true, labels: {irgit.dev/x: '${pod.name.size() > 0 ? \"a\" : \"b\"}'}}": "",
	} {
		r := request(t, f, "prod-eu", "payments/payments", act("mine"))
		r.Pod = theirPod
		c := catalogue(t, mine("  pod: "+said+"\n"))
		if want == "" {
			proved(t, c, r)
			continue
		}
		_, err := c.Render(t.Context(), r)
		var refused *render.RefusedError
		require.ErrorAs(t, err, &refused, said)
		require.ErrorContains(t, err, want, said)
	}
	_, problems := render.Load([]policy.Source{mine("  pod: {spec: {containers: []}}\n")})
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, `unknown value "spec"`)
}

// One pod has one declaration: two would take it from one another at every
// interval.
func TestAPodIsDeclaredOnce(t *testing.T) {
	f := newFleet(t)
	r := request(t, f, "prod-eu", "payments/payments", act("isolate-pod"))
	r.Pod = theirPod
	_, _, after := proved(t, catalogue(t), r)
	r.Incident, r.Tree, r.Actions = "20261124-payments-ffffffff", after, []policy.Action{act("delete-pod")}
	require.Contains(t, misfit(t, catalogue(t), r), "incident "+incident+" holds pod "+theirPod.Name+" already")

	r = request(t, f, "prod-eu", "payments/payments", act("isolate-pod"), act("delete-pod"))
	r.Pod = theirPod
	_, err := catalogue(t).Render(t.Context(), r)
	require.ErrorContains(t, err, "another action says already what becomes of the pod")
}

// K1: the labels that take a pod out do so for allowing policies too; those of
// the whole namespace go on, and that is said.
func TestThreatK1IsolatedPods(t *testing.T) {
	allow := func(selector string) *fleet.Fleet {
		return newFleet(t, replaced(t, "apps/base/payments/networkpolicy.yaml", "# Who may call",
			"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open}\nspec: {podSelector: "+selector+", policyTypes: [Egress], egress: [{}]}\n---\n# Who may call"))
	}
	warnings := func(f *fleet.Fleet) string {
		r := request(t, f, "prod-us", "payments/payments", act("isolate-pod"))
		r.Index, r.Target, r.Pod = index(t, f, "prod-eu"), workload(t, index(t, f, "prod-eu"), "payments/payments"), theirPod
		b, _, _ := proved(t, catalogue(t), r)
		return b.Steps[0].Warnings[0]
	}
	require.Contains(t, warnings(allow("{}")), "not isolating: open allows egress to everywhere on all ports")
	require.NotContains(t, warnings(allow("{matchLabels: {app.kubernetes.io/part-of: checkout}}")), "not isolating")
}

// The release takes all of it back, whatever becomes of the pod.
func TestReleaseOfPods(t *testing.T) {
	f := newFleet(t)
	cluster, _ := f.Cluster("prod-eu")
	for _, actions := range [][]policy.Action{{act("isolate-pod")}, {act("isolate-pod", "stays", true)}, {act("delete-pod"), act("quarantine"), act("observe-traffic")}} {
		r := request(t, f, "prod-eu", "payments/payments", actions...)
		r.Pod = theirPod
		b, _, after := proved(t, catalogue(t), r)
		require.Equal(t, "pods", b.Parts[len(b.Parts)-1].Name)
		require.Equal(t, false, b.Parts[len(b.Parts)-1].Sync.Object["spec"].(map[string]any)["wait"])
		recorded, err := after.With(t.Context(), gitops.Change{Path: cluster.Response + "/" + incident + "/incident.yaml", Content: []byte("kind: Incident\n")})
		require.NoError(t, err)
		require.Equal(t, f.Tree().Root(), released(t, recorded, cluster, incident).Root())
	}
}
