package render_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// tampered renders for prod-eu's frontend, lets change what was rendered and
// proves the result.
func tampered(t *testing.T, f *fleet.Fleet, change func(files map[string]string), actions ...policy.Action) error {
	t.Helper()
	r := request(t, f, "prod-eu", "web/frontend", actions...)
	b, err := catalogue(t).Render(t.Context(), r)
	require.NoError(t, err)
	all := files(b)
	change(all)
	var changes []gitops.Change
	for name, content := range all {
		changes = append(changes, gitops.Change{Path: name, Content: []byte(content)})
	}
	after, err := r.Tree.With(t.Context(), changes...)
	require.NoError(t, err)
	proof, err := render.Prove(t.Context(), r.Tree, after, r, b)
	if err != nil {
		require.Empty(t, proof.Root, "a proof that failed proves nothing")
	}
	return err
}

func swap(t *testing.T, suffix, from, to string) func(map[string]string) {
	return func(files map[string]string) {
		for name, content := range files {
			if strings.HasSuffix(name, suffix) {
				require.Contains(t, content, from)
				files[name] = strings.ReplaceAll(content, from, to)
				return
			}
		}
		require.Fail(t, "no file", suffix)
	}
}

// Any difference from the plan is found and named.
func TestProofAcceptsThePlanAndNothingElse(t *testing.T) {
	hook := "incident-response/patches/prod-eu/apps/kustomization.yaml"
	for name, c := range map[string]struct {
		change func(map[string]string)
		action string
		want   []string
	}{
		"as planned":      {func(map[string]string) {}, "freeze-scale", nil},
		"hook not edited": {func(f map[string]string) { delete(f, hook) }, "freeze-scale", []string{"spec.behavior", "the patch has no effect, so something overrides it"}},
		"wrong target":    {swap(t, "autoscaler-frontend.yaml", "^frontend$", "^frontent$"), "freeze-scale", []string{"the patch has no effect"}},
		"another value":   {swap(t, "autoscaler-frontend.yaml", "Disabled", "Max"), "freeze-scale", []string{`spec.behavior.scaleDown.selectPolicy: wanted "Disabled", got "Max"`}},
		"a field more":    {swap(t, "autoscaler-frontend.yaml", "  spec:", "  spec:\n    maxReplicas: 1"), "freeze-scale", []string{"spec.maxReplicas: wanted 12, got 1"}},
		"an object more": {func(f map[string]string) {
			swap(t, "autoscaler-frontend.yaml", "^frontend$", ".*")(f)
			swap(t, "autoscaler-frontend.yaml", "^web$", ".*")(f)
		}, "freeze-scale", []string{"payments/payments: spec.behavior: it changes from nothing", "although the plan does not touch it"}},
		"deleted by patch": {swap(t, "autoscaler-frontend.yaml", "  spec:", "  $patch: delete\n  spec:"), "freeze-scale", []string{"no longer built"}},
		"object changed":   {swap(t, "contain/networkpolicy.yaml", "- Egress", "- Ingress"), "quarantine", []string{`spec.policyTypes[1]: wanted "Egress", got "Ingress"`}},
		"object lost":      {swap(t, "contain/kustomization.yaml", "resources:\n  - networkpolicy.yaml", "sortOptions: {order: fifo}"), "quarantine", []string{"not built, although the incident creates it"}},
		"labels rewritten": {swap(t, "contain/kustomization.yaml", "resources:", "labels: [{pairs: {team: x}, includeSelectors: true}]\nresources:"), "quarantine", []string{"spec.podSelector.matchLabels.team: wanted nothing, got \"x\""}},
		"object added": {func(f map[string]string) {
			swap(t, "contain/kustomization.yaml", "resources:", "resources:\n  - role.yaml")(f)
			f["incident-response/prod-eu/"+incident+"/contain/role.yaml"] = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: x, namespace: web}\n"
		}, "quarantine", []string{"Role web/x", "the incident does not create it"}},
		"sync elsewhere": {swap(t, "sync-contain.yaml", "/contain\n", "/\n"), "quarantine", []string{"spec.path"}},
		"record listed": {func(f map[string]string) {
			swap(t, incident+"/kustomization.yaml", "resources:", "resources:\n  - incident.yaml")(f)
			f["incident-response/prod-eu/"+incident+"/incident.yaml"] = "apiVersion: irgit.dev/v1alpha1\nkind: Incident\nmetadata: {name: x}\n"
		}, "quarantine", []string{"Incident x", "the incident does not create it"}},
	} {
		t.Run(name, func(t *testing.T) {
			action := act(c.action)
			if c.action == "quarantine" {
				action = act(c.action, "plain", true)
			}
			err := tampered(t, newFleet(t), c.change, action)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			var e *render.ProofError
			require.ErrorAs(t, err, &e)
			for _, want := range c.want {
				require.Contains(t, err.Error(), want)
			}
		})
	}
}

