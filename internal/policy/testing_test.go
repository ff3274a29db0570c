package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func testDocument(cases string) []Source {
	return []Source{{Name: "p_test.yaml", Data: []byte(`apiVersion: irgit.dev/v1alpha1
kind: ResponsePolicyTest
metadata: {name: t}
spec:
  alert: {source: falco, rule: x, subject: {namespace: payments}}
  target: {namespace: payments, kind: Deployment, name: payments}
  cluster: {name: prod-eu}
  cases:
` + cases)}}
}

func TestPolicyTests(t *testing.T) {
	set := mustLoad(t, write("a", body+"  match: {rules: [x]}\n  guardrails: {protectedNamespaces: [vault]}\n"),
		write("quiet", "  description: noise\n  tier: watch\n  match: {rules: [y], severity: high}\n"))
	results, problems := Test(t.Context(), set, testDocument(`
  - {name: all of it, want: {policy: a, policies: [a], actions: [quarantine], tier: isolate, expiry: 24h}}
  - {name: none, alert: {rule: z}, want: {none: true}}
  - {name: watched, alert: {rule: y, severity: high}, want: {policy: quiet, none: true}}
  - {name: not severe enough, alert: {rule: y, severity: low}, want: {none: true}}
  - {name: no target, noTarget: true, want: {none: true}}
  - {name: floor, target: {namespace: kube-system, kind: Deployment, name: x}, alert: {rule: x, subject: {namespace: kube-system}}, want: {policy: a, refused: G1}}
  - {name: guardrail, target: {namespace: vault, kind: Deployment, name: x}, alert: {rule: x, subject: {}}, want: {refused: policy}}
`))
	require.Empty(t, problems)
	require.Len(t, results, 7)
	for _, r := range results {
		require.True(t, r.Passed, "%s: %v", r.Case, r.Differ)
		require.True(t, strings.HasPrefix(r.File, "p_test.yaml:"))
	}
}

func TestPolicyTestsFailInWords(t *testing.T) {
	set := mustLoad(t, write("a", body+"  match: {rules: [x]}\n"))
	for wanted, said := range map[string]string{
		"{want: {policy: b}, name: n}":                                       "want policy b, have a: there is no policy of that name",
		"{want: {policy: a}, alert: {rule: z}, name: n}":                     `want policy a, have none: rule is "z", want "x"`,
		"{want: {actions: [freeze-rollout]}, name: n}":                       "want actions freeze-rollout, have quarantine",
		"{want: {none: true}, name: n}":                                      "want no plan, have one by a: quarantine",
		"{want: {tier: freeze}, name: n}":                                    `want tier freeze, have "isolate"`,
		"{want: {expiry: 1h}, name: n}":                                      "want expiry 1h0m0s, have 24h0m0s",
		"{want: {refused: G1}, name: n}":                                     "want a refusal by G1, have []",
		"{want: {policy: a}, target: {namespace: argocd, name: x}, name: n}": "refused by guardrail G7",
		"{want: {refused: G1}, noTarget: true, name: n}":                     "there is no plan to refuse",
	} {
		results, problems := Test(t.Context(), set, testDocument("  - "+wanted+"\n"))
		require.Empty(t, problems, wanted)
		require.Len(t, results, 1)
		require.False(t, results[0].Passed, wanted)
		require.Contains(t, strings.Join(results[0].Differ, "\n"), said)
	}
}

func TestPolicyTestsAreStrict(t *testing.T) {
	set := mustLoad(t, write("a", body+"  match: {rules: [x]}\n"))
	for wrong, said := range map[string]string{
		"{name: n, wants: {none: true}}": `did you mean "want"?`,
		"{name: n}":                      "cannot fail",
		"{want: {none: true}}":           "say in a few words",
		"{name: n, alert: {rulez: x}, want: {none: true}}":      `unknown field "rulez"`,
		"{name: n, alert: {severity: hig}, want: {none: true}}": `did you mean "high"?`,
		"{name: n, target: {kind: [x]}, want: {none: true}}":    "cannot unmarshal",
	} {
		results, problems := Test(t.Context(), set, testDocument("  - "+wrong+"\n"))
		require.NotEmpty(t, problems, wrong)
		require.Empty(t, results, wrong)
		require.Contains(t, problems[0].Message+problems[len(problems)-1].Message, said)
	}
	_, problems := Test(t.Context(), set, testDocument("    []\n"))
	require.Contains(t, problems[0].Message, "at least one case")
}
