package edit

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// want is what a case asks for: a scalar, or an item of a list.
type want struct {
	sel   Selector
	path  string // keys separated by spaces
	value any
	list  bool
}

func (w want) plan(text string) (Edit, error) {
	if w.list {
		return AddListItem("k.yaml", []byte(text), w.sel, strings.Fields(w.path), w.value)
	}
	return Set("k.yaml", []byte(text), w.sel, []Field{{strings.Fields(w.path), w.value}})
}

var (
	transformers = want{path: "transformers", value: "../ir", list: true}
	paused       = want{path: "spec paused", value: true}
	onDelete     = want{path: "spec updateStrategy type", value: "OnDelete"}
	noScaleUp    = want{path: "spec behavior scaleUp selectPolicy", value: "Disabled"}
	patch        = want{path: "spec patches", list: true, value: map[string]any{
		"target": map[string]any{"kind": "Deployment", "name": "payments"}, "patch": "- op: add\n  path: /spec/paused\n  value: true\n",
	}}
	rendered = want{path: "spec postRenderers", list: true, value: map[string]any{"kustomize": map[string]any{"patches": []any{map[string]any{"patch": "x"}}}}}
	deeper   = want{path: "spec postRenderers 0 kustomize patches", list: true, value: map[string]any{"patch": "z"}}
)

var edits = []struct {
	name          string
	want          want
	before, after string
}{
	{"list of its own", transformers, "resources:\n- a\n", "resources:\n- a\ntransformers:\n- ../ir\n"},
	{"list of its own, indented", transformers, "resources:\n  - a # why\n\n# end\n\n", "resources:\n  - a # why\n\n# end\ntransformers:\n  - ../ir\n\n"},
	{"no newline at the end", transformers, "---\nresources:\n- a", "---\nresources:\n- a\ntransformers:\n- ../ir"},
	{"CRLF", transformers, "resources:\r\n  - a\r\n", "resources:\r\n  - a\r\ntransformers:\r\n  - ../ir\r\n"},
	{"CRLF, no newline at the end", transformers, "namespace: x\r\nresources:\r\n  - a", "namespace: x\r\nresources:\r\n  - a\r\ntransformers:\r\n  - ../ir"},
	{"byte order mark", transformers, "\ufefftransformers: []", "\ufefftransformers: [../ir]"},
	{"list with items", transformers, "transformers:\n    - a\n    # - b\nresources:\n  - a\n", "transformers:\n    - a\n    - ../ir\n    # - b\nresources:\n  - a\n"},
	{"names in brackets", transformers, "transformers: [ a, b ] # c\n", "transformers: [ a, b, ../ir ] # c\n"},
	{"a comma at the end", transformers, "transformers: [a,]\n", "transformers: [a, ../ir]\n"},
	{"empty brackets", transformers, "transformers: [ ]\nresources: []\n", "transformers: [../ir]\nresources: []\n"},
	{"null", transformers, "transformers: # why\n\nresources: [a]\n", "transformers: # why\n  - ../ir\n\nresources: [a]\n"},
	{"written null", transformers, "transformers: null\n", "transformers:\n  - ../ir\n"},
	{"end of the document", transformers, "resources:\n- |\n  a\n  # text\n# comment\n...\n", "resources:\n- |\n  a\n  # text\n# comment\ntransformers:\n- ../ir\n...\n"},
	{"text with its empty lines", transformers, "a: |+\n  b\n\n\n", "a: |+\n  b\n\n\ntransformers:\n  - ../ir\n"},
	{"there already", transformers, "transformers:\n- '../ir'\n", "transformers:\n- '../ir'\n"},

	{"scalar", paused, "spec:\n  paused:   false # c\n", "spec:\n  paused:   true # c\n"},
	{"scalar there already", paused, "spec: {paused: true}\n", "spec: {paused: true}\n"},
	{"scalar in braces", paused, "spec: {paused: false, a: [b]}\n", "spec: {paused: true, a: [b]}\n"},
	{"scalar of JSON", onDelete, `{"spec": {"updateStrategy": {"type": "RollingUpdate"}}}`, `{"spec": {"updateStrategy": {"type": "OnDelete"}}}`},
	{"null of JSON", onDelete, `{"spec": {"updateStrategy": {"type": null}}}`, `{"spec": {"updateStrategy": {"type": "OnDelete"}}}`},
	{"quoted scalar", onDelete, "spec:\n  updateStrategy:\n    'type': 'RollingUpdate'\n", "spec:\n  updateStrategy:\n    'type': 'OnDelete'\n"},
	{"scalar behind other letters", paused, "\"spec\": {ä: 'ö', paused: false}\n", "\"spec\": {ä: 'ö', paused: true}\n"},
	{"null scalar", paused, "spec:\n  paused:\n  a: b\n", "spec:\n  paused: true\n  a: b\n"},
	{"missing scalar", paused, "spec:\n  # c\n  a: b\n", "spec:\n  paused: true\n  # c\n  a: b\n"},
	{"missing parent", onDelete, "kind: x\nspec:\n    a:\n        b: c\nstatus: d\n", "kind: x\nspec:\n    updateStrategy:\n        type: OnDelete\n    a:\n        b: c\nstatus: d\n"},
	{"missing parents", noScaleUp, "spec:\n  behavior:\n    scaleDown:\n      a: b", "spec:\n  behavior:\n    scaleUp:\n      selectPolicy: Disabled\n    scaleDown:\n      a: b"},
	{"all missing", noScaleUp, "kind: x\n", "kind: x\nspec:\n  behavior:\n    scaleUp:\n      selectPolicy: Disabled\n"},
	{"empty parent", onDelete, "spec: {}  # c\n", "spec:  # c\n  updateStrategy:\n    type: OnDelete\n"},

	{"patch", patch, "spec:\n  interval: 5m\n  # c\nstatus: {}\n", `spec:
  interval: 5m
  # c
  patches:
    - patch: |
        - op: add
          path: /spec/paused
          value: true
      target:
        kind: Deployment
        name: payments
status: {}
`},
	{"patch in empty brackets", patch, "list:\n- a\nspec:\n  patches: [] # none\n", `list:
- a
spec:
  patches: # none
  - patch: |
      - op: add
        path: /spec/paused
        value: true
    target:
      kind: Deployment
      name: payments
`},
	{"post-renderer", rendered, "spec:\n  postRenderers:\n  - kustomize:\n      images:\n      - a\n  values: {}\n", "spec:\n  postRenderers:\n  - kustomize:\n      images:\n      - a\n  - kustomize:\n      patches:\n      - patch: x\n  values: {}\n"},
	{"patch of a post-renderer", deeper, "spec:\n  postRenderers:\n    - kustomize:\n        images:\n          - a\n\n  values: {}\n", "spec:\n  postRenderers:\n    - kustomize:\n        images:\n          - a\n        patches:\n          - patch: z\n\n  values: {}\n"},
}

