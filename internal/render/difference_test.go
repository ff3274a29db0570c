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

// The lists of a pod are merged and compared by name.
func TestMergePatchOfAPodsLists(t *testing.T) {
	item := func(name string, more ...any) map[string]any {
		out := map[string]any{"name": name}
		for i := 0; i+1 < len(more); i += 2 {
			out[more[i].(string)] = more[i+1]
		}
		return out
	}
	old := map[string]any{"containers": []any{item("a", "image", "x"), item("b", "image", "y", "args", []any{"1"})}}
	got := merged(old, map[string]any{
		"containers": []any{item("b", "image", "z", "args", []any{"2", "3"})},
		"volumes":    []any{item("tmp", "emptyDir", map[string]any{})},
	})
	require.Equal(t, map[string]any{
		"containers": []any{item("a", "image", "x"), item("b", "image", "z", "args", []any{"2", "3"})},
		"volumes":    []any{item("tmp", "emptyDir", map[string]any{})},
	}, got)
	require.Equal(t, []FieldChange{
		{`containers["b"].args`, []any{"1"}, []any{"2", "3"}},
		{`containers["b"].image`, "y", "z"},
		{"volumes", nil, []any{item("tmp", "emptyDir", map[string]any{})}},
	}, fieldChanges(old, got))
	added := merged(got, map[string]any{"volumes": []any{item("more")}})
	require.Equal(t, []any{item("more"), item("tmp", "emptyDir", map[string]any{})}, added["volumes"])
	require.Equal(t, []FieldChange{{`volumes["more"]`, nil, item("more")}}, fieldChanges(got, added))
	require.Equal(t, []FieldChange{{"containers", "a, b", "b, a"}}, fieldChanges(
		map[string]any{"containers": []any{item("a"), item("b")}}, map[string]any{"containers": []any{item("b"), item("a")}},
	))
}
