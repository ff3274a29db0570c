package controllers

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/kustomize"
)

const projects = `
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: team, namespace: argocd}
spec:
  sourceRepos: ["*"]
  destinations: [{server: "https://kubernetes.default.svc", namespace: "team-*"}, {name: prod, namespace: "!kube-system"}]
  clusterResourceWhitelist: [{group: "", kind: Namespace}]
  namespaceResourceBlacklist: [{group: networking.k8s.io, kind: "Network*"}]
  syncWindows:
    - {kind: deny, schedule: "0 22 * * *", duration: 1h, timeZone: Europe/Amsterdam, applications: ["sh*"], manualSync: true}
    - {kind: allow, schedule: "10 1 * * *", duration: 2h, namespaces: [team-a], clusters: [staging], andOperator: true}
    - {kind: allow, schedule: "0 0 1 * *", duration: 3h, clusters: [in-cluster]}
`

var argoFiles = map[string]string{
	"guestbook/deploy.yaml": "kind: Deployment\n", "kust/kustomization.yaml": "resources: []\n",
	"both/Chart.yaml": "name: x\n", "both/kustomization.yaml": "resources: []\n", "chart/Chart.yaml": "name: x\n", "chart/templates/a.yaml": "x: y\n",
	"over/kustomization.yml": "resources: []\n", "over/.argocd-source.yaml": "kustomize: {namePrefix: all-, images: [a:v1]}\npath: elsewhere\n",
	"over/.argocd-source-shop.yaml": "kustomize: {images: [b:v2], namePrefix: null}\n",
	"list/.argocd-source.yaml":      "- a\n", "list/a.yaml": "a: b\n",
}

func applicationOf(t *testing.T, spec string) ([]Sync, []Unknown) {
	t.Helper()
	env := world(t, argoFiles, projects)
	env.Branch = "main"
	syncs, unknowns, err := Application(context.Background(), env, object(t, `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec: `+spec))
	require.NoError(t, err)
	return syncs, unknowns
}

func TestApplicationReadsADirectory(t *testing.T) {
	got, unknowns := applicationOf(t, `
  project: default
  source: {repoURL: https://github.com/example/fleet.git, targetRevision: HEAD, path: ./guestbook/, directory: {recurse: true, include: "*.yaml", exclude: "{a,b}/*"}}
  destination: {server: https://kubernetes.default.svc, namespace: shop}
  syncPolicy: {automated: {prune: true, selfHeal: true}, syncOptions: [CreateNamespace=true, RespectIgnoreDifferences=true]}
  ignoreDifferences:
    - {group: apps, kind: Deployment, name: web, jsonPointers: [/spec/replicas]}
    - {group: "*", kind: "*", managedFieldsManagers: [kube-controller-manager], jqPathExpressions: [".spec.x[]?.y"]}
`)
	require.Empty(t, unknowns)
	require.Equal(t, []Sync{{
		Controller: ArgoCD, Object: ObjectRef{"argoproj.io/v1alpha1", "Application", "argocd", "shop"},
		Destination: Destination{Server: "https://kubernetes.default.svc"}, Path: "guestbook", Namespace: "shop",
		Build: kustomize.Options{Directory: &kustomize.Directory{Recurse: true, Include: "*.yaml", Exclude: "{a,b}/*"}},
		Rules: Rules{
			Prune: true, SelfHeal: true, ProjectName: "default",
			Ignored: []IgnoredField{
				{Group: "apps", Kind: "Deployment", Name: "web", Pointers: []string{"/spec/replicas"}, Respected: true},
				{Group: "*", Kind: "*", JQ: []string{".spec.x[]?.y"}, Managers: []string{"kube-controller-manager"}, Respected: true},
			},
		},
	}}, got)
}

