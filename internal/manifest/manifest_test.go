package manifest

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	yaml3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

func TestWrite(t *testing.T) {
	data, err := Encode("why", map[string]any{
		"spec": map[string]any{"z": int64(1), "a": []any{"x", map[string]any{"b": true, "a": nil}}, "empty": map[string]any{}, "none": []any{}, "half": 0.5},
		"kind": "K", "apiVersion": "v1", "metadata": map[string]any{"labels": map[string]any{"on": "off"}, "namespace": "n", "name": "m"}, "data": "a\nb",
	})
	require.NoError(t, err)
	require.Equal(t, `# why
apiVersion: v1
kind: K
metadata:
  name: m
  namespace: "n"
  labels:
    "on": "off"
spec:
  a:
    - x
    - a: null
      b: true
  empty: {}
  half: 0.5
  none: []
  z: 1
data: |-
  a
  b
`, string(data))
	for _, v := range []any{1, uint64(1), []string{"a"}, struct{}{}} {
		_, err := Encode("", map[string]any{"kind": "K", "x": v})
		require.ErrorContains(t, err, "x: a ")
	}
}

// Any text comes back as itself from parsers of YAML 1.1 and of YAML 1.2, as a
// key and as a value.
func FuzzWrite(f *testing.F) {
	for _, s := range []string{"", "a", "yes", "1e3", "0x1F", "~", "2024-01-01", "a: b", "- a", "a\nb", "\n", " a\n b", "a\n\n  b\n", "'", `"`, "\u2028", "\ufeff", "\x00", "é\n日", "1:20", "<<", "12m", "./a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		data, err := Encode("", map[string]any{"apiVersion": "v1", "kind": "K", "value": s, "map": map[string]any{"k" + s: s, "list": []any{s}}})
		if err != nil {
			// What is read back and is not the same is refused; text that can be seen never is.
			require.True(t, strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || r != '\n' && !unicode.IsPrint(r) }), "%q: %v", s, err)
			return
		}
		var one, two map[string]any
		require.NoError(t, yaml.UnmarshalStrict(data, &one))
		require.NoError(t, yaml3.Unmarshal(data, &two))
		require.Equal(t, s, one["value"])
		require.Equal(t, s, two["value"])
		require.Equal(t, map[string]any{"k" + s: s, "list": []any{s}}, two["map"])
	})
}
