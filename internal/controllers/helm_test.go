package controllers

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/kustomize"
)

var helmFiles = map[string]string{
	"charts/web/all.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec: {containers: [{name: web, image: "docker.io/acme/web:1"}]}
`,
	"README.md": "text",
}

func helmOf(t testing.TB, spec string) (*Sync, *Unknown) {
	t.Helper()
	obj := object(t, "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec: {}\n")
	obj.Object["spec"] = object(t, "apiVersion: v1\nkind: x\nspec: "+strings.ReplaceAll(spec, "\n", "\n  ")).Object["spec"]
	s, u, err := Helm(context.Background(), world(t, helmFiles, ""), obj, "charts/web")
	require.NoError(t, err)
	require.NotEqual(t, s == nil, u == nil)
	return s, u
}

func TestHelm(t *testing.T) {
	got, u := helmOf(t, `{suspend: true, targetNamespace: prod, serviceAccountName: deployer, driftDetection: {mode: enabled},
  dependsOn: [{name: db}, {name: crds, namespace: base}], commonMetadata: {labels: {team: a, helm.toolkit.fluxcd.io/name: x}, annotations: {note: b}}}`)
	require.Nil(t, u)
	require.Equal(t, &Sync{
		Controller: FluxCD, Object: ObjectRef{"helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", "web"}, Path: "charts/web", Namespace: "prod",
		DependsOn: []string{"shop/db", "base/crds"},
		Build: kustomize.Options{
			Generate: true, Annotations: map[string]string{"note": "b"},
			Labels: map[string]string{"team": "a", "helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "shop"},
		},
		Rules: Rules{
			Prune: true, SelfHeal: true, ServiceAccount: "deployer", Suspended: "spec.suspend is true",
			Effect: "helm-controller upgrades the release for it, by the chart as it is at that time: the chart's hooks run, and what the chart makes anew each time it is rendered changes as well",
		},
	}, got)
	require.True(t, got.InstallsChart())
	got, _ = helmOf(t, "{upgrade: {disableHooks: true}}")
	require.Equal(t, "shop", got.Namespace, "its own, where it names no target")
	require.NotContains(t, got.Rules.Effect, "hooks")
	require.Contains(t, got.Rules.Effect, "is not put back, since spec.driftDetection.mode is not enabled")
	require.False(t, got.Rules.SelfHeal)
}

// Post-renderers run one after the other, and each its patches before its
// images: where the order counts, the last one wins.
func TestHelmRunsPostRenderersInOrder(t *testing.T) {
	set := func(tag string) string {
		return `{patches: [{target: {kind: Deployment}, patch: "- {op: replace, path: /spec/template/spec/containers/0/image, value: 'docker.io/acme/web:` + tag + `'}"}]`
	}
	image := `images: [{name: docker.io/acme/web, newTag: "9"}]}`
	for _, c := range []struct{ about, spec, want string }{
		{"none", "[]", "docker.io/acme/web:1"},
		{"one without a kustomization", "[{}]", "docker.io/acme/web:1"},
		{"a patch and then an image", "[{kustomize: " + set("2") + ", " + image + "}]", "docker.io/acme/web:9"},
		{"an image and then a patch", "[{kustomize: {" + image + "}, {kustomize: " + set("2") + "}}]", "docker.io/acme/web:2"},
		{"two patches", "[{kustomize: " + set("2") + "}}, {kustomize: " + set("3") + "}}]", "docker.io/acme/web:3"},
		{"a patch by what it says", `[{kustomize: {patches: [{patch: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{name: web, image: other}]}}}}"}]}}]`, "other"},
		{"an image that the one before made", `[{kustomize: {images: [{name: docker.io/acme/web, newName: mirror/web}]}}, {kustomize: {images: [{name: mirror/web, digest: "sha256:ab"}]}}]`, "mirror/web@sha256:ab"},
		{"a target that is not there", `[{kustomize: {patches: [{target: {kind: Service}, patch: "- {op: remove, path: /spec}"}]}}]`, "docker.io/acme/web:1"},
	} {
		s, u := helmOf(t, "{postRenderers: "+c.spec+"}")
		require.Nil(t, u, c.about)
		built, err := kustomize.Build(t.Context(), world(t, helmFiles, "").Tree, s.Path, s.Build)
		require.NoError(t, err, c.about)
		require.Len(t, built.Objects, 1, c.about)
		template := built.Objects[0].Object["spec"].(map[string]any)["template"].(map[string]any)
		containers := template["spec"].(map[string]any)["containers"].([]any)
		require.Equal(t, c.want, containers[0].(map[string]any)["image"], c.about)
		require.Equal(t, "web", built.Objects[0].GetLabels()["helm.toolkit.fluxcd.io/name"], c.about)
	}
}

