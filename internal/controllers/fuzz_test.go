package controllers

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// fuzzed is an object with a spec that may be anything.
func fuzzed(kind, spec string) *unstructured.Unstructured {
	var content any
	if len(spec) > 64<<10 || yaml.Unmarshal([]byte(spec), &content) != nil {
		return nil
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "fuzz/v1", "kind": kind, "metadata": map[string]any{"name": "fuzz", "namespace": "argocd"}, "spec": content,
	}}
}

func told(t *testing.T, unknowns []Unknown) {
	for _, u := range unknowns {
		require.NotEmpty(t, u.Reason)
		require.Equal(t, "fuzz", u.Object.Name)
	}
}

func FuzzFlux(f *testing.F) {
	f.Add(`{path: ./apps/production, prune: true, sourceRef: {kind: GitRepository, name: part}, dependsOn: [{name: a}], targetNamespace: b, images: [{name: c, newTag: d}]}`)
	f.Add(`{sourceRef: {kind: ExternalArtifact, name: apps}, postBuild: {substitute: {a: b}, substituteFrom: [{kind: ConfigMap, name: vars}]}, ignore: [{paths: [/a], target: {kind: "["}}]}`)
	env := world(f, fluxFiles, fluxSources)
	f.Fuzz(func(t *testing.T, spec string) {
		obj := fuzzed("Kustomization", spec)
		if obj == nil {
			return
		}
		obj.SetNamespace("flux-system")
		s, u, err := Flux(context.Background(), env, obj)
		require.NoError(t, err)
		require.NotEqual(t, s == nil, u == nil)
		if u != nil {
			told(t, []Unknown{*u})
			return
		}
		require.Equal(t, s.Path, cleanPath(s.Path))
		s.Rules.Obstacles("apps", "Deployment", "a", "b", []string{"spec.replicas"})
	})
}

func FuzzHelm(f *testing.F) {
	f.Add(`{targetNamespace: prod, upgrade: {remediation: {retries: 3}}, commonMetadata: {labels: {a: b}}, postRenderers: [{kustomize: {images: [{name: a, newTag: b}], patches: [{patch: "- {op: add, path: /metadata/name}", target: {kind: "["}}]}}]}`)
	env := world(f, helmFiles, "")
	f.Fuzz(func(t *testing.T, spec string) {
		obj := fuzzed("HelmRelease", spec)
		if obj == nil {
			return
		}
		s, u, err := Helm(context.Background(), env, obj, "charts/web")
		require.NoError(t, err)
		require.NotEqual(t, s == nil, u == nil)
		if u != nil {
			told(t, []Unknown{*u})
			return
		}
		s.Rules.Obstacles("apps", "Deployment", "a", "b", []string{"spec.replicas"})
	})
}

func FuzzApplication(f *testing.F) {
	f.Add(`{project: team, source: {repoURL: "https://github.com/example/fleet", path: over, kustomize: {images: ["a=b:c@d"]}}, destination: {name: prod, namespace: team-a}, ignoreDifferences: [{kind: "*", jqPathExpressions: [".a[]"]}]}`)
	f.Add(`{sources: [{repoURL: "https://github.com/example/fleet", path: guestbook, directory: {recurse: true}}, {ref: x}], syncPolicy: {automated: {enabled: true}}}`)
	env := world(f, argoFiles, projects)
	f.Fuzz(func(t *testing.T, spec string) {
		obj := fuzzed("Application", spec)
		if obj == nil {
			return
		}
		syncs, unknowns, err := Application(context.Background(), env, obj)
		require.NoError(t, err)
		told(t, unknowns)
		for _, s := range syncs {
			s.Rules.Obstacles("apps", "Deployment", "a", "b", []string{"spec.replicas"})
		}
	})
}

func FuzzGenerate(f *testing.F) {
	f.Add("goTemplate: true\n" + `generators: [{git: {` + own + `, directories: [{path: "apps/*"}], values: {a: "{{.path.basename}}"}}}]` + "\n" + `template: {metadata: {name: "{{.values.a | upper}}"}, spec: {source: {path: "{{.path.path}}"}}}`)
	f.Add(`generators: [{matrix: {generators: [{clusters: {}}, {git: {` + own + `, files: [{path: "clusters/*"}]}}]}}]` + "\n" + `template: {metadata: {name: "{{name}}-{{cluster.name}}"}}`)
	f.Add(`generators: [{merge: {mergeKeys: [a], generators: [{list: {elements: [{a: b}]}}, {list: {elementsYaml: "[{a: b}]"}}]}}]` + "\n" + `template: {metadata: {name: "{{a}}"}}` + "\ntemplatePatch: 'spec: {}'")
	env := setEnv(f)
	f.Fuzz(func(t *testing.T, spec string) {
		obj := fuzzed("ApplicationSet", spec)
		if obj == nil {
			return
		}
		apps, unknowns, err := Generate(context.Background(), env, obj)
		require.NoError(t, err)
		told(t, unknowns)
		require.LessOrEqual(t, len(apps), maxApplications)
		for _, app := range apps {
			_, _, err := Application(context.Background(), env, app)
			require.NoError(t, err)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	f.Add(`{{range $i, $x := until 3}}{{print $i .a | quote | indent 2}}{{else}}{{set . "b" .}}{{end}}`)
	f.Add(`{{$x := dict "a" (list 1 2)}}{{merge $x .}}{{regexReplaceAll "a*" .a "${1}"}}{{.a | toYaml | fromYaml}}`)
	f.Fuzz(func(t *testing.T, text string) {
		r := newRenderer(context.Background(), true, nil)
		out, _ := r.fill(text, parameters{"a": "b", "list": []any{"c", map[string]any{"d": "e"}}})
		require.LessOrEqual(t, len(out), maxRendered)
		for _, name := range []string{"PATH", "HOME"} {
			if value := os.Getenv(name); len(value) > 8 {
				require.NotContains(t, out, value)
			}
		}
	})
}
