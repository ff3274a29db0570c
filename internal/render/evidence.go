package render

// observes says what is wrong with a Telemetry: it may only have more written
// down than before.
func observes(b *bundler, spec map[string]any) (wrong string) {
	if _, has := spec["metrics"]; has {
		return "changes metrics, and alerts may be made of them"
	}
	for _, list := range []string{"accessLogging", "tracing"} {
		items, _ := spec[list].([]any)
		for _, item := range items {
			m, _ := item.(map[string]any)
			if m["disabled"] == true || m["disableSpanReporting"] == true || m["filter"] != nil {
				return "switches a part of " + list + " off"
			}
		}
	}
	return meshSelection(b, spec)
}
