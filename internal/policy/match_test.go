package policy

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
)

var (
	fuzzAlert   = alert.Alert{Source: alert.Falco, Rule: "x", Tags: []string{"container"}, Techniques: []string{"T1059.004"}, Fields: map[string]string{}}
	fuzzCluster = fleet.Cluster{Name: "prod-eu"}
	payments    = fleet.Workload{
		Cluster: "prod-eu", Namespace: "payments", Kind: "Deployment", Name: "payments", APIVersion: "apps/v1",
		Labels: map[string]string{"app": "payments"}, ServiceAccount: "payments",
	}
)

func decide(t *testing.T, s *Set, a alert.Alert, target *fleet.Workload) Decision {
	t.Helper()
	d, err := s.Match(t.Context(), a, target, fuzzCluster)
	require.NoError(t, err)
	return d
}

func reasons(d Decision) map[string]string {
	out := map[string]string{}
	for _, c := range d.Considered {
		out[c.Policy] = c.Reason
	}
	return out
}

func TestEveryPolicySaysWhichConditionFailedFirst(t *testing.T) {
	set := mustLoad(t,
		write("source", body+"  match: {sources: [alertmanager], rules: [other]}\n"),
		write("severity", body+"  match: {severity: critical, rules: [other]}\n"),
		write("rule", body+"  match: {rules: ['other*'], techniques: [T1611]}\n"),
		write("technique", body+"  match: {techniques: [T1611], tags: [none]}\n"),
		write("tag", body+"  match: {tags: [none], clusters: [staging]}\n"),
		write("cluster", body+"  match: {clusters: [stag*], namespaces: [web]}\n"),
		write("namespace", body+"  match: {namespaces: [web], kinds: [Job]}\n"),
		write("kind", body+"  match: {kinds: [Job], labels: {app: web}}\n"),
		write("label", body+"  match: {labels: {app: web}, expression: 'false'}\n"),
		write("cel", body+"  match: {expression: 'target.name == \"ledger\"'}\n"),
		write("cel-error", body+"  match: {expression: 'alert.fields[\"none\"] == \"x\"'}\n"),
		write("off", "  disabled: true\n"),
	)
	d, err := set.Explain(t.Context(), fuzzAlert, &payments, fuzzCluster)
	require.NoError(t, err)
	require.Nil(t, d.Plan)
	require.Equal(t, "none of 12 policies answers this alert", d.Reason)
	why := reasons(d)
	require.Len(t, why, 12)
	require.Equal(t, `source is "falco", want "alertmanager"`, why["source"])
	require.Equal(t, `severity is unknown, want at least critical`, why["severity"])
	require.Equal(t, `rule is "x", want "other*"`, why["rule"])
	require.Equal(t, `techniques are "T1059.004", want "T1611"`, why["technique"])
	require.Equal(t, `tags are "container", want "none"`, why["tag"])
	require.Equal(t, `cluster is "prod-eu", want "stag*"`, why["cluster"])
	require.Equal(t, `namespace is "payments", want "web"`, why["namespace"])
	require.Equal(t, `kind is "Deployment", want "Job"`, why["kind"])
	require.Equal(t, `label app is "payments", want "web"`, why["label"])
	require.Equal(t, `expression is false: target.name == "ledger"`, why["cel"])
	require.Contains(t, why["cel-error"], "expression cannot be evaluated")
	require.Equal(t, "the policy is disabled", why["off"])
}

func TestMostSpecificWins(t *testing.T) {
	set := mustLoad(t,
		write("by-technique", body+"  match: {techniques: [T1059]}\n"),
		write("by-pattern", body+"  match: {rules: ['x*', x]}\n"),
		write("by-rule", body+"  match: {rules: [x]}\n"),
		write("by-rule-and-namespace", body+"  match: {rules: [x], namespaces: [payments]}\n"),
	)
	d := decide(t, set, fuzzAlert, &payments)
	require.Equal(t, "by-rule-and-namespace", d.Plan.Policy)
	require.Equal(t, set.Policies()[0].Digest(), d.Plan.PolicyDigest)
	require.Equal(t, 24*time.Hour, d.Plan.Expiry)
	require.Contains(t, reasons(d)["by-rule"], "not looked at")
	other := payments
	other.Namespace = "web"
	require.Equal(t, "by-rule", decide(t, set, fuzzAlert, &other).Plan.Policy)
}

