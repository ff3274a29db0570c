package render_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	yaml3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

const templateHead = `apiVersion: irgit.dev/v1alpha1
kind: ActionTemplate
metadata: {name: mine}
spec:
  summary: does something
  vocabulary: {tactic: isolate, d3fend: [D3-NI], openc2: deny, phase: containment, csf: [RS.MI-01], cacao: restrict-access, attack: [T1609]}
  cuts: unknown
  doesNot: [everything]
  undo: {how: it goes, hurts: nothing}
`

// mine is a template of a user, after the head that every one needs.
func mine(body string) policy.Source {
	return policy.Source{Name: "mine.yaml", Origin: "mine", Data: []byte(templateHead + body)}
}

// anything is a template that writes its parameters into every place where one
// may stand.
const anything = `  parameters:
    text: {type: string, description: any}
  resources:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata:
        name: ${incident.name}
        annotations: {example.com/whole: "${params.text}", example.com/part: "x ${params.text} y"}
      spec:
        podSelector: ${target.podSelector}
        policyTypes: [Ingress]
        ingress: []
`

var hostile = []string{
	"- a", "a: b", "yes", "no", "on", "Off", "y", "~", "null", "1e3", "0x1F", "0o17", "017", "1_000", "1:20", "2024-01-01", "=", "<<", "!!binary x", "&a *a", "*a",
	"'", `"`, "`", "#c", " # c", "a #", "%TAG", "@a", "|", ">-", "?", ": ", ",", "[", "}", "{a: b}", "\\n", `\u0000`, " lead", "trail ", ".inf", ".NaN", "-1", "+1",
	"$(cmd)", "é", "日本", strings.Repeat("x", 1024), "apiVersion: v1", "---", "...", "--- a", "$$",
}

// A1, A2: whatever a parameter holds, it is one value: the same documents and
// the same keys, and the same text when read back by parsers of YAML 1.1 and
// 1.2.
func TestThreatA1A2ValuesKeepTheShape(t *testing.T) {
	c, f := catalogue(t, mine(anything)), newFleet(t)
	var shape string
	for _, s := range hostile {
		b, _, _ := proved(t, c, request(t, f, "prod-eu", "payments/payments", act("mine", "text", s)))
		for name, content := range files(b) {
			if !strings.Contains(name, "/contain/networkpolicy") {
				continue
			}
			keys := shapeOf(t, content)
			if shape == "" {
				shape = keys
			}
			require.Equal(t, shape, keys, "%q", s)
			var by11 struct {
				Metadata struct{ Annotations map[string]any }
			}
			require.NoError(t, yaml.Unmarshal([]byte(content), &by11), "%q", s)
			require.Equal(t, s, by11.Metadata.Annotations["example.com/whole"])
			require.Equal(t, "x "+s+" y", by11.Metadata.Annotations["example.com/part"])
			var node yaml3.Node
			require.NoError(t, yaml3.Unmarshal([]byte(content), &node))
		}
	}
}

// shapeOf is a document's structure without its values, and how many
// documents there are.
func shapeOf(t *testing.T, content string) string {
	t.Helper()
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			out := map[string]any{}
			for key, value := range v {
				out[key] = walk(value)
			}
			return out
		case []any:
			out := []any{}
			for _, item := range v {
				out = append(out, walk(item))
			}
			return out
		case string:
			return "text"
		}
		return v
	}
	var shapes []any
	for dec := yaml3.NewDecoder(strings.NewReader(content)); ; {
		var v map[string]any
		if dec.Decode(&v) != nil {
			break
		}
		shapes = append(shapes, walk(v))
	}
	require.Len(t, shapes, 1)
	text, err := json.Marshal(shapes)
	require.NoError(t, err)
	return string(text)
}

