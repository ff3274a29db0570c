package render_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

const does = "  resources:\n    - {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: '${incident.name}'}}\n"

func TestLoadReportsEveryProblemWithItsPlaceAndTheWayOut(t *testing.T) {
	head := strings.Count(templateHead, "\n")
	require.Equal(t, 9, head)
	for name, c := range map[string]struct{ body, file, path, message string }{
		"unknown field":          {does + "  resource: []\n", "mine.yaml:12:3", "spec.resource", `did you mean "resources"?`},
		"does nothing":           {"", "mine.yaml:5:3", "spec", "does nothing"},
		"misspelt variable":      {does + "  requires: [{that: target.hostNetwrok, otherwise: x}]\n", "mine.yaml:12:27", "spec.requires[0].that", "hostNetwrok"},
		"misspelt list field":    {does + "  requires: [{that: 'cluster.gateways.all(g, g.principle != \"\")', otherwise: x}]\n", "mine.yaml:12:47", "spec.requires[0].that", "principle"},
		"no bool":                {does + "  requires: [{that: target.name, otherwise: x}]\n", "mine.yaml:12:21", "spec.requires[0].that", "must be a bool"},
		"no sentence":            {does + "  requires: [{that: 'true'}]\n", "mine.yaml:12:14", "spec.requires[0].otherwise", "write the sentence"},
		"alert text":             {does + "  requires: [{that: alert.rule == '', otherwise: x}]\n", "mine.yaml:12:21", "spec.requires[0].that", "undeclared reference to 'alert'"},
		"open expression":        {strings.Replace(does, "${incident.name}", "${incident.name", 1), "mine.yaml:11:80", "spec.resources[0].metadata.name", "no closing }"},
		"key as expression":      {strings.Replace(does, "{name:", "{'${target.name}': x, name:", 1), "mine.yaml:11:92", "spec.resources[0].metadata.${target.name}", "structure is fixed"},
		"each outside a patch":   {strings.Replace(does, "${incident.name}", "${each.name}", 1), "mine.yaml:11:83", "spec.resources[0].metadata.name", "undeclared reference to 'each'"},
		"unknown parameter":      {does + "  parameters: {dns: {type: bool, description: x}}\n  requires: [{that: params.dnz || params.dns, otherwise: x}]\n", "mine.yaml:13:21", "spec.requires[0].that", `did you mean "dns"?`},
		"unused parameter":       {does + "  parameters: {dns: {type: bool, description: x}}\n", "mine.yaml:12:21", "spec.parameters.dns", "no expression uses params.dns"},
		"parameter type":         {does + "  parameters: {dns: {type: boolean, description: x}}\n  requires: [{that: params.dns, otherwise: x}]\n", "mine.yaml:12:28", "spec.parameters.dns.type", `did you mean "bool"?`},
		"parameter default":      {does + "  parameters: {dns: {type: bool, description: x, default: 'no'}}\n  requires: [{that: params.dns, otherwise: x}]\n", "mine.yaml:12:59", "spec.parameters.dns.default", "want true or false"},
		"parameter pattern":      {does + "  parameters: {p: {type: string, description: x, pattern: '('}}\n  requires: [{that: params.p == '', otherwise: x}]\n", "mine.yaml:12:59", "spec.parameters.p.pattern", "regular expression"},
		"parameter bounds":       {does + "  parameters: {p: {type: int, description: x, min: a}}\n  requires: [{that: params.p == 1, otherwise: x}]\n", "mine.yaml:12:52", "spec.parameters.p.min", "whole number"},
		"variants out of order":  {does + "  variants: [{name: a}, {name: b}]\n", "mine.yaml:12:14", "spec.variants[0]", "put it last"},
		"variant twice":          {does + "  variants: [{name: a, when: 'true'}, {name: a}]\n", "mine.yaml:12:46", "spec.variants[1].name", "no other variant"},
		"patch of what":          {"  patches: [{on: pods, fields: {spec: {x: 1}}}]\n", "mine.yaml:10:18", "spec.patches[0].on", "target"},
		"patch of nothing":       {"  patches: [{on: target}]\n", "mine.yaml:10:13", "spec.patches[0].fields", "missing"},
		"colon in an expression": {"  warnings:\n    - {when: 'true', say: x}\n    - when: ${{'a': 1}}\n", "mine.yaml:12", "", "needs quotes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := render.Load([]policy.Source{mine(c.body)})
			require.NotEmpty(t, problems)
			require.Len(t, problems, 1, "%v", problems)
			require.Equal(t, []string{c.file, c.path}, []string{problems[0].File, problems[0].Path}, problems[0].Message)
			require.Contains(t, problems[0].Message, c.message)
		})
	}
	bad := strings.NewReplacer("isolate", "isolat", "D3-NI", "NI", "openc2: deny", "openc2: block", "containment", "contain", "RS.MI-01", "RS", "restrict-access", "block",
		"T1609", "X1609", "unknown", "maybe", "does something", "''", "[everything]", "[]", "it goes", "''", "nothing", "''", "mine", "Mine").Replace(templateHead)
	_, problems := render.Load([]policy.Source{{Name: "mine.yaml", Data: []byte(bad + does)}})
	require.Len(t, problems, 13, "%v", problems)
}

