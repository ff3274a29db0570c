package controllers

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var setFiles = map[string]string{
	"apps/argo-workflows/kustomization.yaml": "a: b\n", "apps/prometheus_operator/Chart.yaml": "a: b\n", "apps/exclude-me/a.yaml": "a: b\n", "apps/.hidden/a.yaml": "a: b\n",
	"apps/argo-workflows/deep/x.yaml": "a: b\n", "apps/README.md": "text",
	"clusters/dev/config.json":      `{"aws_account": "123456", "cluster": {"owner": "jesse@example.com", "name": "engineering-dev", "address": "https://1.2.3.4"}, "n": 3, "list": ["x"]}`,
	"clusters/prod/eu/config.json":  `{"cluster": {"owner": "joe@example.com", "name": "engineering-prod"}}`,
	"clusters/prod/eu/exclude.json": `[1]`,
	"clusters/list.yaml":            "- {cluster: {name: one}}\n- {cluster: {name: two}}\n",
	"clusters/empty.yaml":           "",
	"clusters/scalar.yaml":          "just text\n",
	"clusters/bomb.yaml":            "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
}

func set(t testing.TB, spec string) *unstructured.Unstructured {
	return object(t, `
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: set, namespace: argocd}
spec:`+strings.ReplaceAll("\n"+strings.Trim(spec, "\n"), "\n", "\n  "))
}

func setEnv(t testing.TB) Env {
	env := world(t, setFiles, "")
	env.Branch = "main"
	env.Clusters = []ClusterSecret{
		{Name: "prod_eu", Server: "https://prod-eu", Labels: map[string]string{"env": "prod", "region": "eu"}},
		{Name: "dev", Labels: map[string]string{"env": "dev"}},
	}
	return env
}

// made are the Applications in short: name, path, destination.
func made(apps []*unstructured.Unstructured) (out []string) {
	for _, a := range apps {
		text := func(fields ...string) string {
			v, _, _ := unstructured.NestedString(a.Object, append([]string{"spec"}, fields...)...)
			return v
		}
		out = append(out, strings.Join([]string{a.GetName(), text("source", "path"), text("destination", "name") + text("destination", "server")}, " "))
	}
	return out
}

func generate(t testing.TB, spec string) ([]string, []string) {
	t.Helper()
	apps, unknowns, err := Generate(context.Background(), setEnv(t), set(t, spec))
	require.NoError(t, err)
	var reasons []string
	for _, u := range unknowns {
		reasons = append(reasons, u.Reason)
	}
	return made(apps), reasons
}

const own = "repoURL: https://github.com/example/fleet.git, revision: HEAD"

