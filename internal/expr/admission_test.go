package expr_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/expr"
)

func TestAdmissionEnv(t *testing.T) {
	env, err := expr.AdmissionEnv()
	require.NoError(t, err)
	for source, want := range map[string]string{
		"object.spec == oldObject.spec":                         "",
		"request.userInfo.username in ['a', 'b']":               "",
		"request.userInfo.groups.exists(g, g == 'x')":           "",
		"sets.contains(['a'], request.userInfo.groups)":         "",
		"object.?spec.?paused.orValue(false)":                   "must be a bool", // the server takes no dyn either
		"object.spec.paused":                                    "must be a bool",
		"request.operation":                                     "must be a bool",
		"request.userinfo.username == 'a'":                      "undefined field",
		"request.options.x == 1":                                "undefined field",
		"namespaceObject.metadata.name == 'a'":                  "undeclared reference",
		"authorizer.group('').resource('pods').check('get')":    "undeclared reference",
		"k8s.name(['a']) == 'a'":                                "undeclared reference",
		"[1, 'a'].exists(x, x == 1)":                            "expected type",
		"[2, 1].sort() == [1, 2]":                               "undeclared reference",
		"object.spec.replicas == 1.0 && oldObject.spec.x == 1u": "",
		"'a'.matches('(')":                                      "invalid matches argument",
	} {
		_, err := env.Condition(source)
		if want == "" {
			require.NoError(t, err, source)
			continue
		}
		require.ErrorContains(t, err, want, source)
	}
	_, err = env.Text("'by ' + request.userInfo.username")
	require.NoError(t, err)
	_, err = env.Text("object.metadata.name")
	require.ErrorContains(t, err, "must be a string")

	p, err := env.Condition("request.operation == 'UPDATE' && object.spec == oldObject.spec")
	require.NoError(t, err)
	ask := func(operation string, object, old any) bool {
		t.Helper()
		yes, err := p.True(t.Context(), expr.Vars{"request": expr.AdmissionRequest{Operation: operation}, "object": object, "oldObject": old})
		require.NoError(t, err)
		return yes
	}
	spec := func(n any) map[string]any { return map[string]any{"spec": map[string]any{"a": []any{n}}} }
	require.True(t, ask("UPDATE", spec(int64(1)), spec(int64(1))))
	require.True(t, ask("UPDATE", spec(int64(1)), spec(1.0)))
	require.False(t, ask("UPDATE", spec(int64(1)), spec(int64(2))))
	require.False(t, ask("DELETE", nil, spec(int64(1))), "a deleted object has no new one")
}
