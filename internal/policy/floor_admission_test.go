package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const freeze = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: irgit-x}
spec:
  failurePolicy: Fail
  matchConstraints:
    matchPolicy: Equivalent
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: payments}}
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [UPDATE, DELETE], resources: [deployments, deployments/scale], resourceNames: [payments]}
      - {apiGroups: [autoscaling], apiVersions: [v2], operations: [UPDATE, DELETE], resources: [horizontalpodautoscalers], resourceNames: [payments]}
  matchConditions:
    - {name: not-from-git, expression: "!(request.userInfo.username in ['system:serviceaccount:flux-system:kustomize-controller'])"}
  validations:
    - {expression: "request.operation == 'UPDATE' && object.spec == oldObject.spec", message: frozen}
`

const binding = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: irgit-x}
spec: {policyName: irgit-x, validationActions: [Deny]}
`

// A template of a user may write any admission policy; one that is about more
// than the target, that shuts out Git, or that does nothing is refused.
func TestAdmissionPolicies(t *testing.T) {
	target := workload("payments", "payments")
	world := cluster{target, workload("payments", "ledger"), workload("web", "frontend")}
	const rule = "{apiGroups: [apps], apiVersions: [v1], operations: [UPDATE, DELETE], resources: [deployments, deployments/scale], resourceNames: [payments]}"
	in := func(from, to string) string {
		require.Contains(t, freeze, from)
		return strings.Replace(freeze, from, to, 1)
	}
	rules := func(from, to string) string { return in(rule, strings.Replace(rule, from, to, 1)) }
	for name, c := range map[string]struct {
		policy string
		want   []string
	}{
		"freeze":                              {freeze, nil},
		"target alone":                        {strings.ReplaceAll(freeze, "      - {apiGroups: [autoscaling], apiVersions: [v2], operations: [UPDATE, DELETE], resources: [horizontalpodautoscalers], resourceNames: [payments]}\n", ""), nil},
		"exemption within the rule":           {strings.Replace(in("  matchConditions:\n    - {name: not-from-git, expression: \"!(request.userInfo.username in ['system:serviceaccount:flux-system:kustomize-controller'])\"}\n", ""), `"request.operation`, `"request.userInfo.username == 'system:serviceaccount:flux-system:kustomize-controller' || request.operation`, 1), nil},
		"G3 no names":                         {rules(", resourceNames: [payments]", ""), []string{"G3"}},
		"G3 empty names":                      {rules("resourceNames: [payments]", "resourceNames: []"), []string{"G3"}},
		"G3 a name that is empty":             {rules("resourceNames: [payments]", "resourceNames: [payments, '']"), []string{"G3"}},
		"G3 another name":                     {rules("resourceNames: [payments]", "resourceNames: [ledger]"), []string{"G3"}},
		"G3 names beside":                     {rules("resourceNames: [payments]", "resourceNames: [payments, ledger]"), []string{"G3"}},
		"G3 every group":                      {rules("apiGroups: [apps]", `apiGroups: ["*"]`), []string{"G3"}},
		"G3 no groups":                        {rules("apiGroups: [apps]", "apiGroups: []"), []string{"G3"}},
		"G3 every resource":                   {rules("resources: [deployments, deployments/scale]", `resources: ["*"]`), []string{"G3"}},
		"G3 every subresource":                {rules("resources: [deployments, deployments/scale]", `resources: ["deployments/*"]`), []string{"G3"}},
		"G3 status":                           {rules("deployments/scale", "deployments/status"), []string{"G3"}},
		"G3 other resource":                   {rules("resources: [deployments, deployments/scale]", "resources: [statefulsets]"), []string{"G3"}},
		"G3 pods":                             {rules("apiGroups: [apps], apiVersions: [v1], operations: [UPDATE, DELETE], resources: [deployments, deployments/scale]", "apiGroups: [''], apiVersions: [v1], operations: [DELETE], resources: [pods]"), []string{"G3"}},
		"G3 creation":                         {rules("[UPDATE, DELETE]", "[CREATE, UPDATE]"), []string{"G3"}},
		"G3 every operation":                  {rules("[UPDATE, DELETE]", `["*"]`), []string{"G3"}},
		"G3 scaler of another":                {in("resources: [horizontalpodautoscalers], resourceNames: [payments]", "resources: [horizontalpodautoscalers], resourceNames: [ledger]"), []string{"G3"}},
		"G3 no namespace":                     {in("    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: payments}}\n", ""), []string{"G3"}},
		"G3 every namespace":                  {in("{matchLabels: {kubernetes.io/metadata.name: payments}}", "{}"), []string{"G3"}},
		"G3 another namespace":                {in("{matchLabels: {kubernetes.io/metadata.name: payments}}", "{matchLabels: {kubernetes.io/metadata.name: kube-system}}"), []string{"G3"}},
		"G3 namespaces by label":              {in("{matchLabels: {kubernetes.io/metadata.name: payments}}", "{matchLabels: {team: payments}}"), []string{"G3"}},
		"G3 namespaces by expression":         {in("{matchLabels: {kubernetes.io/metadata.name: payments}}", "{matchExpressions: [{key: kubernetes.io/metadata.name, operator: Exists}]}"), []string{"G3"}},
		"G3 object selector":                  {in("    matchPolicy: Equivalent\n", "    objectSelector: {matchLabels: {a: b}}\n"), []string{"G3"}},
		"G3 exceptions":                       {in("    matchPolicy: Equivalent\n", "    excludeResourceRules: ["+rule+"]\n"), []string{"G3"}},
		"G3 denies controllers":               {in(" && object.spec == oldObject.spec", " && false"), []string{"G3"}},
		"G3 namespace of its own":             {in("{name: irgit-x}", "{name: irgit-x, namespace: payments}"), []string{"G3"}},
		"A8 a name that is not reserved":      {in("{name: irgit-x}", "{name: freeze}"), []string{"A8"}},
		"A9 parameters":                       {in("  failurePolicy: Fail\n", "  paramKind: {apiVersion: v1, kind: ConfigMap}\n"), []string{"A9"}},
		"G1 shuts out Git":                    {in("kustomize-controller", "helm-controller"), []string{"G1"}},
		"G1 shuts out Git by a failure":       {in("!(request.userInfo.username in ['system:serviceaccount:flux-system:kustomize-controller'])", "!(object.spec.a.b == 1)"), []string{"G3", "G1"}},
		"K3 no rules":                         {strings.Split(freeze, "    resourceRules:")[0] + "  validations: [{expression: 'false'}]\n", []string{"K3"}},
		"K3 lets everybody":                   {in("request.operation == 'UPDATE' && object.spec == oldObject.spec", "true"), []string{"K3"}},
		"K3 lets whoever asks":                {in("['system:serviceaccount:flux-system:kustomize-controller']", "[request.userInfo.username]"), []string{"K3"}},
		"K3 fails open":                       {strings.Replace(in("failurePolicy: Fail", "failurePolicy: Ignore"), "object.spec == oldObject.spec", "object.spec.a.b == 1", 1), []string{"K3"}},
		"K3 an expression that is not one":    {in("request.operation == 'UPDATE' && object.spec == oldObject.spec", "object."), []string{"K3", "K3", "K3"}},
		"K3 an expression nobody understands": {in("request.operation == 'UPDATE' && object.spec == oldObject.spec", "authorizer.group('').check('x').allowed()"), []string{"K3", "K3", "K3"}},
	} {
		t.Run("Threat"+name, func(t *testing.T) {
			objs := append(object(t, c.policy), object(t, binding)...)
			if strings.HasPrefix(name, "A8") {
				objs[1].Object["spec"].(map[string]any)["policyName"] = "freeze"
			}
			got := checkObjects(world, objs, nil, target)
			require.Equal(t, c.want, guardrails(got), "%v", got)
		})
	}
}