// A root whose own later transformer sets the field wins over irgit: refused,
// not believed.
func TestAnOverriddenPatchIsRefused(t *testing.T) {
	f := newFleet(t,
		replaced(t, "apps/prod-eu/kustomization.yaml", "patches/prod-eu/apps\n", "patches/prod-eu/apps\n  - mine.yaml\n"),
		edit{"apps/prod-eu/mine.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: mine}\ntarget: {kind: HorizontalPodAutoscaler, name: frontend}\n" +
			"patch: |-\n  - op: add\n    path: /spec/behavior\n    value: {scaleUp: {selectPolicy: Max}}\n"},
	)
	err := tampered(t, f, func(map[string]string) {}, act("freeze-scale"))
	require.ErrorContains(t, err, `spec.behavior.scaleUp.selectPolicy: wanted "Disabled", got "Max": the patch has no effect, so something overrides it`)
	require.ErrorContains(t, err, `spec.behavior.scaleDown: wanted {"selectPolicy":"Disabled"}, got nothing`)
}

// Values of Secrets never get into a message.
func TestProofErrorsKeepSecrets(t *testing.T) {
	f := newFleet(t,
		replaced(t, "apps/prod-eu/kustomization.yaml", "  - ../base/web\n", "  - ../base/web\n  - secret.yaml\n"),
		edit{"apps/prod-eu/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: frontend, namespace: web}\nstringData: {token: hunter2}\n"},
	)
	err := tampered(t, f, swap(t, "autoscaler-frontend.yaml", "patch: |-\n  apiVersion: autoscaling/v2\n  kind: HorizontalPodAutoscaler\n",
		"patch: |-\n  apiVersion: v1\n  kind: Secret\n  stringData: {token: other}\n"), act("freeze-scale"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

// Two incidents on one object: the second changes nothing, says so, and holds
// after the first is released.
func TestWhatIsSoAlreadyIsSaid(t *testing.T) {
	c := catalogue(t)
	r := request(t, newFleet(t), "prod-eu", "web/frontend", act("freeze-scale"))
	_, _, one := proved(t, c, r)
	r.Incident, r.Tree = "20261124-frontend-ffffffff", one
	_, proof, both := proved(t, c, r)
	require.Empty(t, proof.Changed)
	require.Equal(t, "HorizontalPodAutoscaler", proof.Already[0].Kind)
	require.Empty(t, proof.Diff())
	cluster := r.Index.Cluster()
	second := released(t, both, cluster, incident)
	require.NotEqual(t, r.Tree.Root(), second.Root())
	data, err := second.ReadFile(t.Context(), "incident-response/patches/prod-eu/apps/kustomization.yaml")
	require.NoError(t, err)
	require.Contains(t, string(data), "  # Deployment web/frontend\n  - 20261124-frontend-ffffffff\n")
}

func TestProofAsJSON(t *testing.T) {
	_, proof, _ := proved(t, catalogue(t), request(t, newFleet(t), "prod-us", "web/frontend", act("freeze-scale")))
	data, err := json.Marshal(proof)
	require.NoError(t, err)
	require.JSONEq(t, `{"root": "incident-response/prod-us/`+incident+`", "roots": ["incident-response/prod-us/`+incident+`", "apps/prod-us"],
		"added": [], "removed": [], "already": [], "changed": [{"root": "apps/prod-us", "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
		"namespace": "web", "name": "frontend", "fields": [{"path": "spec.behavior", "before": null,
		"after": {"scaleDown": {"selectPolicy": "Disabled"}, "scaleUp": {"selectPolicy": "Disabled"}}}]}]}`, string(data))
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, proof.Digest())
}
