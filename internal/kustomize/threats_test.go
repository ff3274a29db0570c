package kustomize

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

// sealed makes the process unable to fetch and notices that it tries: HTTP
// goes nowhere, and the only program is a git that leaves a mark.
func sealed(t testing.TB) (touched func() bool) {
	t.Helper()
	var requests atomic.Int64
	transport := http.DefaultTransport
	http.DefaultTransport = refuse{&requests}
	t.Cleanup(func() { http.DefaultTransport = transport })
	dir := t.TempDir()
	mark := filepath.Join(dir, "was-run")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\n: > "+mark+"\nexit 1\n"), 0o755)) //nolint:gosec // it must run
	path := os.Getenv("PATH")
	require.NoError(t, os.Setenv("PATH", dir))
	t.Cleanup(func() { _ = os.Setenv("PATH", path) })
	return func() bool {
		_, err := os.Stat(mark)
		return requests.Load() > 0 || err == nil
	}
}

type refuse struct{ requests *atomic.Int64 }

func (r refuse) RoundTrip(*http.Request) (*http.Response, error) {
	r.requests.Add(1)
	return nil, errors.New("this process fetches nothing")
}

// The seal itself works.
func TestSealNotices(t *testing.T) {
	touched := sealed(t)
	_, err := http.Get("http://127.0.0.1:1/") //nolint:bodyclose // there is none
	require.ErrorContains(t, err, "fetches nothing")
	require.True(t, touched())
}

