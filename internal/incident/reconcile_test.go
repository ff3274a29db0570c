package incident_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
)

func (w *world) engine() *incident.Engine {
	w.t.Helper()
	engine, err := incident.New(w.options)
	require.NoError(w.t, err)
	return engine
}

// reconcile runs once, as a new process would, and says what it did.
func (w *world) reconcile() []string {
	w.t.Helper()
	steps, err := w.engine().Reconcile(w.t.Context())
	require.NoError(w.t, err)
	var did []string
	for _, s := range steps {
		require.NoError(w.t, s.Err)
		did = append(did, s.Did)
	}
	return did
}

// stages are where all incidents stand.
func (w *world) stages() map[string]incident.Stage {
	w.t.Helper()
	all, err := w.engine().Incidents(w.t.Context(), true)
	require.NoError(w.t, err)
	stages := map[string]incident.Stage{}
	for _, one := range all {
		require.NotEmpty(w.t, one.Reason)
		stages[one.ID] = one.Stage
	}
	return stages
}

func (w *world) at(when time.Time) { w.options.Now = func() time.Time { return when } }

// The whole life of an incident, with nothing but Git and the forge to know it
// by: proposed, merged, overdue, releasing, released.
func TestTheLifeOfAnIncident(t *testing.T) {
	w := newWorld(t, nil)
	hub := w.onGitHub()
	before := w.git("rev-parse", "main^{tree}")
	o := w.respond(shell().String())[0]
	id := o.Incident.ID
	require.Equal(t, map[string]incident.Stage{id: incident.StageProposed}, w.stages())
	require.Empty(t, w.reconcile())

	w.at(o.Incident.Expires.Add(time.Hour))
	require.Equal(t, map[string]incident.Stage{id: incident.StageExpired}, w.stages())
	require.Empty(t, w.reconcile(), "nobody merged it, so there is nothing to take back")

	w.at(o.Incident.Expires.Add(-time.Hour))
	w.merge(o.Incident.Branch)
	hub.Merge(1)
	require.Equal(t, map[string]incident.Stage{id: incident.StageMerged}, w.stages())
	require.Equal(t, []string{"deleted branch " + o.Incident.Branch + ": it is merged"}, w.reconcile())
	require.Empty(t, w.reconcile())

	w.at(o.Incident.Expires.Add(time.Hour))
	require.Equal(t, map[string]incident.Stage{id: incident.StageOverdue}, w.stages())
	require.Equal(t, []string{"proposed the release of incident " + id + ", whose time was over"}, w.reconcile())
	require.Equal(t, map[string]incident.Stage{id: incident.StageReleasing}, w.stages())
	require.Empty(t, w.reconcile())
	require.Len(t, hub.PullRequests(), 2)

	w.merge("irgit/release/" + id)
	hub.Merge(2)
	require.Equal(t, map[string]incident.Stage{id: incident.StageReleased}, w.stages())
	require.Equal(t, []string{"deleted branch irgit/release/" + id + ": the release is merged"}, w.reconcile())
	require.Empty(t, w.reconcile())
	require.Equal(t, "refs/heads/main", strings.Fields(w.refs())[0])
	require.Len(t, strings.Split(w.refs(), "\n"), 1)
	require.Equal(t, "A\tincident-response/history/2026/"+id+".yaml", w.git("diff", "--name-status", before, "main"))
}

// Merged as one commit of the forge's, or rebased: what counts is what came in.
func TestSquashedMergesAreKnownByWhatTheyBrought(t *testing.T) {
	w := newWorld(t, nil)
	o := w.respond(shell().String())[0]
	squash := func(branch string) {
		tree := w.git("merge-tree", "--write-tree", "main", branch)
		w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-p", "main", "-m", "Squashed", tree))
	}
	squash(o.Incident.Branch)
	require.Equal(t, map[string]incident.Stage{o.Incident.ID: incident.StageMerged}, w.stages())
	require.Equal(t, []string{"deleted branch " + o.Incident.Branch + ": it is merged, by other commits"}, w.reconcile())
	w.at(o.Incident.Expires.Add(time.Hour))
	require.Len(t, w.reconcile(), 1)
	squash("irgit/release/" + o.Incident.ID)
	require.Equal(t, []string{"deleted branch irgit/release/" + o.Incident.ID + ": the release is merged, by other commits"}, w.reconcile())
	require.Equal(t, map[string]incident.Stage{o.Incident.ID: incident.StageReleased}, w.stages())
}

// A process that died between the push and the pull request has lost nothing:
// no alert is needed to go on from there.
func TestReconcileOpensWhatWasPushedOnly(t *testing.T) {
	w := newWorld(t, nil)
	o := w.respond(shell().String())[0] // no forge yet
	hub := w.onGitHub()
	require.Equal(t, []string{"incident " + o.Incident.ID + " was on its branch, and not proposed until now"}, w.reconcile())
	require.Len(t, hub.PullRequests(), 1)
	require.Equal(t, o.Incident.Branch, hub.PullRequests()[0].Head)
	require.Empty(t, w.reconcile())
	require.Equal(t, string(o.Incident.Revision), w.git("rev-parse", o.Incident.Branch))
}

