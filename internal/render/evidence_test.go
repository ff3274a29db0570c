package render_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// What keeps evidence and does not fit says why.
func TestEvidenceThatCannotBeHadSaysWhy(t *testing.T) {
	telemetry := func(spec string) edit {
		return replaced(t, "apps/base/payments/networkpolicy.yaml", "# Who may call", "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: own}\nspec: "+spec+"\n---\n# Who may call")
	}
	for name, c := range map[string]struct {
		fleet   *fleet.Fleet
		cluster string
		target  string
		action  policy.Action
		want    string
	}{
		"no mesh":          {newFleet(t, replaced(t, fleet.ConfigFile, "{mode: istio-ambient}", "{mode: none}")), "staging", "payments/payments", act("observe-traffic"), "declares no service mesh"},
		"ambient alone":    {newFleet(t), "staging", "payments/payments", act("observe-traffic"), "declares no waypoint"},
		"outside the mesh": {newFleet(t), "prod-eu", "infra/node-agent", act("observe-traffic"), "outside the mesh"},
		"no Service":       {newFleet(t), "prod-us", "batch/report", act("observe-traffic"), "no Service selects the pods"},
		"no volumes":       {newFleet(t), "prod-eu", "payments/payments", act("snapshot-volume"), "use no persistent volume"},
		"too many": {
			newFleet(t, replaced(t, "apps/base/payments/ledger.yaml", "replicas: 3", "replicas: 30")), "prod-eu", "payments/ledger", act("snapshot-volume"), "use 30 volume claims",
		},
		"its own": {
			newFleet(t, telemetry("{selector: {matchLabels: {app.kubernetes.io/name: payments}}}")), "prod-eu", "payments/payments", act("observe-traffic"),
			"Telemetry own is for the workload already",
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, misfit(t, catalogue(t), request(t, c.fleet, c.cluster, c.target, c.action)), c.want)
		})
	}
	proved(t, catalogue(t), request(t, newFleet(t, telemetry("{accessLogging: [{disabled: true}]}")), "prod-eu", "payments/payments", act("observe-traffic")))
}

// The annotation of Argo CD that is there is kept, and what it says of pruning
// is not; claims that would go with their StatefulSet stay.
func TestWhatIsHeldKeepsItsOwnOptions(t *testing.T) {
	f := newFleet(t, replaced(t, "apps/base/payments/ledger.yaml",
		"  name: ledger\n  labels:\n", "  name: ledger\n  annotations: {argocd.argoproj.io/sync-options: 'ServerSideApply=true, Prune=confirm,Delete=confirm'}\n  labels:\n",
		"  serviceName: ledger\n", "  serviceName: ledger\n  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}\n"))
	_, proof, _ := proved(t, catalogue(t), request(t, f, "prod-us", "payments/ledger", act("hold-evidence")))
	require.Equal(t, []render.FieldChange{
		{Path: `metadata.annotations["argocd.argoproj.io/sync-options"]`, Before: "ServerSideApply=true, Prune=confirm,Delete=confirm", After: "ServerSideApply=true,Prune=false,Delete=false"},
		{Path: "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", Before: "Delete", After: "Retain"},
		{Path: "spec.persistentVolumeClaimRetentionPolicy.whenScaled", After: "Retain"},
	}, proof.Changed[0].Fields)
}

// A claim that the fleet holds is kept like the workload, and copied; its
// fields are not to be had by a template.
func TestClaimsOfTheFleet(t *testing.T) {
	f := newFleet(t, replaced(t, "apps/base/payments/payments.yaml",
		"      serviceAccountName: payments\n", "      serviceAccountName: payments\n      volumes: [{name: cache, persistentVolumeClaim: {claimName: cache}}, {name: other, persistentVolumeClaim: {claimName: elsewhere}}]\n",
		"---\napiVersion: v1\nkind: Service\n", "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: cache}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\napiVersion: v1\nkind: Service\n"))
	b, _, _ := proved(t, catalogue(t), request(t, f, "prod-eu", "payments/payments", act("hold-evidence"), act("snapshot-volume")))
	require.Len(t, b.Patches, 2)
	require.Equal(t, "PersistentVolumeClaim cache", b.Patches[1].Object.Kind+" "+b.Patches[1].Object.Name)
	var copied []any
	for _, o := range b.Objects {
		copied = append(copied, o.Object["spec"].(map[string]any)["source"])
	}
	require.Equal(t, []any{map[string]any{"persistentVolumeClaimName": "cache"}, map[string]any{"persistentVolumeClaimName": "elsewhere"}}, copied)

	greedy := mine("  patches: [{on: claims, fields: {spec: {resources: {requests: {storage: 9Ti}}}}}]\n")
	_, err := catalogue(t, greedy).Render(t.Context(), request(t, f, "prod-eu", "payments/payments", act("mine")))
	var refused *render.RefusedError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "annotations only")

	thief := mine("  resources: [{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: '${incident.name}'}, spec: {source: {persistentVolumeClaimName: data-ledger-0}}}]\n")
	_, err = catalogue(t, thief).Render(t.Context(), request(t, f, "prod-eu", "payments/payments", act("mine")))
	require.ErrorContains(t, err, "something else than a claim of the target")
}