func utf16LE(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// Nothing that a repository can say makes a build fetch or run anything.
func TestThreatA9NothingIsFetchedOrRun(t *testing.T) {
	plugin := func(rest string) string {
		return "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: x}\n" + rest
	}
	kustomization := func(text string) map[string]string { return map[string]string{"root/kustomization.yaml": text} }
	with := func(text, name, content string) map[string]string {
		return map[string]string{"root/kustomization.yaml": text, "root/" + name: content, "root/cm.yaml": configMap}
	}
	cases := map[string]map[string]string{
		"http":                   kustomization("resources: [https://192.0.2.1/x.yaml]"),
		"capital scheme":         kustomization("resources: [HTTPS://192.0.2.1/x.yaml]"),
		"capital key":            kustomization("Resources: ['https://192.0.2.1/x.yaml']"),
		"folded key":             kustomization("reſources: ['https://192.0.2.1/x.yaml']"),
		"escaped":                kustomization(`resources: ["ht\x74ps\u003a//192.0.2.1/x.yaml"]`),
		"base64":                 kustomization("resources: [!!binary aHR0cHM6Ly8xOTIuMC4yLjEveA==]"),
		"the key twice":          kustomization("resources: ['https://192.0.2.1/x.yaml']\nresources: []\nRESOURCES: ['https://192.0.2.1/x.yaml']\n"),
		"anchor":                 kustomization("namePrefix: &x https://192.0.2.1/x.yaml\nresources: [*x]"),
		"github":                 kustomization("resources: [github.com/o/r//x]"),
		"github scp":             kustomization("resources: ['GitHub.com:o/r']"),
		"scp":                    kustomization("resources: ['git@192.0.2.1:o/r.git']"),
		"user and path":          kustomization("resources: [user@host/o/r]"),
		"ssh":                    kustomization("bases: ['ssh://192.0.2.1/o/r']"),
		"forced git":             kustomization("components: ['git::https://192.0.2.1/o/r']"),
		"file":                   kustomization("resources: ['file:///tmp/r']"),
		"patch":                  kustomization("patches: [{Path: 'http://192.0.2.1/p'}]"),
		"old patches":            kustomization("patchesJson6902: [{path: 'http://192.0.2.1/p', target: {kind: X, name: y}}]"),
		"strategic patch":        kustomization("patchesStrategicMerge: ['http://192.0.2.1/p']"),
		"crds":                   kustomization("crds: ['http://192.0.2.1/p']"),
		"configurations":         kustomization("configurations: ['http://192.0.2.1/p']"),
		"openapi":                kustomization("openapi: {PATH: 'http://192.0.2.1/p'}"),
		"replacements":           kustomization("replacements: [{path: 'http://192.0.2.1/p'}]"),
		"generator file":         kustomization("configMapGenerator: [{name: x, files: ['key=https://192.0.2.1/p']}]"),
		"generator envs":         kustomization("secretGenerator: [{name: x, envs: ['https://192.0.2.1/p']}]"),
		"generator env":          kustomization("configMapGenerator: [{name: x, ENV: 'https://192.0.2.1/p'}]"),
		"plugin":                 with("generators: [g.yaml]", "g.yaml", plugin("files: ['https://192.0.2.1/p']")),
		"plugin key in capitals": with("generators: [g.yaml]", "g.yaml", plugin("FILES: ['https://192.0.2.1/p']")),
		"plugin escaped":         with("generators: [g.yaml]", "g.yaml", strings.Replace(plugin("files: ['https://192.0.2.1/p']"), "builtin", `"buil\x74in"`, 1)),
		"plugin in base64":       with("generators: [g.yaml]", "g.yaml", strings.Replace(plugin("files: ['https://192.0.2.1/p']"), "builtin", "!!binary YnVpbHRpbg==", 1)),
		"plugin in UTF-16":       with("generators: [g.yaml]", "g.yaml", utf16LE(plugin("files: ['https://192.0.2.1/p']"))),
		"plugin in a list":       with("generators: [g.yaml]", "g.yaml", "apiVersion: v1\nkind: List\nitems:\n- "+strings.ReplaceAll(plugin("files: ['https://192.0.2.1/p']"), "\n", "\n  ")),
		"plugin behind junk":     with("generators: [g.yaml]", "g.yaml", configMap+"...\n%junk\n---\n"+plugin("files: ['https://192.0.2.1/p']")),
		"plugin in place":        kustomization("generators: ['{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: x}, files: [\"ht\\x74p:\\x2f/192.0.2.1/p\"]}']"),
		"plugin in lines":        kustomization("transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  path: http://192.0.2.1/p\n"),
		"validator":              kustomization("validators:\n- |\n  apiVersion: builtin\n  kind: ReplacementTransformer\n  metadata: {name: x}\n  replacements: [{path: 'http://192.0.2.1/p'}]\n"),
		"plugin made by a patch": {
			"root/kustomization.yaml": "resources: [../p]\ngenerators: [../p]\n",
			"p/kustomization.yaml":    "resources: [g.yaml]\npatches:\n- target: {kind: ConfigMapGenerator}\n  patch: |\n    - op: replace\n      path: /files/0\n      value: https://192.0.2.1/p\n",
			"p/g.yaml":                plugin("files: [x]"),
		},
		"plugin made two levels down": {
			"root/kustomization.yaml": "generators: [../q]\n",
			"q/kustomization.yaml":    "resources: [../p]\n",
			"p/kustomization.yaml":    "resources: [g.yaml, url.yaml]\nreplacements: [{source: {kind: ConfigMap, fieldPath: data.k}, targets: [{select: {kind: ConfigMapGenerator}, fieldPaths: [files.0]}]}]\n",
			"p/g.yaml":                plugin("files: [x]"),
			"p/url.yaml":              "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: u, annotations: {config.kubernetes.io/local-config: 'true'}}\ndata: {k: https://192.0.2.1/p}\n",
		},
		"exec plugin": with("generators: [g.yaml]", "g.yaml", "apiVersion: some.team/v1\nkind: Exec\nmetadata: {name: x}\n"),
		"exec function": with("transformers: [g.yaml]", "g.yaml",
			"apiVersion: v1\nkind: F\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: git}\n"),
		"container function": with("generators: [g.yaml]", "g.yaml",
			"apiVersion: v1\nkind: F\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      container: {image: evil, network: true}\n"),
		"helm":           kustomization("helmCharts: [{name: x, repo: 'https://192.0.2.1'}]"),
		"helm, old":      kustomization("HelmChartInflationGenerator: [{chartName: x}]"),
		"helm generator": with("generators: [g.yaml]", "g.yaml", "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: y\nrepo: https://192.0.2.1\n"),
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			touched := sealed(t)
			tree := files(t, content)
			_, err := Build(t.Context(), tree, "root", Options{})
			var bad *Error
			require.ErrorAs(t, err, &bad)
			require.False(t, touched(), "%v", err)
			require.NoError(t, Prefetch(t.Context(), tree, Root{Path: "root"}))
			_, _, err = Follow(t.Context(), tree, "root", Options{})
			require.NoError(t, err)
			require.False(t, touched())
		})
	}
}

