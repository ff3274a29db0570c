package policy

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/strict"
)

type fakeActions map[string]string // name to its one parameter

func (f fakeActions) Names() []string { return []string{"freeze-rollout", "quarantine"} }
func (f fakeActions) Has(name string) bool {
	_, ok := f[name]
	return ok
}

func (f fakeActions) CheckParameters(name string, p map[string]any) (wrong []string) {
	for key := range p {
		if key != f[name] {
			wrong = append(wrong, fmt.Sprintf("%s has no parameter %q", name, key))
		}
	}
	return wrong
}

var testActions = fakeActions{"quarantine": "dns", "freeze-rollout": ""}

// write makes a policy document; spec is indented by two spaces.
func write(name, spec string) string {
	return "apiVersion: irgit.dev/v1alpha1\nkind: ResponsePolicy\nmetadata:\n  name: " + name + "\nspec:\n" + spec
}

const body = `  description: because
  tier: isolate
  response:
  - action: quarantine
`

func mustLoad(t testing.TB, docs ...string) *Set {
	t.Helper()
	set, problems := Load([]Source{{Name: "p.yaml", Data: []byte(strings.Join(docs, "\n---\n"))}}, testActions)
	require.Empty(t, problems)
	return set
}

func TestLoadReportsEveryProblemWithItsPlaceAndTheWayOut(t *testing.T) {
	for name, c := range map[string]struct{ spec, file, path, message string }{
		"unknown field":      {body + "  match: {rulez: [x], rules: [y]}\n", "p.yaml:10:11", "spec.match.rulez", `did you mean "rules"?`},
		"duplicate key":      {body + "  match: {rules: [x]}\n  tier: watch\n", "p.yaml:11:3", "spec.tier", "first on line 7"},
		"empty match":        {body + "  match: {}\n", "p.yaml:10:10", "spec.match", "matchAll: true"},
		"no match":           {body, "p.yaml:6:3", "spec.match", "matchAll: true"},
		"everything anyway":  {body + "  match: {rules: ['*'], sources: [falco]}\n", "p.yaml:10:10", "spec.match", "matchAll: true"},
		"matchAll and more":  {body + "  match: {rules: [x], matchAll: true}\n", "p.yaml:10:33", "spec.match.matchAll", "remove them or matchAll"},
		"source":             {body + "  match: {rules: [x], sources: [falko]}\n", "p.yaml:10:33", "spec.match.sources[0]", `did you mean "falco"?`},
		"severity":           {body + "  match: {severity: hihg}\n", "p.yaml:10:21", "spec.match.severity", `did you mean "high"?`},
		"technique":          {body + "  match: {techniques: [1059]}\n", "p.yaml:10:24", "spec.match.techniques[0]", "put it in quotes"},
		"action":             {strings.Replace(body, "quarantine", "quarantin", 1) + "  match: {rules: [x]}\n", "p.yaml:9:13", "spec.response[0].action", `did you mean "quarantine"?`},
		"parameter":          {body + "    parameters: {dnz: true}\n  match: {rules: [x]}\n", "p.yaml:10:17", "spec.response[0].parameters", `no parameter "dnz"`},
		"action twice":       {body + "  - action: quarantine\n  match: {rules: [x]}\n", "p.yaml:10:13", "spec.response[1].action", "twice"},
		"expiry too long":    {body + "  expiry: 31d\n  match: {rules: [x]}\n", "p.yaml:10:11", "spec.expiry", "10m0s to 720h0m0s"},
		"expiry no duration": {body + "  expiry: soon\n  match: {rules: [x]}\n", "p.yaml:10:11", "spec.expiry", "write 30m, 24h or 7d"},
		"guardrail loosened": {body + "  guardrails: {maxWorkloads: 50}\n  match: {rules: [x]}\n", "p.yaml:10:30", "spec.guardrails.maxWorkloads", "tightened, not loosened"},
		"exempted namespace": {body + "  guardrails: {protectedNamespaces: ['!kube-system']}\n  match: {rules: [x]}\n", "p.yaml:10:38", "spec.guardrails.protectedNamespaces[0]", "nothing can be taken out"},
		"auto-merge":         {body + "  approval: {mode: auto-merge}\n  guardrails: {requireHumanApproval: true}\n  match: {rules: [x]}\n", "p.yaml:10:20", "spec.approval.mode", "forbids auto-merge"},
		"reviewer":           {body + "  approval: {reviewers: ['@me']}\n  match: {rules: [x]}\n", "p.yaml:10:26", "spec.approval.reviewers[0]", "without @"},
		"watch that acts":    {strings.Replace(body, "isolate", "watch", 1) + "  match: {rules: [x]}\n", "p.yaml:9:3", "spec.response", "contains nothing"},
		"no response":        {"  description: d\n  tier: freeze\n  match: {rules: [x]}\n", "p.yaml:6:3", "spec.response", "at least one action"},
		"CEL field":          {body + "  match:\n    expression: alert.ruleX == 'x'\n", "p.yaml:11:22", "spec.match.expression", "ruleX"},
		"CEL block":          {body + "  match:\n    expression: |\n      alert.rule == 'x' &&\n      target.nam == 'y'\n", "p.yaml:13", "spec.match.expression", "nam"},
		"CEL type":           {body + "  match: {expression: alert.rule}\n", "p.yaml:10:23", "spec.match.expression", "bool"},
		"not a bool":         {body + "  disabled: 'yes'\n  match: {rules: [x]}\n", "p.yaml:10:13", "spec.disabled", "want true or false"},
		"priority":           {body + "  priority: 5000\n  match: {rules: [x]}\n", "p.yaml:10:13", "spec.priority", "-1000 to 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := Load([]Source{{Name: "p.yaml", Data: []byte(write("a", c.spec))}}, testActions)
			require.NotEmpty(t, problems)
			require.Len(t, problems, 1, "%v", problems)
			require.Equal(t, c.path, problems[0].Path)
			require.Contains(t, problems[0].Message, c.message)
			if !strings.HasPrefix(name, "CEL") {
				require.Equal(t, c.file, problems[0].File)
			} else {
				require.Equal(t, strings.Split(c.file, ":")[1], strings.Split(problems[0].File, ":")[1], "line of %s", problems[0].File)
			}
		})
	}
}

