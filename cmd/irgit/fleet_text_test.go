package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops/gittest"
)

func TestFleetTables(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	for _, c := range []struct{ question, want string }{
		{"clusters", `
CLUSTER  GITOPS  ROOTS  WORKLOADS  UNKNOWNS  ALIASES                                                         FROM
prod-eu  flux    3      6          0         eks-prod-eu, https://prod-eu.k8s.example.com                    .irgit.yaml
prod-us  argocd  2      6          0         eks-prod-us, https://prod-us.k8s.example.com,                   .irgit.yaml
                                             https://203.0.113.10:6443
staging  flux    3      6          0         eks-staging                                                     .irgit.yaml
`},
		{"roots --cluster prod-eu", `
CLUSTER  ROOT                    WORKLOADS  STATE  APPLIED BY                FROM
prod-eu  clusters/prod-eu        0          -      flux-system/flux-system   clusters/prod-eu/flux-system/gotk-sync.yaml
prod-eu  apps/prod-eu            4          -      flux-system/apps          clusters/prod-eu/apps.yaml
prod-eu  infrastructure/prod-eu  2          -      flux-system/              clusters/prod-eu/infrastructure.yaml
                                                   infrastructure
`},
		{"workloads --cluster eks-staging", `
CLUSTER  NAMESPACE     WORKLOAD                         ROOT                    FROM
staging  batch         CronJob/report                   apps/staging            apps/base/batch/report.yaml
staging  infra         DaemonSet/node-agent             infrastructure/staging  infrastructure/base/node-agent.yaml
staging  istio-system  Deployment/istio-ingressgateway  infrastructure/staging  infrastructure/base/ingressgateway.yaml
staging  payments      Deployment/payments              apps/staging            apps/base/payments/payments.yaml
staging  payments      StatefulSet/ledger               apps/staging            apps/base/payments/ledger.yaml
staging  web           Deployment/frontend              apps/staging            apps/base/web/frontend.yaml
`},
		{"hits -l app.kubernetes.io/name -n payments --target deploy/payments --cluster prod-eu", `
CLUSTER  NAMESPACE  WORKLOAD             COLLATERAL  HIT BY                 SELECTED ALREADY BY    FROM
prod-eu  payments   Deployment/payments  no          app.kubernetes.io/     -                      apps/base/payments/
                                                     name                                          payments.yaml
prod-eu  payments   StatefulSet/ledger   yes         app.kubernetes.io/     NetworkPolicy          apps/base/payments/
                                                     name                   ledger-from-payments   ledger.yaml
`},
		{"owner svc/payments --cluster prod-us", `
WHAT         WHICH                            FROM
object       Service payments/payments        apps/base/payments/payments.yaml, apps/prod-us/kustomization.yaml,
                                              clusters/prod-us/apps.yaml
cluster      prod-us                          .irgit.yaml
rendered by  apps/prod-us                     apps/prod-us
applied by   Application argocd/apps-prod-us  clusters/prod-us/apps.yaml
`},
		{"unknowns", `
CLUSTER  WHAT  FROM
`},
	} {
		out, _ := f.fleet(strings.Fields(c.question)...)
		require.Equal(t, strings.TrimPrefix(c.want, "\n"), out, c.question)
	}
}