func TestGenerate(t *testing.T) {
	for _, c := range []struct {
		about, spec string
		want        []string
	}{
		{"git directories with an exclude", `
generators: [{git: {` + own + `, directories: [{path: "apps/*"}, {path: apps/exclude-me, exclude: true}]}}]
template: {metadata: {name: "{{path.basenameNormalized}}"}, spec: {source: {path: "{{path}}"}, destination: {server: "{{path[0]}}-{{ path[1] }}"}}}
`, []string{"argo-workflows apps/argo-workflows apps-argo-workflows", "prometheus-operator apps/prometheus_operator apps-prometheus_operator"}},
		{"git directories at any place of the pattern", `
generators: [{git: {` + own + `, directories: [{path: "*/argo-*/deep"}, {path: clusters}]}}]
template: {metadata: {name: "{{path.basename}}"}, spec: {source: {path: "{{path}}"}}}
`, []string{"deep apps/argo-workflows/deep ", "clusters clusters "}},
		{"git directories in a Go template, with prefix and values", `
goTemplate: true
goTemplateOptions: ["missingkey=error"]
generators: [{git: {` + own + `, directories: [{path: "apps/argo*"}], pathParamPrefix: my, values: {up: "{{ .my.path.basename | upper }}"}}}]
template: {metadata: {name: "{{ index .my.path.segments 1 }}-{{ .values.up | lower | trunc 4 }}"}, spec: {source: {path: "{{.my.path.path}}"}}}
`, []string{"argo-workflows-argo apps/argo-workflows "}},
		{"git files, in which * goes over slashes", `
generators: [{git: {` + own + `, files: [{path: "clusters/**/config.json"}, {path: "clusters/*/exclude.json", exclude: true}]}}]
template: {metadata: {name: "{{cluster.name}}-{{path.basename}}"}, spec: {source: {path: "{{path.filename}}/{{n}}/{{list.0}}"}, destination: {server: "{{cluster.address}}"}}}
`, []string{"engineering-dev-dev config.json/3/x https://1.2.3.4", "engineering-prod-eu config.json/{{n}}/{{list.0}} {{cluster.address}}"}},
		{"git files that hold a list, or nothing", `
goTemplate: true
generators: [{git: {` + own + `, files: [{path: clusters/list.yaml}, {path: clusters/empty.yaml}]}}]
template: {metadata: {name: '{{dig "cluster" "name" "none" .}}'}, spec: {source: {path: "{{.path.filenameNormalized}}"}}}
`, []string{"none empty.yaml ", "one list.yaml ", "two list.yaml "}},
		{"list", `
generators: [{list: {elements: [{cluster: a, url: https://a, values: {x: why}}], elementsYaml: "[{cluster: b, url: https://b}]"}}]
template: {metadata: {name: "{{cluster}}"}, spec: {source: {path: "{{values.x}}"}, destination: {server: "{{url}}"}}}
`, []string{"a why https://a", "b {{values.x}} https://b"}},
		{"clusters, the one that Argo CD runs in last", `
generators: [{clusters: {values: {path: "over/{{metadata.labels.env}}"}}}]
template: {metadata: {name: "{{nameNormalized}}"}, spec: {source: {path: "{{values.path}}"}, destination: {server: "{{server}}"}}}
`, []string{"dev over/dev dev", "prod-eu over/prod https://prod-eu", "in-cluster over/{{metadata.labels.env}} https://kubernetes.default.svc"}},
		{"clusters by label", `
goTemplate: true
generators: [{clusters: {selector: {matchLabels: {env: prod, argocd.argoproj.io/secret-type: cluster}, matchExpressions: [{key: region, operator: In, values: [eu, us]}]}}}]
template: {metadata: {name: "{{.nameNormalized}}"}, spec: {source: {path: "{{.metadata.labels.region}}"}, destination: {name: "{{.name}}"}}}
`, []string{"prod-eu eu prod_eu"}},
		{"clusters in one list", `
goTemplate: true
generators: [{clusters: {flatList: true, selector: {matchExpressions: [{key: env, operator: Exists}]}}}]
template: {metadata: {name: all}, spec: {source: {path: "{{range .clusters}}{{.name}},{{end}}"}}}
`, []string{"all dev,prod_eu, "}},
		{"a matrix whose second generator uses the first", `
generators:
- matrix:
    generators:
    - clusters: {selector: {matchLabels: {env: prod}}}
    - git: {` + own + `, directories: [{path: "{{metadata.labels.env}}*"}, {path: "apps/argo*"}], values: {of: "{{name}}-{{path.basename}}"}}
template: {metadata: {name: "{{values.of}}"}, spec: {source: {path: "{{path}}"}, destination: {name: "{{name}}"}}}
`, []string{"prod_eu-argo-workflows apps/argo-workflows prod_eu"}},
		{"a matrix in Go templates, the first generator wins", `
goTemplate: true
generators:
- matrix:
    generators:
    - list: {elements: [{a: 1, both: {x: first}}]}
    - list: {elements: [{b: 2, both: {x: second, z: second}}]}
template: {metadata: {name: "{{.a}}-{{.b}}-{{.both.x}}-{{.both.z}}"}}
`, []string{"1-2-first-second  "}},
		{"a merge, as Argo CD documents it", `
generators:
- merge:
    mergeKeys: [server]
    generators:
    - list: {elements: [{server: "1", kafka: "true", redis: "false"}, {server: "2", kafka: "true", redis: "false"}]}
    - list: {elements: [{server: "1", kafka: "false"}]}
    - list: {elements: [{server: "2", redis: "true"}, {server: "3", redis: "x"}]}
template: {metadata: {name: "{{server}}-{{kafka}}-{{redis}}"}}
`, []string{"1-false-false  ", "2-true-true  "}},
		{"generators in generators", `
goTemplate: true
generators:
- matrix:
    generators:
    - merge: {mergeKeys: [k], generators: [{list: {elements: [{k: a, v: {x: 1, z: 1}}]}}, {list: {elements: [{k: a, v: {x: 2}}]}}]}
    - list: {elements: [{c: one}, {c: two}]}
      selector: {matchLabels: {c: two}}
  selector: {matchExpressions: [{key: v.x, operator: NotIn, values: ["3"]}]}
template: {metadata: {name: "{{.k}}-{{.v.x}}-{{.v.z}}-{{.c}}"}}
`, []string{"a-2-1-two  "}},
		{"a generator's own template fills up from the set's", `
generators: [{list: {elements: [{id: a}], template: {metadata: {labels: {x: "z"}}, spec: {source: {path: own}, project: ""}}}}, {list: {elements: [{id: b}]}}]
template: {metadata: {name: "{{id}}"}, spec: {source: {path: shared}, destination: {server: s}}}
`, []string{"a own s", "b shared s"}},
		{"a patch of the template", `
goTemplate: true
generators: [{list: {elements: [{id: a, prune: true}, {id: b}]}}]
template: {metadata: {name: "{{.id}}"}, spec: {project: kept, source: {path: x}}}
templatePatch: |
  spec:
    project: taken
    {{- if .prune }}
    source: {path: patched}
    {{- end }}
`, []string{"a patched ", "b x "}},
	} {
		got, unknowns := generate(t, c.spec)
		require.Empty(t, unknowns, c.about)
		require.Equal(t, c.want, got, c.about)
	}
}

