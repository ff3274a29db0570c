package validate

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

const widgetCRD = `
# a comment first
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Cluster
  names: {kind: Widget, plural: widgets}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [mode]
              x-kubernetes-validations:
                - {rule: "self.low <= self.high", messageExpression: "'low ' + string(self.low) + ' is above ' + string(self.high)", fieldPath: .low}
                - {rule: "self.low == oldSelf.low", message: frozen}
                - {rule: "self.__namespace__ != 'x' && self.a__dash__b == 1.0", message: escaped}
              properties:
                mode: {type: string, default: quiet, enum: [quiet, loud]}
                low: {type: integer, default: 1}
                high: {type: integer, default: 5}
                namespace: {type: string, default: ns}
                a-b: {type: number, default: 1}
                parts: {type: array, maxItems: 2, x-kubernetes-list-type: set, items: {type: string}}
                free: {type: object, x-kubernetes-preserve-unknown-fields: true}
                note: {type: string, nullable: true}
---
kind: ConfigMap
`

func TestUserCRDs(t *testing.T) {
	v := newValidator(t)
	require.False(t, v.Known("example.com/v1", "Widget"))
	require.Empty(t, v.AddCRD("crds.yaml", []byte(widgetCRD)))
	require.True(t, v.Known("example.com/v1", "Widget"))
	require.Contains(t, v.Object("", object(t, "{apiVersion: example.com/v2, kind: Widget}"))[0].Message, "use apiVersion example.com/v1")
	widget := func(spec string) []Problem {
		return v.Object("w.yaml", object(t, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: "+spec+"}"))
	}
	require.Empty(t, widget("{}"), "defaults count as set")
	require.Empty(t, widget("{free: {a: [1]}, note: null, parts: [a, b]}"))
	require.Equal(t, "spec.low", widget("{low: 7}")[0].Path)
	require.Contains(t, widget("{low: 7}")[0].Message, "low 7 is above 5")
	require.Contains(t, widget("{namespace: x}")[0].Message, "escaped")
	require.Contains(t, widget("{a-b: 2}")[0].Message, "escaped")
	require.Equal(t, "spec.parts[1]", widget("{parts: [a, a]}")[0].Path)
	require.Equal(t, "spec.parts", widget("{parts: [a, b, c]}")[0].Path)
	require.Contains(t, widget("{modes: loud}")[0].Message, "did you mean mode?")
	require.Contains(t, widget("{mode: loudly}")[0].Message, "not one of quiet, loud; did you mean loud?")
	require.Contains(t, widget("{mode: true}")[0].Message, "must be text, not true; put it in quotes")
	require.Equal(t, "spec", v.Object("w.yaml", object(t, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}"))[0].Path)
	problems := v.Object("w.yaml", object(t, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: x}, spec: {}}"))
	require.Contains(t, problems[0].Message, "belongs to no namespace")
}

// What kubectl get crd -o yaml prints is read as well.
func TestUserCRDsInAList(t *testing.T) {
	v := newValidator(t)
	var crd map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(strings.Split(widgetCRD, "---")[0]), &crd))
	list := map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{crd, map[string]any{"kind": "ConfigMap"}}}
	require.Empty(t, v.AddCRD("list.json", mustJSON(t, list)))
	require.True(t, v.Known("example.com/v1", "Widget"))
}

// E1: what a fleet's CRD says is shown without control characters, and cut.
func TestThreatE1RuleMessages(t *testing.T) {
	v := newValidator(t)
	crd := strings.ReplaceAll(widgetCRD, "'low ' +", `'\x1b[2J\u202e${X}' + '`+strings.Repeat("long ", 400)+`' +`)
	require.Empty(t, v.AddCRD("crds.yaml", []byte(crd)))
	problems := v.Object("w", object(t, "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {low: 7}}"))
	require.Len(t, problems, 1)
	require.NotContains(t, problems[0].Message, "\x1b")
	require.NotContains(t, problems[0].Message, "\u202e")
	require.Less(t, len(problems[0].Message), 900)
}

