package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
)

const podRule = `{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods], scope: Namespaced}`

func imagePolicy(images ...string) string {
	return `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: irgit-x}
spec:
  failurePolicy: Fail
  matchConstraints:
    matchPolicy: Equivalent
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: payments}}
    resourceRules:
      - ` + podRule + `
  validations:
    - expression: "` + fleet.ImageRule(images) + `"
`
}

func TestDeniedImages(t *testing.T) {
	target := workload("payments", "payments")
	evil := imagePolicy("registry.example/evil:1")
	in := func(from, to string) string {
		require.Contains(t, evil, from)
		return strings.Replace(evil, from, to, 1)
	}
	rule := func(from, to string) string { return in(podRule, strings.Replace(podRule, from, to, 1)) }
	for name, c := range map[string]struct {
		policy string
		want   []string
	}{
		"by tag":                     {evil, nil},
		"more than one":              {imagePolicy("registry.example/evil:1", "sha256:"+strings.Repeat("0a", 32)), nil},
		"G3 no namespace":            {in("    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: payments}}\n", ""), []string{"G3"}},
		"G3 another namespace":       {in("name: payments}}", "name: kube-system}}"), []string{"G3"}},
		"G3 deletions":               {rule("[CREATE]", "[CREATE, DELETE]"), []string{"G3"}},
		"G3 changes":                 {rule("[CREATE]", "[UPDATE]"), []string{"G3"}},
		"G3 more than pods":          {rule("[pods]", "[pods, services]"), []string{"G3"}},
		"G3 two rules":               {in("      - "+podRule, "      - "+podRule+"\n      - "+podRule), []string{"G3"}},
		"G3 names":                   {rule("scope:", "resourceNames: [a], scope:"), []string{"G3"}},
		"G3 every pod":               {in(fleet.ImageRule([]string{"registry.example/evil:1"}), "false"), []string{"G3"}},
		"G3 more than by image":      {in("object.spec.containers.all", "has(object.spec.nodeName) && object.spec.containers.all"), []string{"G3"}},
		"G3 lists that differ":       {in("initContainers.all(c, !['registry.example/evil:1']", "initContainers.all(c, !['a']"), []string{"G3"}},
		"G3 no image":                {imagePolicy(), []string{"G3"}},
		"G3 an image that is none":   {imagePolicy("*"), []string{"G3"}},
		"G3 a failure lets through":  {in("failurePolicy: Fail", "failurePolicy: Ignore"), []string{"G3"}},
		"G3 conditions":              {in("  validations:", "  matchConditions: [{name: a, expression: 'false'}]\n  validations:"), []string{"G3"}},
		"A9 parameters":              {in("  failurePolicy: Fail\n", "  failurePolicy: Fail\n  paramKind: {apiVersion: v1, kind: ConfigMap}\n"), []string{"A9", "G3"}},
		"G2 the sidecar of a mesh":   {imagePolicy("docker.io/istio/proxyv2:1.27.0"), []string{"G2"}},
		"G2 the cluster's network":   {imagePolicy("quay.io/cilium/cilium:v1.18.0@sha256:" + strings.Repeat("0a", 32)), []string{"G2"}},
		"G5 irgit itself":            {imagePolicy("ghcr.io/irgit/irgit:v1"), []string{"G5"}},
		"A8 a name that is not kept": {in("irgit-x", "images"), []string{"A8"}},
	} {
		t.Run("Threat"+name, func(t *testing.T) {
			objs := append(object(t, c.policy), object(t, binding)...)
			objs[1].Object["spec"].(map[string]any)["policyName"] = objs[0].GetName()
			got := checkObjects(cluster{target}, objs, nil, target)
			require.Equal(t, c.want, guardrails(got), "%v", got)
		})
	}
}

// What is told of images is what the API server would make of the expression.
func TestImageRuleIsAskedAsItIsRead(t *testing.T) {
	const digest = "sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
	policy := object(t, imagePolicy("a/evil:1", digest))[0].Object
	pod := func(list, image string) map[string]any {
		spec := map[string]any{"containers": []any{map[string]any{"name": "a", "image": "a/good:1"}}}
		spec[list] = []any{map[string]any{"name": "b", "image": image}}
		return map[string]any{"spec": spec}
	}
	for image, want := range map[string]bool{
		"a/evil:1": true, "a/evil:1@" + digest: true, "a/evil:1@sha256:00": true, "b/other@" + digest: true, "b/other:2@" + digest: true,
		"a/evil:10": false, "a/evil": false, "b/a/evil:1": false, "a/good:1": false, digest: true, "a/evil:1-x": false,
	} {
		for _, list := range []string{"containers", "initContainers"} {
			denied, err := denies(policy["spec"].(map[string]any), expr.Vars{
				"object": pod(list, image), "oldObject": nil, "request": expr.AdmissionRequest{Operation: "CREATE"},
			})
			require.NoError(t, err)
			require.Equal(t, want, denied, "%s of %s", image, list)
		}
	}
}
