package kustomize

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

// FuzzOrdinary holds what is read from nodes against the library's own JSON.
func FuzzOrdinary(f *testing.F) {
	for _, text := range []string{
		"kind: A\nspec: {replicas: 3, on: yes, off: \"yes\", none: , tilde: ~, half: 0.5, one: 1.0, big: 12345678901234567890, exp: 1e3}\n",
		"kind: A\na: 0x1F\nb: 0o17\nc: 010\nd: 1_000\ne: -0.0\nf: .5\ng: +1\nh: 190:20:30\ni: 2020-01-01\nj: '2020-01-01'\nk: !!str 1\nl: !!int '2'\nm: !!float 3\n",
		"kind: A\ntext: |\n  a\n  b\nfolded: >-\n  a\n  b\nquoted: \"a\\tb\\u0085\"\nplain: a b # c\nempty: \"\"\nspaces: ' a '\n",
		"kind: A\na: &x {b: c}\nd: *x\n", "kind: A\na: &x {b: c}\nd: {<<: *x, e: f}\n", "kind: A\n1: a\ntrue: b\n~: c\n", "kind: A\na: b\na: c\n",
		"# head\nkind: A # line\nlist:\n- a # one\n# foot\n- {b: c} # two\nflow: [a, # in\n  b]\n", "kind: A\n? [a]\n: b\n", "{kind: A, a: , b: {c: }}", "kind: A\ntrue: True\nfalse: FALSE\n",
		"kind: A\ne: {}\nl: []\nn: [null, [], {}]\nx: é\ny: \"#\"\nz: '- a'\nw: ': '\nv: '*a'\n", "kind: A\na: -9223372036854775808\nb: 9007199254740993.0\nc: 0.1e-7\nd: .inf\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := kyaml.Parse(text)
		if err != nil {
			t.Skip()
		}
		value, ok := ordinary(n.YNode())
		object, isObject := value.(map[string]any)
		if !ok || !isObject || (&unstructured.Unstructured{Object: object}).GetKind() == "" {
			t.Skip()
		}
		data, err := n.MarshalJSON()
		require.NoError(t, err)
		var want unstructured.Unstructured
		require.NoError(t, want.UnmarshalJSON(data))
		assert.Equal(t, want.Object, object)
	})
}

func TestMostObjectsAreOrdinary(t *testing.T) {
	n, err := kyaml.Parse("# of the team\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {app: web}}\nspec:\n  replicas: 2 # enough\n  template:\n    spec:\n      containers:\n        - name: main\n          image: \"web:1.0\"\n          securityContext: {privileged: false}\n          resources: {limits: {cpu: 0.5}}\n")
	require.NoError(t, err)
	_, ok := ordinary(n.YNode())
	assert.True(t, ok)
}
