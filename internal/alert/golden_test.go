package alert

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew: read what changed in them")

// TestGolden holds for every source what its fixture, written after the
// vendor's documentation, becomes: with the source recognised and named.
func TestGolden(t *testing.T) {
	for _, s := range Sources() {
		if s.Source == Generic {
			continue // has a test of its own, since it takes a mapping
		}
		files, err := filepath.Glob("testdata/" + string(s.Source) + ".*")
		require.NoError(t, err)
		require.NotEmpty(t, files, s.Source)
		for _, file := range files {
			if strings.HasSuffix(file, ".golden") {
				continue
			}
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			items, err := Decode(data, Options{})
			require.NoError(t, err)
			named, err := Decode(data, Options{Source: s.Source})
			require.NoError(t, err)
			require.Equal(t, named, items, "recognised and named are the same")
			got, err := json.MarshalIndent(items, "", " ")
			require.NoError(t, err)
			golden := strings.TrimSuffix(file, filepath.Ext(file)) + ".golden"
			if *update {
				require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(got), file)
			require.NotContains(t, string(got), "canary", file)
			for _, item := range items {
				promises(t, item)
			}
		}
	}
}