func TestHelmSaysWhatItCannotTell(t *testing.T) {
	for spec, reason := range map[string]string{
		"{kubeConfig: {secretRef: {name: prod}}}": "installs into another cluster",
		"{postRenderers: x}":                      "has a spec that Flux refuses",
		"{postRenderers: [{kustomize: {patchesStrategicMerge: [{kind: Deployment}]}}]}":                                                       "has patchesStrategicMerge or patchesJson6902 in spec.postRenderers[0]",
		`{postRenderers: [{kustomize: {patches: [{patch: "- {op: replace, path: /metadata/name, value: b}", target: {kind: Deployment}}]}}]}`: "changes what an object is called",
	} {
		_, u := helmOf(t, spec)
		require.NotNil(t, u, spec)
		require.Contains(t, u.Reason, reason)
		require.NotEmpty(t, u.Step)
	}
	obj := object(t, "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\n")
	for dir, reason := range map[string]string{"gone": "not in this repository", "README.md": "no directory"} {
		_, u, err := Helm(t.Context(), world(t, helmFiles, ""), obj, dir)
		require.NoError(t, err)
		require.Contains(t, u.Reason, reason)
	}
}

// What takes an upgrade back, takes the patch back.
func TestHelmSaysWhatMayTakeAPatchBack(t *testing.T) {
	for spec, want := range map[string]string{
		"{}":                                                     "",
		"{upgrade: {remediation: {retries: 0}}}":                 "",
		"{upgrade: {remediation: {retries: 3}}}":                 "by rolling the release back, and the patch with it",
		"{upgrade: {remediation: {retries: -1}}}":                "by rolling the release back",
		"{upgrade: {remediation: {remediateLastFailure: true}}}": "by rolling the release back",
		"{upgrade: {strategy: {name: RetryOnFailure}, remediation: {retries: 3}}}":           "",
		"{upgrade: {remediation: {retries: 1, strategy: uninstall}}}":                        "by uninstalling the release",
		"{test: {enable: true}, upgrade: {remediation: {retries: 1}}}":                       "or a hook or a test fails",
		"{test: {enable: true, ignoreFailures: true}, upgrade: {remediation: {retries: 1}}}": "or a hook fails,",
	} {
		s, u := helmOf(t, spec)
		require.Nil(t, u, spec)
		if want == "" {
			require.Empty(t, s.Rules.Cautions, spec)
			continue
		}
		require.Len(t, s.Rules.Cautions, 1, spec)
		require.Contains(t, s.Rules.Cautions[0].Reason, want)
		require.Contains(t, said(s.Rules.Obstacles("apps", "Deployment", "a", "b", nil))[0], want)
	}
	obj := object(t, "apiVersion: helm.toolkit.fluxcd.io/v2beta1\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\n")
	s, _, err := Helm(t.Context(), world(t, helmFiles, ""), obj, "charts/web")
	require.NoError(t, err)
	require.Contains(t, s.Rules.Cautions[0].Reason, "older than 1.0 does not upgrade")
}
