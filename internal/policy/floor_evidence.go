package policy

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
		if t["disableSpanReporting"] == true || t["match"] != nil || !whole(t["randomSamplingPercentage"]) {
			refusals = append(refusals, Refusal{"K3", "leaves requests out of tracing"})
		}
	}
	return refusals
}

// whole reports whether a percentage is 100.
func whole(v any) bool {
	switch v := v.(type) {
	case int64:
		return v == 100
	case float64:
		return v == 100
	}
	return false
}
