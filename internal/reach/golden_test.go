package reach_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
	"github.com/irgit/irgit/internal/reach"
)

var update = flag.Bool("update", false, "write testdata anew: read what changed in it")

// exampleFleet is what the roots of the example fleet's cluster prod-eu render.
func exampleFleet(t testing.TB) (all []*unstructured.Unstructured) {
	t.Helper()
	files, err := examples.Fleet()
	require.NoError(t, err)
	tree, err := gitops.NewTree(files)
	require.NoError(t, err)
	for _, root := range []string{"apps/prod-eu", "infrastructure/prod-eu"} {
		built, err := kustomize.Build(t.Context(), tree, root, kustomize.Options{})
		require.NoError(t, err)
		all = append(all, built.Objects...)
	}
	return all
}

// Every archive names a cluster and what is added to the example fleet, and has what
// becomes of the fleet's flows.
func TestWhatPoliciesDoToTheExampleFleet(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, archives)
	for _, file := range archives {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			require.Len(t, archive.Files, 3)
			require.Equal(t, "cluster.yaml", archive.Files[0].Name)
			var c reach.Cluster
			require.NoError(t, yaml.UnmarshalStrict(archive.Files[0].Data, &c))
			fleet := exampleFleet(t)
			before, err := reach.New(c, fleet)
			require.NoError(t, err)
			after, err := reach.New(c, append(fleet, objects(t, string(archive.Files[1].Data))...))
			require.NoError(t, err)
			got := reach.Difference(before, after, before.Flows())
			if *update {
				archive.Files[2].Data = []byte(got)
				require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o600))
			}
			require.Equal(t, string(archive.Files[2].Data), got)
		})
	}
}
