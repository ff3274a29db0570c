package fleet

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTelemetriesAboutAWorkload(t *testing.T) {
	tel := func(name, namespace, spec string) string {
		return "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: " + spec + "\n"
	}
	ix := neighbours(t,
		tel("labels", "shop", "{selector: {matchLabels: {app: web}}}"),
		tel("service", "shop", "{targetRefs: [{kind: Service, name: web}]}"),
		tel("gateway", "shop", "{targetRefs: [{kind: Gateway, name: x}]}"),
		tel("broken", "shop", "{selector: [x]}"),
		tel("everybody", "shop", "{tracing: []}"),
		tel("database", "shop", "{selector: {matchLabels: {app: db}}}"),
		tel("labels", "bank", "{selector: {matchLabels: {app: web}}}"),
		tel("mesh", "istio-system", "{selector: {matchLabels: {app: web}}}"),
	)
	var names []string
	for _, r := range ix.Telemetries(workload(t, ix, "Deployment", "shop", "web")) {
		names = append(names, r.Namespace+"/"+r.Name)
	}
	require.Equal(t, []string{"shop/broken", "shop/gateway", "shop/labels", "shop/service"}, names)
	require.Empty(t, ix.Telemetries(workload(t, ix, "DaemonSet", "infra", "agent")))
}
