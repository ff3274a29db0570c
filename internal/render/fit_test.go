package render_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

const job = `apiVersion: batch/v1
kind: Job
metadata: {name: report}
spec: {template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}
`

const scaledObject = `apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: payments}
spec: {scaleTargetRef: {name: payments}, triggers: [{type: cpu, metadata: {value: "50"}}]}
`

// What does not fit says why, in words that a reviewer understands.
func TestWhatDoesNotFitSaysWhy(t *testing.T) {
	payments := func(from, to string) edit { return replaced(t, "apps/base/payments/payments.yaml", from, to) }
	ledger := func(from, to string) edit { return replaced(t, "apps/base/payments/ledger.yaml", from, to) }
	rollout := func(spec string) edit {
		return replaced(t, "apps/base/payments/payments.yaml", "apiVersion: apps/v1\nkind: Deployment\n", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n", "  # replicas is left to the HorizontalPodAutoscaler\n", "  "+spec+"\n")
	}
	for name, c := range map[string]struct {
		fleet   *fleet.Fleet
		cluster string
		target  string
		action  policy.Action
		want    string
	}{
		"hostNetwork":     {newFleet(t), "prod-eu", "infra/node-agent", act("quarantine"), "use the host's network"},
		"outside mesh":    {newFleet(t), "prod-eu", "infra/node-agent", act("deny-east-west"), "outside the mesh"},
		"no mesh":         {newFleet(t, replaced(t, fleet.ConfigFile, "{mode: istio-ambient}", "{mode: none}")), "staging", "payments/payments", act("deny-east-west"), "declares no service mesh"},
		"opted out":       {newFleet(t, payments("app.kubernetes.io/part-of: checkout", `sidecar.istio.io/inject: "false"`)), "prod-eu", "payments/payments", act("deny-east-west"), "keeps the pods out of the mesh"},
		"no waypoint":     {newFleet(t), "staging", "payments/payments", act("deny-http", "paths", []any{"/x"}), "declares no waypoint"},
		"no Service":      {newFleet(t), "prod-us", "batch/report", act("deny-east-west"), "no Service selects the pods"},
		"nothing scales":  {newFleet(t, ledger("  replicas: 3\n", "")), "prod-eu", "payments/ledger", act("freeze-scale"), "nothing scales it, and Git declares no spec.replicas"},
		"no number":       {newFleet(t), "prod-eu", "batch/report", act("freeze-scale"), "a CronJob has no number of pods"},
		"nothing runs":    {newFleet(t, ledger("replicas: 3\n", "replicas: 0\n")), "prod-eu", "payments/ledger", act("freeze-scale"), "Git declares no pods of it"},
		"scaled twice":    {newFleet(t, payments("apiVersion: autoscaling/v2\n", scaledObject+"---\napiVersion: autoscaling/v2\n")), "prod-eu", "payments/payments", act("freeze-scale"), "both scale it"},
		"old autoscaler":  {newFleet(t, payments("apiVersion: autoscaling/v2\n", "apiVersion: autoscaling/v1\n")), "prod-eu", "payments/payments", act("freeze-scale"), "HorizontalPodAutoscaler payments is written in another version than autoscaling/v2"},
		"cannot be wired": {newFleet(t, unwirable(t)), "prod-eu", "payments/payments", act("freeze-rollout"), "line 7: transformers: an anchor or alias"},
		"old Kubernetes":  {newFleet(t, replaced(t, fleet.ConfigFile, "    cni: calico\n", "    cni: calico\n    kubernetes: \"1.29\"\n")), "prod-eu", "payments/payments", act("freeze-changes"), "declared to run Kubernetes 1.29"},
		"a Job":           {newFleet(t, edit{"apps/base/batch/report.yaml": job}), "prod-eu", "batch/report", act("freeze-rollout"), "a Job has no new versions"},
		"a reference":     {newFleet(t, rollout("workloadRef: {apiVersion: apps/v1, kind: Deployment, name: other}")), "prod-eu", "payments/payments", act("freeze-rollout"), "by workloadRef"},

		"no bindings":      {newFleet(t), "prod-eu", "payments/payments", act("revoke-identity"), "no binding in Git names its ServiceAccount payments"},
		"a Job's token":    {newFleet(t, edit{"apps/base/batch/report.yaml": job}), "prod-eu", "batch/report", act("revoke-identity", "unmount", true), "the pods of a Job cannot be replaced"},
		"zero, scheduled":  {newFleet(t), "prod-eu", "batch/report", act("scale-to-zero"), "a CronJob has no number of pods; freeze-rollout"},
		"zero, a daemon":   {newFleet(t), "prod-eu", "infra/node-agent", act("scale-to-zero"), "a DaemonSet has no number of pods"},
		"zero, undeclared": {newFleet(t, ledger("  replicas: 3\n", "")), "prod-eu", "payments/ledger", act("scale-to-zero"), "The release could not bring back the number of pods"},
		"zero, volumes": {
			newFleet(t, ledger("  serviceName: ledger\n", "  serviceName: ledger\n  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}\n")), "prod-eu", "payments/ledger", act("scale-to-zero"), "deletes the volumes",
		},
		"zero, zero":         {newFleet(t, ledger("replicas: 3\n", "replicas: 0\n")), "prod-eu", "payments/ledger", act("scale-to-zero"), "Git declares no pods of it"},
		"zero, from zero":    {newFleet(t, payments("minReplicas: 2\n", "minReplicas: 0\n")), "prod-eu", "payments/payments", act("scale-to-zero"), "has minReplicas 0, so that it would start"},
		"zero, scaled twice": {newFleet(t, payments("apiVersion: autoscaling/v2\n", scaledObject+"---\napiVersion: autoscaling/v2\n")), "prod-eu", "payments/payments", act("scale-to-zero"), "both scale it"},
		"zero, suspended":    {newFleet(t, edit{"apps/base/batch/report.yaml": strings.Replace(job, "spec: {", "spec: {suspend: true, ", 1)}), "prod-eu", "batch/report", act("scale-to-zero"), "suspended already"},
		"zero, a reference":  {newFleet(t, rollout("replicas: 2\n  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: other}")), "prod-eu", "payments/payments", act("scale-to-zero"), "by workloadRef"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, misfit(t, catalogue(t), request(t, c.fleet, c.cluster, c.target, c.action)), c.want)
		})
	}
}

