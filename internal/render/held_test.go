package render_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// A change of the pods' template that would not reach the pods is no answer,
// whether Git holds it back or an action of the same incident does.
func TestHeldBackTemplatesAreNotChanged(t *testing.T) {
	payments := func(spec string) edit {
		return replaced(t, "apps/base/payments/payments.yaml", "  # replicas is left to the HorizontalPodAutoscaler\n", spec)
	}
	ledger := func(spec string) edit {
		return replaced(t, "apps/base/payments/ledger.yaml", "  serviceName: ledger\n", "  serviceName: ledger\n"+spec)
	}
	for name, c := range map[string]struct {
		fleet  edit
		target string
		want   string
	}{
		"paused":        {payments("  paused: true\n"), "payments/payments", "spec.paused keeps the pods"},
		"on delete":     {ledger("  updateStrategy: {type: OnDelete}\n"), "payments/ledger", "until somebody deletes them"},
		"a partition":   {ledger("  updateStrategy: {rollingUpdate: {partition: 2}}\n"), "payments/ledger", "below 2 as they are"},
		"a CronJob":     {nil, "batch/report", "irgit restarts no CronJob"},
		"no partition":  {ledger("  updateStrategy: {rollingUpdate: {partition: 0}}\n"), "payments/ledger", ""},
		"on delete, ds": {replaced(t, "infrastructure/base/node-agent.yaml", "spec:\n  selector:", "spec:\n  updateStrategy: {type: OnDelete}\n  selector:"), "infra/node-agent", "until somebody deletes them"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, newFleet(t, edits(c.fleet)...), "prod-eu", c.target, act("restart-workload"))
			if c.want == "" {
				proved(t, catalogue(t), r)
				return
			}
			require.Contains(t, misfit(t, catalogue(t), r), c.want)
		})
	}
	for _, actions := range [][]policy.Action{{act("freeze-rollout"), act("restart-workload")}, {act("restart-workload"), act("freeze-rollout")}} {
		_, err := catalogue(t).Render(t.Context(), request(t, newFleet(t), "prod-eu", "payments/payments", actions...))
		var unfit *render.NotFittingError
		require.ErrorAs(t, err, &unfit)
		require.Equal(t, actions[1].Name, unfit.Action, "the later one gives way")
	}
}

// Annotations that an expression gives are held against the list too, on the
// object and on its pods' template.
func TestThreatA9AnnotationsByExpression(t *testing.T) {
	for _, on := range []string{"target", "podTemplate"} {
		body := "  patches: [{on: " + on + ", fields: {metadata: {annotations: \"${{'KEY': 'x'}}\"}}}]\n"
		for key, want := range map[string]string{
			"irgit.dev/mine": "", "autoscaling.keda.sh/paused": "",
			"sidecar.istio.io/inject": "may not set sidecar.istio.io/inject", "kustomize.toolkit.fluxcd.io/reconcile": "may not set kustomize",
		} {
			c := catalogue(t, mine(strings.Replace(body, "KEY", key, 1)))
			_, err := c.Render(t.Context(), request(t, newFleet(t), "prod-eu", "payments/payments", act("mine")))
			if want == "" {
				require.NoError(t, err)
				continue
			}
			var refused *render.RefusedError
			require.ErrorAs(t, err, &refused, "%s %s", on, key)
			require.Contains(t, err.Error(), want)
		}
	}
}

func edits(e edit) []edit {
	if e == nil {
		return nil
	}
	return []edit{e}
}

// Two actions that set one field to different values are no plan: whichever
// comes second would undo the other.
func TestActionsThatContradictEachOther(t *testing.T) {
	r := request(t, newFleet(t), "prod-eu", "payments/ledger", act("scale-to-zero"), act("freeze-scale"))
	_, err := catalogue(t).Render(t.Context(), r)
	require.EqualError(t, err, "action freeze-scale does not fit: it sets spec.replicas of StatefulSet ledger to 3, and scale-to-zero sets it to 0")
	r.Actions[1].Optional = true
	b, _, _ := proved(t, catalogue(t), r)
	require.Len(t, b.Patches, 1)
	hardened := act("respawn-hardened", "user", int64(7))
	lists := mine("  patches: [{on: podTemplate, fields: {spec: {containers: [{name: ledger, securityContext: {runAsUser: 8}}]}}}]\n")
	_, err = catalogue(t, lists).Render(t.Context(), request(t, newFleet(t), "prod-eu", "payments/ledger", hardened, act("mine")))
	require.ErrorContains(t, err, "it sets spec.template.spec.containers.ledger.securityContext.runAsUser of StatefulSet ledger to 8, and respawn-hardened sets it to 7")
}

// An incident that comes later has its way where two set one field, and what
// it leaves is what the earlier one wanted.
func TestTheLaterIncidentWins(t *testing.T) {
	c := catalogue(t)
	r := request(t, newFleet(t), "prod-eu", "payments/ledger", act("freeze-scale"))
	_, _, frozen := proved(t, c, r)
	r.Incident, r.Tree, r.Actions = "20261125-ledger-ffffffff", frozen, []policy.Action{act("scale-to-zero")}
	_, proof, stopped := proved(t, c, r)
	require.Equal(t, []render.FieldChange{{Path: "spec.replicas", Before: int64(3), After: int64(0)}}, proof.Changed[0].Fields)
	require.Equal(t, frozen.Root(), released(t, stopped, r.Index.Cluster(), r.Incident).Root())
}

// Annotations of a manifest that stands for itself are set in it and taken
// back.
func TestPausesInAPlainManifest(t *testing.T) {
	plain := map[string]string{
		fleet.ConfigFile: "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n  - {name: one, gitops: flux, roots: [{path: apps, name: apps}]}\n",
		"apps/web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  selector: {matchLabels: {a: b}}\n" +
			"  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: web, image: a}]}}\n---\n" +
			"apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  scaleTargetRef: {name: web}\n  triggers: [{type: cpu, metadata: {value: \"50\"}}]\n",
	}
	f := small(t, plain)
	for _, action := range []string{"freeze-scale", "scale-to-zero"} {
		r := request(t, f, "one", "shop/web", act(action))
		b, _, after := proved(t, catalogue(t), r)
		require.Contains(t, files(b)["apps/web.yaml"], "    autoscaling.keda.sh/paused: \"true\"\n", action)
		require.Equal(t, f.Tree().Root(), released(t, after, r.Index.Cluster(), incident).Root(), action)
	}
}