// A path that leaves the repository, or that stands for something of the
// machine, is not read.
func TestThreatB1PathsStayInside(t *testing.T) {
	for _, reference := range []string{"../../../../etc/hostname", "/etc/hostname", "../..", "../../tree", "..", ".", "/proc/self/environ"} {
		for _, field := range []string{"resources: [%q]", "components: [%q]", "patches: [{path: %q, target: {kind: X}}]", "configMapGenerator: [{name: x, files: [%q]}]"} {
			tree := files(t, map[string]string{"root/kustomization.yaml": fmt.Sprintf(field, reference), "tree/kustomization.yaml": "resources: []"})
			_, err := Build(t.Context(), tree, "root", Options{})
			var bad *Error
			require.ErrorAs(t, err, &bad, field, reference)
		}
	}
}

// Links are errors that name them, whatever leads there.
func TestThreatB2LinksAreErrors(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		_, err := gittest.Git(t.Context(), dir, args...)
		require.NoError(t, err)
	}
	write := func(name, content string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	git("init", "-q", "-b", "main")
	write("real/kustomization.yaml", "resources: [a.yaml]\n")
	write("real/a.yaml", configMap)
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "linked")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "file-link"), 0o755))
	require.NoError(t, os.Symlink("/etc/hostname", filepath.Join(dir, "file-link", "a.yaml")))
	write("file-link/kustomization.yaml", "resources: [a.yaml]\n")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "kustomization-link"), 0o755))
	require.NoError(t, os.Symlink("../real/kustomization.yaml", filepath.Join(dir, "kustomization-link", "kustomization.yaml")))
	write("through/kustomization.yaml", "resources: [../linked/a.yaml]\n")
	write("base/kustomization.yaml", "resources: [../linked]\n")
	write("module/kustomization.yaml", "resources: [../sub]\n")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "generated"), 0o755))
	require.NoError(t, os.Symlink("../real/a.yaml", filepath.Join(dir, "generated", "b.yaml")))
	write("generated/a.yaml", configMap)
	git("add", "-A")
	git("update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,sub")
	git("commit", "-q", "-m", "Links")
	remote, err := gitops.Open(t.Context(), gitops.Options{URL: dir})
	require.NoError(t, err)
	head, ok := remote.Branch("main")
	require.True(t, ok)
	tree, err := remote.Tree(t.Context(), head)
	require.NoError(t, err)

	for root, want := range map[string]string{
		"linked": "symlink", "file-link": "symlink", "kustomization-link": "symlink", "through": "symlink", "base": "symlink",
		"module": "submodule", "sub": "submodule",
	} {
		_, err := Build(t.Context(), tree, root, Options{Generate: true})
		var bad *Error
		require.ErrorAs(t, err, &bad, root)
		require.Contains(t, bad.Error(), want, root)
	}
	r, err := Build(t.Context(), tree, "real", Options{})
	require.NoError(t, err)
	require.Len(t, r.Objects, 1)
	_, err = Build(t.Context(), tree, "generated", Options{Generate: true})
	require.NoError(t, err, "a link in a generated root is passed over, as Flux does")
}

