package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops/gittest"
)

// charted is a fleet whose base installs two charts in every cluster.
func charted(t *testing.T, more map[string]string) *served {
	t.Helper()
	files := map[string]string{"apps/base/web/namespace.yaml": `apiVersion: v1
kind: Namespace
metadata: {name: web}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: search, namespace: web}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop, namespace: web}
`}
	for name, content := range more {
		files[name] = content
	}
	return newFleet(t, gittest.Options{}, files)
}

func TestFleetUnknownsAreToldOnce(t *testing.T) {
	f := charted(t, map[string]string{"infrastructure/prod-us/kustomization.yaml": "resources: [none.yaml]\n"})
	out, stderr := f.fleet("unknowns")
	require.Empty(t, stderr)
	wrong, unknown, ok := strings.Cut(out, "\n\nunknown ")
	require.True(t, ok, out)
	require.True(t, strings.HasPrefix(wrong, "CLUSTER           WHAT                    FROM\n\nwrong (1): "), "what is wrong goes first: %s", wrong)
	require.Contains(t, wrong, "\nprod-us           infrastructure/prod-us  infrastructure/prod-us/kustomization.yaml")
	require.Equal(t, `(2): what its chart renders is not in Git
what to do: keep what 'helm template' prints of it in the repository, and name that directory in clusters[].releases of
.irgit.yaml
prod-eu, staging  HelmRelease web/search  apps/base/web/namespace.yaml
prod-eu, staging  HelmRelease web/shop    apps/base/web/namespace.yaml

unknown (2): what its chart renders is not in Git
what to do: render the chart into the repository to have its workloads known
prod-us           HelmRelease web/search  apps/base/web/namespace.yaml
prod-us           HelmRelease web/shop    apps/base/web/namespace.yaml
`, strings.ReplaceAll(unknown, "`", "'"))
}

func TestFleetUnknownsJSON(t *testing.T) {
	f := charted(t, nil)
	rows := f.fleetRows("unknowns")
	require.Equal(t, []string{
		"prod-eu apps/prod-eu", "prod-eu apps/prod-eu", "prod-us apps/prod-us", "prod-us apps/prod-us", "staging apps/staging", "staging apps/staging",
	}, pick(rows, "cluster", "root"))
	require.Equal(t, map[string]any{
		"cluster": "prod-eu", "root": "apps/prod-eu", "file": "apps/base/web/namespace.yaml", "message": "HelmRelease web/search: what its chart renders is not in Git",
		"unknown": true, "step": "keep what `helm template` prints of it in the repository, and name that directory in clusters[].releases of .irgit.yaml", "files": []any{"apps/base/web/namespace.yaml"},
	}, rows[0])
}

func TestFleetUnknownsOfNoCluster(t *testing.T) {
	f := newFleet(t, gittest.Options{}, map[string]string{
		".irgit.yaml": "", "start/kustomization.yaml": "helmCharts: [{name: app-of-apps, repo: https://charts.example.com, version: 1.0.0}]\n",
	})
	rows := f.fleetRows("unknowns")
	require.Equal(t, []string{" start start/kustomization.yaml"}, pick(rows, "cluster", "root", "file"))
	require.Contains(t, rows[0]["message"], "which may make Applications")
	out, _ := f.fleet("unknowns")
	require.Contains(t, out, "\n-        start  start/kustomization.yaml\n")
	_, stderr := f.fleet("clusters")
	require.Contains(t, stderr, "one finding concerns this answer")
	require.Empty(t, f.fleetRows("unknowns", "--cluster", "prod-eu"), "it is not about that one")
}

// What a chart installs is rendered by nothing.
func TestFleetOwnerOfWhatAChartMayInstall(t *testing.T) {
	f := charted(t, nil)
	for _, args := range [][]string{{"deploy/shop-cart"}, {"deploy/shop-cart", "-n", "web", "--cluster", "prod-us"}} {
		code, _, stderr := irgit(t, nil, f.fleetArgs(append([]string{"owner"}, args...)...)...)
		require.Equal(t, exitInvalid, code)
		require.Regexp(t, `hint: HelmRelease web/shop in prod-(eu|us) \(apps/base/web/namespace.yaml\) may install it: what its chart renders is not in Git(, unless .irgit.yaml says in clusters\[\].releases where it is kept)?; \d findings`, stderr)
	}
	code, _, stderr := irgit(t, nil, f.fleetArgs("owner", "deploy/shop-cart", "-n", "payments")...)
	require.Equal(t, exitInvalid, code)
	require.NotContains(t, stderr, "HelmRelease", "it installs elsewhere")
}
