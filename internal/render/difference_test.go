package render

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMergePatch(t *testing.T) {
	got := merged(map[string]any{"a": int64(1), "b": map[string]any{"c": "d", "e": nil}, "f": []any{"g"}},
		map[string]any{"a": nil, "b": map[string]any{"c": "x", "n": map[string]any{"o": true, "p": nil}}, "f": []any{}})
	require.Equal(t, map[string]any{"b": map[string]any{"c": "x", "n": map[string]any{"o": true}}, "f": []any{}}, withoutNulls(got))
	require.Equal(t, []FieldChange{
		{"a[1].b", "x", "y"},
		{`metadata.labels["app.kubernetes.io/name"]`, nil, "z"},
		{"n", []any{}, map[string]any{}},
	}, fieldChanges(
		map[string]any{"a": []any{"0", map[string]any{"b": "x"}}, "metadata": map[string]any{"labels": map[string]any{}}, "n": []any{}},
		map[string]any{"a": []any{"0", map[string]any{"b": "y"}}, "metadata": map[string]any{"labels": map[string]any{"app.kubernetes.io/name": "z"}}, "n": map[string]any{}},
	))
}