func TestBuiltInTemplatesAreComplete(t *testing.T) {
	sources, err := render.Sources()
	require.NoError(t, err)
	c, problems := render.Load(sources)
	require.Empty(t, problems)
	require.Equal(t, []string{
		"block-egress", "block-metadata", "block-source", "delete-pod", "deny-east-west", "deny-http", "deny-identity", "deny-image", "freeze-changes", "freeze-delivery",
		"freeze-rollout", "freeze-scale", "hold-evidence", "isolate-pod", "observe-traffic", "quarantine", "respawn-hardened", "restart-workload", "revoke-identity",
		"scale-to-zero", "snapshot-volume",
	}, c.Names())
	for _, a := range c.Actions() {
		require.Equal(t, render.BuiltIn, a.Origin)
		require.Regexp(t, `^built-in/`+a.Name+`\.yaml:1:1$`, a.File)
		require.Regexp(t, `^sha256:[0-9a-f]{64}$`, a.Digest)
		require.Positive(t, len(a.Creates)+len(a.Patches))
		require.NotEmpty(t, a.Requires)
		require.Subset(t, []string{"RS.MI-01", "RS.MI-02", "RS.AN-06", "RS.AN-07"}, a.Vocabulary.CSF)
		for _, v := range a.Variants {
			require.Contains(t, []string{"yes", "no", "unknown"}, v.Cuts)
		}
	}
	_, ok := c.Action("nothing")
	require.False(t, ok)
}

func TestTemplatesOfAUserReplaceByName(t *testing.T) {
	own := policy.Source{Name: "own/q.yaml", Origin: "own", Data: []byte(strings.Replace(templateHead+does, "mine", "quarantine", 1))}
	c := catalogue(t, own)
	a, ok := c.Action("quarantine")
	require.True(t, ok)
	require.Equal(t, "built-in/quarantine.yaml", a.Overrides)
	require.Equal(t, "own", a.Origin)
	_, problems := render.Load([]policy.Source{own, {Name: "own/r.yaml", Origin: "own", Data: own.Data}})
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "declared at own/q.yaml:1:1 already")
}

func TestThreatA5Bombs(t *testing.T) {
	for _, bomb := range []string{"a: &a [*a]\n", strings.Repeat("- ", 5000), strings.Repeat("[", 10_000)} {
		_, problems := render.Load([]policy.Source{{Name: "b.yaml", Data: []byte(bomb)}})
		require.NotEmpty(t, problems)
	}
	c := catalogue(t, mine(strings.Replace(does, "${incident.name}", "${"+strings.Repeat("[1,2,3,4,5,6,7,8,9,10].map(x, ", 8)+"x"+strings.Repeat(")", 8)+"}", 1)))
	_, err := c.Render(t.Context(), request(t, newFleet(t), "prod-eu", "payments/payments", act("mine")))
	require.ErrorContains(t, err, "cost limit")
	require.ErrorContains(t, err, "mine.yaml")
}

func TestCheckParameters(t *testing.T) {
	c := catalogue(t)
	for _, given := range []struct {
		action     string
		parameters map[string]any
		want       []string
	}{
		{"quarantine", nil, nil},
		{"quarantine", map[string]any{"dns": "yes"}, []string{`parameter dns: want true or false, have the text "yes"`}},
		{"quarantine", map[string]any{"dnz": true}, []string{`unknown parameter "dnz": did you mean "dns"?`}},
		{"freeze-scale", map[string]any{"x": 1}, []string{`unknown parameter "x": freeze-scale takes none`}},
		{"deny-http", nil, []string{"name methods, paths or a header, else every request would be denied"}},
		{"deny-http", map[string]any{"methods": []any{"post"}}, []string{`parameter methods: item 0: unknown value "post": did you mean "POST"?`}},
		{"deny-http", map[string]any{"methods": []any{"POST", "POST"}}, []string{"parameter methods: item 1 stands twice"}},
		{"deny-http", map[string]any{"methods": "POST"}, []string{`parameter methods: want a list of texts, have the text "POST"`}},
		{"deny-http", map[string]any{"paths": []any{"admin"}}, []string{`parameter paths: item 0: "admin" does not match the pattern (/[!-~]*|\*[!-~]+)`}},
		{"deny-http", map[string]any{"paths": []any{8.0}}, []string{`parameter paths: item 0: want text, have the number 8: put it in quotes`}},
		{"deny-http", map[string]any{"header": "x"}, []string{"header and headerValues go together"}},
		{"deny-http", map[string]any{"header": "x]", "headerValues": []any{"v"}}, []string{`parameter header: "x]" does not match the pattern [A-Za-z0-9][-A-Za-z0-9_]*`}},
		{"quarantin", nil, []string{`unknown action "quarantin": did you mean "quarantine"?`}},
	} {
		require.Equal(t, given.want, c.CheckParameters(given.action, given.parameters), "%s %v", given.action, given.parameters)
	}
	c = catalogue(t, mine(does+"  parameters: {n: {type: int, description: x, min: 2, max: 3}, s: {type: string, description: why, required: true, min: 2}}\n"+
		"  requires: [{that: 'params.n > 0 && params.s != \"\"', otherwise: x}]\n"))
	require.Equal(t, []string{"parameter n: 4 is out of bounds: want 2 to 3", "parameter s is missing: why"}, c.CheckParameters("mine", map[string]any{"n": int64(4)}))
	require.Equal(t, []string{"parameter s: has 1 characters: want at least 2"}, c.CheckParameters("mine", map[string]any{"n": 2.0, "s": "x"}))
}
