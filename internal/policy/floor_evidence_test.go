package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
)

func (cluster) Claims(w fleet.Workload) []fleet.Claim {
	return []fleet.Claim{{Name: "data-" + w.Name, Ref: fleet.ObjectRef{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: w.Namespace, Name: "data-" + w.Name}}}
}

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

// A snapshot is a copy of all data: it is of the target's volumes alone.
func TestThreatG3SnapshotsAreOfTheTargetsVolumes(t *testing.T) {
	target := workload("payments", "payments")
	check := func(source string) []string {
		obj := object(t, "apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {name: irgit-x, namespace: payments}\nspec: {source: "+source+"}\n")
		return guardrails(checkObjects(cluster{target, workload("payments", "ledger")}, obj, nil, target))
	}
	require.Empty(t, check("{persistentVolumeClaimName: data-payments}"))
	for _, source := range []string{
		"{persistentVolumeClaimName: data-ledger}", "{volumeSnapshotContentName: any}", "{}", "null",
		"{persistentVolumeClaimName: data-payments, volumeSnapshotContentName: any}",
	} {
		require.Equal(t, []string{"G3"}, check(source), source)
	}
	claim := func(name string, fields ...string) []Patch {
		p := Patch{Object: fleet.ObjectRef{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: "payments", Name: name}, Fields: map[string]any{}}
		for _, f := range fields {
			p.Fields[f] = map[string]any{}
		}
		return []Patch{p}
	}
	require.Empty(t, checkObjects(cluster{target}, nil, claim("data-payments", "metadata"), target))
	require.Equal(t, []string{"G3"}, guardrails(checkObjects(cluster{target}, nil, claim("data-ledger", "metadata"), target)))
	require.Equal(t, []string{"A9"}, guardrails(checkObjects(cluster{target}, nil, claim("data-payments", "metadata", "spec"), target)))
}
