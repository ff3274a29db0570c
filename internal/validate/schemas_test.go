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
	for _, name := range bundleNames {
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
	require.Greater(t, kinds, 65)
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
	require.NoError(t, v.bundles[mesh].load())
	require.NoError(t, v.bundles[buildFiles].load())
	for name := range kindChecks {
		found := false
		for _, from := range []string{mesh, buildFiles} {
			for key := range v.bundles[from].Kinds {
				found = found || strings.HasSuffix(key, "/"+name)
			}
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
	for _, name := range bundleNames {
		require.NoError(t, v.bundles[name].load())
		require.NotEmpty(t, v.bundles[name].Licence)
		source, _, _ := strings.Cut(v.bundles[name].Source, " ")
		require.Contains(t, string(readme), source, "schemas/README.md")
	}
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	require.NoError(t, err)
	version := regexp.MustCompile(`istio\.io/api (v\S+)`).FindSubmatch(mod)
	require.NotNil(t, version)
	require.True(t, strings.HasPrefix(v.bundles[mesh].Source, "istio.io/api@"+string(version[1])+" "), "run go generate: %s", v.bundles[mesh].Source)
}
