package render

import (
	"slices"

	"github.com/irgit/irgit/internal/fleet"
)

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

// snapshots says what is wrong with what a VolumeSnapshot is of.
func (b *bundler) snapshots(spec map[string]any) (wrong string) {
	source, _ := spec["source"].(map[string]any)
	claim := text(source["persistentVolumeClaimName"])
	mine := slices.ContainsFunc(b.request.Index.Claims(b.target), func(c fleet.Claim) bool { return c.Name == claim })
	return unless(mine && len(source) == 1, "is of something else than a claim of the target")
}
