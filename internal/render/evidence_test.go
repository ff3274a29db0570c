package render_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
)

// What keeps evidence and does not fit says why.
func TestEvidenceThatCannotBeHadSaysWhy(t *testing.T) {
	telemetry := func(spec string) edit {
		return replaced(t, "apps/base/payments/networkpolicy.yaml", "# Who may call", "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: own}\nspec: "+spec+"\n---\n# Who may call")
	}
	for name, c := range map[string]struct {
		fleet   *fleet.Fleet
		cluster string
		target  string
		action  policy.Action
		want    string
	}{
		"no mesh":          {newFleet(t, replaced(t, fleet.ConfigFile, "{mode: istio-ambient}", "{mode: none}")), "staging", "payments/payments", act("observe-traffic"), "declares no service mesh"},
		"ambient alone":    {newFleet(t), "staging", "payments/payments", act("observe-traffic"), "declares no waypoint"},
		"outside the mesh": {newFleet(t), "prod-eu", "infra/node-agent", act("observe-traffic"), "outside the mesh"},
		"no Service":       {newFleet(t), "prod-us", "batch/report", act("observe-traffic"), "no Service selects the pods"},
		"its own": {
			newFleet(t, telemetry("{selector: {matchLabels: {app.kubernetes.io/name: payments}}}")), "prod-eu", "payments/payments", act("observe-traffic"),
			"Telemetry own is for the workload already",
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, misfit(t, catalogue(t), request(t, c.fleet, c.cluster, c.target, c.action)), c.want)
		})
	}
	proved(t, catalogue(t), request(t, newFleet(t, telemetry("{accessLogging: [{disabled: true}]}")), "prod-eu", "payments/payments", act("observe-traffic")))
}