func TestApplicationSetsWhatKustomizeEditWouldSet(t *testing.T) {
	got, unknowns := applicationOf(t, `
  source:
    repoURL: https://github.com/example/fleet
    path: kust
    kustomize:
      namePrefix: a-
      nameSuffix: -z
      namespace: team-a
      images: ["nginx=registry:5000/nginx:1.2", "app:v3", "db@sha256:abc", "cache=redis", "x=y:1@sha256:def"]
      replicas: [{name: web, count: 3}, {name: api, count: "4"}]
      commonLabels: {app: "$ARGOCD_APP_NAME", plain: b}
      labelWithoutSelector: true
      labelIncludeTemplates: true
      commonAnnotations: {at: "${ARGOCD_APP_SOURCE_PATH}"}
      commonAnnotationsEnvsubst: true
      patches: [{target: {kind: Deployment}, patch: "- {op: remove, path: /a}", options: {allowNameChange: true}}]
      components: [../comp]
      ignoreMissingComponents: true
`)
	require.Empty(t, unknowns)
	require.Equal(t, kustomize.Options{OptionalComponents: true, Fields: map[string]any{
		"namePrefix": "a-", "nameSuffix": "-z", "namespace": "team-a",
		"images": []any{
			kustomizeImage{Name: "nginx", NewName: "registry:5000/nginx", NewTag: "1.2"},
			kustomizeImage{Name: "app", NewTag: "v3"},
			kustomizeImage{Name: "db", Digest: "sha256:abc"},
			kustomizeImage{Name: "cache", NewName: "redis"},
			kustomizeImage{Name: "x", NewName: "y", NewTag: "1", Digest: "sha256:def"},
		},
		"replicas":          []any{map[string]any{"name": "web", "count": int64(3)}, map[string]any{"name": "api", "count": int64(4)}},
		"labels":            []any{map[string]any{"pairs": map[string]any{"app": "shop", "plain": "b"}, "includeTemplates": true}},
		"commonAnnotations": map[string]any{"at": "kust"},
		"patches":           []any{argoPatch{Target: &kustomizeSelector{Kind: "Deployment"}, Patch: "- {op: remove, path: /a}", Options: map[string]bool{"allowNameChange": true}}},
		"components":        []any{"../comp"},
	}}, got[0].Build)
	require.Equal(t, "spec.syncPolicy.automated is not set", got[0].Rules.Manual)
}

// The tool is the one that the source names, or else the one that the last of
// the directory's telling files stands for.
func TestApplicationFindsTheTool(t *testing.T) {
	directory := kustomize.Options{Directory: &kustomize.Directory{}}
	for source, want := range map[string]kustomize.Options{
		`path: guestbook`:                                     directory,
		`path: guestbook, directory: {}`:                      directory,
		`path: kust`:                                          {},
		`path: kust, directory: {jsonnet: {}}`:                {},
		`path: kust, kustomize: {}`:                           {},
		`path: kust, kustomize: {version: v4.0.0}`:            {},
		`path: both`:                                          {},
		`path: both, helm: {}`:                                {},
		`path: chart, directory: {exclude: "Chart.yaml"}`:     {Directory: &kustomize.Directory{Exclude: "Chart.yaml"}},
		`path: kust, directory: {recurse: true}`:              {Directory: &kustomize.Directory{Recurse: true}},
		`path: over`:                                          {Fields: map[string]any{"images": []any{kustomizeImage{Name: "b", NewTag: "v2"}}}},
		`path: over, kustomize: {nameSuffix: -x}`:             {Fields: map[string]any{"nameSuffix": "-x", "images": []any{kustomizeImage{Name: "b", NewTag: "v2"}}}},
		`path: kust, kustomize: {commonLabels: {a: b}}`:       {Fields: map[string]any{"commonLabels": map[string]any{"a": "b"}}},
		`path: kust, kustomize: {commonAnnotations: {a: $b}}`: {Fields: map[string]any{"commonAnnotations": map[string]any{"a": "$b"}}},
	} {
		got, unknowns := applicationOf(t, `{source: {repoURL: https://github.com/example/fleet, `+source+`}}`)
		require.Empty(t, unknowns, source)
		require.Equal(t, want, got[0].Build, source)
	}
}

func TestApplicationWithSeveralSources(t *testing.T) {
	got, unknowns := applicationOf(t, `
  sources:
    - {repoURL: https://charts.example.com, chart: nginx, targetRevision: 1.2.3, helm: {valueFiles: [$values/a.yaml]}}
    - {repoURL: https://github.com/example/fleet, ref: values}
    - {repoURL: https://github.com/example/fleet, ref: both, path: kust, targetRevision: refs/heads/main}
    - {repoURL: https://github.com/example/other, path: kust}
  syncPolicy: {automated: {enabled: false, prune: true}}
`)
	require.Len(t, got, 1)
	require.Equal(t, 2, got[0].SourceIndex)
	require.Equal(t, "spec.syncPolicy.automated.enabled is false", got[0].Rules.Manual)
	require.False(t, got[0].Rules.Prune)
	require.Len(t, unknowns, 2)
	require.Equal(t, "renders the Helm chart nginx of a chart repository", unknowns[0].Reason)
	require.Equal(t, "is in another repository", unknowns[1].Reason)
}