func TestLoadReportsAllProblemsAtOnce(t *testing.T) {
	set, problems := Load([]Source{{Name: "p.yaml", Data: []byte(
		write("Bad_Name", "  tier: x\n  mode: both\n  nope: 1\n") + "\n---\n" + write("good", body+"  match: {rules: [r]}\n") + "\n---\nkind: Secret\n",
	)}}, testActions)
	require.GreaterOrEqual(t, len(problems), 7, "%v", problems)
	require.Len(t, set.Policies(), 1, "a policy with a problem is not in the set")
	_, ok := set.Policy("good")
	require.True(t, ok)
}

func TestLaterOriginOverridesByName(t *testing.T) {
	base := Source{Name: "built-in/a.yaml", Origin: "built-in", Data: []byte(write("a", body+"  match: {rules: [r]}\n"))}
	mine := Source{Name: "mine/a.yaml", Origin: "mine", Data: []byte(write("a", body+"  expiry: 2h\n  match: {rules: [r]}\n"))}
	set, problems := Load([]Source{base, mine}, testActions)
	require.Empty(t, problems)
	require.Len(t, set.Policies(), 1)
	require.Equal(t, Duration(2*time.Hour), set.Policies()[0].Spec.Expiry)
	require.Equal(t, "built-in/a.yaml", set.Policies()[0].Overrides())

	off := Source{Name: "mine/a.yaml", Origin: "mine", Data: []byte(write("a", "  disabled: true\n"))}
	set, problems = Load([]Source{base, off}, testActions)
	require.Empty(t, problems)
	require.True(t, set.Policies()[0].Spec.Disabled)

	again := base
	again.Name = "built-in/b.yaml"
	_, problems = Load([]Source{base, again}, testActions)
	require.Len(t, problems, 1)
	require.Equal(t, "metadata.name", problems[0].Path)
}