// A fleet cannot teach the validator to be lenient about embedded kinds, and a
// rule that does not compile is never dropped in silence.
func TestUserCRDsThatAreRefused(t *testing.T) {
	v := newValidator(t)
	for file, text := range map[string]string{
		"beta":    strings.ReplaceAll(widgetCRD, "apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"),
		"storage": strings.ReplaceAll(widgetCRD, "group: example.com", "group: storage.k8s.io"),
		"core":    strings.ReplaceAll(widgetCRD, "group: example.com", "group: apps"),
		"builtin": strings.ReplaceAll(widgetCRD, "group: example.com", "group: networking.k8s.io"),
		"rule":    strings.ReplaceAll(widgetCRD, "self.low <= self.high", "self.low <= nonsense"),
		"pattern": strings.ReplaceAll(widgetCRD, "maxItems: 2,", "pattern: '(',"),
		"yaml":    "kind: CustomResourceDefinition\na: [",
		"empty":   strings.Split(widgetCRD, "      schema:")[0],
	} {
		problems := v.AddCRD(file, []byte(text))
		require.Len(t, problems, 1, file)
		require.Equal(t, file, problems[0].File)
	}
	require.False(t, v.Known("example.com/v1", "Widget"))
}

// A definition of a kind that is embedded does not replace its schema: it is
// asked in addition, and what a fleet's older release lacks is found.
func TestUserCRDsOfEmbeddedKindsOnlyTighten(t *testing.T) {
	v := newValidator(t)
	policy := func(source string) map[string]any {
		return object(t, "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: b}, spec: {action: DENY, rules: [{from: [{source: {"+source+": [a]}}]}]}}")
	}
	require.Empty(t, v.Object("", policy("principals")))
	require.NotEmpty(t, v.Object("", policy("principal")))
	lenient := strings.NewReplacer("group: example.com", "group: security.istio.io", "kind: Widget", "kind: AuthorizationPolicy", "Cluster", "Namespaced").Replace(widgetCRD)
	lenient = strings.Split(lenient, "          required: [spec]")[0] + "          x-kubernetes-preserve-unknown-fields: true\n"
	require.Empty(t, v.AddCRD("crds.yaml", []byte(lenient)))
	require.Empty(t, v.Object("", policy("principals")))
	require.NotEmpty(t, v.Object("", policy("principal")), "the embedded schema holds")

	strict := strings.Replace(lenient, "x-kubernetes-preserve-unknown-fields: true", "properties: {spec: {type: object, properties: {action: {type: string}}}}", 1)
	require.Empty(t, v.AddCRD("crds/old.yaml", []byte(strict)))
	problems := v.Object("f", policy("principals"))
	require.Len(t, problems, 1)
	require.Equal(t, "spec.rules", problems[0].Path)
	require.Equal(t, "unknown field; allowed here: action, by the definition in crds/old.yaml", problems[0].Message)
}

func TestValidatorIsSafeForConcurrentUse(t *testing.T) {
	v := newValidator(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for name, text := range good {
				if p := v.Object(name, object(t, text)); len(p) > 0 {
					t.Errorf("%s: %v", name, p)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkObject(b *testing.B) {
	v := newValidator(b)
	for _, name := range []string{"authorizationpolicy", "networkpolicy", "hpa", "deployment", "flux"} {
		obj := object(b, good[name])
		v.Object("", obj)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v.Object("", obj)
			}
		})
	}
}

// groups name a good object of every file of schemas.
var groups = map[string]string{
	builtins: "networkpolicy", mesh: "authorizationpolicy", "cilium.json.gz": "cilium", "calico.json.gz": "calico", "keda.json.gz": "scaledobject",
	"argo.json.gz": "rollout", "flux.json.gz": "helmrelease", "gateway.json.gz": "httproute", "snapshot.json.gz": "snapshot", buildFiles: "hook",
}

// An object has its own group's schemas unpacked, and those of Kubernetes, which
// hold its metadata.
func TestOnlyWhatIsAskedIsUnpacked(t *testing.T) {
	require.Len(t, groups, len(bundleNames))
	for name, text := range groups {
		v := newValidator(t)
		require.Empty(t, v.Object("", object(t, good[text])))
		for other, b := range v.bundles {
			require.Equal(t, other == name || other == builtins, b.nodes != nil, "%s for %s", other, name)
		}
	}
}

// BenchmarkCold includes New, unpacking and compiling: what the first object of
// a process costs, by the file of its schema; retained-B is what then stays.
func BenchmarkCold(b *testing.B) {
	for name, text := range groups {
		obj := object(b, good[text])
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				newValidator(b).Object("", obj)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			v := newValidator(b)
			v.Object("", obj)
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc)-float64(before.HeapAlloc), "retained-B")
			runtime.KeepAlive(v)
		})
	}
}

// BenchmarkUnknown is the refusal of a kind without a schema, which looks for
// the one that was meant.
func BenchmarkUnknown(b *testing.B) {
	obj := map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollouts"}
	for b.Loop() {
		newValidator(b).Object("", obj)
	}
}