// unwirable is a kustomization that cannot be edited to name the hook.
func unwirable(t testing.TB) edit {
	t.Helper()
	return replaced(t, "apps/prod-eu/kustomization.yaml", "transformers:\n  - ../../incident-response/patches/prod-eu/apps\n", "transformers: &none []\n")
}

func TestHookReasonsCanBeUnwrapped(t *testing.T) {
	f := newFleet(t, unwirable(t))
	_, err := catalogue(t).Render(t.Context(), request(t, f, "prod-eu", "payments/payments", act("freeze-rollout")))
	var hook *fleet.HookError
	require.ErrorAs(t, err, &hook)
	require.NotEmpty(t, hook.Step)
}

// A selector's expressions are carried where the kind knows them; where it
// does not, all labels of the pods stand in.
func TestExpressionsOfSelectorsAreCarried(t *testing.T) {
	f := newFleet(t, replaced(t, "apps/base/payments/payments.yaml", "    matchLabels:\n      app.kubernetes.io/name: payments\n",
		"    matchLabels:\n      app.kubernetes.io/name: payments\n    matchExpressions:\n      - {key: app.kubernetes.io/part-of, operator: In, values: [checkout]}\n"))
	b, _, _ := proved(t, catalogue(t), request(t, f, "prod-eu", "payments/payments", act("quarantine", "plain", true), act("deny-east-west")))
	spec := func(i int) map[string]any { return b.Objects[i].Object["spec"].(map[string]any) }
	require.Equal(t, map[string]any{
		"matchLabels":      map[string]any{"app.kubernetes.io/name": "payments"},
		"matchExpressions": []any{map[string]any{"key": "app.kubernetes.io/part-of", "operator": "In", "values": []any{"checkout"}}},
	}, spec(0)["podSelector"])
	require.Equal(t, map[string]any{
		"matchLabels": map[string]any{"app.kubernetes.io/name": "payments", "app.kubernetes.io/part-of": "checkout"},
	}, spec(1)["selector"])
}

// Flux sets the namespace of a root before its transformers run, so a patch
// names it; Argo CD fills it in after the build, so there a patch must not. The
// proof knows the object in both.
func TestRootsWithATargetNamespace(t *testing.T) {
	for cluster, named := range map[string]bool{"prod-eu": true, "prod-us": false} {
		apps := "apps/" + cluster
		f := newFleet(t,
			replaced(t, fleet.ConfigFile, "{path: "+apps+", name: apps}", "{path: "+apps+", name: apps, targetNamespace: payments}"),
			replaced(t, "apps/base/payments/kustomization.yaml", "namespace: payments\n", ""),
			replaced(t, apps+"/kustomization.yaml", "  - ../base/web\n  - ../base/batch\n", ""),
		)
		b, proof, _ := proved(t, catalogue(t), request(t, f, cluster, "payments/payments", act("freeze-scale"), act("freeze-rollout")))
		require.Len(t, proof.Changed, 2)
		for name, content := range files(b) {
			if strings.Contains(content, "PatchTransformer") {
				require.Equal(t, named, strings.Contains(content, "namespace:"), name)
			}
		}
	}
}

// A team's own partition is raised, and its OnDelete is left: going back to a
// partition would bring deleted pods back in the version before.
func TestStatefulSetsStayAsTheirTeamUpdatesThem(t *testing.T) {
	frozen := func(strategy string) render.Proof {
		f := newFleet(t, replaced(t, "apps/base/payments/ledger.yaml", "  serviceName: ledger\n", "  serviceName: ledger\n  updateStrategy: "+strategy+"\n"))
		_, proof, _ := proved(t, catalogue(t), request(t, f, "prod-eu", "payments/ledger", act("freeze-rollout")))
		return proof
	}
	require.Equal(t, []render.FieldChange{
		{Path: "spec.updateStrategy.rollingUpdate.partition", Before: int64(2), After: int64(math.MaxInt32)},
	}, frozen("{type: RollingUpdate, rollingUpdate: {partition: 2, maxUnavailable: 1}}").Changed[0].Fields)
	held := frozen("{type: OnDelete}")
	require.Empty(t, held.Changed)
	require.Equal(t, "ledger", held.Already[0].Name)
}