// The example without its .irgit.yaml is a fleet that nobody prepared.
func TestFleetThatNobodyDeclares(t *testing.T) {
	f := newFleet(t, gittest.Options{}, map[string]string{".irgit.yaml": ""})
	for _, c := range []struct{ question, want string }{
		{"clusters", `
CLUSTER  GITOPS  ROOTS  WORKLOADS  UNKNOWNS  ALIASES  FROM
prod-eu  flux    3      6          0         -        clusters/prod-eu
staging  flux    3      6          0         -        clusters/staging
prod-us  argocd  2      6          0         -        clusters/prod-us/apps.yaml, clusters/prod-us/infrastructure.yaml
`},
		{"roots --cluster prod-eu", `
CLUSTER  ROOT                    WORKLOADS  STATE  APPLIED BY                FROM
prod-eu  clusters/prod-eu        0          -      flux-system/flux-system   clusters/prod-eu/flux-system/gotk-sync.yaml
prod-eu  apps/prod-eu            4          -      flux-system/apps          clusters/prod-eu/apps.yaml
prod-eu  infrastructure/prod-eu  2          -      flux-system/              clusters/prod-eu/infrastructure.yaml
                                                   infrastructure
`},
		{"owner deploy/payments -n payments --cluster prod-eu", `
WHAT         WHICH                                  FROM
object       Deployment payments/payments           apps/base/payments/payments.yaml, apps/prod-eu/kustomization.yaml,
                                                    clusters/prod-eu/apps.yaml
cluster      prod-eu                                clusters/prod-eu
rendered by  apps/prod-eu                           apps/prod-eu
applied by   Kustomization flux-system/apps         clusters/prod-eu/apps.yaml
and that by  Kustomization flux-system/flux-system  clusters/prod-eu/flux-system/gotk-sync.yaml
`},
	} {
		out, stderr := f.fleet(strings.Fields(c.question)...)
		require.Equal(t, strings.TrimPrefix(c.want, "\n"), out, c.question)
		require.Equal(t, "irgit: note: there is no .irgit.yaml: the clusters were found by reading the repository; `irgit init` writes them down\n", stderr)
	}
	rows := f.fleetRows("workloads", "--cluster", "prod-us")
	require.Equal(t, map[string]any{"kind": "Application", "namespace": "argocd", "name": "apps-prod-us", "file": "clusters/prod-us/apps.yaml"}, rows[3]["owner"])
	require.Equal(t, []any{"apps/base/payments/payments.yaml", "apps/prod-us/kustomization.yaml", "clusters/prod-us/apps.yaml"}, rows[3]["files"])
	require.Equal(t, false, f.fleetRows("clusters")[0]["declared"])
}

func TestFleetPathOfASuspendedSync(t *testing.T) {
	f := newFleet(t, gittest.Options{}, map[string]string{".irgit.yaml": "", "clusters/prod-eu/apps.yaml": `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  suspend: true
  path: ./apps/prod-eu
  sourceRef: {kind: GitRepository, name: flux-system}
`})
	answer := f.fleetAnswer("path", "deploy/payments", "--cluster", "prod-eu")
	obstacle := objects(answer["obstacles"])[0]
	require.Equal(t, true, obstacle["blocking"])
	require.Contains(t, obstacle["reason"], "Kustomization flux-system/apps: ")
	require.Equal(t, "clusters/prod-eu/apps.yaml", obstacle["file"])
	out, _ := f.fleet("roots", "--cluster", "prod-eu")
	require.Contains(t, out, "suspended")
	out, _ = f.fleet("path", "deploy/payments", "--cluster", "staging")
	require.Contains(t, out, "nothing that Git tells stands in the way")
}

func TestFleetOfNoClusterAtAll(t *testing.T) {
	dir := t.TempDir()
	bare, err := gittest.NewRepository(t.Context(), dir, "plain.git", map[string][]byte{"README.md": []byte("# nothing\n")})
	require.NoError(t, err)
	code, out, stderr := irgit(t, nil, "fleet", "clusters", "--cache", cache, "--repo", bare)
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, "CLUSTER  GITOPS  ROOTS  WORKLOADS  UNKNOWNS  ALIASES  FROM\n", out)
	require.Contains(t, stderr, "no cluster is known")
	code, out, _ = irgit(t, nil, "fleet", "clusters", "--cache", cache, "--repo", bare, "-o", "json")
	require.Equal(t, exitOK, code)
	require.Equal(t, "[]\n", out)
}

func TestTableWrapsWhatGivesWay(t *testing.T) {
	long := strings.Repeat("directory/", 12)
	table := &table{columns: []column{{"NAME", 0}, {"WHY", 1}, {"FROM", 1}}}
	table.add("kept-whole", strings.Repeat("many words ", 12), long)
	table.add("", "short", "a\x1b[31mb")
	var out strings.Builder
	require.NoError(t, table.print(&out))
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, len(line), tableWidth+1, line)
		require.Equal(t, strings.TrimRight(line, " \n")+"\n", line)
	}
	require.Contains(t, out.String(), "kept-whole")
	require.Contains(t, out.String(), `a\x1b[31mb`)
	require.Equal(t, []string{"one two", "three/", "fourfive-", "sixsevene"}, wrap("one two three/fourfive-sixsevene", 9))
}
