package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

// unprepared is the example fleet without anything of irgit's.
func unprepared(t *testing.T) *served {
	t.Helper()
	all, err := examples.Fleet()
	require.NoError(t, err)
	change := map[string]string{}
	for name, data := range all {
		switch {
		case name == ".irgit.yaml" || strings.Contains(name, "incident-response"):
			change[name] = ""
		case strings.HasSuffix(name, "kustomization.yaml"):
			change[name], _, _ = strings.Cut(string(data), "transformers:\n")
		}
	}
	return newFleet(t, gittest.Options{}, change)
}

func TestInit(t *testing.T) {
	f := unprepared(t)
	before := f.refs()
	code, patch, stderr := irgit(t, nil, "init", "--cache", cache, "--repo", f.url, "--dry-run", "-o", "patch")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, patch, "+++ b/clusters/prod-eu/incident-response.yaml\n")
	require.Equal(t, before, f.refs(), "a dry run writes nothing")

	code, out, stderr := irgit(t, nil, "init", "--cache", cache, "--repo", f.url)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "proposed: it is to be merged into main\n  branch irgit/init at "+f.git("rev-parse", "irgit/init")+"\n")

	code, out, stderr = irgit(t, nil, "init", "--cache", cache, "--repo", f.url, "-o", "json")
	require.Equal(t, exitOK, code, stderr)
	var answer map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &answer))
	require.Equal(t, "unchanged", answer["state"])
	require.Equal(t, f.git("rev-parse", "irgit/init"), answer["revision"])
	require.Len(t, answer["files"], 19)
	require.Equal(t, []any{}, answer["unwired"])

	f.git("update-ref", "refs/heads/main", "irgit/init")
	code, out, stderr = irgit(t, nil, "init", "--cache", cache, "--repo", f.url)
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, "unchanged: nothing is missing in main\n  It declares every cluster that was found.\n", out)
	code, out, stderr = irgit(t, nil, "doctor", "--cache", cache, "--repo", f.url)
	require.Equal(t, exitOK, code, out+stderr)
	require.NotContains(t, out, "!")
}

func TestInitRefuses(t *testing.T) {
	f := unprepared(t)
	f.git("update-ref", "refs/heads/irgit/init", f.git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit-tree", "-p", "main", "-m", "Mine", "main^{tree}"))
	code, _, stderr := irgit(t, nil, "init", "--cache", cache, "--repo", f.url)
	require.Equal(t, exitRefused, code)
	require.Contains(t, stderr, "is not irgit's, and is left to whoever made it")
	require.Contains(t, stderr, "irgit: hint: merge or delete that branch")

	code, _, stderr = irgit(t, nil, "init", "--repo", f.url, "-o", "xml")
	require.Equal(t, exitUsage, code, stderr)
}
