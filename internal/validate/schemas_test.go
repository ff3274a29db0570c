package validate

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every embedded kind compiles, with every rule: no rule is dropped in silence.
func TestEveryEmbeddedKindCompiles(t *testing.T) {
	v, err := New()
	require.NoError(t, err)
	kinds, rules := 0, 0
	for name := range bundleNames {
		b := v.bundles[name]
		require.NoError(t, b.load())
		for key := range b.Kinds {
			i := strings.LastIndexByte(key, '/')
			k, err := v.kind(key[:i], key[i+1:])
			require.NoError(t, err, key)
			require.NotNil(t, k, key)
			kinds++
		}
		rules += strings.Count(string(mustJSON(t, b.Kinds)), `"rule":`)
	}
	text := ""
	for _, b := range v.bundles {
		text += oneLine(strings.NewReplacer(`\"`, `"`, `\n`, " ", `\u0026`, "&").Replace(string(mustJSON(t, b.Kinds))))
	}
	for source := range natives {
		require.Contains(t, text, source, "no schema has this rule any more")
	}
	require.Greater(t, kinds, 100)
	require.Greater(t, rules, 300)
	require.Greater(t, len(v.programs), 25)
	t.Logf("%d kinds, %d rules, %d different programs", kinds, rules, len(v.programs))
}

// The hand-written tables name definitions and fields that exist.
func TestTablesNameWhatExists(t *testing.T) {
	v, err := New()
	require.NoError(t, err)
	b := v.bundles[builtins]
	require.NoError(t, b.load())
	exists := func(label string) bool {
		for _, prefix := range []string{"", "io.k8s.api.", "io.k8s.apimachinery.pkg.apis."} {
			if _, ok := b.Definitions[prefix+label]; ok {
				return true
			}
		}
		return false
	}
	for label := range enums {
		require.True(t, exists(label), label)
	}
	for label := range definitionChecks {
		require.True(t, exists(label), label)
	}
	for name := range kindChecks {
		group, kind, _ := strings.Cut(name, "/")
		found := false
		from := v.bundles[bundleOf(group+"/v1")]
		require.NoError(t, from.load())
		for key := range from.Kinds {
			found = found || strings.HasPrefix(key, group+"/") && strings.HasSuffix(key, "/"+kind)
		}
		require.True(t, found, name)
	}
}

// The schemas come from the versions that the README names and, for Istio,
// from the version of the Go types used beside them.
func TestSchemasMatchTheirModules(t *testing.T) {
	v, err := New()
	require.NoError(t, err)
	readme, err := os.ReadFile("schemas/README.md")
	require.NoError(t, err)
	for name := range bundleNames {
		require.NoError(t, v.bundles[name].load())
		require.NotEmpty(t, v.bundles[name].Licence)
		require.NotEmpty(t, v.bundles[name].Sources)
		for _, source := range v.bundles[name].Sources {
			from, _, _ := strings.Cut(source, " ")
			require.Contains(t, string(readme), from, "schemas/README.md")
		}
	}
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	require.NoError(t, err)
	version := regexp.MustCompile(`istio\.io/api (v\S+)`).FindSubmatch(mod)
	require.NotNil(t, version)
	require.True(t, strings.HasPrefix(v.bundles[mesh].Sources[0], "istio.io/api@"+string(version[1])+" "), "run go generate: %s", v.bundles[mesh].Sources)
}
