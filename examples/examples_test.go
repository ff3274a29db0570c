package examples_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

// onDisk writes the example fleet to a folder.
func onDisk(t *testing.T) (string, map[string][]byte) {
	t.Helper()
	files, err := examples.Fleet()
	require.NoError(t, err)
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, content, 0o600))
	}
	return dir, files
}

func TestEveryRootBuilds(t *testing.T) {
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("kubectl is not installed")
	}
	dir, files := onDisk(t)
	built := 0
	for name := range files {
		root, file := path.Split(name)
		if file != "kustomization.yaml" || strings.HasPrefix(root, "apps/base/") || strings.Contains(root, "/patches/") {
			continue
		}
		out, err := exec.CommandContext(t.Context(), "kubectl", "kustomize", filepath.Join(dir, root)).CombinedOutput()
		require.NoError(t, err, "%s: %s", root, out)
		require.Contains(t, string(out), "kind: Namespace", root)
		built++
	}
	require.Equal(t, 7, built, "three overlays of apps, three of infrastructure and its base")
}

// A freeze through the hook reaches the built object, in every cluster, and an
// overlay that patches the same object does not win over it.
func TestHookPatchesWin(t *testing.T) {
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("kubectl is not installed")
	}
	for _, cluster := range []string{"prod-eu", "prod-us", "staging"} {
		dir, _ := onDisk(t)
		hook := filepath.Join(dir, "incident-response", "patches", cluster, "apps")
		require.NoError(t, os.WriteFile(filepath.Join(hook, "freeze.yaml"), []byte(`apiVersion: builtin
kind: PatchTransformer
metadata:
  name: irgit-test
target:
  kind: HorizontalPodAutoscaler
  name: ^frontend$
  namespace: ^web$
patch: |-
  apiVersion: autoscaling/v2
  kind: HorizontalPodAutoscaler
  metadata:
    name: frontend
  spec:
    behavior:
      scaleUp:
        selectPolicy: Disabled
      scaleDown:
        selectPolicy: Disabled
`), 0o600))
		insert(t, filepath.Join(hook, "kustomization.yaml"), "Deployment web/frontend", "freeze.yaml")
		out, err := exec.CommandContext(t.Context(), "kubectl", "kustomize", filepath.Join(dir, "apps", cluster)).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, 2, strings.Count(string(out), "selectPolicy: Disabled"), cluster)
	}
}

// insert puts an entry right below the comment that names its workload.
func insert(t *testing.T, file, workload, entry string) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(data), "\n")
	at := slices.Index(lines, "  # "+workload+"\n")
	require.GreaterOrEqual(t, at, 0, workload)
	lines = slices.Insert(lines, at+1, "  - "+entry+"\n")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "")), 0o600))
}

// Incidents on different workloads edit one hook, each from the same base, and
// merge one after the other without a conflict.
func TestIncidentsOnOneHookMerge(t *testing.T) {
	files, err := examples.Fleet()
	require.NoError(t, err)
	dir := t.TempDir()
	bare, err := gittest.NewRepository(t.Context(), dir, "fleet.git", files)
	require.NoError(t, err)
	git := func(args ...string) string {
		t.Helper()
		out, err := gittest.Git(t.Context(), filepath.Join(dir, "work"), args...)
		require.NoError(t, err)
		return strings.TrimSpace(out)
	}
	_, err = gittest.Git(t.Context(), dir, "clone", "-q", bare, "work")
	require.NoError(t, err)
	hook := filepath.Join(dir, "work", "incident-response", "patches", "prod-eu", "apps", "kustomization.yaml")
	workloads := []string{"CronJob batch/report", "Deployment payments/payments", "Deployment web/frontend", "StatefulSet payments/ledger"}
	for _, w := range workloads {
		git("checkout", "-q", "-B", path.Base(w), "origin/main")
		insert(t, hook, w, "20261123-"+path.Base(w))
		git("commit", "-qam", w)
	}
	git("checkout", "-q", "-B", "main", "origin/main")
	for _, w := range workloads {
		git("merge", "-q", "--no-edit", path.Base(w))
	}
	data, err := os.ReadFile(hook)
	require.NoError(t, err)
	require.Equal(t, 4, strings.Count(string(data), "  - 20261123-"))
}