func TestGenerateSaysWhatItCannotTell(t *testing.T) {
	named := "template: {metadata: {name: \"{{name}}\"}}\n"
	for _, c := range []struct{ spec, reason string }{
		{named + `generators: [{scmProvider: {github: {organization: x}}}]`, "asks a forge for its repositories"},
		{named + `generators: [{pullRequest: {github: {owner: x}}}]`, "asks a forge for its pull requests"},
		{named + `generators: [{clusterDecisionResource: {configMapRef: x}}]`, "asks an object in the cluster"},
		{named + `generators: [{plugin: {configMapRef: {name: x}}}]`, "asks a service for parameters"},
		{named + `generators: [{novel: {}}]`, "has a generator that irgit does not know (novel)"},
		{named + `generators: []`, "has no generator"},
		{named + `generators: text`, "has a spec that Argo CD refuses"},
		{named + `generators: [{git: {repoURL: https://github.com/example/other, directories: [{path: "*"}]}}]`, "reads another repository (git generator)"},
		{named + `generators: [{git: {repoURL: https://github.com/example/fleet, revision: old, directories: [{path: "*"}]}}]`, "reads old, not the branch main"},
		{named + `generators: [{git: {` + own + `, files: [{path: clusters/scalar.yaml}]}}]`, "reads clusters/scalar.yaml, which holds neither an object nor a list"},
		{named + `generators: [{git: {` + own + `, files: [{path: clusters/bomb.yaml}]}}]`, "its aliases make too much of it"},
		{named + `generators: [{git: {` + own + `, files: [{path: "../x"}]}}]`, `reads files by "../x"`},
		{named + `generators: [{git: {` + own + `, files: [{path: "a[b"}]}}]`, `reads files by "a[b", which is no pattern`},
		{named + `generators: [{list: {elements: [{name: 7}]}}]`, "has a list generator with name, which is no text"},
		{named + `generators: [{list: {elementsYaml: "a: b"}}]`, "has elementsYaml that is no list"},
		{named + `generators: [{list: {elements: [{name: a}, {name: a}]}}]`, "makes more than one Application with the name a"},
		{named + `generators: [{list: {elements: [{other: a}]}}]`, `makes an Application with the name "{{name}}"`},
		{named + `generators: [{matrix: {generators: [{list: {elements: []}}]}}]`, "has a matrix of 1 generators"},
		{named + `generators: [{matrix: {generators: [{list: {elements: [{name: a}]}}, {list: {elements: [{name: b}]}}]}}]`, "do not agree on name"},
		{named + `generators: [{merge: {generators: [{list: {}}, {list: {}}]}}]`, "has a merge generator with too few"},
		{named + `generators: [{merge: {mergeKeys: [x], generators: [{list: {elements: [{x: a}, {x: a}]}}, {list: {}}]}}]`, `more than one set of parameters for {"x":"a"}`},
		{named + `generators: [{matrix: {generators: [{list: {elements: [{a: b}]}, clusters: {}}, {list: {}}]}}]`, "several generators within another"},
		{named + "goTemplate: true\n" + `generators: [{list: {elements: [{x: z}]}}]` + "\n" + `goTemplateOptions: [sing=song]` + "\n", `spec.goTemplateOptions has "sing=song"`},
		{named + `generators: [{list: {elements: [{name: a}]}}]` + "\ntemplatePatch: '[1]'\n", "has a templatePatch that is no object"},
		{named + `generators: [{list: {elements: [{name: a}]}}]` + "\ntemplatePatch: '{spec: {$patch: delete}}'\n", "has a templatePatch with $patch"},
		{"goTemplate: true\ngoTemplateOptions: [\"missingkey=error\"]\ngenerators: [{list: {elements: [{x: z}]}}]\n" + `template: {metadata: {name: "{{.gone}}"}}`, `map has no entry for key "gone"`},
		{"goTemplate: true\ngenerators: [{list: {elements: [{x: z}]}}]\n" + `template: {metadata: {name: "{{now}}"}}`, "now depends on more than its arguments"},
	} {
		_, unknowns := generate(t, c.spec)
		require.Len(t, unknowns, 1, c.spec)
		require.Contains(t, unknowns[0], c.reason)
	}
}

