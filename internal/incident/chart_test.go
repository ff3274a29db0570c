package incident_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/incident"
)

const (
	releaseFile = "clusters/prod-eu/helmrelease.yaml"
	helmRelease = "# the cache, from a chart\r\napiVersion: helm.toolkit.fluxcd.io/v2\r\nkind: HelmRelease\r\nmetadata:\r\n  name: cache\r\n  namespace: payments\r\nspec:\r\n" +
		"  interval: 10m # often enough\r\n  chartRef: {kind: OCIRepository, name: cache}\r\n  values:\r\n    size: 3\r\n"
	renderedChart = "---\n# Source: cache/templates/set.yaml\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: cache-master}\nspec:\n  serviceName: cache\n" +
		"  selector: {matchLabels: {app: cache}}\n  template:\n    metadata: {labels: {app: cache}}\n    spec: {containers: [{name: cache, image: \"registry.example.com/cache:1\"}]}\n"
)

// An alert about a pod of a chart becomes a post-renderer in the HelmRelease,
// by one edit of its manifest, and the release takes it back to the byte.
func TestAPodOfAChartIsContainedAndReleased(t *testing.T) {
	all, err := examples.Fleet()
	require.NoError(t, err)
	config := string(all[fleet.ConfigFile])
	declared := strings.Replace(config, "    gitops: flux\n", "    gitops: flux\n    releases: [{namespace: payments, name: cache, rendered: charts/prod-eu/cache}]\n", 1)
	require.NotEqual(t, config, declared)
	w := newWorld(t, map[string]string{fleet.ConfigFile: declared, releaseFile: helmRelease, "charts/prod-eu/cache/all.yaml": renderedChart})
	w.options.Policies = builtIn(t, w.options.Actions, strings.NewReplacer("NAME", "hold", "RULE", "Hold*").Replace(freeze))
	before := w.git("rev-parse", "main")

	a := shell()
	a.rule, a.pod = "Hold it", "cache-master-0"
	o := w.respond(a.String())[0]
	require.Equal(t, incident.Proposed, o.State, o.Reason)
	require.Equal(t, releaseFile, w.git("diff", "--name-only", "main", o.Incident.Branch, "--", ":!incident-response"))
	edited := w.git("show", o.Incident.Branch+":"+releaseFile)
	require.Contains(t, edited, "  postRenderers:\r\n    - kustomize:\r\n        patches:\r\n          - patch: |-\r\n              # Incident "+o.Incident.ID+", action freeze-rollout.")
	require.Contains(t, edited, "name: ^cache-master$")
	require.Equal(t, "a chart renders the object, so the patch is the last of the HelmRelease's post-renderers", o.Document.Edits[0].Why)
	said := strings.Join(o.Document.Warnings, "\n")
	require.Contains(t, said, "what the chart of HelmRelease payments/cache renders is taken from charts/prod-eu/cache")
	require.Contains(t, said, "helm-controller upgrades the release for it")
	require.Contains(t, o.Document.Difference, "StatefulSet payments/cache-master")
	require.Equal(t, incident.Unchanged, w.respond(a.String())[0].State, "it is a function of its input")

	w.merge(o.Incident.Branch)
	w.merge(w.release(o.Incident.ID).Incident.Branch)
	require.Equal(t, "A\tincident-response/history/2026/"+o.Incident.ID+".yaml", w.git("diff", "--name-status", before, "main"))
}

// Without a word of where the chart is kept, nothing is guessed, and the answer
// says how to have it known.
func TestAPodOfAnUnknownChartIsNotContained(t *testing.T) {
	w := newWorld(t, map[string]string{releaseFile: helmRelease})
	a := shell()
	a.pod = "cache-master-0"
	o := w.respond(a.String())[0]
	require.NotEqual(t, incident.Proposed, o.State)
	require.Contains(t, o.Reason, "Helm-managed: HelmRelease payments/cache")
	require.Contains(t, o.Reason, "clusters[].releases of .irgit.yaml")
}
