package render_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// Who may do what while a workload is frozen: the expressions that are written,
// asked as the API server asks them.
func TestFreezeChangesAnswers(t *testing.T) {
	b, _, _ := proved(t, catalogue(t), request(t, newFleet(t), "prod-eu", "payments/payments", act("freeze-changes")))
	require.Len(t, b.Objects, 2)
	env, err := expr.AdmissionEnv()
	require.NoError(t, err)
	ask := func(list string, vars expr.Vars) bool {
		t.Helper()
		items, _, _ := unstructured.NestedSlice(b.Objects[0].Object, "spec", list)
		require.Len(t, items, 1)
		p, err := env.Condition(items[0].(map[string]any)["expression"].(string))
		require.NoError(t, err)
		yes, err := p.True(t.Context(), vars)
		require.NoError(t, err)
		return yes
	}
	const flux, admin, hpa = "system:serviceaccount:flux-system:kustomize-controller", "kubernetes-admin", "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
	deployment := func(image, revision string) any {
		return map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{"deployment.kubernetes.io/revision": revision}},
			"spec":     map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"image": image}}}}},
		}
	}
	scale := func(n int64) any { return map[string]any{"spec": map[string]any{"replicas": n}} }
	for name, c := range map[string]struct {
		user, operation string
		now, was        any
		denied          bool
	}{
		"set image":                      {admin, "UPDATE", deployment("b", "1"), deployment("a", "1"), true},
		"delete":                         {admin, "DELETE", nil, deployment("a", "1"), true},
		"scale":                          {admin, "UPDATE", scale(9), scale(4), true},
		"the autoscaler scales":          {hpa, "UPDATE", scale(9), scale(4), true},
		"garbage collection":             {"system:serviceaccount:kube-system:generic-garbage-collector", "DELETE", nil, deployment("a", "1"), true},
		"label":                          {admin, "UPDATE", deployment("a", "2"), deployment("a", "1"), false},
		"the controller writes revision": {"system:serviceaccount:kube-system:deployment-controller", "UPDATE", deployment("a", "2"), deployment("a", "1"), false},
		"Git":                            {flux, "UPDATE", deployment("b", "1"), deployment("a", "1"), false},
		"Git prunes":                     {flux, "DELETE", nil, deployment("a", "1"), false},
		"a name that only begins so":     {flux + "2", "UPDATE", deployment("b", "1"), deployment("a", "1"), true},
	} {
		vars := expr.Vars{"object": c.now, "oldObject": c.was, "request": expr.AdmissionRequest{Operation: c.operation, UserInfo: expr.UserInfo{Username: c.user, Groups: []string{"system:masters"}}}}
		require.Equal(t, c.denied, ask("matchConditions", vars) && !ask("validations", vars), name)
	}
	message, _, _ := unstructured.NestedSlice(b.Objects[0].Object, "spec", "validations")
	require.Contains(t, message[0].(map[string]any)["message"], incident)
	for _, o := range b.Objects {
		require.LessOrEqual(t, len(o.GetName()), 63)
		require.Empty(t, o.GetNamespace())
		require.Equal(t, incident, o.GetLabels()["irgit.dev/incident"])
	}
}

// An autoscaler written in autoscaling/v1 is judged as v2, where nothing of it
// hides in annotations.
func TestFreezeChangesNamesTheAutoscalersVersion(t *testing.T) {
	for version, want := range map[string]string{
		"apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler": "autoscaling v2 horizontalpodautoscalers",
		"apiVersion: keda.sh/v1alpha1\nkind: ScaledObject":          "keda.sh v1alpha1 scaledobjects",
	} {
		f := newFleet(t, replaced(t, "apps/base/payments/payments.yaml", "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler", version))
		b, err := catalogue(t).Render(t.Context(), request(t, f, "prod-eu", "payments/payments", act("freeze-changes")))
		require.NoError(t, err)
		rules, _, _ := unstructured.NestedSlice(b.Objects[0].Object, "spec", "matchConstraints", "resourceRules")
		require.Len(t, rules, 2)
		var got []string
		for _, field := range []string{"apiGroups", "apiVersions", "resources"} {
			got = append(got, rules[1].(map[string]any)[field].([]any)[0].(string))
		}
		require.Equal(t, want, strings.Join(got, " "))
	}
}

// The ServiceAccount that Flux is held to where it applies the incidents holds
// for each of them too.
func TestTheIncidentIsRestrictedAsWhatAppliesIt(t *testing.T) {
	for account, want := range map[string]any{"": nil, "  serviceAccountName: irgit-applier\n": "irgit-applier"} {
		f := small(t, merge(bootstrapped("one", "apps", ""), map[string]string{
			fleet.ConfigFile: declaredFleet + fluxCluster("one"), "apps/web.yaml": web, "incident-response/one/README.md": "x",
			"clusters/one/incidents.yaml": kustomization("incidents", "incident-response/one", account),
		}))
		b, _, _ := proved(t, catalogue(t), request(t, f, "one", "shop/web", act("freeze-changes")))
		require.Equal(t, want, b.Parts[0].Sync.Object["spec"].(map[string]any)["serviceAccountName"])
	}
}

// A9, G3: what a user's template makes of an admission policy is held to the
// target, whatever it says.
func TestThreatA9G3AdmissionPoliciesAreNotTrusted(t *testing.T) {
	sources, err := render.Sources()
	require.NoError(t, err)
	template := ""
	for _, s := range sources {
		if s.Name == "built-in/freeze-changes.yaml" {
			template = string(s.Data)
		}
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"as it is":          {"", "", ""},
		"no names":          {"'resourceNames': [target.name],", "", "resourceNames that are not the target's"},
		"other names":       {"'resourceNames': [target.name],", "'resourceNames': ['ledger'],", "resourceNames that are not the target's"},
		"no namespace":      {"          namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: ${target.namespace}\n", "", "not the target's namespace"},
		"every namespace":   {"            matchLabels:\n              kubernetes.io/metadata.name: ${target.namespace}\n", "            matchLabels: {}\n", "not the target's namespace"},
		"another namespace": {"kubernetes.io/metadata.name: ${target.namespace}", "kubernetes.io/metadata.name: kube-system", "not the target's namespace"},
		"a foreign policy":  {"policyName: ${incident.name}-freeze", "policyName: deny-all", "binds a policy that the incident does not create"},
		"a foreign name":    {"name: ${incident.name}-freeze\n      spec:\n        failurePolicy", "name: freeze\n      spec:\n        failurePolicy", "want irgit-"},
		"a namespace":       {"name: ${incident.name}-freeze\n      spec:\n        failurePolicy", "name: ${incident.name}-freeze\n        namespace: payments\n      spec:\n        failurePolicy", "belong to no namespace"},
		"an expression":     {"object.spec == oldObject.spec", "object.spec == oldObjct.spec", "undeclared reference to 'oldObjct'"},
		"of later versions": {"object.spec == oldObject.spec", "[2, 1].sort() == [1, 2]", "undeclared reference to 'sort'"},
	} {
		require.Contains(t, template, c.from, name)
		mine := policy.Source{Name: "mine.yaml", Origin: "mine", Data: []byte(strings.Replace(template, c.from, c.to, 1))}
		cat, problems := render.Load(append(sources, mine))
		require.Empty(t, problems, name)
		_, err := cat.Render(t.Context(), request(t, newFleet(t), "prod-eu", "payments/payments", act("freeze-changes")))
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		var refused *render.RefusedError
		require.ErrorAs(t, err, &refused, name)
		require.Contains(t, err.Error(), c.want, name)
	}
}