// Aliases are counted before anything writes them out.
func TestThreatA5AliasBombs(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	object := "apiVersion: v1\nkind: X\nmetadata: {name: x}\n"
	k := "resources: [a.yaml]\n"
	indent := func(s string) string { return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ") + "\n" }
	inside := func(s string) string { return "    " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    ") + "\n" }
	for name, content := range map[string]map[string]string{
		"resource":               {"root/kustomization.yaml": k, "root/a.yaml": object + bomb.String()},
		"second document":        {"root/kustomization.yaml": k, "root/a.yaml": configMap + "---\n" + object + bomb.String()},
		"behind what is no YAML": {"root/kustomization.yaml": k, "root/a.yaml": configMap + "...\n%junk\n---\n" + object + bomb.String()},
		"Windows":                {"root/kustomization.yaml": k, "root/a.yaml": strings.ReplaceAll(configMap+"---\n"+object+bomb.String(), "\n", "\r\n")},
		"kustomization":          {"root/kustomization.yaml": k + bomb.String(), "root/a.yaml": configMap},
		"patch in place":         {"root/kustomization.yaml": k + "patches:\n- patch: |\n" + inside(object+bomb.String()), "root/a.yaml": configMap},
		"patch file":             {"root/kustomization.yaml": k + "patches: [{path: p.yaml}]\n", "root/a.yaml": configMap, "root/p.yaml": object + bomb.String()},
		"transformer's patch":    {"root/kustomization.yaml": k + "transformers: [t.yaml]\n", "root/a.yaml": configMap, "root/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npatch: |\n" + indent(object+bomb.String())},
		"endless":                {"root/kustomization.yaml": k, "root/a.yaml": object + "spec: &a\n  b: *a\n"},
	} {
		tree := files(t, content)
		_, err := Build(t.Context(), tree, "root", Options{})
		var bad *Error
		require.ErrorAs(t, err, &bad, name)
		if name != "endless" { // the parser may see it first
			require.Contains(t, bad.Reason, "aliases", name)
		}
		_, _, err = Follow(t.Context(), tree, "root", Options{})
		require.NoError(t, err)
	}
	ordinary := files(t, map[string]string{
		"root/kustomization.yaml": k + "configMapGenerator: [{name: s, files: [script.sh]}]\n",
		"root/a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: &x '&&& *** {{{{ [[[['\n  y: *x\n",
		"root/script.sh":          "#!/bin/sh\n" + strings.Repeat("{ [ & * \\ \n", 1000),
	})
	r, err := Build(t.Context(), ordinary, "root", Options{})
	require.NoError(t, err)
	require.Equal(t, r.Objects[0].Object["data"].(map[string]any)["x"], r.Objects[0].Object["data"].(map[string]any)["y"])
}

// Builds are bounded before the library works on what it was given.
func TestThreatA5BuildsAreBounded(t *testing.T) {
	doubling := map[string]string{"root/kustomization.yaml": "resources: [../a0, ../b0]\n"}
	for i := range 20 {
		for _, s := range []string{"a", "b"} {
			doubling[fmt.Sprintf("%s%d/kustomization.yaml", s, i)] = fmt.Sprintf("resources: [../a%d, ../b%d]\nnameSuffix: -%s\n", i+1, i+1, s)
		}
	}
	doubling["a20/kustomization.yaml"], doubling["b20/kustomization.yaml"] = "resources: []\n", "resources: []\n"
	var copies []string
	for i := range 40 {
		copies = append(copies, fmt.Sprintf(`{"op":"copy","from":"/data","path":"/data/k%d"}`, i))
	}
	k := "resources: [a.yaml]\n"
	for name, c := range map[string]struct {
		content map[string]string
		reason  string
	}{
		"doubling":       {doubling, "more than"},
		"cycle":          {map[string]string{"root/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../root]\n"}, "cycle"},
		"itself":         {map[string]string{"root/kustomization.yaml": "resources: [.]\n"}, "cycle"},
		"documents":      {map[string]string{"root/kustomization.yaml": k, "root/a.yaml": strings.Repeat(configMap+"---\n", maxSteps+1)}, "more than"},
		"list":           {map[string]string{"root/kustomization.yaml": k, "root/a.yaml": "kind: List\napiVersion: v1\nitems:\n" + strings.Repeat("- {kind: A}\n", maxSteps+1)}, "more than"},
		"hidden list":    {map[string]string{"root/kustomization.yaml": k, "root/a.yaml": "kind: List\n\"ite\\x6ds\":\n" + strings.Repeat("- {kind: A}\n", maxSteps+1)}, "more than"},
		"generators":     {map[string]string{"root/kustomization.yaml": "configMapGenerator:\n" + strings.Repeat("- {name: x}\n", maxSteps+1)}, "more than"},
		"patches":        {map[string]string{"root/kustomization.yaml": k + "patches:\n" + strings.Repeat("- {patch: x}\n", maxSteps+1)}, "more than"},
		"copies":         {map[string]string{"root/kustomization.yaml": k + "patches:\n- target: {kind: ConfigMap}\n  patch: '[" + strings.Join(copies, ",") + "]'\n", "root/a.yaml": configMap}, "exceeding the limit"},
		"deep":           {map[string]string{"root/kustomization.yaml": k, "root/a.yaml": configMap + "x: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)}, "exceeded max depth"},
		"deep blocks":    {map[string]string{"root/kustomization.yaml": k, "root/a.yaml": configMap + "x:\n" + strings.Repeat("- ", 20_000) + "x\n"}, "exceeded max depth"},
		"deep in itself": {map[string]string{"root/kustomization.yaml": "resources: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)}, "exceeded max depth"},
	} {
		_, err := Build(t.Context(), files(t, c.content), "root", Options{})
		var bad *Error
		require.ErrorAs(t, err, &bad, name)
		require.Contains(t, bad.Reason, c.reason, name)
		require.LessOrEqual(t, len(bad.Reason), maxReason+len("…"), name)
	}
}

// A panic of the library, or below it, is an error of the root.
func TestPanicIsAnError(t *testing.T) {
	_, err := Build(t.Context(), nil, "root", Options{})
	var bad *Error
	require.ErrorAs(t, err, &bad)
	require.Contains(t, bad.Reason, "gave up")
}

// FuzzKustomization feeds a kustomization of any bytes, and a file that it may
// refer to as f.yaml.
func FuzzKustomization(f *testing.F) {
	f.Add("resources: [f.yaml]\n", configMap)
	f.Add("RESOURCES: ['https://192.0.2.1/x']\n", "")
	f.Add("generators: [f.yaml]\n", "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: x}\nfiles: [a=http://192.0.2.1]\n")
	f.Add("transformers: [f.yaml]\nresources: [f.yaml]", "apiVersion: \"buil\\x74in\"\nkind: PatchTransformer\nmetadata: {name: x}\npath: http://192.0.2.1\n")
	f.Add("a: &a [b]\nresources: *a\npatches: [{patch: '- {op: copy}', target: {}}]", "---\n")
	f.Add("openapi: {path: f.yaml}\ncomponents: [..]\n", "{}")
	touched := sealed(f)
	f.Fuzz(func(t *testing.T, kustomization, file string) {
		tree := files(t, map[string]string{"root/kustomization.yaml": kustomization, "root/f.yaml": file})
		r, err := Build(t.Context(), tree, "root", Options{})
		require.False(t, touched(), "reached out of the repository")
		if err != nil {
			var bad *Error
			require.ErrorAs(t, err, &bad)
			require.NotContains(t, bad.Error(), "gave up", "the library panics")
			return
		}
		require.Contains(t, r.Files, "root/kustomization.yaml")
	})
}
