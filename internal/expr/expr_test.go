package expr_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/expr"
)

type target struct {
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	Ports     []int64           `json:"ports"`
}

func newEnv(t testing.TB) *expr.Env {
	t.Helper()
	env, err := expr.NewEnv(expr.Vars{"target": target{}, "params": map[string]any{}, "self": nil})
	require.NoError(t, err)
	return env
}

var vars = expr.Vars{
	"target": target{Namespace: "payments", Labels: map[string]string{"app": "payments"}, Ports: []int64{80, 443}},
	"params": map[string]any{"dns": true, "n": int64(3)},
	"self":   nil,
}

func TestLeaf(t *testing.T) {
	env := newEnv(t)
	for source, want := range map[string]any{
		"plain":                           "plain",
		"":                                "",
		"${target.namespace}":             "payments",
		"ns-${target.namespace}-${1 + 2}": "ns-payments-3",
		"${target.labels}":                map[string]any{"app": "payments"},
		"${target.ports}":                 []any{int64(80), int64(443)},
		"${target.ports.map(p, p + 1)}":   []any{int64(81), int64(444)},
		"${params.n}":                     int64(3),
		"${params.dns && size(target.ports) == 2}": true,
		"${{'a': {'b': '}'}}}":                     map[string]any{"a": map[string]any{"b": "}"}},
		`${"}\"}"}`:                                `}"}`,
		"$${NOT} ${'$${'}":                         "${NOT} $${",
		"${optional.of('x')}":                      "x",
		"${null}":                                  nil,
		"${k8s.name(['irgit', target.namespace])}": "irgit-payments",
	} {
		leaf, err := env.Leaf(source)
		require.NoError(t, err, source)
		got, present, err := leaf.Eval(t.Context(), vars)
		require.NoError(t, err, source)
		require.True(t, present, source)
		require.Equal(t, want, got, source)
	}
	leaf, err := env.Leaf("${optional.none()}")
	require.NoError(t, err)
	_, present, err := leaf.Eval(t.Context(), vars)
	require.NoError(t, err)
	require.False(t, present)
}

func TestMistakesNameTheirPlace(t *testing.T) {
	env := newEnv(t)
	for source, want := range map[string]string{
		"${target.namespac}":        "namespac",
		"${unknown}":                "unknown",
		"${target.namespace":        "no closing }",
		"${'a' + 1}":                "no matching overload",
		"${1 +}":                    "Syntax error",
		"${k8s.name('not-a-list')}": "no matching overload",
	} {
		_, err := env.Leaf(source)
		var e *expr.Error
		require.ErrorAs(t, err, &e, source)
		require.Contains(t, err.Error(), want, source)
	}
	_, err := env.Condition("target.namespace")
	require.ErrorContains(t, err, "must be a bool")
	leaf, err := env.Leaf("a ${target.ports}")
	require.NoError(t, err)
	_, _, err = leaf.Eval(t.Context(), vars)
	require.ErrorContains(t, err, "cannot stand among text")
	_, err = env.Value(strings.Repeat("1+", 10_000) + "1")
	require.ErrorContains(t, err, "longer")
}

func TestEndlessExpressionsAreStopped(t *testing.T) {
	env := newEnv(t)
	p, err := env.Value("[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5,6,7,8,9,10].map(d, [1,2,3,4,5,6,7,8,9,10].map(e, [1,2,3,4,5,6,7,8,9,10].map(f, a*b*c*d*e*f))))))")
	require.NoError(t, err)
	_, err = p.Eval(t.Context(), vars)
	require.ErrorContains(t, err, "cost limit")

	stop := errors.New("enough")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Nanosecond, stop)
	defer cancel()
	<-ctx.Done()
	_, err = p.Eval(ctx, vars)
	require.ErrorIs(t, err, stop)
}

var hostile = []string{
	"web-1\n---\nkind: Secret", "!!binary x", "&a *a", "{{ .Env.TOKEN }}", "${FOO}", "$(cmd)", "yes", "on", "~", "1e3", "0x1F", "2024-01-01", "- a", "a: b",
	"\x00", "\x1b[2J", "\ufeff", "\u2028", "'\"`", "}", "${'x'}", "%", "@", "#", strings.Repeat("x", 70_000),
}

// A1, A2, A4: whatever a value holds, it stays one value.
func TestThreatA1ValuesStayValues(t *testing.T) {
	env := newEnv(t)
	for _, source := range []string{"${target.namespace}", "x ${target.namespace} y"} {
		leaf, err := env.Leaf(source)
		require.NoError(t, err)
		for _, value := range hostile {
			got, present, err := leaf.Eval(t.Context(), expr.Vars{"target": target{Namespace: value}, "params": nil, "self": nil})
			require.NoError(t, err)
			require.True(t, present)
			want := strings.Replace(source, "${target.namespace}", value, 1)
			require.Equal(t, want, got, "the value must not be evaluated again")
			text, err := yaml.Marshal(map[string]any{"leaf": got})
			require.NoError(t, err)
			var back map[string]any
			require.NoError(t, yaml.UnmarshalStrict(text, &back))
			require.Equal(t, map[string]any{"leaf": want}, back)
		}
	}
}

// A3: names and labels are valid whatever goes in, and never collide by being
// cut or cleaned.
func TestThreatA3Names(t *testing.T) {
	seen := make(map[string]string)
	inputs := append([]string{"a", "A", "a/b", "a-b", "a_b", "a b", "a\u202eb", strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a", 65), "-a", "a-", ""}, hostile...)
	for _, in := range inputs {
		name := expr.Name(in)
		require.Empty(t, validation.IsDNS1123Label(name), "%q", in)
		require.Empty(t, validation.IsValidLabelValue(expr.LabelValue(in)), "%q", in)
		other, taken := seen[name]
		require.False(t, taken, "%q and %q are both %s", in, other, name)
		seen[name] = in
	}
	require.NotEqual(t, expr.Name("A", "b-c"), expr.Name("A-b", "c"), "parts that join to the same text differ once a hash is needed")
	require.Equal(t, "payments-v2", expr.Name("payments", "v2"))
	require.Equal(t, "Payments_v2.1", expr.LabelValue("Payments_v2.1"))
}

func FuzzLeaf(f *testing.F) {
	for _, seed := range []string{"a", "${1}", "$${", "${", "${'}'}", "${{}}", "${[1,2].map(x, x)}", "${target.namespace}"} {
		f.Add(seed)
	}
	env := newEnv(f)
	f.Fuzz(func(t *testing.T, source string) {
		leaf, err := env.Leaf(source)
		if err != nil {
			return
		}
		value, _, err := leaf.Eval(t.Context(), vars)
		if err == nil && !strings.Contains(source, "${") {
			require.Equal(t, source, value)
		}
	})
}

func BenchmarkEval(b *testing.B) {
	leaf, err := newEnv(b).Leaf("irgit-${target.namespace}-${params.n}")
	require.NoError(b, err)
	for b.Loop() {
		if _, _, err := leaf.Eval(b.Context(), vars); err != nil {
			b.Fatal(err)
		}
	}
}