func TestEditsTouchNothingElseAndAreTakenBack(t *testing.T) {
	for _, c := range edits {
		t.Run(c.name, func(t *testing.T) {
			e, err := c.want.plan(c.before)
			require.NoError(t, err)
			after, err := e.Apply([]byte(c.before))
			require.NoError(t, err)
			require.Equal(t, c.after, string(after))
			require.Equal(t, c.before == c.after, len(e.Changes) == 0)

			text, err := json.Marshal(e)
			require.NoError(t, err)
			var kept Edit
			require.NoError(t, json.Unmarshal(text, &kept))
			require.Equal(t, e, kept)
			back, err := kept.Revert(after)
			require.NoError(t, err)
			require.Equal(t, c.before, string(back))
			for _, change := range kept.Changes { // found again without offsets, too
				back, err = kept.takeBack(after, change)
				require.NoError(t, err)
				require.Equal(t, c.before, string(back))
			}
		})
	}
}

func TestSetsSeveralFieldsInTheirOrder(t *testing.T) {
	before := "spec:\n  replicas: 3\n"
	e, err := Set("k.yaml", []byte(before), Selector{}, []Field{
		{Path{"spec", "paused"}, true},
		{Path{"spec", "behavior", "scaleUp"}, "a b: c"},
		{Path{"spec", "behavior", "scaleDown"}, "on"},
		{Path{"spec", "replicas"}, 0},
	})
	require.NoError(t, err)
	after, err := e.Apply([]byte(before))
	require.NoError(t, err)
	require.Equal(t, "spec:\n  paused: true\n  behavior:\n    scaleUp: 'a b: c'\n    scaleDown: \"on\"\n  replicas: 0\n", string(after))
	back, err := e.Revert(after)
	require.NoError(t, err)
	require.Equal(t, before, string(back))
}

const two = `# both
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: one}
spec:
  replicas: 1
---
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: a
    namespace: two
  spec:
    replicas: 1
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: b}
  spec: {}
---
`

func TestChoosesTheObject(t *testing.T) {
	deployment := func(namespace, name string) Selector { return Selector{"apps", "Deployment", namespace, name} }
	for _, c := range []struct {
		sel      Selector
		old, new string
	}{
		{deployment("one", "a"), "\nspec:\n", "\nspec:\n  paused: true\n"},
		{deployment("two", "a"), "\n  spec:\n", "\n  spec:\n    paused: true\n"},
		{deployment("any", "b"), "\n  spec: {}\n", "\n  spec:\n    paused: true\n"},
	} {
		w := paused
		w.sel = c.sel
		e, err := w.plan(two)
		require.NoError(t, err)
		after, err := e.Apply([]byte(two))
		require.NoError(t, err)
		require.Equal(t, strings.Replace(two, c.old, c.new, 1), string(after))
		back, err := e.Revert(after)
		require.NoError(t, err)
		require.Equal(t, two, string(back))
	}
	for _, sel := range []Selector{{}, deployment("three", "a"), deployment("", "a"), {"", "Deployment", "one", "a"}, {"apps", "StatefulSet", "one", "a"}} {
		w := paused
		w.sel = sel
		_, err := w.plan(two)
		refused(t, err)
	}
}