// A merge takes a field away by null: how many pods may be replaced at once
// must not outlive the change of strategy.
func TestOnDeleteTakesTheRollingUpdateAway(t *testing.T) {
	f := newFleet(t, replaced(t, "infrastructure/base/node-agent.yaml", "spec:\n  selector:", "spec:\n  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 2}}\n  selector:"))
	_, proof, _ := proved(t, catalogue(t), request(t, f, "prod-eu", "infra/node-agent", act("freeze-rollout")))
	require.Equal(t, []render.FieldChange{
		{Path: "spec.updateStrategy.rollingUpdate", Before: map[string]any{"maxUnavailable": int64(2)}},
		{Path: "spec.updateStrategy.type", Before: "RollingUpdate", After: "OnDelete"},
	}, proof.Changed[0].Fields)
}

// Flux builds the cluster's directory as a whole: an incident of patches alone
// is an empty kustomization in it, and a record beside it is not applied.
func TestTheClustersDirectoryBuildsWithEveryKindOfIncident(t *testing.T) {
	c := catalogue(t)
	r := request(t, newFleet(t), "prod-eu", "web/frontend", act("freeze-scale"))
	_, _, tree := proved(t, c, r)
	r.Incident, r.Tree, r.Actions = "20261124-frontend-ffffffff", tree, []policy.Action{act("quarantine")}
	_, _, tree = proved(t, c, r)
	tree, err := tree.With(t.Context(),
		gitops.Change{Path: "incident-response/prod-eu/" + incident + "/incident.yaml", Content: []byte("kind: Incident\n")},
		gitops.Change{Path: "incident-response/prod-eu/20261124-frontend-ffffffff/incident.yaml", Content: []byte("kind: Incident\n")},
	)
	require.NoError(t, err)
	built, err := r.Index.Build(t.Context(), tree, r.Index.Cluster().Response)
	require.NoError(t, err)
	require.Len(t, built.Objects, 1)
	require.Equal(t, "irgit-20261124-frontend-ffffffff-contain", built.Objects[0].GetName())
}

func TestUnknownMeshMembershipIsAWarning(t *testing.T) {
	b, err := catalogue(t).Render(t.Context(), request(t, newFleet(t), "prod-eu", "batch/report", act("deny-east-west")))
	require.NoError(t, err)
	require.Equal(t, []string{"nothing in the fleet says that the pods are in the mesh; outside it the policy has no effect"}, b.Steps[0].Warnings)
}

func TestPreview(t *testing.T) {
	p, problems := render.ParsePreview(policy.Source{Name: "p.yaml", Data: []byte(`apiVersion: irgit.dev/v1alpha1
kind: ActionPreview
action: quarantine
parameters: {dns: true}
target: {cluster: prod-eu, namespace: web, kind: Deployment, name: frontend}
`)})
	require.Empty(t, problems)
	b, proof, err := catalogue(t).Preview(t.Context(), p, newFleet(t))
	require.NoError(t, err)
	require.Len(t, b.Objects, 1)
	require.Len(t, proof.Added, 2)
	p.Target.Name = "frontent"
	_, _, err = catalogue(t).Preview(t.Context(), p, newFleet(t))
	require.ErrorContains(t, err, `did you mean "Deployment web/frontend"?`)

	_, problems = render.ParsePreview(policy.Source{Name: "p.yaml", Data: []byte("apiVersion: irgit.dev/v1alpha1\nkind: ActionPreview\nactoin: x\ntarget: {cluster: a}\n")})
	var all []string
	for _, problem := range problems {
		all = append(all, problem.File+" "+problem.Path)
	}
	require.Equal(t, []string{"p.yaml:1:1 action", "p.yaml:3:1 actoin", "p.yaml:4:9 target.kind", "p.yaml:4:9 target.name", "p.yaml:4:9 target.namespace"}, all)
}

// BenchmarkRender is the five actions on one workload, validation included;
// BenchmarkProve builds the fleet before and after them.
func BenchmarkRender(b *testing.B) {
	c := catalogue(b)
	r := request(b, newFleet(b), "prod-eu", "payments/payments", act("quarantine"), act("deny-east-west"), act("deny-http", "paths", []any{"/x"}), act("freeze-scale"), act("freeze-rollout"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Render(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProve(b *testing.B) {
	c := catalogue(b)
	r := request(b, newFleet(b), "prod-eu", "payments/payments", act("quarantine"), act("freeze-scale"), act("freeze-rollout"))
	bundle, _, after := proved(b, c, r)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := render.Prove(b.Context(), r.Tree, after, r, bundle); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	files, err := render.Sources()
	require.NoError(b, err)
	for b.Loop() {
		if _, problems := render.Load(files); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
