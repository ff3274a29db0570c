package calico_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/calico"
)

func TestParse(t *testing.T) {
	web := calico.Selector{Op: calico.Equals, Label: "app", Values: []string{"web"}}
	not := func(s calico.Selector) calico.Selector {
		return calico.Selector{Op: calico.Not, Parts: []calico.Selector{s}}
	}
	for text, want := range map[string]calico.Selector{
		"":                      {Op: calico.All},
		" all( ) ":              {Op: calico.All},
		"global()":              {Op: calico.Global},
		"app == 'web'":          web,
		`app!="web"`:            not(web),
		"!!app == 'web'":        web,
		"app notin {'a', 'b',}": not(calico.Selector{Op: calico.In, Label: "app", Values: []string{"a", "b"}}),
		"app in {}":             {Op: calico.In, Label: "app"},
		"app starts with 'w'":   {Op: calico.StartsWith, Label: "app", Values: []string{"w"}},
		"in endswith ''":        {Op: calico.EndsWith, Label: "in", Values: []string{""}},
		"has(a) || app == 'web' && !has(b)": {Op: calico.Or, Parts: []calico.Selector{
			{Op: calico.Has, Label: "a"},
			{Op: calico.And, Parts: []calico.Selector{web, not(calico.Selector{Op: calico.Has, Label: "b"})}},
		}},
	} {
		got, err := calico.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"app = 'web'":            "unexpected",
		"app == web":             `"web" must be text in quotes`,
		"app":                    `after the label app stands ""`,
		"(has(a)":                ") is missing",
		"has(a) has(b)":          `unexpected "has("`,
		"has('a')":               "names a label",
		"!":                      "ends too early",
		"app in {'a' 'b'}":       "} is missing",
		strings.Repeat("(", 300): "more than 200 groups",
	} {
		_, err := calico.Parse(text)
		require.ErrorContains(t, err, want, text)
	}
}

// Whatever stands there is an answer; what is read says of itself what it uses.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "all()", "!(a == 'b' || has(c)) && d not in {'e'}", "global() && x", "a contains \"b", "((("} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := calico.Parse(text)
		if err == nil && s.Uses(calico.Global) && !strings.Contains(text, "global(") {
			t.Fatalf("%q: %+v", text, s)
		}
	})
}
