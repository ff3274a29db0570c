package strict_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/strict"
)

type sample struct {
	Name  string            `json:"name"`
	Count int               `json:"count"`
	Words []string          `json:"words"`
	Map   map[string]string `json:"map"`
	Any   any               `json:"any"`
	Is    bool              `json:"is"`
}

func read(t *testing.T, text string) (sample, *strict.Document) {
	t.Helper()
	docs, problems := strict.Read(strict.Source{Name: "f.yaml", Data: []byte(text)})
	require.Empty(t, problems)
	require.Len(t, docs, 1)
	var s sample
	docs[0].Decode(&s)
	return s, docs[0]
}

func TestDecode(t *testing.T) {
	s, d := read(t, "name: a\ncount: 3\nwords: [b, 'yes']\nmap: {x: y}\nany: {n: 1, f: 1.5, l: [true, null]}\nis: true\n")
	require.Empty(t, d.Problems)
	require.Equal(t, sample{"a", 3, []string{"b", "yes"}, map[string]string{"x": "y"}, map[string]any{"n": int64(1), "f": 1.5, "l": []any{true, nil}}, true}, s)
}

func TestEveryMistakeHasItsPlaceAndTheWayOut(t *testing.T) {
	_, d := read(t, "nam: a\ncount: many\nwords: b\nmap: {x: 1, x: y}\nany: .inf\nis: 1\n")
	var all []string
	for _, p := range d.Problems {
		all = append(all, p.File+" "+p.Path+" "+p.Message)
	}
	require.Equal(t, []string{
		`f.yaml:1:1 nam unknown field: did you mean "name"?`,
		`f.yaml:2:8 count want a whole number, have the text "many"`,
		`f.yaml:3:8 words want a list, have the text "b"`,
		`f.yaml:4:10 map.x want text, have the number "1": put it in quotes`,
		`f.yaml:4:13 map.x the key stands twice, first on line 4: keep one`,
		`f.yaml:5:6 any the number ".inf" is not allowed here: put it in quotes if it is text`,
		`f.yaml:6:5 is want true or false, have the number "1"`,
	}, all)
}

// An expression's own line and column become the file's, also within text.
func TestExpressionsAreFoundInTheFile(t *testing.T) {
	env, err := expr.NewEnv(expr.Vars{"x": ""})
	require.NoError(t, err)
	for text, want := range map[string]string{
		"name: ${y}\n":               "f.yaml:1:9",
		"name: 'a ${x} ${y}'\n":      "f.yaml:1:17",
		"name: |\n  a\n  ${y}\n":     "f.yaml:3",
		"name: >-\n  a\n  ${y}\n":    "f.yaml:1:7",
		"count: 1\nname: \"${y}\"\n": "f.yaml:2:10",
	} {
		s, d := read(t, text)
		_, err := env.Leaf(s.Name)
		require.Error(t, err)
		d.Expression("name", err)
		require.Equal(t, want, d.Problems[0].File, text)
	}
}

func TestThreatA5BombsAreRefusedBeforeTheyGrow(t *testing.T) {
	for name, text := range map[string]string{
		"alias":    "a: &a [x]\nb: [*a, *a]\n",
		"depth":    strings.Repeat("[", 10_000),
		"size":     strings.Repeat("a", strict.MaxFile+1),
		"dashes":   strings.Repeat("- ", 10_000) + "a",
		"entries":  "[" + strings.Repeat("a,", 20_000) + "a]",
		"panicked": ": - [",
	} {
		docs, problems := strict.Read(strict.Source{Name: "f.yaml", Data: []byte(text)})
		require.Empty(t, docs, name)
		require.NotEmpty(t, problems, name)
	}
}
