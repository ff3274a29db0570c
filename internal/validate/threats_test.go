package validate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// A1, A3, B1: text that is no name, namespace or label is refused wherever it
// stands, and the message holds no control character of it.
func TestThreatA3NamesAndLabels(t *testing.T) {
	v := newValidator(t)
	hostile := []string{
		"web-1\n---\nkind: Secret", "../../flux-system", "a/b", "a b", "a\u202eb", "\x1b]0;x\x07", "\x00", "{{ .Env.GITHUB_TOKEN }}", "${FOO}", "$(cmd)",
		strings.Repeat("a", 64), "-a", "a-", "\ufeffa", "a\u2028b",
	}
	for _, text := range hostile {
		for _, path := range []string{
			"metadata.name", "metadata.namespace", "metadata.labels.app", "spec.selector.matchLabels.app", "spec.template.metadata.labels.app",
			"spec.template.spec.nodeSelector.disk", "spec.template.spec.containers.0.name",
		} {
			if path == "metadata.name" && len(text) == 64 {
				continue // names may be longer than labels
			}
			obj := object(t, good["deployment"])
			change(t, obj, strings.Split(path, "."), text)
			requireRefused(t, v, obj, path, text)
		}
		for _, path := range []string{"spec.selector.matchLabels.app", "metadata.namespace"} {
			obj := object(t, good["authorizationpolicy"])
			change(t, obj, strings.Split(path, "."), text)
			requireRefused(t, v, obj, path, text)
		}
		if len(text) == 64 {
			continue // the prefix of a key may be longer as well
		}
		obj := object(t, good["networkpolicy"])
		obj["metadata"].(map[string]any)["labels"] = map[string]any{text + "/x": "y"}
		requireRefused(t, v, obj, "label key", text)
	}
	obj := object(t, good["deployment"])
	obj["metadata"].(map[string]any)["labels"] = map[string]any{"app": strings.Repeat("a", 63)}
	require.Empty(t, v.Object("", obj))
}

func requireRefused(t *testing.T, v *Validator, obj map[string]any, path, text string) {
	t.Helper()
	problems := v.Object("", obj)
	require.NotEmpty(t, problems, "%s: %q", path, text)
	for _, p := range problems {
		for _, r := range p.Path + p.Message {
			require.True(t, r == '…' || r >= ' ' && r < 0x7f, "%q in %q", r, p.Message)
		}
	}
}

// A2: a value that YAML 1.1 reads as something else is refused as a label when
// it is no text any more, and passes when it is.
func TestThreatA2AmbiguousScalars(t *testing.T) {
	v := newValidator(t)
	for _, text := range []string{"yes", "on", "1e3", "0x1F", "2024-01-01", "null", "~"} {
		for _, quoted := range []bool{true, false} {
			line := text
			if quoted {
				line = `"` + text + `"`
			}
			var labels map[string]any
			require.NoError(t, yaml.Unmarshal([]byte("a: "+line), &labels))
			obj := object(t, good["configmap"])
			obj["metadata"].(map[string]any)["labels"] = labels
			_, isText := labels["a"].(string)
			if isText && text != "~" || labels["a"] == nil {
				require.Empty(t, v.Object("", obj), line)
			} else {
				require.NotEmpty(t, v.Object("", obj), line)
			}
		}
	}
}

// A9: a kind without a schema is refused, whatever it claims to be.
func TestThreatA9UnknownKinds(t *testing.T) {
	v := newValidator(t)
	for _, header := range [][2]string{
		{"argoproj.io/v1alpha1", "Workflow"},
		{"helm.toolkit.fluxcd.io/v1", "HelmRelease"},
		{"notification.toolkit.fluxcd.io/v1", "Receiver"},
		{"v2", "Pod"},
		{"apps/v1", "Pod"},
		{"", "Pod"},
		{"v1", ""},
		{"v1", "List"},
		{"kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization"},
		{"builtin", "HelmChartInflationGenerator"},
		{"apps/v1/Deployment", ""},
		{"apps", "v1/Deployment"},
		{strings.Repeat("x", 5000), "\x1b[2J"},
	} {
		require.False(t, v.Known(header[0], header[1]), header)
		problems := v.Object("f", map[string]any{"apiVersion": header[0], "kind": header[1], "metadata": map[string]any{"name": "a"}})
		require.NotEmpty(t, problems, header)
		require.Less(t, len(problems[0].Message), 500)
		require.NotContains(t, problems[0].Message, "\x1b")
	}
	require.Len(t, v.Object("f", nil), 2)
}

func TestThreatA5DeepAndWideObjectsAreBounded(t *testing.T) {
	v := newValidator(t)
	deep := any("x")
	for range 5000 {
		deep = []any{map[string]any{"a": deep}}
	}
	obj := object(t, good["envoyfilter"])
	change(t, obj, strings.Split("spec.configPatches.0.patch.value", "."), map[string]any{"a": deep})
	require.NotPanics(t, func() { v.Object("", obj) })

	wide := make(map[string]any)
	for i := range 10_000 {
		wide["f"+strings.Repeat("x", i%50)+string(mustJSON(t, i))] = i
	}
	obj = object(t, good["deployment"])
	obj["spec"] = wide
	require.LessOrEqual(t, len(v.Object("", obj)), maxProblems+1)
}

// FuzzObject: whatever JSON comes in, nothing panics, the object stays as it
// was, and the answer is the same twice.
func FuzzObject(f *testing.F) {
	for _, text := range good {
		j, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(j)
	}
	f.Add([]byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":1,"labels":[]},"spec":{"template":null,"selector":{"matchLabels":{"a":{}}}}}`))
	f.Add([]byte(`{"apiVersion":"builtin","kind":"PatchTransformer","metadata":{"name":"x"},"patch":"- - a"}`))
	v, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var obj map[string]any
		if json.Unmarshal(data, &obj) != nil {
			return
		}
		before := mustJSON(t, obj)
		problems := v.Object("f", obj)
		require.LessOrEqual(t, len(problems), maxProblems+1)
		require.Equal(t, before, mustJSON(t, obj))
		require.Equal(t, problems, v.Object("f", obj))
	})
}
