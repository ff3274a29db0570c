package policy

import (
	"slices"

	"github.com/irgit/irgit/internal/fleet"
)

// checkTelemetry: it selects something, and what it says of logs and traces is
// more than before, never less: a containment must not blind who watches.
func checkTelemetry(obj map[string]any) (refusals []Refusal) {
	spec, _ := obj["spec"].(map[string]any)
	refusals = checkMeshSelection(spec)
	if _, has := spec["metrics"]; has {
		refusals = append(refusals, Refusal{"A9", "changes metrics: alerts may be made of them"})
	}
	logs, _ := spec["accessLogging"].([]any)
	traces, _ := spec["tracing"].([]any)
	if len(logs)+len(traces) == 0 {
		refusals = append(refusals, Refusal{"K3", "neither logs nor traces: it would hide what the namespace's Telemetry says"})
	}
	for _, entry := range logs {
		l, _ := entry.(map[string]any)
		if l["disabled"] == true || l["filter"] != nil || l["match"] != nil {
			refusals = append(refusals, Refusal{"K3", "leaves something out of the access log"})
		}
	}
	for _, entry := range traces {
		t, _ := entry.(map[string]any)
		if t["disableSpanReporting"] == true || t["match"] != nil || !equals(t["randomSamplingPercentage"], 100) {
			refusals = append(refusals, Refusal{"K3", "leaves requests out of tracing"})
		}
	}
	return refusals
}

// equals compares a number as YAML or JSON gives it.
func equals(v any, n int64) bool { return v == n || v == float64(n) }

// checkSnapshot: it is of a claim that the target's pods use. A snapshot by its
// content's name could be of any volume of the cluster.
func checkSnapshot(s Surroundings, target fleet.Workload, obj map[string]any) []Refusal {
	spec, _ := obj["spec"].(map[string]any)
	source, _ := spec["source"].(map[string]any)
	claim, _ := source["persistentVolumeClaimName"].(string)
	if len(source) != 1 || !slices.ContainsFunc(s.Claims(target), func(c fleet.Claim) bool { return c.Name == claim }) {
		return []Refusal{{"G3", "is not of a claim of the target: it would copy the data of others"}}
	}
	return nil
}
