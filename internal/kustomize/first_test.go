package kustomize_test

import (
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// The very first builds of a process run side by side, one of them with a
// strategic merge patch, which needs the library's schema. The test runs itself
// in a process of its own, where nothing has been built before.
func TestFirstBuildsSideBySide(t *testing.T) {
	const inside = "IRGIT_TEST_FIRST_BUILDS"
	if os.Getenv(inside) == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFirstBuildsSideBySide$", "-test.count=1")
		cmd.Env = append(os.Environ(), inside+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	deployment := "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  template:\n    spec:\n      containers: [{name: a, image: x}]\n"
	custom := "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: t\n"
	tree, err := gitops.NewTree(map[string][]byte{
		"patched/kustomization.yaml": []byte("resources: [a.yaml]\npatches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: a}\n    spec: {paused: true}\n"),
		"patched/a.yaml":             []byte(deployment),
		"plain/kustomization.yaml":   []byte("namespace: web\nresources: [a.yaml, t.yaml]\n"),
		"plain/a.yaml":               []byte(deployment),
		"plain/t.yaml":               []byte(custom),
	})
	require.NoError(t, err)
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = kustomize.Build(t.Context(), tree, []string{"patched", "plain"}[i%2], kustomize.Options{})
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}