func TestMergeOnlyTightens(t *testing.T) {
	merge := "  mode: merge\n"
	set := mustLoad(t,
		write("first", strings.ReplaceAll(body, "quarantine", "quarantine\n    optional: true\n    parameters: {dns: true}")+merge+
			"  match: {rules: [x], tags: [container]}\n  approval: {mode: auto-merge, labels: [a]}\n"),
		write("second", body+merge+"  match: {rules: [x]}\n  expiry: 1h\n  approval: {mode: propose, labels: [b, a]}\n  guardrails: {protectedNamespaces: [ledger], maxWorkloads: 2}\n"),
		write("third", "  description: d\n  tier: freeze\n  response: [{action: freeze-rollout}]\n"+merge+"  match: {techniques: [T1059]}\n"),
		write("alone", body+"  match: {rules: ['?']}\n"),
	)
	plan := decide(t, set, fuzzAlert, &payments).Plan
	require.Equal(t, []string{"first", "second", "third"}, plan.Policies)
	require.Equal(t, []Action{{Name: "quarantine", Parameters: map[string]any{"dns": true}}, {Name: "freeze-rollout"}}, plan.Actions)
	require.Equal(t, time.Hour, plan.Expiry)
	require.Equal(t, Approval{Mode: Propose, Labels: []string{"a", "b"}}, plan.Approval)
	require.Equal(t, Guardrails{ProtectedNamespaces: []string{"ledger"}, MaxWorkloads: 2}, plan.Guardrails)
	require.Equal(t, Isolate, plan.Tier)
	require.Contains(t, strings.Join(plan.Why, "\n"), "keeps the parameters of policy first, not those of second")
	require.NotEqual(t, set.Policies()[0].Digest(), plan.PolicyDigest)
}

func TestWatchIsADecision(t *testing.T) {
	set := mustLoad(t,
		write("watch", "  description: noise\n  tier: watch\n  match: {rules: [x], tags: [container]}\n"),
		write("act", body+"  match: {rules: [x]}\n"))
	d := decide(t, set, fuzzAlert, &payments)
	require.Nil(t, d.Plan)
	require.Equal(t, "policy watch only watches this: noise", d.Reason)
}

func TestThreatG7NoPlanWithoutATarget(t *testing.T) {
	set := mustLoad(t, write("a", body+"  match: {rules: [x]}\n"), write("b", body+"  match: {namespaces: ['pay*'], rules: [x]}\n"))
	d := decide(t, set, fuzzAlert, nil)
	require.Nil(t, d.Plan)
	require.Contains(t, d.Reason, "was not found in the fleet")
	require.Contains(t, reasons(d)["b"], "target was not found")
}

func TestReasonsStayShortAndVisible(t *testing.T) {
	set := mustLoad(t, write("a", body+"  match: {rules: ['a*']}\n"))
	a := fuzzAlert
	a.Rule = "\x1b]0;x\x07" + strings.Repeat("é", 5_000_000)
	d := decide(t, set, a, &payments)
	require.Less(t, len(d.Considered[0].Reason), 1000)
	require.NotContains(t, d.Considered[0].Reason, "\x1b")
}

func TestMatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := mustLoad(t, write("a", body+"  match: {rules: [x]}\n")).Match(ctx, fuzzAlert, &payments, fuzzCluster)
	require.ErrorIs(t, err, context.Canceled)
}

func TestPatternsAgreeWithRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{0,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab]{0,10}`).Draw(t, "s")
		as := regexp.MustCompile("^" + strings.NewReplacer("*", ".*", "?", ".").Replace(pattern) + "$")
		require.Equal(t, as.MatchString(s), matchPattern(pattern, s))
	})
}

func TestCoversNeverClaimsTooMuch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.StringMatching(`[ab*?]{0,6}`).Draw(t, "a")
		b := rapid.StringMatching(`[ab*?]{0,6}`).Draw(t, "b")
		s := rapid.StringMatching(`[ab]{0,8}`).Draw(t, "s")
		if coversPattern(a, b) && matchPattern(b, s) {
			require.True(t, matchPattern(a, s), "%q covers %q, but %q", a, b, s)
		}
	})
}

// The index is only a short cut: it decides as looking at every policy does,
// whatever the order of the files.
func TestIndexDecidesAsTheFullList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
		var docs []string
		for i := range rapid.IntRange(1, 8).Draw(t, "n") {
			docs = append(docs, write(fmt.Sprintf("p%d", i), body+
				"  mode: "+draw("mode", "merge", "exclusive")+"\n  priority: "+draw("priority", "0", "1")+
				"\n  match: {severity: low, "+draw("match", "rules: [x]", "rules: ['x*']", "rules: [y]", "techniques: [T1059]", "techniques: [T1059.004]",
				"tags: [container]", "namespaces: [payments]", "expression: 'alert.rule == \"x\"'", "rules: [x], tags: [other]")+"}\n"))
		}
		load := func(docs []string) *Set {
			set, _ := Load([]Source{{Name: "p.yaml", Data: []byte(strings.Join(docs, "\n---\n"))}}, testActions)
			return set
		}
		a := fuzzAlert
		a.Rule, a.Severity = draw("rule", "x", "y", "xy"), alert.High
		set, shuffled := load(docs), load(rapid.Permutation(docs).Draw(t, "order"))
		quick, err := set.Match(context.Background(), a, &payments, fuzzCluster)
		require.NoError(t, err)
		full, err := shuffled.Explain(context.Background(), a, &payments, fuzzCluster)
		require.NoError(t, err)
		require.Equal(t, full.Plan, quick.Plan)
		require.Equal(t, full.Reason, quick.Reason)
	})
}

func benchmarkMatch(b *testing.B, n int) {
	files := make([]Source, n)
	for i := range files {
		match := fmt.Sprintf("rules: [Rule %d, Rule %d bis], sources: [falco], expression: 'alert.subject.namespace == target.namespace && !target.hostNetwork'", i, i)
		switch {
		case i%10 == 8:
			match = fmt.Sprintf("techniques: [T%04d], sources: [falco], expression: 'target.kind == \"Deployment\"'", 1000+i)
		case i%20 == 9:
			match = fmt.Sprintf("rules: ['Rule %d, variant ?*'], severity: low", i)
		}
		files[i] = Source{Name: fmt.Sprintf("%d.yaml", i), Data: []byte(write(fmt.Sprintf("policy-%d", i), body+"  match: {"+match+"}\n"))}
	}
	set, problems := Load(files, testActions)
	require.Empty(b, problems)
	alerts := make([]alert.Alert, 256)
	for i := range alerts {
		alerts[i] = alert.Alert{
			Source: alert.Falco, Rule: fmt.Sprintf("Rule %d", i*7%n), Severity: alert.High, Tags: []string{"container", "mitre_execution"},
			Techniques: []string{"T1059"}, Subject: alert.Subject{Namespace: "payments"}, Fields: map[string]string{"proc.name": "sh"},
		}
	}
	ctx, plans := b.Context(), 0
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d, err := set.Match(ctx, alerts[i%len(alerts)], &payments, fuzzCluster)
		if err != nil {
			b.Fatal(err)
		}
		if d.Plan != nil {
			plans++
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "alerts/s")
	if plans == 0 {
		b.Fatal("nothing matched: this measures nothing")
	}
}

func BenchmarkMatch10(b *testing.B)   { benchmarkMatch(b, 10) }
func BenchmarkMatch100(b *testing.B)  { benchmarkMatch(b, 100) }
func BenchmarkMatch1000(b *testing.B) { benchmarkMatch(b, 1000) }

// What the README may promise of expressions: severities are OCSF's numbers,
// names are those of the JSON forms.
func TestExpressionsSeeAlertTargetAndCluster(t *testing.T) {
	a := fuzzAlert
	a.Severity, a.Time = alert.High, time.Unix(1_700_000_000, 0)
	a.Fields = map[string]string{"proc.name": "sh"}
	for _, expression := range []string{
		`alert.severity >= 4`, `"T1059.004" in alert.techniques`, `alert.fields["proc.name"] == "sh"`,
		`alert.?fields["none"].orValue("") == ""`, `alert.subject.workload.kind == ""`, `alert.time < timestamp("2030-01-01T00:00:00Z")`,
		`target.labels["app"] == "payments" && !target.hostNetwork`, `target.containers.all(c, c.image != "")`, `cluster.mesh.mode == ""`,
	} {
		set := mustLoad(t, write("a", body+"  match:\n    expression: |-\n      "+expression+"\n"))
		require.NotNil(t, decide(t, set, a, &payments).Plan, "%s: %v", expression, reasons(decide(t, set, a, &payments)))
	}
}
