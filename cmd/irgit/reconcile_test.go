package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops/gittest"
)

// The life of an incident from the command line. The example's alert is old,
// so that its time is over as soon as it is merged.
func TestIncidentsAreListedShownAndReconciled(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	run := func(args ...string) string {
		t.Helper()
		code, out, stderr := irgit(t, nil, append(args, "--repo", f.url, "--cache", cache)...)
		require.Equal(t, exitOK, code, stderr)
		return out
	}
	require.Equal(t, "no incidents\n", run("incident", "list"))
	require.Equal(t, "[]\n", run("incident", "list", "-o", "json"))
	_, outcomes, stderr := f.answer(terminalShell(t))
	require.Len(t, outcomes, 1, stderr)
	summary, _ := outcomes[0]["incident"].(map[string]any)
	id, _ := summary["id"].(string)

	var listed []map[string]any
	require.NoError(t, json.Unmarshal([]byte(run("incident", "list", "-o", "json")), &listed))
	require.Len(t, listed, 1)
	require.Equal(t, id, listed[0]["id"])
	require.Equal(t, "expired", listed[0]["stage"])
	require.Contains(t, run("incident", "list"), "its time was over")
	shown := run("incident", "show", id)
	for _, want := range []string{"Deployment payments/payments in prod-eu", "T1059", "deny-east-west: ", "incident-response/prod-eu/" + id} {
		require.Contains(t, shown, want)
	}
	require.Contains(t, run("incident", "sync", id), "unchanged: incident "+id+" is proposed, and its branch merges as it should")
	require.Empty(t, run("reconcile", "--once"))

	f.git("update-ref", "refs/heads/main", "irgit/"+id)
	before := f.refs()
	require.Contains(t, run("reconcile", "--once", "--dry-run"), "the release of incident "+id)
	require.Equal(t, before, f.refs())
	require.Contains(t, run("reconcile", "--once"), id+": proposed the release of incident "+id+", whose time was over\n")
	require.Contains(t, run("incident", "list"), "releasing")
	f.git("update-ref", "refs/heads/main", "irgit/release/"+id)
	require.Contains(t, run("reconcile", "--once", "-o", "json"), `"did":"deleted branch irgit/release/`+id)
	require.Equal(t, "no incidents\n", run("incident", "list"))
	require.Contains(t, run("incident", "list", "--all"), "released")
	require.Contains(t, run("incident", "show", id), "incident-response/history/2026/"+id+".yaml")

	code, _, stderr := irgit(t, nil, "incident", "show", "20260101-nothing-00000000", "--repo", f.url)
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "no such incident")
	code, _, stderr = irgit(t, nil, "reconcile", "--interval", "1ms", "--repo", f.url)
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "too short")
}

// The loop goes on after a run that failed, and ends when it is told to.
func TestReconcileLoopEnds(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	aside, said := io.Pipe()
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"reconcile", "--interval", "1s", "--repo", f.url + "/missing", "--cache", cache}, nil, io.Discard, said)
	}()
	var text bytes.Buffer
	for strings.Count(text.String(), "the next run is in 1s") < 2 {
		part := make([]byte, 4096)
		n, err := aside.Read(part)
		require.NoError(t, err)
		text.Write(part[:n])
	}
	go func() { _, _ = io.Copy(io.Discard, aside) }()
	stop()
	require.Equal(t, exitOK, <-done)
}
