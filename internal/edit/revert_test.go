package edit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// made plans and makes an edit.
func made(t require.TestingT, w want, text string) (Edit, string) {
	e, err := w.plan(text)
	require.NoError(t, err)
	after, err := e.Apply([]byte(text))
	require.NoError(t, err)
	return e, string(after)
}

const flux = "# team\nkind: Kustomization\nspec:\n  interval: 5m\n  images: # none\n  - a\nstatus: {}\n"

func TestRevertsInAFileThatWasChangedElsewhere(t *testing.T) {
	e, after := made(t, patch, flux)
	change := strings.NewReplacer("# team\n", "# team\n# and\n# more\n", "5m", "9m", "status: {}\n", "status: {}\nother:\n- b", "  - a\n", "  - a\n  - b\n")
	back, err := e.Revert([]byte(change.Replace(after)))
	require.NoError(t, err)
	require.Equal(t, change.Replace(flux), string(back))
}

func TestRevertsOfTwoEditsCommuteWithTheirOrder(t *testing.T) {
	other := patch
	other.value = map[string]any{"patch": "other"}
	for _, before := range []string{flux, strings.ReplaceAll(flux, "\n", "\r\n"), strings.TrimSuffix(flux, "\n"), strings.Replace(flux, "interval: 5m", "patches:\n  - patch: team", 1)} {
		first, one := made(t, patch, before)
		second, both := made(t, other, one)
		for _, order := range [][]Edit{{first, second}, {second, first}} {
			text := []byte(both)
			for _, e := range order {
				var err error
				text, err = e.Revert(text)
				require.NoError(t, err)
			}
			require.Equal(t, before, string(text))
		}
	}
}

func TestOtherItemsStayInAListThatTheEditBrought(t *testing.T) {
	for before, want := range map[string]string{
		"resources:\n- a\n":                  "resources:\n- a\ntransformers:\n- team\n",
		"transformers:\nresources:\n- a\n":   "transformers:\n- team\nresources:\n- a\n",
		"namespace: x\ntransformers:\n- a\n": "namespace: x\ntransformers:\n- a\n- team\n",
	} {
		e, after := made(t, transformers, before)
		back, err := e.Revert([]byte(strings.Replace(after, "- ../ir\n", "- ../ir\n- team\n", 1)))
		require.NoError(t, err)
		require.Equal(t, want, string(back))
	}
}

func TestRevertLooksInTheObjectAlone(t *testing.T) {
	one := func(name string) string {
		return "kind: Pod\nmetadata:\n  name: " + name + "\nspec:\n  paused: true\n---\n"
	}
	before := one("a") + strings.Replace(one("b"), "true", "false", 1) + one("c")
	w := paused
	w.sel = Selector{Kind: "Pod", Name: "b"}
	e, after := made(t, w, before)
	back, err := e.Revert([]byte(strings.Repeat(one("x"), 50) + after))
	require.NoError(t, err)
	require.Equal(t, strings.Repeat(one("x"), 50)+before, string(back))
}

func TestRevertRefusesWhatSomebodyChanged(t *testing.T) {
	for _, c := range []struct {
		name     string
		want     want
		before   string
		old, new string
	}{
		{"value changed", paused, "spec:\n  paused: false\n", "paused: true", "paused: false"},
		{"comment added", paused, "spec:\n  paused: false\n", "paused: true", "paused: true # why"},
		{"removed", paused, "spec:\n  a: b\n", "  paused: true\n", ""},
		{"a brother came", noScaleUp, "spec:\n  a: b\n", "Disabled\n", "Disabled\n      other: x\n"},
		{"item changed", patch, flux, "name: payments", "name: other"},
		{"item moved to another list", transformers, "resources:\n- a\ntransformers:\n- b\n", "transformers:\n- b\n", "generators:\n- b\n"},
		{"line ends changed", patch, flux, "\n", "\r\n"},
		{"object renamed", want{Selector{"", "Pod", "", "a"}, "spec paused", true, false}, "kind: Pod\nmetadata:\n  name: a\n", "name: a", "name: b"},
		{"no longer YAML", paused, "spec:\n  a: b\n", "a: b", "a: ["},
		{"twice", transformers, "transformers:\n- a\n", "- ../ir\n", "- ../ir\n- b # ../ir\n- ../ir\n"},
	} {
		e, after := made(t, c.want, c.before)
		changed := strings.ReplaceAll(after, c.old, c.new)
		require.NotEqual(t, after, changed, c.name)
		_, err := e.Revert([]byte(changed))
		refused(t, err)
	}
}

func TestRevertOfABrokenRecordIsRefused(t *testing.T) {
	for _, c := range []Change{{}, {Path: Path{"a"}}, {Path: Path{"a"}, New: "a: b"}, {Path: Path{"a"}, New: "a: b", Offset: -1}, {Path: Path{"a"}, New: "a: b", Value: []byte("{")}} {
		_, err := Edit{File: "k.yaml", Changes: []Change{c}}.Revert([]byte("a: b\n"))
		refused(t, err)
	}
}

func TestRevertOfNothingIsNothing(t *testing.T) {
	back, err := Edit{}.Revert([]byte("no: [YAML"))
	require.NoError(t, err)
	require.Equal(t, "no: [YAML", string(back))
}
