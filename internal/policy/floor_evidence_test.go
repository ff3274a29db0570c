package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Telemetry may have more written down, never less: who watches must not be
// blinded by a containment.
func TestTelemetryOnlyShowsMore(t *testing.T) {
	target := workload("payments", "payments")
	const all = "accessLogging: [{providers: [{name: envoy}], disabled: false}], tracing: [{randomSamplingPercentage: 100}]"
	for name, c := range map[string]struct {
		spec string
		want []string
	}{
		"logs and traces":         {selects + ", " + all, nil},
		"G3 the whole namespace":  {all, []string{"G3"}},
		"G3 an empty selector":    {"selector: {matchLabels: {}}, " + all, []string{"G3"}},
		"G3 a waypoint of others": {"targetRefs: [{kind: Gateway, name: waypoint}], " + all, []string{"G3"}},
		"G3 another workload":     {strings.Replace(selects, "payments", "ledger", 1) + ", " + all, []string{"G3"}},
		"K5 both":                 {selects + ", targetRefs: [{kind: Service, name: payments}], " + all, []string{"K5"}},
		"K3 nothing":              {selects, []string{"K3"}},
		"K3 no logs":              {selects + ", accessLogging: [{disabled: true}]", []string{"K3"}},
		"K3 some logs":            {selects + ", accessLogging: [{filter: {expression: 'response.code >= 400'}}]", []string{"K3"}},
		"K3 callers alone":        {selects + ", accessLogging: [{match: {mode: CLIENT}}]", []string{"K3"}},
		"K3 no traces":            {selects + ", tracing: [{disableSpanReporting: true, randomSamplingPercentage: 100}]", []string{"K3"}},
		"K3 few traces":           {selects + ", tracing: [{randomSamplingPercentage: 0.5}]", []string{"K3"}},
		"A9 metrics":              {selects + ", " + all + ", metrics: [{overrides: [{disabled: true}]}]", []string{"A9"}},
	} {
		t.Run("Threat"+name, func(t *testing.T) {
			obj := object(t, "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: irgit-x, namespace: payments}\nspec: {"+c.spec+"}\n")
			require.Equal(t, c.want, guardrails(checkObjects(cluster{target, workload("payments", "ledger")}, obj, nil, target)))
		})
	}
}