func TestShadowedPolicies(t *testing.T) {
	broad := write("broad", body+"  priority: 10\n  match: {rules: ['Term*']}\n")
	narrow := write("narrow", body+"  match: {rules: [Terminal shell], namespaces: [pay]}\n")
	_, problems := Load([]Source{{Name: "p.yaml", Data: []byte(broad + "\n---\n" + narrow)}}, testActions)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, `"narrow" never has an effect: "broad"`)

	_, problems = Load([]Source{
		{Name: "p.yaml", Origin: "built-in", Data: []byte(narrow)}, {Name: "q.yaml", Origin: "mine", Data: []byte(broad)},
	}, testActions)
	require.Empty(t, problems, "a user's policy is meant to go before a built-in one")

	merging := strings.NewReplacer("tier: isolate", "tier: isolate\n  mode: merge").Replace(broad + "\n---\n" + narrow)
	_, problems = Load([]Source{{Name: "p.yaml", Data: []byte(merging)}}, testActions)
	require.Empty(t, problems)
}

func TestDigestIsOfTheMeaning(t *testing.T) {
	one := mustLoad(t, write("a", body+"  match: {rules: [r], severity: high}\n"))
	same := mustLoad(t, write("a", "  match: {severity: high, rules: ['r']} # again\n  expiry: 24h\n  mode: exclusive\n"+body))
	other := mustLoad(t, write("a", body+"  match: {rules: [r], severity: low}\n"))
	require.Equal(t, one.Policies()[0].Digest(), same.Policies()[0].Digest())
	require.NotEqual(t, one.Policies()[0].Digest(), other.Policies()[0].Digest())
}

func TestThreatA5(t *testing.T) {
	var bomb bytes.Buffer
	bomb.WriteString("a: &a [x,x,x,x,x,x,x,x,x]\n")
	for c := 'b'; c < 'k'; c++ {
		fmt.Fprintf(&bomb, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	deepBlock := strings.Builder{}
	for i := range 600 {
		fmt.Fprintf(&deepBlock, "%sa:\n", strings.Repeat(" ", i))
	}
	for name, data := range map[string]string{
		"anchor bomb":        bomb.String(),
		"one anchor":         write("a", body+"  match: &m {rules: [x]}\n"),
		"self reference":     "a: &a [*a]\n",
		"flow 10k":           "a: " + strings.Repeat("[", 10_000),
		"flow 10k closed":    "a: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"maps 10k":           strings.Repeat("{a: ", 10_000),
		"block sequence 10k": strings.Repeat("- ", 10_000) + "a",
		"explicit keys 10k":  strings.Repeat("? ", 10_000) + "a",
		"block 600":          deepBlock.String(),
		"too large":          strings.Repeat("#", strict.MaxFile+1),
		"a panic of old":     "0: [:!00 \xef",
		"merge key":          "<<: {a: b}\n",
		"many documents":     strings.Repeat("---\na: b\n", 10_000),
		"many keys":          strings.Repeat("a: b\n", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			set, problems := Load([]Source{{Name: "p.yaml", Data: []byte(data)}}, testActions)
			took := time.Since(start)
			require.NotEmpty(t, problems)
			require.Empty(t, set.Policies())
			require.Less(t, took, 5*time.Second, "a bomb that goes off takes minutes; how fast a refusal is depends on the machine and the race detector")
		})
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(write("a", body+"  match: {rules: [x], expression: 'alert.rule == \"x\"'}\n")))
	f.Add([]byte("apiVersion: irgit.dev/v1alpha1\nkind: ResponsePolicyTest\nspec: {cases: [{name: x, want: {none: true}}]}\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("0: [:!00 \xef"))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, problems := Load([]Source{{Name: "f.yaml", Data: data}}, testActions)
		for _, p := range problems {
			if p.Message == "" || !strings.HasPrefix(p.File, "f.yaml") {
				t.Fatalf("a problem without a place or words: %#v", p)
			}
		}
		for _, p := range set.Policies() {
			again := mustLoad(t, string(canonical(p)))
			if again.Policies()[0].Digest() != p.Digest() {
				t.Fatalf("the canonical form of %s means something else", p.Name())
			}
		}
		if _, err := set.Match(t.Context(), fuzzAlert, nil, fuzzCluster); err != nil {
			t.Fatal(err)
		}
		Test(t.Context(), set, []Source{{Name: "f_test.yaml", Data: data}})
	})
}