func refused(t require.TestingT, err error) {
	var r *Refusal
	require.ErrorAs(t, err, &r)
	require.Equal(t, "k.yaml", r.File)
	require.NotEmpty(t, r.Reason)
	require.NotEmpty(t, r.Step)
}

func TestRefusesWithLineReasonAndTheWayOut(t *testing.T) {
	for _, c := range []struct {
		name string
		want want
		text string
		says string
	}{
		{"item in brackets", patch, "spec:\n  patches: [{a: b}]\n", "k.yaml:2: spec.patches: it is written in braces"},
		{"key in braces", paused, "a: b\nspec: {a: b}\n", "k.yaml:2: spec.paused: it is written in braces"},
		{"brackets in braces", transformers, "{transformers: []}\n", "k.yaml:1: transformers: it is written in braces"},
		{"brackets over lines", transformers, "transformers: [a,\n  b]\n", "k.yaml:1: transformers: it is written in braces"},
		{"quotes in brackets", transformers, "transformers: ['a']\n", "k.yaml:1: transformers: it is written in braces"},
		{"anchor", paused, "spec: &s\n  a: b\nother: *s\n", "k.yaml:1: spec.paused: an anchor"},
		{"alias", paused, "a: &s {x: y}\nspec: *s\n", "k.yaml:2: spec.paused: an anchor"},
		{"anchored scalar", paused, "spec:\n  paused: &p false\nother: *p\n", "k.yaml:2: spec.paused: an anchor"},
		{"merge key", paused, "a: &s {x: y}\nspec:\n  <<: *s\n", "k.yaml:3: spec.paused: a merge key"},
		{"twice", paused, "spec:\n  a: b\nspec:\n  a: b\n", "k.yaml:3: the key stands twice"},
		{"two documents", paused, "spec: {}\n---\nspec: {}\n", "stands in it 2 times, on lines 1, 3"},
		{"no document", paused, "# nothing\n", "it does not hold the only document"},
		{"template", paused, "{{ if .Values.x }}\nspec: {}\n{{ end }}\n", "it is a template"},
		{"value of a template", paused, "a: {{ .Values.a }}\nspec:\n  a: b\n", "as in a template"},
		{"value with a template", onDelete, "spec:\n  updateStrategy:\n    type: '{{ .Values.a }}'\n", "k.yaml:3: spec.updateStrategy.type: the value is a template"},
		{"another type", paused, "spec:\n  paused: 'true'\n", "k.yaml:2: spec.paused: it holds a string, not a bool"},
		{"variable", paused, "spec:\n  paused: ${PAUSED}\n", "it holds a string, not a bool"},
		{"mapping for a scalar", paused, "spec:\n  paused: {}\n", "it holds a mapping, not a bool"},
		{"mapping for a list", transformers, "transformers:\n  a: b\n", "it holds a mapping instead of a list"},
		{"scalar for a mapping", paused, "spec: x\n", "a string stands in the place of a mapping"},
		{"scalar for a list", transformers, "transformers: a\n", "it holds a string instead of a list"},
		{"missing item", deeper, "spec: {a: b}\n", "the list with item 0 is not there"},
		{"missing item of a list", deeper, "spec:\n  postRenderers: []\n", "the list has no item 0"},
		{"tab", paused, "spec:\n  paused:\tfalse\n", "k.yaml:2: spec.paused: the line has a tab"},
		{"text over lines", onDelete, "spec:\n  updateStrategy:\n    type: >-\n      a\n", "the value has a tag or is a block"},
		{"value on the next line", paused, "spec:\n  paused:\n    false\n", "k.yaml:3: spec.paused: the value does not stand"},
		{"tag", paused, "spec:\n  paused: !!bool false\n", "the value has a tag"},
		{"not YAML", paused, "spec: [\n", "it cannot be read as YAML"},
		{"binary", paused, "\xff\xfe", "it is not UTF-8"},
		{"old line ends", paused, "spec:\r  a: b\r", "line breaks"},
		{"explicit key", paused, "? spec\n: a: b\n", "read differently"},
		{"no path", want{value: true}, "a: b\n", "no field is named"},
	} {
		_, err := c.want.plan(c.text)
		refused(t, err)
		require.ErrorContains(t, err, c.says, c.name)
	}
	for _, value := range []any{nil, func() {}, map[string]any{"a": 1}, []any{}, "a\nb"} {
		_, err := Set("k.yaml", []byte("spec:\n  a: b\n"), Selector{}, []Field{{Path{"spec", "x"}, value}})
		require.ErrorContains(t, err, "k.yaml")
	}
}

func TestErrorsHoldNoTextOfTheFile(t *testing.T) {
	_, err := paused.plan("spec: *hunter2\n")
	refused(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestApplyRefusesAnotherFile(t *testing.T) {
	e, err := paused.plan("spec:\n  a: b\n")
	require.NoError(t, err)
	_, err = e.Apply([]byte("spec:\n  a: c\n"))
	refused(t, err)
}
