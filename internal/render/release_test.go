package render_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// every is each built-in action, with parameters where it needs some.
var every = []policy.Action{
	act("quarantine"), act("quarantine", "dns", true), act("deny-east-west"), act("deny-http", "methods", []any{"DELETE"}),
	act("freeze-scale"), act("freeze-rollout"), act("freeze-changes"), act("observe-traffic"), act("hold-evidence"), act("snapshot-volume"),
	act("restart-workload"), act("respawn-hardened"), act("scale-to-zero"), act("revoke-identity", "unmount", true), act("deny-image"),
	act("block-egress", "networks", []any{"203.0.114.9"}, "openEgress", true, "allow", []any{"10.0.0.0/8"}), act("block-metadata", "openEgress", true),
	act("block-source", "networks", []any{"203.0.114.9"}), act("deny-identity"),
}

// For every action, on every workload it fits, in every cluster: what is
// rendered is proved, and the release gives the tree from before.
func TestReleaseIsTheInverseEverywhere(t *testing.T) {
	c, f := catalogue(t), newFleet(t)
	fits := map[string]int{}
	for _, cluster := range f.Clusters() {
		ix := index(t, f, cluster.Name)
		require.Empty(t, ix.Findings())
		for _, w := range ix.Workloads() {
			for _, a := range every {
				r := render.Request{Incident: incident, Target: w, Index: ix, Tree: f.Tree(), Actions: []policy.Action{a}}
				b, err := c.Render(t.Context(), r)
				var misfit *render.NotFittingError
				var refused *render.RefusedError
				if errors.As(err, &misfit) || errors.As(err, &refused) && w.Namespace == "istio-system" {
					continue
				}
				require.NoError(t, err, "%s on %s", a.Name, w.Name)
				fits[a.Name]++
				after, err := f.Tree().With(t.Context(), b.Changes...)
				require.NoError(t, err)
				_, err = render.Prove(t.Context(), f.Tree(), after, r, b)
				require.NoError(t, err, "%s on %s in %s", a.Name, w.Name, cluster.Name)
				recorded, err := after.With(t.Context(), gitops.Change{Path: cluster.Response + "/" + incident + "/incident.yaml", Content: []byte("kind: Incident\n")})
				require.NoError(t, err)
				for _, tree := range []*gitops.Tree{after, recorded} {
					require.Equal(t, f.Tree().Root(), released(t, tree, cluster, incident).Root(), "%s on %s in %s", a.Name, w.Name, cluster.Name)
				}
			}
		}
	}
	require.Equal(t, map[string]int{
		"block-egress": 12, "block-metadata": 8, "block-source": 18, "deny-identity": 15,
		"quarantine": 24, "deny-east-west": 11, "deny-http": 4, "freeze-scale": 9, "freeze-rollout": 18, "freeze-changes": 18, "observe-traffic": 7, "hold-evidence": 18,
		"snapshot-volume": 3, "restart-workload": 15, "respawn-hardened": 15, "scale-to-zero": 9, "revoke-identity": 18, "deny-image": 18,
	}, fits)
}

// Incidents that come and go in any order leave nothing behind, and each is
// proved on whatever tree it meets.
func TestIncidentsComeAndGoInAnyOrder(t *testing.T) {
	c, f := catalogue(t), newFleet(t)
	cluster, _ := f.Cluster("prod-eu")
	ix := index(t, f, "prod-eu")
	targets := []string{"payments/payments", "payments/ledger", "web/frontend", "batch/report"}
	rapid.Check(t, func(rt *rapid.T) {
		open := rapid.SliceOfNDistinct(rapid.IntRange(0, 99), 2, 4, rapid.ID).Draw(rt, "incidents")
		tree := f.Tree()
		var ids []string
		for _, n := range open {
			id := "20261124-x-000000" + string(rune('0'+n/10)) + string(rune('0'+n%10))
			target := workload(t, ix, rapid.SampledFrom(targets).Draw(rt, "target"))
			actions := rapid.SliceOfNDistinct(rapid.SampledFrom(every[1:]), 1, 3, func(a policy.Action) string { return a.Name }).Draw(rt, "actions")
			for i := range actions {
				actions[i].Optional = true
			}
			r := render.Request{Incident: id, Target: target, Index: ix, Tree: tree, Actions: actions}
			b, err := c.Render(t.Context(), r)
			require.NoError(rt, err)
			if len(b.Changes) == 0 {
				continue
			}
			after, err := tree.With(t.Context(), b.Changes...)
			require.NoError(rt, err)
			_, err = render.Prove(t.Context(), tree, after, r, b)
			require.NoError(rt, err)
			ids, tree = append(ids, id), after
		}
		for _, id := range rapid.Permutation(ids).Draw(rt, "order") {
			tree = released(rt, tree, cluster, id)
		}
		require.Equal(rt, f.Tree().Root(), tree.Root())
	})
}