func TestGenerateWithoutClusters(t *testing.T) {
	env := setEnv(t)
	env.Clusters = nil
	apps, unknowns, err := Generate(context.Background(), env, set(t, `
generators: [{clusters: {}}]
template: {metadata: {name: "{{name}}"}, spec: {destination: {server: "{{server}}"}}}
`))
	require.NoError(t, err)
	require.Equal(t, []string{"in-cluster  https://kubernetes.default.svc"}, made(apps))
	require.Equal(t, "declare clusters with labels in .irgit.yaml", unknowns[0].Step)
}

func TestGeneratedApplications(t *testing.T) {
	apps, _, err := Generate(context.Background(), setEnv(t), set(t, `
generators: [{list: {elements: [{id: a}]}}]
template: {metadata: {name: "{{id}}", namespace: elsewhere, labels: {"l-{{id}}": "{{id}}"}}, spec: {project: p, syncPolicy: {automated: {prune: true}}}}
`))
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"metadata": map[string]any{"name": "a", "namespace": "argocd", "labels": map[string]any{"l-a": "a"}},
		"spec":     map[string]any{"project": "p", "syncPolicy": map[string]any{"automated": map[string]any{"prune": true}}},
	}, apps[0].Object)
}

// What a template may use: sprig as Argo CD has it.
func TestGoTemplateFunctions(t *testing.T) {
	for text, want := range map[string]string{
		`{{normalize "A_b/C."}}`: "a-b-c",
		`{{slugify "My very_long Name that goes on and on and on and on and on"}}`: "my-very-long-name-that-goes-on-and-on-and-on-and",
		`{{slugify 10 false "abcdefghijklm"}}`:                                     "abcdefghij",
		`{{slugify 10 true "abcdefgh-ijklm"}}`:                                     "abcdefgh",
		`{{toYaml (dict "a" 1)}}`:                                                  "a: 1",
		`{{(fromYaml "a: {b: c}").a.b}}`:                                           "c",
		`{{index (fromYamlArray "[x, z]") 1}}`:                                     "z",
		`{{range until 3}}{{.}}{{end}}`:                                            "012",
		`{{regexReplaceAll "[^a-z]" "a1b2" "-"}}`:                                  "a-b-",
		`{{printf "%03d-%s" 7 "x"}}`:                                               "007-x",
		`{{keys (dict "b" 1 "a" 2) | join ","}}`:                                   "a,b",
		`{{$d := dict "a" "b"}}{{$_ := set $d "c" $d}}{{$d.c.a}}`:                  "b",
		`{{$_ := set . "n" "changed"}}{{.n}}`:                                      "changed",
		`{{.n}}`:                                                                   "x",
		`{{.gone}}`:                                                                "<no value>",
		`{{default "d" .gone}}{{ternary "y" "n" true}}{{.n | quote}}`:              `dy"x"`,
	} {
		r := newRenderer(context.Background(), true, nil)
		params := parameters{"n": "x"}
		got, err := r.fill(text, params)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		require.Equal(t, parameters{"n": "x"}, params)
	}
}