func FuzzParameters(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	c := catalogue(f, mine(anything))
	r := request(f, newFleet(f), "prod-us", "payments/payments")
	f.Fuzz(func(t *testing.T, s string) {
		r.Actions = []policy.Action{act("mine", "text", s)}
		b, err := c.Render(t.Context(), r)
		if err != nil {
			require.NotEmpty(t, c.CheckParameters("mine", r.Actions[0].Parameters), "%v", err)
			return
		}
		require.Equal(t, s, b.Objects[0].GetAnnotations()["example.com/whole"])
		shapeOf(t, files(b)["incident-response/prod-us/"+incident+"/contain/networkpolicy.yaml"])
	})
}

// A3, A4: what is not visible text, too long, or would be evaluated by Flux,
// Helm or Argo CD's plugin gets in neither by a parameter nor by a template.
func TestThreatA3A4(t *testing.T) {
	c := catalogue(t, mine(anything))
	for s, want := range map[string]string{
		"web-1\n---\nkind: Secret": "cannot be seen", "\x00": "cannot be seen", "\x1b[2J": "cannot be seen", "a\u202eb": "cannot be seen", "\ufeff": "cannot be seen",
		"\xff": "cannot be seen", "${SECRET}": "later stage", "{{ .Env.TOKEN }}": "later stage", "<path:kv#x>": "later stage",
		strings.Repeat("x", 1025): "at most 1024",
	} {
		wrong := c.CheckParameters("mine", map[string]any{"text": s})
		require.Len(t, wrong, 1, "%q", s)
		require.Contains(t, wrong[0], want, "%q", s)
		_, err := c.Render(t.Context(), request(t, newFleet(t), "prod-eu", "payments/payments", act("mine", "text", s)))
		require.Error(t, err)
	}
	for _, token := range []string{"$${FOO}", "{{ x }}", "<path:a>"} {
		c := catalogue(t, mine(strings.Replace(anything, "x ${params.text} y", token, 1)))
		_, err := c.Render(t.Context(), request(t, newFleet(t), "prod-eu", "payments/payments", act("mine")))
		var refused *render.RefusedError
		require.ErrorAs(t, err, &refused, token)
		require.Contains(t, err.Error(), "later stage")
	}
}

// A9, G3, G4, A8: the engine holds whatever a template of a user says.
func TestThreatA9G3G4TemplatesAreNotTrusted(t *testing.T) {
	object := func(from, to string) string { return strings.Replace(anything, from, to, 1) }
	for name, c := range map[string]struct{ body, want string }{
		"G3 empty selector":        {object("${target.podSelector}", "{}"), "selects everything"},
		"G3 empty by expression":   {object("${target.podSelector}", "\"${{'matchLabels': {}}}\""), "selects everything"},
		"G3 selector left out":     {object("podSelector: ${target.podSelector}", "podSelector: ${optional.none()}"), "selects everything"},
		"another namespace":        {object("name: ${incident.name}", "name: ${incident.name}\n        namespace: web"), "want the target's namespace payments"},
		"G4 mesh root":             {object("name: ${incident.name}", "name: ${incident.name}\n        namespace: istio-system"), "mesh's root namespace"},
		"A8 name of somebody else": {object("name: ${incident.name}", "name: payments"), "want irgit-"},
		"A8 name of another":       {object("name: ${incident.name}", "name: ${incident.name}x"), "want irgit-"},
		"long name":                {object("name: ${incident.name}", "name: ${incident.name}-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"), "at most 63"},
		"owner":                    {object("name: ${incident.name}", "name: ${incident.name}\n        finalizers: [x/y]"), "metadata.finalizers"},
		"generated name":           {object("name: ${incident.name}", "name: ${incident.name}\n        generateName: x"), "metadata.generateName"},
		"A9 kind by expression":    {object("kind: NetworkPolicy", "kind: ${'Secret'}"), "may not create"},
		"schema":                   {object("policyTypes: [Ingress]", "policyTypes: [Ingres]"), "Ingres"},
		"unknown field":            {object("policyTypes: [Ingress]", "policyTypes: [Ingress]\n        podSelectors: {}"), "unknown field"},
		"too large":                {object("x ${params.text} y", "${[0,1,2,3,4,5,6,7,8,9].map(a, [0,1,2,3,4,5,6,7,8,9].map(b, [0,1,2,3,4,5,6,7,8,9].map(c, 'sixty-four bytes or more of text that is repeated a thousand times')).flatten()).flatten().join('')}"), "more than the 65536"},
		"patch on a wrong kind":    {"  patches:\n    - on: target\n      fields: {metadata: {name: x}}\n", "touch annotations only"},
		"patch of an annotation":   {"  patches:\n    - on: target\n      fields: {metadata: {annotations: {kubectl.kubernetes.io/default-container: x}}}\n", "may not set kubectl"},
	} {
		t.Run(name, func(t *testing.T) {
			sources, err := render.Sources()
			require.NoError(t, err)
			cat, problems := render.Load(append(sources, mine(c.body)))
			if len(problems) > 0 {
				require.Contains(t, problems[0].Message, c.want)
				return
			}
			_, err = cat.Render(t.Context(), request(t, newFleet(t), "prod-eu", "payments/payments", act("mine")))
			var refused *render.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Contains(t, err.Error(), c.want)
		})
	}
	for _, kind := range []string{"Secret", "ClusterRole", "Kustomization", "Application", "Pod", "Job"} {
		_, problems := render.Load([]policy.Source{mine("  resources:\n    - {apiVersion: v1, kind: " + kind + ", metadata: {name: x}}\n")})
		require.Len(t, problems, 1)
		require.Contains(t, problems[0].Message, "may not create")
	}
}

