package controllers

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/kustomize"
)

const fluxSources = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {url: https://github.com/example/fleet.git, ref: {branch: main}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: part, namespace: flux-system}
spec:
  url: https://github.com/example/fleet
  ignore: |
    /*
    !/apps
  sparseCheckout: [./apps, infrastructure]
  suspend: true
  ref: {tag: v1.0.0}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: other, namespace: flux-system}
spec: {url: https://github.com/example/other}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: mixed, namespace: flux-system}
spec: {url: https://github.com/example/fleet, include: [{repository: {name: other}}]}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: image, namespace: flux-system}
spec: {url: oci://ghcr.io/example/fleet}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: Bucket
metadata: {name: store, namespace: flux-system}
spec: {endpoint: minio.example.com, bucketName: fleet}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: vars, namespace: flux-system}
data: {CLUSTER: prod-eu, REGION: eu, KEY: "ENC[AES256_GCM,data:abc]"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: later, namespace: flux-system}
data: {REGION: eu-west, ZONE: a}
---
apiVersion: source.extensions.fluxcd.io/v1beta1
kind: ArtifactGenerator
metadata: {name: flux-system, namespace: flux-system}
spec:
  sources: [{alias: monorepo, kind: GitRepository, name: part}, {alias: more, kind: GitRepository, name: other}]
  artifacts:
    - name: apps
      copy:
        - {from: "@monorepo/apps/base/**", to: "@artifact/base/"}
        - {from: "@monorepo/apps/production/**", to: "@artifact/production/", exclude: ["*.md"]}
    - {name: both, copy: [{from: "@monorepo/apps/**", to: "@artifact/"}, {from: "@more/x", to: "@artifact/"}]}
    - {name: merged, copy: [{from: "@monorepo/apps/a.yaml", to: "@artifact/a.yaml", strategy: Merge}]}
    - {name: elsewhere, copy: [{from: "@more/**", to: "@artifact/"}]}
    - {name: nowhere, copy: [{from: "@typo/**", to: "@artifact/"}]}
    - {name: crooked, copy: [{from: "apps", to: "base"}]}
`

var fluxFiles = map[string]string{
	"apps/production/kustomization.yaml": "resources: []\n", "infrastructure/a.yaml": "a: b\n", "README.md": "text",
}

func fluxOf(t *testing.T, spec string) (*Sync, *Unknown) {
	t.Helper()
	s, u, err := Flux(context.Background(), world(t, fluxFiles, fluxSources), object(t, `
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: `+spec))
	require.NoError(t, err)
	require.NotEqual(t, s == nil, u == nil, "one answer")
	return s, u
}

// Every field of a Kustomization that changes what is built or applied.
func TestFluxReadsAKustomization(t *testing.T) {
	got, _ := fluxOf(t, `
  path: ./apps/production
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  serviceAccountName: applier
  targetNamespace: prod
  namePrefix: a-
  nameSuffix: -z
  components: [../../components/x]
  ignoreMissingComponents: true
  dependsOn: [{name: infra}, {name: base, namespace: other}]
  images: [{name: app, newTag: v2}]
  patches:
    - patch: |
        - {op: remove, path: /spec/replicas}
      target: {kind: Deployment, labelSelector: "app=a"}
  commonMetadata: {labels: {team: a}, annotations: {note: b}}
  postBuild:
    substitute: {ZONE: literal}
    substituteFrom: [{kind: ConfigMap, name: vars}, {kind: ConfigMap, name: later}, {kind: Secret, name: hidden}, {kind: ConfigMap, name: maybe, optional: true}]
  ignore: [{paths: [/spec/replicas], target: {kind: Deployment, name: "a|b"}}]
`)
	require.Equal(t, &Sync{
		Controller: FluxCD,
		Object:     ObjectRef{"kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "apps"},
		Path:       "apps/production",
		Build: kustomize.Options{
			Generate: true, OptionalComponents: true,
			Fields: map[string]any{
				"namespace": "prod", "namePrefix": "a-", "nameSuffix": "-z", "components": []any{"../../components/x"},
				"images":  []any{kustomizeImage{Name: "app", NewTag: "v2"}},
				"patches": []any{kustomizePatch{"- {op: remove, path: /spec/replicas}\n", &kustomizeSelector{Kind: "Deployment", LabelSelector: "app=a"}}},
			},
			Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"note": "b"},
			Substitute: map[string]string{"CLUSTER": "prod-eu", "REGION": "eu-west", "ZONE": "literal"},
			Source:     kustomize.Source{Ignores: true},
		},
		DependsOn: []string{"flux-system/infra", "other/base"},
		Missing:   []string{"ConfigMap flux-system/maybe", "ConfigMap flux-system/vars, key KEY", "Secret flux-system/hidden"},
		Rules: Rules{
			Prune: true, SelfHeal: true, ServiceAccount: "applier",
			Ignored: []IgnoredField{{Kind: "Deployment", Name: "a|b", Regexp: true, Pointers: []string{"/spec/replicas"}, Respected: true}},
		},
	}, got)
}

func TestFluxPaths(t *testing.T) {
	for given, want := range map[string]string{
		`""`: ".", "/": ".", "./": ".", "apps": "apps", "/apps/": "apps", "./apps//production": "apps/production", "../../apps": "apps", "apps/../infrastructure": "infrastructure",
	} {
		got, u := fluxOf(t, `{path: `+given+`, sourceRef: {kind: GitRepository, name: flux-system}}`)
		require.Nil(t, u, given)
		require.Equal(t, want, got.Path, given)
	}
}

func TestFluxSubstitutesOnlyWhenThereIsAVariable(t *testing.T) {
	for postBuild, want := range map[string]map[string]string{
		`{}`:                           nil,
		`{substituteStrategy: Always}`: {},
		`{substituteFrom: [{kind: ConfigMap, name: none, optional: true}]}`:         nil,
		`{substituteFrom: [{kind: Secret, name: hidden}]}`:                          {},
		`{substitute: {A: b}, substituteFrom: [{kind: Secret, name: hidden}]}`:      {"A": "b"},
		`{substituteFrom: [{kind: ConfigMap, name: later}]}`:                        {"REGION": "eu-west", "ZONE": "a"},
		`{substitute: {ZONE: b}, substituteFrom: [{kind: ConfigMap, name: later}]}`: {"REGION": "eu-west", "ZONE": "b"},
	} {
		got, u := fluxOf(t, `{postBuild: `+postBuild+`, sourceRef: {kind: GitRepository, name: flux-system}}`)
		require.Nil(t, u, postBuild)
		require.Equal(t, want, got.Build.Substitute, postBuild)
	}
}

func TestFluxSeesTheRepositoryAsItsSourceShipsIt(t *testing.T) {
	got, _ := fluxOf(t, `{path: apps, sourceRef: {kind: GitRepository, name: part}}`)
	part := kustomize.Source{Ignores: true, Ignore: "/*\n!/apps\n", Sparse: []string{"apps", "infrastructure"}}
	require.Equal(t, part, got.Build.Source)
	require.Equal(t, "GitRepository flux-system/part, its source, is suspended", got.Rules.Suspended)
	require.Equal(t, "GitRepository flux-system/part, its source, stays at tag v1.0.0", got.Rules.Pinned)

	got, _ = fluxOf(t, `{path: ./production, sourceRef: {kind: ExternalArtifact, name: apps}}`)
	part.Copies = []kustomize.Copy{{From: "apps/base/**", To: "base/"}, {From: "apps/production/**", To: "production/", Exclude: []string{"*.md"}}}
	require.Equal(t, part, got.Build.Source)
	require.Equal(t, "production", got.Path)
}

func TestFluxTakesTheSourceOfABootstrapForThisRepository(t *testing.T) {
	env := world(t, fluxFiles, "")
	env.Sources = map[ObjectRef]bool{{Kind: "OCIRepository", Namespace: "flux-system", Name: "flux-system"}: true}
	got, u, err := Flux(context.Background(), env, object(t, `{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization,
		metadata: {name: a, namespace: flux-system}, spec: {path: apps, sourceRef: {kind: OCIRepository, name: flux-system}}}`))
	require.NoError(t, err)
	require.Nil(t, u)
	require.Equal(t, "OCIRepository flux-system/flux-system, its source, is an artifact that something has to push", got.Rules.Pushed)
}

func TestFluxSaysWhatItCannotTell(t *testing.T) {
	git := `sourceRef: {kind: GitRepository, name: flux-system}`
	for _, c := range []struct {
		spec, reason string
		waiting      bool
	}{
		{`{sourceRef: {kind: GitRepository, name: other}}`, "is in another repository: GitRepository flux-system/other", false},
		{`{sourceRef: {kind: GitRepository, name: gone}}`, "has GitRepository flux-system/gone for its source, which is not in this repository", true},
		{`{sourceRef: {kind: GitRepository, name: flux-system, namespace: apps}}`, "has GitRepository apps/flux-system for its source", true},
		{`{sourceRef: {kind: GitRepository, name: mixed}}`, "puts files of other repositories into it", false},
		{`{sourceRef: {kind: OCIRepository, name: image}}`, "is an OCI artifact", false},
		{`{sourceRef: {kind: Bucket, name: store}}`, "is a bucket", false},
		{`{sourceRef: {kind: HelmChart, name: x}}`, `has a source of kind "HelmChart"`, false},
		{`{sourceRef: {kind: ExternalArtifact, name: gone}}`, "which no ArtifactGenerator in this repository makes", true},
		{`{sourceRef: {kind: ExternalArtifact, name: both}}`, "puts several sources together", false},
		{`{sourceRef: {kind: ExternalArtifact, name: merged}}`, "copies by the strategy Merge", false},
		{`{sourceRef: {kind: ExternalArtifact, name: elsewhere}}`, "is in another repository", false},
		{`{sourceRef: {kind: ExternalArtifact, name: nowhere}}`, `copies from the source "typo", which it does not name`, false},
		{`{sourceRef: {kind: ExternalArtifact, name: crooked}}`, `has a copy from "apps" to "base" that source-watcher refuses`, false},
		{`{path: "./apps/${CLUSTER}", ` + git + `}`, `has a variable in "./apps/${CLUSTER}" that nothing replaces`, true},
		{`{path: gone, ` + git + `}`, "applies gone, which is not in this repository", false},
		{`{path: README.md, ` + git + `}`, "applies README.md, which is no directory", false},
		{`{kubeConfig: {secretRef: {name: prod-kubeconfig}}, ` + git + `}`, "the kubeconfig in Secret prod-kubeconfig names", false},
		{`{kubeConfig: {configMapRef: {name: prod}}, ` + git + `}`, "the kubeconfig in ConfigMap prod names", false},
		{`{components: ["https://example.com/x"], ` + git + `}`, "Flux takes only relative paths", false},
		{`{postBuild: {substituteFrom: [{kind: Pod, name: x}]}, ` + git + `}`, `takes variables from a "Pod"`, false},
		{`{path: 7, ` + git + `}`, "has a spec that Flux refuses: json: cannot unmarshal number into Go struct field kustomizationSpec.path", false},
		{`{}`, `has a source of kind ""`, false},
	} {
		_, u := fluxOf(t, c.spec)
		require.NotNil(t, u, c.spec)
		require.Contains(t, u.Reason, c.reason)
		require.Equal(t, c.waiting, u.Waiting, c.spec)
		require.Equal(t, "apps", u.Object.Name)
	}
}

func TestBootstrap(t *testing.T) {
	for _, c := range []struct {
		text string
		want Bootstrapped
		ok   bool
	}{
		{
			`{apiVersion: fluxcd.controlplane.io/v1, kind: FluxInstance, metadata: {name: flux, namespace: flux-system},
			spec: {sync: {kind: GitRepository, url: "https://gitlab.com/my-org/my-fleet.git", ref: refs/heads/main, path: clusters/my-cluster}}}`,
			Bootstrapped{ObjectRef{"", "GitRepository", "flux-system", "flux-system"}, "https://gitlab.com/my-org/my-fleet.git", "refs/heads/main", "clusters/my-cluster", "flux-system", "flux-system"},
			true,
		},
		{
			`{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: flux-instance, namespace: ops},
			spec: {targetNamespace: flux, values: {instance: {sync: {kind: OCIRepository, name: fleet, url: "oci://ghcr.io/x", ref: latest, path: ./}}}}}`,
			Bootstrapped{ObjectRef{"", "OCIRepository", "flux", "fleet"}, "oci://ghcr.io/x", "latest", ".", "fleet", "flux"},
			true,
		},
		{`{apiVersion: fluxcd.controlplane.io/v1, kind: FluxInstance, metadata: {name: flux, namespace: flux-system}, spec: {}}`, Bootstrapped{}, false},
		{`{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: a}, spec: {values: {instance: {sync: [1]}}}}`, Bootstrapped{}, false},
		{`{apiVersion: example.com/v1, kind: FluxInstance, metadata: {name: a}, spec: {sync: {url: x, path: y}}}`, Bootstrapped{}, false},
	} {
		got, ok := Bootstrap(object(t, c.text))
		require.Equal(t, c.ok, ok, c.text)
		require.Equal(t, c.want, got)
	}
}
