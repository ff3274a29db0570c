package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops/gittest"
)

// fleet asks a question about the fleet, and wants an answer.
func (f *served) fleet(args ...string) (stdout, stderr string) {
	f.t.Helper()
	code, stdout, stderr := irgit(f.t, nil, f.fleetArgs(args...)...)
	require.Equal(f.t, exitOK, code, stderr)
	return stdout, stderr
}

func (f *served) fleetArgs(args ...string) []string {
	return append(append([]string{"fleet"}, args...), "--cache", cache, "--repo", f.url)
}

// fleetRows asks for JSON rows.
func (f *served) fleetRows(args ...string) (rows []map[string]any) {
	f.t.Helper()
	out, _ := f.fleet(append(args, "-o", "json")...)
	require.NoError(f.t, json.Unmarshal([]byte(out), &rows), out)
	require.NotNil(f.t, rows, "an empty answer is []")
	return rows
}

// fleetAnswer asks for one JSON object.
func (f *served) fleetAnswer(args ...string) (answer map[string]any) {
	f.t.Helper()
	out, _ := f.fleet(append(args, "-o", "json")...)
	require.NoError(f.t, json.Unmarshal([]byte(out), &answer), out)
	return answer
}

// pick is what rows hold under some keys, joined.
func pick(rows []map[string]any, keys ...string) (out []string) {
	for _, row := range rows {
		var words []string
		for _, key := range keys {
			words = append(words, row[key].(string))
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}

func TestFleetClustersJSON(t *testing.T) {
	rows := newFleet(t, gittest.Options{}, nil).fleetRows("clusters")
	require.Equal(t, []string{"prod-eu flux", "prod-us argocd", "staging flux"}, pick(rows, "name", "gitops"))
	require.Equal(t, map[string]any{
		"name": "staging", "aliases": []any{"eks-staging"}, "gitops": "flux", "bootstrap": []any{"clusters/staging"}, "roots": 3.0, "workloads": 6.0, "unknowns": 0.0,
		"declared": true, "files": []any{".irgit.yaml"},
	}, rows[2])
}

func TestFleetRootsJSON(t *testing.T) {
	rows := newFleet(t, gittest.Options{}, nil).fleetRows("roots", "--cluster", "eks-prod-eu")
	require.Equal(t, []string{"prod-eu clusters/prod-eu", "prod-eu apps/prod-eu", "prod-eu infrastructure/prod-eu"}, pick(rows, "cluster", "path"))
	require.Equal(t, "incident-response/patches/prod-eu/apps", rows[1]["hook"])
	require.Equal(t, map[string]any{"kind": "Kustomization", "namespace": "flux-system", "name": "apps", "file": "clusters/prod-eu/apps.yaml"}, rows[1]["sync"])
	require.Contains(t, rows[1]["files"], "apps/prod-eu/kustomization.yaml")
}

func TestFleetWorkloadsJSON(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	require.Len(t, f.fleetRows("workloads"), 18)
	rows := f.fleetRows("workloads", "--cluster", "prod-eu")
	require.Equal(t, []string{
		"batch CronJob report", "infra DaemonSet node-agent", "istio-system Deployment istio-ingressgateway",
		"payments Deployment payments", "payments StatefulSet ledger", "web Deployment frontend",
	}, pick(rows, "namespace", "kind", "name"))
	payments := rows[3]
	for key, want := range map[string]any{
		"cluster": "prod-eu", "apiVersion": "apps/v1", "root": "apps/prod-eu", "serviceAccount": "payments", "hostNetwork": false, "autoscaledBy": []any{"payments"},
		"images":   []any{"registry.example.com/checkout/payments:4.12.1"},
		"selector": map[string]any{"app.kubernetes.io/name": "payments"},
	} {
		require.Equal(t, want, payments[key], key)
	}
	require.Contains(t, payments["labels"], "app.kubernetes.io/name")
	require.Contains(t, payments["files"], "apps/prod-eu/kustomization.yaml")
	require.Equal(t, map[string]any{}, rows[0]["selector"], "a CronJob has none")
	require.Equal(t, []any{}, rows[0]["autoscaledBy"])
}

func TestFleetHitsJSON(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	rows := f.fleetRows("hits", "-l", "app.kubernetes.io/name in (payments,ledger)", "-n", "payments", "--cluster", "prod-eu", "--target", "deploy/payments")
	require.Equal(t, []string{"Deployment payments", "StatefulSet ledger"}, pick(rows, "kind", "name"))
	require.Equal(t, false, rows[0]["collateral"])
	require.Equal(t, true, rows[1]["collateral"])
	require.Equal(t, []string{"NetworkPolicy ledger-from-payments"}, pick(objects(rows[1]["selectedBy"]), "kind", "name"))

	policy := f.file("policy.yaml", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web}\nspec: {podSelector: {}}\n")
	rows = f.fleetRows("hits", "-f", policy, "-n", "web")
	require.Equal(t, []string{"prod-eu NetworkPolicy web", "prod-us NetworkPolicy web", "staging NetworkPolicy web"}, pick(rows, "cluster", "by"))
	require.Nil(t, rows[0]["collateral"], "nothing is beside a target that is not given")
}

func objects(list any) (out []map[string]any) {
	for _, item := range list.([]any) {
		out = append(out, item.(map[string]any))
	}
	return out
}

func TestFleetOwnerAndPathJSON(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	answer := f.fleetAnswer("owner", "DEPLOYMENT.apps/payments", "-n", "payments", "--cluster", "prod-eu")
	require.Equal(t, map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "payments", "name": "payments"}, answer["object"])
	require.Equal(t, "apps/prod-eu", answer["root"])
	require.Equal(t, "clusters/prod-eu/apps.yaml", answer["sync"].(map[string]any)["file"])
	require.Equal(t, []string{"Kustomization flux-system"}, pick(objects(answer["chain"]), "kind", "name"))

	answer = f.fleetAnswer("path", "hpa/payments", "--cluster", "prod-eu", "--field", "spec.minReplicas")
	require.Equal(t, []any{"spec.minReplicas"}, answer["fields"])
	require.Equal(t, []any{}, answer["obstacles"])
}

func TestFleetPathToWhatAnAutoscalerSets(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	of := func(field string) []map[string]any {
		return objects(f.fleetAnswer("path", "deploy/payments", "--cluster", "prod-us", "--field", field)["obstacles"])
	}
	require.Equal(t, []map[string]any{{
		"reason": "HorizontalPodAutoscaler payments/payments sets spec.replicas, whatever Git says", "step": "freeze the autoscaler instead",
		"file": "apps/base/payments/payments.yaml", "blocking": false,
	}}, of("spec.replicas"))
	require.Empty(t, of("spec.paused"))
}

// A root that only .irgit.yaml tells of may be applied by anything.
func TestFleetPathThroughARootThatIsNotFollowed(t *testing.T) {
	f := newFleet(t, gittest.Options{}, map[string]string{
		".irgit.yaml": "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n- name: prod-eu\n  gitops: flux\n  roots: [{path: apps/prod-eu, name: apps}]\n",
	})
	answer := f.fleetAnswer("path", "deploy/payments", "--field", "spec.paused")
	require.Nil(t, answer["sync"])
	require.Equal(t, []any{}, answer["chain"])
	require.Equal(t, []map[string]any{{
		"reason": "what applies apps/prod-eu is not known: .irgit.yaml declares it, and no sync object was followed to it",
		"step":   "name the cluster's bootstrap in .irgit.yaml", "file": ".irgit.yaml", "blocking": false,
	}}, objects(answer["obstacles"]), "said once")
}

func TestFleetEmptyAnswersAreLists(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	for name, args := range map[string][]string{
		"unknowns": {"unknowns"},
		"hits":     {"hits", "-l", "app=none", "-n", "payments"},
	} {
		require.Empty(t, f.fleetRows(args...), name)
	}
}

func TestFleetFromAPathAndAnOldRevision(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	first := f.git("rev-parse", "main")
	require.NoError(t, gittest.Commit(t.Context(), f.bare, "main", "More\n", map[string][]byte{"apps/base/web/namespace.yaml": []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: web}\nspec: {}\n")}))
	clone := filepath.Join(f.dir, "clone")
	_, err := gittest.Git(t.Context(), f.dir, "clone", "--quiet", f.bare, clone)
	require.NoError(t, err)
	for repo, revisions := range map[string]map[string]int{f.url: {first: 0, "main": 3}, f.bare: {first: 0, "": 3}, clone: {"main": 3}} {
		for revision, want := range revisions {
			code, out, stderr := irgit(t, nil, "fleet", "workloads", "--cache", cache, "--repo", repo, "--revision", revision, "-o", "json")
			require.Equal(t, exitOK, code, stderr)
			require.Equal(t, want, strings.Count(out, `"kind": "Pod"`), "%s at %s", repo, revision)
		}
	}
}

func TestFleetOfARevisionThatTheServerKeepsToItself(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	f.git("config", "uploadpack.allowAnySHA1InWant", "false")
	code, _, stderr := irgit(t, nil, f.fleetArgs("clusters", "--revision", strings.Repeat("a", 40))...)
	require.Equal(t, exitError, code)
	require.Contains(t, stderr, "irgit: hint: a server may keep to itself")
}

func TestFleetSaysWhatIsNotKnown(t *testing.T) {
	f := newFleet(t, gittest.Options{}, map[string]string{"apps/prod-eu/kustomization.yaml": "resources: [none.yaml]\n"})
	rows := f.fleetRows("unknowns")
	require.Len(t, rows, 1)
	require.Equal(t, "prod-eu apps/prod-eu", pick(rows, "cluster", "root")[0])
	require.NotEmpty(t, rows[0]["step"])
	require.NotEmpty(t, rows[0]["files"])
	out, stderr := f.fleet("roots")
	require.Contains(t, out, "does not build")
	require.Equal(t, "irgit: note: one finding concerns this answer: `irgit fleet unknowns` shows it\n", stderr)
	_, stderr = f.fleet("workloads", "--cluster", "staging")
	require.Empty(t, stderr, "nothing is wrong there")
}

func TestFleetUnknownQuestion(t *testing.T) {
	code, _, stderr := irgit(t, nil, "fleet", "cluster")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, `"cluster"`)
}

func TestFleetMistakes(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	broken := newFleet(t, gittest.Options{}, map[string]string{".irgit.yaml": "kind: Fleet\nclusterz: []\n"})
	untold := f.file("untold.yaml", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: x, namespace: web}\nspec: {targetRefs: [{kind: Service, name: none}]}\n")
	homeless := f.file("homeless.yaml", "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {podSelector: {}}\n")
	for name, c := range map[string]struct {
		of   *served
		args []string
		code int
		want []string // on standard error
	}{
		"several clusters":          {f, []string{"owner", "deploy/payments", "-n", "payments"}, exitUsage, []string{"  prod-us: Deployment.apps payments/payments, rendered by apps/prod-us\n", "hint: --cluster says"}},
		"near":                      {f, []string{"owner", "deploy/payment", "-n", "payments"}, exitInvalid, []string{"no cluster renders Deployment payments/payment", `did you mean Deployment/payments?`}},
		"other namespace":           {f, []string{"path", "deploy/payments", "-n", "web", "--cluster", "prod-eu"}, exitInvalid, []string{"no root of prod-eu renders", "cluster prod-eu has Deployment payments/payments, rendered by apps/prod-eu"}},
		"no object":                 {f, []string{"owner", "payments"}, exitUsage, []string{"KIND/NAME"}},
		"no argument":               {f, []string{"owner"}, exitUsage, []string{"KIND/NAME"}},
		"unknown cluster":           {f, []string{"roots", "--cluster", "prod-e"}, exitUsage, []string{`did you mean "prod-eu"?`}},
		"unknown revision":          {f, []string{"roots", "--revision", "mian"}, exitUsage, []string{`did you mean "main"?`}},
		"unknown output":            {f, []string{"roots", "-o", "patch"}, exitUsage, []string{"use text or json"}},
		"nothing to hit":            {f, []string{"hits"}, exitUsage, []string{"give either -l"}},
		"selector and file":         {f, []string{"hits", "-l", "a=b", "-f", untold}, exitUsage, []string{"give either -l"}},
		"selector of no space":      {f, []string{"hits", "-l", "a=b"}, exitUsage, []string{"-n"}},
		"no selector":               {f, []string{"hits", "-l", "a in", "-n", "web"}, exitUsage, []string{"-l: "}},
		"no file":                   {f, []string{"hits", "-f", "/none"}, exitUsage, []string{"/none"}},
		"no policy in the file":     {f, []string{"hits", "-f", f.file("empty.yaml", "# none\n")}, exitInvalid, []string{"holds no object"}},
		"no namespace":              {f, []string{"hits", "-f", homeless}, exitUsage, []string{"NetworkPolicy x has no namespace", "-n"}},
		"hits that nobody can tell": {f, []string{"hits", "-f", untold, "--cluster", "prod-eu"}, exitInvalid, []string{"prod-eu: whom AuthorizationPolicy web/x selects: ", "may hit anything"}},
		"target that is not there":  {f, []string{"hits", "-l", "a=b", "-n", "web", "--target", "deploy/fronted"}, exitInvalid, []string{"Deployment/frontend"}},
		"broken .irgit.yaml":        {broken, []string{"clusters"}, exitInvalid, []string{".irgit.yaml: clusterz: "}},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := irgit(t, nil, c.of.fleetArgs(c.args...)...)
			require.Equal(t, c.code, code, stderr)
			require.Contains(t, stderr, "irgit: hint: ")
			for _, want := range c.want {
				require.Contains(t, stderr, want)
			}
		})
	}
}
