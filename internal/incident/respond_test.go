package incident_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
)

func TestAnAlertBecomesAProposalOnce(t *testing.T) {
	w := newWorld(t, nil)
	first := w.respond(shell().String())[0]
	require.Equal(t, incident.Proposed, first.State, first.Reason)
	require.Equal(t, "Deployment payments/payments", first.Incident.Target)
	require.Regexp(t, `^20261123-payments-[0-9a-f]{8}$`, first.Incident.ID)
	require.Equal(t, "irgit/"+first.Incident.ID, first.Incident.Branch)
	require.Equal(t, night.Add(24*time.Hour).Truncate(time.Second), first.Incident.Expires)
	require.Equal(t, string(first.Incident.Revision), w.git("rev-parse", first.Incident.Branch))
	w.git("fsck", "--strict")

	again := w.respond(shell().String())[0]
	require.Equal(t, incident.Unchanged, again.State, again.Reason)
	require.Equal(t, first.Incident.Revision, again.Incident.Revision)

	// Another machine, another repository with the same files, the same bytes.
	other := newWorld(t, nil)
	other.cacheIn(t.TempDir())
	require.Equal(t, first.Incident.Revision, other.respond(shell().String())[0].Incident.Revision)
}

func TestALaterAlertContinuesTheBranch(t *testing.T) {
	w := newWorld(t, nil)
	first := w.respond(shell().String())[0]
	later := shell()
	later.at, later.pod = night.Add(time.Hour), "payments-6d4cf56db6-zzzzz"
	second := w.respond(later.String())[0]
	require.Equal(t, incident.Updated, second.State, second.Reason)
	require.Equal(t, first.Incident.ID, second.Incident.ID)
	require.Equal(t, string(first.Incident.Revision), w.git("rev-parse", second.Incident.Branch+"^"), "the reviewer's commit stays")
	require.Equal(t, first.Incident.Expires, second.Incident.Expires)
	require.Len(t, second.Files, 1, "only the record changes: %v", second.Files)
	record := w.git("show", second.Incident.Branch+":incident-response/prod-eu/"+second.Incident.ID+"/incident.yaml")
	require.Contains(t, record, "alertCount: 2")
	require.Contains(t, record, "previous: ")

	for _, known := range []string{shell().String(), later.String()} {
		o := w.respond(known)[0]
		require.Equal(t, incident.Unchanged, o.State)
		require.Equal(t, second.Incident.Revision, o.Incident.Revision)
	}
}

func TestAlertsOfOneInputShareACommit(t *testing.T) {
	w := newWorld(t, nil)
	later, other := shell(), shell()
	later.at = night.Add(time.Minute)
	other.namespace, other.pod = "web", "frontend-7c9d8b5f4-vm2xk"
	internal := `{"rule":"Falco internal: metrics snapshot","priority":"Informational","source":"internal","time":"2026-11-23T03:12:07Z","output_fields":{}}`
	out := w.respond(strings.Join([]string{later.String(), internal, shell().String(), other.String()}, "\n"))
	require.Equal(t, []incident.State{incident.Updated, incident.Unmatched, incident.Proposed, incident.Proposed},
		[]incident.State{out[0].State, out[1].State, out[2].State, out[3].State}, "the earliest event opens the incident")
	require.Equal(t, out[0].Incident.Revision, out[2].Incident.Revision)
	require.NotEqual(t, out[0].Incident.ID, out[3].Incident.ID)
	require.Equal(t, "1", w.git("rev-list", "--count", "main.."+out[0].Incident.Branch))
}

func TestAMergedIncidentStands(t *testing.T) {
	w := newWorld(t, nil)
	o := w.respond(shell().String())[0]
	w.merge(o.Incident.Branch)
	later := shell()
	later.at = night.Add(time.Hour)
	before := w.refs()
	again := w.respond(later.String())[0]
	require.Equal(t, incident.Unchanged, again.State)
	require.Contains(t, again.Reason, "since its merge")
	require.Equal(t, before, w.refs())
}

func TestABranchWithSomebodysCommitIsLeftToThem(t *testing.T) {
	w := newWorld(t, nil)
	o := w.respond(shell().String())[0]
	tree := w.git("rev-parse", o.Incident.Branch+"^{tree}")
	w.git("update-ref", "refs/heads/"+o.Incident.Branch, w.git("commit-tree", "-p", o.Incident.Branch, "-m", "tune it", tree))
	before := w.refs()
	later := shell()
	later.at = night.Add(time.Hour)
	again := w.respond(later.String())[0]
	require.Equal(t, incident.Unchanged, again.State)
	require.Contains(t, again.Reason, "left to whoever made it")
	require.Equal(t, before, w.refs())
}

func TestReleaseRestoresTheTree(t *testing.T) {
	for _, c := range []falco{
		shell(),
		{cluster: "prod-us", namespace: "payments", pod: "ledger-0"},
		{cluster: "staging", namespace: "web", pod: "frontend-7c9d8b5f4-vm2xk", rule: "Detect crypto miners using the Stratum protocol"},
		{cluster: "prod-eu", namespace: "batch", pod: "report-29412345-x2x9p"},
	} {
		t.Run(c.namespace+"/"+c.pod, func(t *testing.T) {
			w := newWorld(t, nil)
			o := w.respond(c.String())[0]
			require.Equal(t, incident.Proposed, o.State, o.Reason)
			before := w.git("rev-parse", "main")
			w.merge(o.Incident.Branch)
			released := w.release(o.Incident.ID)
			require.Equal(t, incident.Proposed, released.State)
			require.Equal(t, incident.Unchanged, w.release(o.Incident.ID).State, "a second release is the first one")
			w.merge(released.Incident.Branch)
			require.Equal(t, "A\tincident-response/history/2026/"+o.Incident.ID+".yaml", w.git("diff", "--name-status", before, "main"))
			require.Contains(t, w.git("show", "main:incident-response/history/2026/"+o.Incident.ID+".yaml"), "status: released")

			// The same target again on the same day is another incident.
			w.git("update-ref", "-d", "refs/heads/"+o.Incident.Branch)
			later := c
			later.at = night.Add(time.Hour)
			next := w.respond(later.String())[0]
			require.Equal(t, incident.Proposed, next.State, next.Reason)
			require.NotEqual(t, o.Incident.ID, next.Incident.ID)
			require.Equal(t, o.Incident.Key, next.Incident.Key)
		})
	}
}