// What every built-in action renders passes the floor of internal/policy, and
// hits the target alone, or the gateways.
func TestBuiltInActionsPassTheFloor(t *testing.T) {
	c, f := catalogue(t), newFleet(t)
	for _, cluster := range f.Clusters() {
		for _, target := range []string{"payments/payments", "payments/ledger", "web/frontend", "batch/report"} {
			for _, a := range every {
				a.Optional = true
				r := request(t, f, cluster.Name, target, a)
				b, err := c.Render(t.Context(), r)
				require.NoError(t, err)
				var patches []policy.Patch
				for _, p := range b.Patches {
					patches = append(patches, policy.Patch{Object: p.Object, Fields: p.Fields})
				}
				require.Empty(t, policy.CheckObjects(r.Index, b.Objects, patches, r.Target), "%s on %s in %s", a.Name, target, cluster.Name)
				others, err := policy.Collateral(r.Index, b.Objects, patches, r.Target)
				require.NoError(t, err)
				if a.Name == "block-source" && len(others) == 1 && others[0].ServiceAccount == "istio-ingressgateway" {
					continue
				}
				require.Empty(t, others)
			}
		}
	}
}

// K1: a quarantine that does not isolate says so.
func TestThreatK1LeakyQuarantineIsSaid(t *testing.T) {
	c := catalogue(t)
	b, err := c.Render(t.Context(), request(t, newFleet(t), "staging", "payments/ledger", act("quarantine")))
	require.NoError(t, err)
	require.Equal(t, []string{"not isolating: ledger-from-payments allows ingress from pods app.kubernetes.io/name=payments of the namespace on TCP 5432, which goes on"}, b.Steps[0].Warnings)
	closed := newFleet(t, replaced(t, "apps/base/payments/networkpolicy.yaml", "policyTypes: [Ingress]", "policyTypes: [Egress]"))
	b, err = c.Render(t.Context(), request(t, closed, "staging", "payments/ledger", act("quarantine")))
	require.NoError(t, err)
	require.Empty(t, b.Steps[0].Warnings, "rules of a direction that the policy does not rule allow nothing")
}

