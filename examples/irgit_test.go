package examples_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

func load(t *testing.T) *fleet.Fleet {
	t.Helper()
	files, err := examples.Fleet()
	require.NoError(t, err)
	tree, err := gitops.NewTree(files)
	require.NoError(t, err)
	f, err := fleet.Load(t.Context(), tree, fleet.Options{})
	require.NoError(t, err)
	return f
}

// What irgit reads of every cluster.
func TestWorkloadsOfTheFleet(t *testing.T) {
	f := load(t)
	require.Len(t, f.Clusters(), 3)
	for _, c := range f.Clusters() {
		ix, err := f.Index(t.Context(), c.Name)
		require.NoError(t, err)
		require.Empty(t, ix.Findings(), c.Name)
		scaledBy := map[string][]string{}
		hostNetwork := map[string]bool{}
		for _, w := range ix.Workloads() {
			name := w.Kind + " " + w.Namespace + "/" + w.Name
			scaledBy[name] = w.Autoscaled
			hostNetwork[name] = w.HostNetwork
			_, err := ix.Hook(w)
			require.NoError(t, err, name)
		}
		require.Equal(t, map[string][]string{
			"Deployment payments/payments":                 {"payments"},
			"StatefulSet payments/ledger":                  nil,
			"Deployment web/frontend":                      {"frontend"},
			"CronJob batch/report":                         nil,
			"DaemonSet infra/node-agent":                   nil,
			"Deployment istio-system/istio-ingressgateway": nil,
		}, scaledBy, c.Name)
		require.Equal(t, map[string]bool{
			"Deployment payments/payments": false, "StatefulSet payments/ledger": false, "Deployment web/frontend": false,
			"CronJob batch/report": false, "DaemonSet infra/node-agent": true, "Deployment istio-system/istio-ingressgateway": false,
		}, hostNetwork, c.Name)
	}
}