func TestApplicationSaysWhatItCannotTell(t *testing.T) {
	for source, reason := range map[string]string{
		`path: chart`: "renders the Helm chart in chart",
		`path: guestbook, helm: {releaseName: x}`:                            "renders the Helm chart in guestbook",
		`path: guestbook, plugin: {name: cdk8s}`:                             "renders guestbook by a plugin of the cluster",
		`path: kust, kustomize: {namePrefix: a}, directory: {recurse: true}`: "has a source with kustomize and directory, and Argo CD takes one of them",
		`path: gone`:                               "applies gone, which is not in this repository",
		`path: /guestbook`:                         "has the path /guestbook, and Argo CD takes only relative ones",
		`path: guestbook/../../x`:                  "leaves the repository",
		`path: guestbook/deploy.yaml`:              "which is no directory",
		`targetRevision: HEAD`:                     "has a source without path",
		`path: kust, targetRevision: release-1`:    "follows release-1, not the branch main that is read here",
		`path: "apps/{{name}}"`:                    "has a template in its source that nothing fills in",
		`path: list`:                               "has its source changed by list/.argocd-source.yaml, which Argo CD refuses",
		`path: kust, kustomize: {images: [nginx]}`: `sets the image "nginx" without a tag or digest`,
		`path: kust, kustomize: {replicas: [{name: a, count: many}]}`: `sets replicas "many" of "a", which is no number`,
		`path: [a]`: "has a spec that Argo CD refuses",
		`path: guestbook, directory: {disableExtensionFilter: true}`: "applies every file of guestbook",
	} {
		_, unknowns := applicationOf(t, `{source: {repoURL: https://github.com/example/fleet, `+source+`}}`)
		require.Len(t, unknowns, 1, source)
		require.Contains(t, unknowns[0].Reason, reason)
	}
	for spec, reason := range map[string]string{
		`{}`: "has no source",
		`{sourceHydrator: {drySource: {repoURL: https://github.com/example/fleet, path: kust}}}`:                 "is hydrated",
		`{source: {repoURL: "oci://ghcr.io/example/x", path: .}}`:                                                "is an OCI artifact in a registry",
		`{source: {repoURL: https://github.com/example/fleet, path: kust}, destination: {server: "{{server}}"}}`: `has a template in "{{server}}" that nothing fills in`,
	} {
		_, unknowns := applicationOf(t, spec)
		require.Len(t, unknowns, 1, spec)
		require.Contains(t, unknowns[0].Reason, reason)
	}
}

func TestApplicationStaysAtACommit(t *testing.T) {
	got, _ := applicationOf(t, `{source: {repoURL: https://github.com/example/fleet, path: kust, targetRevision: 0123456789abcdef0123456789abcdef01234567}}`)
	require.Equal(t, "its source stays at commit 0123456789abcdef0123456789abcdef01234567", got[0].Rules.Pinned)
}

func TestApplicationReadsItsProject(t *testing.T) {
	for destination, windows := range map[string][]string{
		`{server: https://kubernetes.default.svc, namespace: team-a}`: {
			`syncs nothing for 1h from "0 22 * * *" on (cron, Europe/Amsterdam); by hand it can be synced at any time`,
			`syncs only for 3h from "0 0 1 * *" on (cron, UTC); that goes for syncs by hand too`,
		},
		`{name: staging, server: https://staging, namespace: team-a}`: {
			`syncs nothing for 1h from "0 22 * * *" on (cron, Europe/Amsterdam); by hand it can be synced at any time`,
			`syncs only for 2h from "10 1 * * *" on (cron, UTC); that goes for syncs by hand too`,
		},
	} {
		got, _ := applicationOf(t, `{project: team, source: {repoURL: https://github.com/example/fleet, path: kust}, destination: `+destination+`}`)
		require.Equal(t, "team", got[0].Rules.Project.Name)
		require.True(t, got[0].Rules.Project.AllowsAllNamespaced)
		require.Equal(t, windows, got[0].Rules.Windows, destination)
	}
}