// K3, K5: DENY always has rules, principals are never an empty list, and a
// waypoint is never addressed by a selector.
func TestThreatK3K5DenyMatches(t *testing.T) {
	c := catalogue(t)
	for _, cluster := range []string{"prod-eu", "prod-us", "staging"} {
		b, err := c.Render(t.Context(), request(t, newFleet(t), cluster, "payments/payments", act("deny-east-west")))
		require.NoError(t, err)
		for _, obj := range b.Objects {
			rules, _, _ := unstructured.NestedSlice(obj.Object, "spec", "rules")
			require.Len(t, rules, 1)
			source := rules[0].(map[string]any)["from"].([]any)[0].(map[string]any)["source"].(map[string]any)
			require.NotEmpty(t, source["notPrincipals"])
			_, selector := obj.Object["spec"].(map[string]any)["selector"]
			_, refs := obj.Object["spec"].(map[string]any)["targetRefs"]
			require.NotEqual(t, selector, refs)
		}
		require.Equal(t, cluster == "prod-us", len(b.Objects) == 2)
	}
	none := newFleet(t, replaced(t, fleet.ConfigFile, "ingressGateways: [{namespace: istio-system, serviceAccount: istio-ingressgateway}]", "ingressGateways: []"))
	require.Contains(t, misfit(t, c, request(t, none, "prod-eu", "payments/payments", act("deny-east-west"))), "no ingressGateways")
}

// K4: HTTP conditions never come without ports, and never by default on a port
// that Istio would take for TCP.
func TestThreatK4PortsAreHTTP(t *testing.T) {
	c := catalogue(t)
	deny := func(more ...any) policy.Action {
		return act("deny-http", append([]any{"paths", []any{"/x"}}, more...)...)
	}
	ports := func(b *render.Bundle) any {
		rules, _, _ := unstructured.NestedSlice(b.Objects[0].Object, "spec", "rules")
		return rules[0].(map[string]any)["to"].([]any)[0].(map[string]any)["operation"].(map[string]any)["ports"]
	}
	f := newFleet(t)
	require.Contains(t, misfit(t, c, request(t, f, "prod-eu", "payments/ledger", deny())), "no port of the workload says that it speaks HTTP")
	require.Contains(t, misfit(t, c, request(t, f, "prod-eu", "payments/ledger", deny("ports", []any{"grpc", "5432"}))), "declares no port grpc")
	b, err := c.Render(t.Context(), request(t, f, "prod-eu", "payments/ledger", deny("ports", []any{"tcp-ledger"})))
	require.NoError(t, err)
	require.Equal(t, []any{"5432"}, ports(b))
	require.Contains(t, b.Steps[0].Warnings[0], "port 5432 speaks HTTP; if Istio takes it for TCP")

	for name, service := range map[string]struct{ text, want string }{
		"name":        {"- name: http-api\n      port: 80\n      targetPort: 9000", "9000"},
		"appProtocol": {"- name: x\n      appProtocol: grpc\n      port: 80\n      targetPort: http", "8080"},
		"tcp wins":    {"- name: tcp-x\n      port: 80\n      targetPort: http", ""},
		"https":       {"- name: https\n      port: 443\n      targetPort: http", ""},
		"udp":         {"- name: http\n      protocol: UDP\n      port: 80\n      targetPort: 9000", "8080"},
	} {
		f := newFleet(t, replaced(t, "apps/base/web/frontend.yaml", "- name: http\n      port: 80\n      targetPort: http", service.text))
		r := request(t, f, "prod-eu", "web/frontend", deny())
		if service.want == "" {
			require.Contains(t, misfit(t, c, r), "no port of the workload", name)
			continue
		}
		b, err := c.Render(t.Context(), r)
		require.NoError(t, err, name)
		require.Contains(t, ports(b), any(service.want), name)
	}
}

func misfit(t *testing.T, c *render.Catalogue, r render.Request) string {
	t.Helper()
	_, err := c.Render(t.Context(), r)
	var e *render.NotFittingError
	require.ErrorAs(t, err, &e)
	r.Actions[0].Optional = true
	b, err := c.Render(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, e.Reason, b.Steps[0].Skipped)
	require.Empty(t, b.Changes)
	return e.Reason
}
