package kustomize

import (
	"strings"
	"testing"

	"github.com/fluxcd/pkg/envsubst/parse"
	"github.com/stretchr/testify/require"
)

// Variables are replaced in YAML that is parsed again, as Flux does.
func TestSubstitute(t *testing.T) {
	vars := map[string]string{"PORT": "8080", "NAME": "shop", "ON": "true", "LINES": "a\nb", "EMPTY": "", "MAP": "{a: b}"}
	for text, want := range map[string]any{
		"${PORT}":           int64(8080),
		"'${PORT}'":         int64(8080), // the quotes are gone by then
		"'\"${PORT}\"'":     `"8080"`,
		"a-${PORT}":         "a-8080",
		"${ON}":             true,
		"${MAP}":            map[string]any{"a": "b"},
		"${LINES}":          "ab",
		"${GONE}":           nil,
		"x${GONE}":          "x",
		"${GONE:=fallback}": "fallback",
		"${EMPTY:=f}":       "f",
		"${NAME^^}":         "SHOP",
		"${NAME/s/b}":       "bhop",
		"${#NAME}":          int64(4),
		"$${NAME}":          "${NAME}",
		"$NAME":             "$NAME",
		"${NAME:0:2}":       "sh",
	} {
		tree := files(t, map[string]string{"root/a.yaml": "apiVersion: x/v1\nkind: X\nmetadata: {name: a}\nspec:\n  v: " + text + "\n"})
		r, err := Build(t.Context(), tree, "root", Options{Generate: true, Substitute: vars})
		require.NoError(t, err, text)
		require.Equal(t, want, field(t, r.Objects[0], "spec", "v"), text)
	}
}

func TestSubstituteWhereItIsWanted(t *testing.T) {
	tree := files(t, map[string]string{
		"root/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\n",
		"root/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '${A:=n}'}\ndata: {k: '${A:=d}'}\n---\n" +
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: label, labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {k: '${A:=d}'}\n---\n" +
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: note, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {k: '${A:=d}'}\n",
	})
	for _, c := range []struct {
		vars map[string]string
		name string
		want []any
	}{
		{nil, "x-${A:=n}", []any{"${A:=d}", "${A:=d}", "${A:=d}"}},
		{map[string]string{}, "x-n", []any{"d", "${A:=d}", "${A:=d}"}},
		{map[string]string{"A": "v"}, "x-v", []any{"v", "${A:=d}", "${A:=d}"}},
	} {
		r, err := Build(t.Context(), tree, "root", Options{Generate: true, Substitute: c.vars})
		require.NoError(t, err)
		require.Equal(t, c.name, r.Objects[0].GetName())
		for i, want := range c.want {
			require.Equal(t, want, field(t, r.Objects[i], "data", "k"))
		}
	}
}

func TestSubstituteNamesTheObject(t *testing.T) {
	object := func(value string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\ndata:\n  k: " + value + "\n"
	}
	for _, c := range []struct {
		text   string
		vars   map[string]string
		reason string
	}{
		{object("${a.b}"), map[string]string{}, "postBuild of ConfigMap shop/a"},
		{object("${"), map[string]string{}, "postBuild of ConfigMap shop/a"},
		{object("${V}"), map[string]string{"V": "a: b: c"}, "postBuild of ConfigMap shop/a"},
		{object("x"), map[string]string{"no-name": "v"}, `"no-name" is no name of a variable`},
		{object("${V:9223372036854775807:1}"), map[string]string{"V": "v"}, "postBuild of ConfigMap shop/a: envsubst gave up"},
		{object("x") + "---\n" + strings.ReplaceAll(object("x"), "name: a", "name: '${N}'"), map[string]string{"N": "a"}, "postBuild of ConfigMap shop/a"},
	} {
		_, err := Build(t.Context(), files(t, map[string]string{"root/a.yaml": c.text}), "root", Options{Generate: true, Substitute: c.vars})
		var bad *Error
		require.ErrorAs(t, err, &bad, c.text)
		require.Contains(t, bad.Reason, c.reason)
	}
}

// What substitution could come to is known before it is done.
func TestThreatA5SubstitutionIsBounded(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	for name, text := range map[string]string{
		"many uses":      strings.Repeat("${V}", 1000),
		"a replacement":  "${V//a/" + strings.Repeat("b", 10_000) + "}",
		"a nested one":   "${GONE:=x${V//a/" + strings.Repeat("b", 10_000) + "}}",
		"an alias":       "${W}",
		"a deep parse":   strings.Repeat("${V:=", maxVariables+1),
		"many variables": strings.Repeat("${GONE}", maxVariables+1),
	} {
		tree := files(t, map[string]string{"root/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  k: '" + text + "'\n"})
		bomb := "[&a [x,x,x,x,x,x,x,x,x,x],&b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a],&c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b],&d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c],&e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d],[*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]]"
		_, err := Build(t.Context(), tree, "root", Options{Generate: true, Substitute: map[string]string{"V": long, "W": bomb}})
		var bad *Error
		require.ErrorAs(t, err, &bad, name)
		require.Regexp(t, "may grow to more than|more than 50000 times|aliases write out", bad.Reason, name)
	}
}

func FuzzSubstitute(f *testing.F) {
	for _, seed := range []string{"${V}", "${V//a/b}", "${V:-${V}}", "$${V}", "${#V}", "${V^^}", "${V:1:2}", "${V/#a/b}", "${"} {
		f.Add(seed, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		template, err := parse.Parse(text)
		if err != nil || len(text)+len(value) > 1<<10 {
			return
		}
		vars := map[string]string{"V": value}
		most := bound(template.Root, vars, maxBytes)
		out, err := eval(text, vars)
		if err == nil {
			require.LessOrEqual(t, len(out), most)
		}
	})
}