// A template comes from whoever may write to the repository.
func TestThreatTemplatesReachNothingAndEnd(t *testing.T) {
	t.Setenv("IRGIT_SECRET", "hunter2")
	for _, text := range []string{
		`{{env "IRGIT_SECRET"}}`,
		`{{expandenv "$IRGIT_SECRET"}}`,
		`{{getHostByName "example.com"}}`,
		`{{genPrivateKey "rsa"}}`, `{{genCA "x" 1}}`, `{{derivePassword 1 "long" "a" "b" "c"}}`, `{{bcrypt "x"}}`, `{{htpasswd "a" "b"}}`,
		`{{uuidv4}}`, `{{randAlphaNum 5}}`, `{{shuffle "abc"}}`, `{{now | date "2006"}}`, `{{encryptAES "a" "b"}}`,
		`{{repeat 1000000000 "x"}}`, `{{until 1000000000}}`, `{{untilStep 9223372036854775800 9223372036854775807 100}}`, `{{seq 1 1 1000000000}}`,
		`{{indent 1000000000 "x"}}`, `{{nindent 1000000000 "x"}}`, `{{printf "%999999999d" 1}}`, `{{printf "%*d" 1000000 1}}`,
		`{{range 1000000000000}}{{end}}`,
		`{{range until 60000}}{{range until 60000}}{{range until 60000}}{{end}}{{end}}{{end}}`,
		`{{$l := until 60000}}{{range $l}}{{range $l}}{{range $l}}{{$x := 1}}{{end}}{{end}}{{end}}`,
		`{{$x := "aaaaaaaa"}}{{range until 60}}{{$x = print $x $x}}{{end}}`,
		`{{$x := "\\\\"}}{{range until 60}}{{$x = js $x}}{{end}}`,
		`{{$x := "&"}}{{range until 60000}}{{$x = html $x}}{{end}}`,
		`{{$l := list 1}}{{range until 60}}{{$l = list $l $l}}{{end}}{{$l}}`,
		`{{$d := dict "a" "b"}}{{range until 60}}{{$_ := set $d "a" $d}}{{$_ := set $d "b" $d}}{{end}}{{$d}}`,
		`{{$d := dict "a" "b"}}{{range until 60}}{{$_ := merge $d (dict "c" $d "d" $d)}}{{$_ := set $d "e" (list $d $d)}}{{end}}{{$d}}`,
		`{{replace "" (repeat 60000 "x") (repeat 60000 "y")}}`,
		`{{regexReplaceAll "(x*)" (repeat 60000 "x") (repeat 9000 "${1}")}}`,
		`{{regexMatch (repeat 1000 "(a?){1000}") (repeat 60000 "a")}}`,
		`{{uniq (until 60000)}}`,
		`{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, `{{template ""}}`, `{{block "x" .}}{{end}}`,
		`{{fromYaml (print "a: &a " (repeat 30000 "x") "\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n")}}`,
		strings.Repeat(`{{if true}}`, 20000), "{{" + strings.Repeat("(", 60000),
		`{{fail "no"}}`, `{{index .n 99}}`, `{{chunk 0 (list 1)}}`, `{{repeat -1 "x"}}`, `{{call .n}}`,
	} {
		r := newRenderer(context.Background(), true, nil)
		got, err := r.fill(text, parameters{"n": "x"})
		require.Error(t, err, "%s gives %.60s", text, got)
		require.NotContains(t, got+err.Error(), "hunter2")
	}
}

func TestThreatGenerateIsBounded(t *testing.T) {
	many := func(key string, n int) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, "{%s: n%d},", key, i)
		}
		return out.String()
	}
	for about, spec := range map[string]string{
		"a matrix of many": `
generators: [{matrix: {generators: [{list: {elements: [` + many("a", 300) + `]}}, {list: {elements: [` + many("b", 300) + `]}}]}}]
template: {metadata: {name: "{{a}}-{{b}}"}}`,
		"many lists": `
generators: [{list: {elements: [` + many("a", 9000) + `]}}, {list: {elements: [` + many("b", 9000) + `]}}]
template: {metadata: {name: "{{a}}{{b}}"}}`,
		"a large template many times": `
generators: [{list: {elements: [` + many("a", 9000) + `]}}]
template: {metadata: {name: "{{a}}"}, spec: {info: [` + strings.Repeat(`{name: "0123456789012345678901234567890123456789"},`, 2000) + `]}}`,
		"a deep template": `
generators: [{list: {elements: [{a: b}]}}]
template: {metadata: {name: x}, spec: ` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
	} {
		obj := set(t, spec)
		apps, unknowns, err := Generate(context.Background(), setEnv(t), obj)
		require.NoError(t, err, about)
		require.LessOrEqual(t, len(apps), maxApplications, about)
		require.NotEmpty(t, unknowns, about)
	}
}