// Fifty incidents, each branched from the same base by a run of its own, merge
// one after the other.
func TestFiftyIncidentsMerge(t *testing.T) {
	fleet, err := examples.Fleet()
	require.NoError(t, err)
	var more, resources, comments strings.Builder
	for i := range 50 {
		name := fmt.Sprintf("app-%02d", i)
		fmt.Fprintf(&more, "---\n%s", strings.NewReplacer("APP", name).Replace(deployment))
		fmt.Fprintf(&comments, "  # Deployment web/%s\n", name)
	}
	hook := "incident-response/patches/prod-eu/apps/kustomization.yaml"
	resources.WriteString(string(fleet["apps/base/web/kustomization.yaml"]) + "  - more.yaml\n")
	w := newWorld(t, map[string]string{
		"apps/base/web/more.yaml":          more.String(),
		"apps/base/web/kustomization.yaml": resources.String(),
		hook:                               string(fleet[hook]) + comments.String(),
	})
	var alerts []string
	for i := range 50 {
		alerts = append(alerts, falco{cluster: "prod-eu", namespace: "web", pod: fmt.Sprintf("app-%02d-6d4cf56db6-x2x9p", i)}.String())
	}
	base := w.git("rev-parse", "main")
	out := w.respond(strings.Join(alerts, "\n"))
	parents := w.git("for-each-ref", "--format=%(refname:short) %(parent)", "refs/heads/irgit") + "\n"
	var branches []string
	for _, o := range out {
		require.Equal(t, incident.Proposed, o.State, o.Reason)
		require.Contains(t, parents, o.Incident.Branch+" "+base+"\n")
		branches = append(branches, o.Incident.Branch)
	}
	w.merge(branches...)
	require.Equal(t, 50, strings.Count(w.git("show", "main:"+hook), "  - 20261123-app-"))
	// In any order, out of the middle of the list too.
	for _, i := range []int{49, 0, 17} {
		w.merge(w.release(out[i].Incident.ID).Incident.Branch)
		require.NotContains(t, w.git("show", "main:"+hook), out[i].Incident.ID)
	}
	require.Equal(t, 47, strings.Count(w.git("show", "main:"+hook), "  - 20261123-app-"))
	w.git("fsck", "--strict")
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: APP
spec:
  selector:
    matchLabels:
      app: APP
  template:
    metadata:
      labels:
        app: APP
    spec:
      containers:
        - name: main
          image: registry.example.com/web/APP:1
`

func TestPatchOutputAppliesToAClone(t *testing.T) {
	w := newWorld(t, nil)
	w.options.DryRun = true
	before := w.refs()
	o := w.respond(shell().String())[0]
	require.Equal(t, incident.Proposed, o.State)
	require.Equal(t, before, w.refs(), "a dry run writes nothing")
	clone := w.clone()
	patch := filepath.Join(w.dir, "it.patch")
	require.NoError(t, os.WriteFile(patch, []byte(o.Patch), 0o600))
	_, err := gittest.Git(t.Context(), clone, "apply", "--index", patch)
	require.NoError(t, err)
	tree, err := gittest.Git(t.Context(), clone, "write-tree")
	require.NoError(t, err)

	w.options.DryRun = false
	real := w.respond(shell().String())[0]
	require.Equal(t, real.Incident.Revision, o.Incident.Revision, "the dry run made the very commit")
	require.Equal(t, w.git("rev-parse", real.Incident.Branch+"^{tree}"), strings.TrimSpace(tree))
}

// Another run pushes the same incident between this run's reading and its
// push: the loser reads again and continues the branch.
func TestALostRaceIsReadAgain(t *testing.T) {
	w := newWorld(t, nil)
	later := shell()
	later.at = night.Add(time.Hour)
	rival := *w
	raced := false
	w.options.Forge = &meanwhile{happens: func() {
		if !raced {
			raced = true
			rival.respond(shell().String())
		}
	}}
	o := w.respond(later.String())[0]
	require.True(t, raced)
	require.Equal(t, incident.Updated, o.State, o.Reason)
	require.Equal(t, "2", w.git("rev-list", "--count", "main.."+o.Incident.Branch))
}

// Two runs see different first events of one incident, on different days: one
// branch is left, with both alerts.
func TestTwoRunsOfDifferentDaysMakeOneIncident(t *testing.T) {
	w := newWorld(t, nil)
	earlier := shell()
	earlier.at = night.Add(-48 * time.Hour)
	rival := *w
	raced := false
	w.options.Forge = &meanwhile{happens: func() {
		if !raced {
			raced = true
			rival.respond(earlier.String())
		}
	}}
	o := w.respond(shell().String())[0]
	require.True(t, raced)
	require.Equal(t, incident.Updated, o.State, o.Reason)
	require.Regexp(t, `^20261121-`, o.Incident.ID)
	require.Equal(t, 1, strings.Count(w.refs(), "refs/heads/irgit/"))
}