func TestReleaseOfWhatIsNotOpen(t *testing.T) {
	f := newFleet(t)
	cluster, _ := f.Cluster("prod-us")
	_, err := render.Release(t.Context(), f.Tree(), cluster, incident)
	require.ErrorIs(t, err, render.ErrNotOpen)
	for _, id := range []string{"", "x", "../../flux-system", "20261124-a-0a1b2c3d/..", "20261124--0a1b2c3d", incident + "\n"} {
		_, err := render.Release(t.Context(), f.Tree(), cluster, id)
		require.ErrorContains(t, err, "is not the id of an incident", "%q", id)
	}
}

// Two incidents of one key cannot be written over each other, and a foreign
// file at the place is not touched.
func TestThreatA8NothingIsWrittenOver(t *testing.T) {
	c, f := catalogue(t), newFleet(t)
	for _, at := range []string{
		"incident-response/prod-eu/" + incident + "/README.md",
		"incident-response/patches/prod-eu/apps/" + incident + "/x.yaml",
	} {
		r := request(t, f, "prod-eu", "payments/payments", act("freeze-scale"))
		tree, err := r.Tree.With(t.Context(), gitops.Change{Path: at, Content: []byte("mine\n")})
		require.NoError(t, err)
		r.Tree = tree
		_, err = c.Render(t.Context(), r)
		require.ErrorContains(t, err, "is in the repository already", at)
	}
	taken := newFleet(t, replaced(t, "apps/base/payments/networkpolicy.yaml", "name: ledger-from-payments", "name: irgit-"+incident))
	_, err := c.Render(t.Context(), request(t, taken, "prod-eu", "payments/payments", act("quarantine")))
	var refused *render.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, err.Error(), "somebody else owns")
}

func TestThreatB1IncidentIDsAreNotPaths(t *testing.T) {
	c, f := catalogue(t), newFleet(t)
	for _, id := range []string{"../../flux-system", "20261124-../-0a1b2c3d", "/etc", "", "20261124-Payments-0a1b2c3d", "20261124-a..b-0a1b2c3d"} {
		r := request(t, f, "prod-eu", "payments/payments", act("quarantine"))
		r.Incident = id
		_, err := c.Render(t.Context(), r)
		require.ErrorContains(t, err, "is not the id of an incident", "%q", id)
	}
}

func TestEqualRequestsGiveEqualBytes(t *testing.T) {
	r := request(t, newFleet(t), "prod-us", "payments/payments", act("quarantine"), act("deny-east-west"), act("freeze-scale"), act("freeze-rollout"))
	first, proof, _ := proved(t, catalogue(t), r)
	for range 5 {
		again, p, _ := proved(t, catalogue(t), r)
		require.Equal(t, first, again)
		require.Equal(t, proof.Digest(), p.Digest())
		require.Equal(t, proof.Diff(), p.Diff())
	}
	other, problems := render.Load(must(render.Sources()))
	require.Empty(t, problems)
	again, _, _ := proved(t, other, r)
	require.Equal(t, first, again)
	require.True(t, slices.IsSorted(func() (names []string) {
		for _, change := range first.Changes {
			names = append(names, change.Path)
		}
		return names
	}()))
}

// released takes an incident back.
func released(t require.TestingT, tree *gitops.Tree, cluster fleet.Cluster, id string) *gitops.Tree {
	changes, err := render.Release(context.Background(), tree, cluster, id)
	require.NoError(t, err)
	after, err := tree.With(context.Background(), changes...)
	require.NoError(t, err)
	return after
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