func TestAdmissionBindings(t *testing.T) {
	target := workload("payments", "payments")
	check := func(texts ...string) []string {
		objs := object(t, texts[0])
		for _, text := range texts[1:] {
			objs = append(objs, object(t, text)...)
		}
		return guardrails(checkObjects(cluster{target}, objs, nil, target))
	}
	in := func(from, to string) string { return strings.Replace(binding, from, to, 1) }
	require.Empty(t, check(freeze, binding))
	require.Empty(t, check(binding, freeze))
	require.Equal(t, []string{"G3"}, check(binding), "the policy of somebody else")
	require.Equal(t, []string{"G3", "K3"}, check(freeze, in("policyName: irgit-x", "policyName: deny-all")))
	require.Equal(t, []string{"K3"}, check(freeze), "a policy that nothing binds denies nothing")
	require.Equal(t, []string{"K3"}, check(freeze, in("[Deny]", "[Audit]")))
	require.Equal(t, []string{"A9"}, check(freeze, in("validationActions", "paramRef: {name: x}, validationActions")))
	require.Equal(t, []string{"A9"}, check(freeze, in("validationActions", "matchResources: {}, validationActions")))
	require.Equal(t, []string{"A9"}, check(freeze, binding, strings.Replace(freeze, "kind: ValidatingAdmissionPolicy", "kind: MutatingAdmissionPolicy", 1)))
	require.Equal(t, []string{"A9"}, check("{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: irgit-x}}"))

	protected := workload("kube-system", "payments")
	objs := append(object(t, strings.ReplaceAll(freeze, "metadata.name: payments", "metadata.name: kube-system")), object(t, binding)...)
	require.Equal(t, []string{"G1"}, guardrails(checkObjects(cluster{protected}, objs, nil, protected)), "a protected workload is not frozen")
	others, err := collateral(cluster{target}, append(object(t, freeze), object(t, binding)...), nil, target)
	require.NoError(t, err)
	require.Empty(t, others)
}