// What a person closed, or committed to, is left to them.
func TestReconcileLeavesToPeopleWhatIsTheirs(t *testing.T) {
	w := newWorld(t, nil)
	hub := w.onGitHub()
	o := w.respond(shell().String())[0]
	hub.Close(1)
	require.Equal(t, map[string]incident.Stage{o.Incident.ID: incident.StageVetoed}, w.stages())
	require.Empty(t, w.reconcile())
	require.NotEmpty(t, w.git("rev-parse", o.Incident.Branch))

	hub.Reopen(1)
	require.NoError(t, gittest.Commit(t.Context(), w.bare, o.Incident.Branch, "I know better\n", map[string][]byte{"note.txt": []byte("x")}))
	require.NoError(t, gittest.Commit(t.Context(), w.bare, "main", "Something else\n", map[string][]byte{"other.txt": []byte("x")}))
	theirs := w.git("rev-parse", o.Incident.Branch)
	all, err := w.engine().Incidents(t.Context(), false)
	require.NoError(t, err)
	require.Contains(t, all[0].Reason, "is not irgit's")
	require.Empty(t, w.reconcile())
	require.Equal(t, theirs, w.git("rev-parse", o.Incident.Branch))

	w.at(o.Incident.Expires.Add(time.Hour))
	w.merge(o.Incident.Branch)
	require.Len(t, w.reconcile(), 2, "merged is merged: its release is proposed, and the branch goes")
}

// Two incidents of one workload conflict once the first is merged, and so do
// their releases. Each time the one that is left is grafted anew.
func TestReconcileGraftsWhatDoesNotMergeAnyMore(t *testing.T) {
	w := unprepared(t)
	before := w.git("rev-parse", "main")
	var ids, branches []string
	for _, rule := range []string{"Hold it", "Stop it"} {
		a := shell()
		a.rule = rule
		o := w.respond(a.String())[0]
		ids, branches = append(ids, o.Incident.ID), append(branches, o.Incident.Branch)
	}
	w.merge(branches[0])
	did := w.reconcile()
	require.Len(t, did, 2)
	require.Contains(t, did[0], "branch "+branches[1]+" was grafted anew onto main")
	w.merge(branches[1])
	w.reconcile()

	w.at(night.Add(25 * time.Hour))
	require.Len(t, w.reconcile(), 2, "both releases are proposed")
	w.merge("irgit/release/" + ids[0])
	did = w.reconcile()
	require.Contains(t, fmt.Sprint(did), "branch irgit/release/"+ids[1]+" was grafted anew onto main")
	require.Contains(t, fmt.Sprint(did), "deleted branch irgit/release/"+ids[0])
	require.Empty(t, w.reconcile())
	w.merge("irgit/release/" + ids[1])
	w.reconcile()
	require.Len(t, strings.Split(w.refs(), "\n"), 1)
	require.Equal(t, fmt.Sprintf("A\tincident-response/history/2026/%s.yaml\nA\tincident-response/history/2026/%s.yaml", min(ids[0], ids[1]), max(ids[0], ids[1])),
		w.git("diff", "--name-status", before, "main"))
}

// A branch of any name and content can be pushed by anybody: it is named, and
// neither followed nor deleted.
func TestReconcileTouchesNoBranchThatIsNotIrgits(t *testing.T) {
	w := newWorld(t, nil)
	main := w.git("rev-parse", "main")
	for _, name := range []string{"irgit/20261123-payments-00000000", "irgit/release/20261123-payments-00000000", "irgit/init"} {
		w.git("update-ref", "refs/heads/"+name, main)
		require.NoError(t, gittest.Commit(t.Context(), w.bare, name, "x", map[string][]byte{"x": nil}))
	}
	refs := w.refs()
	require.Empty(t, w.reconcile())
	require.Equal(t, refs, w.refs())
	require.Equal(t, main, w.git("rev-parse", "main"))
	all, err := w.engine().Incidents(t.Context(), false)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, incident.StageUnclear, all[0].Stage)
	require.Contains(t, all[0].Reason, "holds no record")
}

func TestDryRunOfReconcileWritesNothing(t *testing.T) {
	w := newWorld(t, nil)
	o := w.respond(shell().String())[0]
	w.merge(o.Incident.Branch)
	w.at(o.Incident.Expires.Add(time.Hour))
	refs := w.refs()
	w.options.DryRun = true
	require.Len(t, w.reconcile(), 2)
	require.Equal(t, refs, w.refs())
}

func TestOneIncident(t *testing.T) {
	w := newWorld(t, nil)
	o := w.respond(shell().String())[0]
	one, record, err := w.engine().Incident(t.Context(), o.Incident.ID)
	require.NoError(t, err)
	require.Equal(t, "Deployment payments/payments", one.Target)
	require.Equal(t, o.Incident.ID, record.Metadata.Name)
	for _, id := range []string{"20261123-payments-00000000", "nonsense", "../../x"} {
		_, _, err = w.engine().Incident(t.Context(), id)
		require.ErrorIs(t, err, incident.ErrNoIncident)
	}
}
