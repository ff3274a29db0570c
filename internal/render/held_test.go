package render_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
