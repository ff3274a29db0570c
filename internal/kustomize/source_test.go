package kustomize

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
)

// What Flux's source-controller leaves out is not there for a build.
func TestIgnored(t *testing.T) {
	for _, c := range []struct {
		name    string
		ignores map[string]string // .sourceignore files
		ignore  string            // spec.ignore
		hidden  []string
		shipped []string
	}{
		{
			name: "defaults", hidden: []string{".gitignore", "a/x.png", ".github/w.yaml", "a/.sops.yaml", "cloudbuild.yaml"},
			shipped: []string{"a/b.yaml", "a", "x.PNG", "a/.github.yaml"},
		},
		{
			name: "a file puts the defaults out of force", ignores: map[string]string{"": "/docs\n"},
			hidden: []string{"docs", "docs/a.yaml", ".gitmodules"}, shipped: []string{"a/x.png", ".github/w.yaml", "a/docs/a.yaml"},
		},
		{
			name: "as does one elsewhere", ignores: map[string]string{"deep/below": "x.yaml\n"},
			hidden: []string{"deep/below/x.yaml", "deep/below/a/x.yaml"}, shipped: []string{"a/x.png", "x.yaml", "deep/x.yaml"},
		},
		{
			name: "but not an empty one", ignores: map[string]string{"": "# nothing\n\n"},
			hidden: []string{"a/x.png"}, shipped: []string{"a/b.yaml"},
		},
		{
			name: "spec.ignore is the last word", ignores: map[string]string{"": "a/\n", "b": "*.yaml\n"}, ignore: "!/b/keep.yaml\n",
			hidden: []string{"a/b.yaml", "b/x.yaml"}, shipped: []string{"b/keep.yaml", "c.yaml", "a/x/../../c.yaml"},
		},
		{
			name: "all but some", ignores: map[string]string{"": "# Exclude all\n/*\n\n!/apps/\n!/clusters/prod\n"},
			hidden: []string{"a/b.yaml", "hook", "hook/k.yaml", "clusters/dev/a.yaml", "clusters/dev"},
			// The directory is judged by itself, and so is each file in it.
			shipped: []string{"apps/x/a.yaml", "apps", "clusters/prod/a.yaml", "clusters"},
		},
		{
			name: "a file in what is ignored", ignores: map[string]string{"": "/vendor/\n!/vendor/lib/keep.yaml\n"},
			hidden: []string{"vendor/lib/a.yaml", "vendor/other"}, shipped: []string{"vendor/lib/keep.yaml", "vendor/lib", "vendor"},
		},
		{
			name: "names at any depth", ignores: map[string]string{"": "/v/\n!keep.yaml\n"},
			hidden: []string{"v/a/b.yaml", "v/b"}, shipped: []string{"v/a/keep.yaml", "v/a", "v"},
		},
		{
			name: "patterns of a file hold for its directory", ignores: map[string]string{"a": "/b\n"},
			hidden: []string{"a/b/c.yaml"}, shipped: []string{"b/c.yaml", "a/a/b/c.yaml"},
		},
	} {
		all := map[string]string{
			"v/a/keep.yaml": "", "v/b/x.yaml": "", "vendor/lib/keep.yaml": "", "vendor/other/x.yaml": "", "clusters/prod/a.yaml": "", "clusters/dev/a.yaml": "",
			"apps/x/a.yaml": "", "docs/a.yaml": "", "hook/k.yaml": "", "a/b.yaml": "", "deep/below/a.yaml": "",
		}
		for dir, text := range c.ignores {
			all[clean(dir+"/.sourceignore")] = text
		}
		tree := files(t, all)
		source := Source{Ignores: true, Ignore: c.ignore}
		for _, name := range c.hidden {
			hidden, err := source.Hidden(t.Context(), tree, name)
			require.NoError(t, err)
			require.True(t, hidden, "%s: %s", c.name, name)
		}
		for _, name := range c.shipped {
			hidden, err := source.Hidden(t.Context(), tree, name)
			require.NoError(t, err)
			require.False(t, hidden, "%s: %s", c.name, name)
		}
		hidden, err := Source{}.Hidden(t.Context(), tree, c.hidden[0])
		require.NoError(t, err)
		require.False(t, hidden, "all of it is shipped when nothing is said")
	}
}

func TestSparse(t *testing.T) {
	tree := files(t, map[string]string{"apps/a.yaml": "", "apps-too/a.yaml": "", "b/c/d.yaml": "", "b/e.yaml": "", "f.yaml": ""})
	source := Source{Sparse: []string{"./apps", "b/c"}}
	for name, want := range map[string]bool{"apps/a.yaml": false, "apps-too/a.yaml": false, "b": false, "b/c": false, "b/c/d.yaml": false, "b/e.yaml": true, "f.yaml": true, "apps": false, "new/x.yaml": true} {
		hidden, err := source.Hidden(t.Context(), tree, name)
		require.NoError(t, err)
		require.Equal(t, want, hidden, name)
	}
}

// Copies go as source-watcher makes them (its builder_test.go).
func TestCopies(t *testing.T) {
	all := map[string]string{
		"apps/base/a.yaml": "a", "apps/base/sub/b.yaml": "b", "apps/prod/c.yaml": "c", "apps/prod/README.md": "r",
		"infra/d.yaml": "d", "infra/base/z.yaml": "z", "e.yaml": "e", "apps/.sops.yaml": "s",
	}
	for _, c := range []struct {
		name   string
		copies []Copy
		want   map[string]string // of the artifact: path to path in the repository
	}{
		{"what is in a directory", []Copy{{From: "@repo/apps/base/**", To: "@artifact/base/"}}, map[string]string{"base/a.yaml": "apps/base/a.yaml", "base/sub/b.yaml": "apps/base/sub/b.yaml"}},
		{"to the top", []Copy{{From: "@repo/infra/**", To: "@artifact/"}}, map[string]string{"d.yaml": "infra/d.yaml", "base/z.yaml": "infra/base/z.yaml"}},
		{"a directory", []Copy{{From: "@repo/apps/base", To: "@artifact/x"}}, map[string]string{"x/base/a.yaml": "apps/base/a.yaml", "x/base/sub/b.yaml": "apps/base/sub/b.yaml"}},
		{"a directory with slashes", []Copy{{From: "@repo/apps/base/", To: "@artifact/x/"}}, map[string]string{"x/base/a.yaml": "apps/base/a.yaml", "x/base/sub/b.yaml": "apps/base/sub/b.yaml"}},
		{"a star keeps the path", []Copy{{From: "@repo/apps/*", To: "@artifact/x"}}, map[string]string{"x/apps/base/a.yaml": "apps/base/a.yaml", "x/apps/base/sub/b.yaml": "apps/base/sub/b.yaml", "x/apps/prod/c.yaml": "apps/prod/c.yaml", "x/apps/prod/README.md": "apps/prod/README.md"}},
		{"a star in the middle", []Copy{{From: "@repo/*/base/**", To: "@artifact/"}}, map[string]string{"apps/base/a.yaml": "apps/base/a.yaml", "apps/base/sub/b.yaml": "apps/base/sub/b.yaml", "infra/base/z.yaml": "infra/base/z.yaml"}},
		{"a file", []Copy{{From: "@repo/e.yaml", To: "@artifact/f.yaml"}}, map[string]string{"f.yaml": "e.yaml"}},
		{"a file into a directory", []Copy{{From: "@repo/e.yaml", To: "@artifact/f/"}}, map[string]string{"f/e.yaml": "e.yaml"}},
		{"a file into what is a directory by now", []Copy{{From: "@repo/apps/prod/**", To: "@artifact/f"}, {From: "@repo/e.yaml", To: "@artifact/f"}}, map[string]string{"f/e.yaml": "e.yaml", "f/c.yaml": "apps/prod/c.yaml", "f/README.md": "apps/prod/README.md"}},
		{"files by name", []Copy{{From: "@repo/apps/*/*.yaml", To: "@artifact/"}}, map[string]string{"apps/base/a.yaml": "apps/base/a.yaml", "apps/prod/c.yaml": "apps/prod/c.yaml"}},
		{"a later one wins", []Copy{{From: "@repo/apps/base/**", To: "@artifact/"}, {From: "@repo/e.yaml", To: "@artifact/a.yaml"}}, map[string]string{"a.yaml": "e.yaml", "sub/b.yaml": "apps/base/sub/b.yaml"}},
		{"excludes", []Copy{{From: "@repo/apps/**", To: "@artifact/", Exclude: []string{"*.md", "base/sub", "prod/**/nothing"}}}, map[string]string{"base/a.yaml": "apps/base/a.yaml", "prod/c.yaml": "apps/prod/c.yaml"}},
		{"excludes from the top", []Copy{{From: "@repo/apps/**", To: "@artifact/", Exclude: []string{"apps/base/**"}}}, map[string]string{"prod/c.yaml": "apps/prod/c.yaml", "prod/README.md": "apps/prod/README.md"}},
		{"all of it", []Copy{{From: "@repo/", To: "@artifact/r", Exclude: []string{"apps", "infra"}}}, map[string]string{"r/e.yaml": "e.yaml"}},
	} {
		source := Source{Copies: c.copies}
		v := newView(files(t, all), source, func(string) {}, func(string) {})
		require.Equal(t, c.want, everything(t, v, ""), c.name)
		for at, from := range c.want {
			have, ok := source.Artifact(from)
			require.True(t, ok, "%s: %s", c.name, from)
			require.Equal(t, at, have, c.name)
		}
		taken := map[string]bool{}
		for _, from := range c.want {
			taken[from] = true
		}
		for name := range all {
			hidden, err := source.Hidden(t.Context(), v.tree, name)
			require.NoError(t, err)
			if taken[name] {
				require.False(t, hidden, "%s: %s", c.name, name)
			} else if _, placed := source.Artifact(name); !placed {
				require.True(t, hidden, "%s: %s", c.name, name)
			}
		}
	}
}

// everything lists the files of a view, with where each lies.
func everything(t *testing.T, v *view, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := v.list(t.Context(), dir)
	require.NoError(t, err)
	for _, e := range entries {
		name := clean(dir + "/" + e.Name)
		if e.Mode == gitops.Dir {
			for at, from := range everything(t, v, name) {
				out[at] = from
			}
			continue
		}
		_, where, err := v.read(t.Context(), name)
		require.NoError(t, err, name)
		out[name] = where
	}
	return out
}

func TestCopiesThatFindNothing(t *testing.T) {
	tree := files(t, map[string]string{"a/kustomization.yaml": "resources: []\n"})
	for _, c := range []struct {
		copy   Copy
		reason string
	}{
		{Copy{From: "@repo/b", To: "@artifact/"}, "finds nothing"},
		{Copy{From: "@repo/b/*", To: "@artifact/"}, "finds nothing"},
		{Copy{From: "@repo/a/*", To: "@artifact/", Exclude: []string{"*"}}, "finds nothing"},
		{Copy{From: "@repo/a/[", To: "@artifact/"}, "is no pattern"},
		{Copy{From: "@repo/a", To: "@artifact/", Exclude: []string{"["}}, "is no pattern"},
	} {
		_, err := Build(t.Context(), tree, "a", Options{Source: Source{Copies: []Copy{c.copy}}})
		var bad *Error
		require.ErrorAs(t, err, &bad)
		require.Contains(t, bad.Reason, c.reason, "%v", c.copy)
	}
}

// Paths of a build are those of the artifact; what is told of it are those of
// the repository.
func TestBuildOfAnArtifact(t *testing.T) {
	all := map[string]string{
		".sourceignore":                "/*\n!/apps\n",
		"apps/.sourceignore":           "*.off.yaml\n",
		"apps/base/kustomization.yaml": "resources: [a.yaml]\n",
		"apps/base/a.yaml":             configMap,
		"apps/prod/kustomization.yaml": "resources: [../base, b.yaml]\ntransformers: [../hook, ../../hook]\n",
		"apps/prod/b.yaml":             deployment,
		"apps/hook/kustomization.yaml": "resources: []\n",
		"apps/plain/a.yaml":            configMap,
		"apps/plain/b.off.yaml":        "{",
		"apps/fails/kustomization.yml": "resources: [../../x.yaml]\n",
		"hook/kustomization.yaml":      "resources: []\n",
		"x.yaml":                       configMap,
	}
	copies := []Copy{
		{From: "@repo/apps/base/**", To: "@artifact/base/"},
		{From: "@repo/apps/prod/**", To: "@artifact/production/"},
		{From: "@repo/apps/hook", To: "@artifact/"},
		{From: "@repo/apps/plain/**", To: "@artifact/plain"},
		{From: "@repo/apps/fails/**", To: "@artifact/fails"},
	}
	all["apps/prod/kustomization.yaml"] = "resources: [../base, b.yaml]\ntransformers: [../hook]\n"
	tree := files(t, all)
	o := Options{Generate: true, Source: Source{Ignores: true, Copies: copies}}
	r, err := Build(t.Context(), tree, "production", o)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "web"}, names(r.Objects))
	require.Equal(t, "apps/prod/kustomization.yaml", r.Kustomization)
	require.Equal(t, []string{"apps/hook"}, r.Transformers)
	require.Equal(t, []string{
		".sourceignore", "apps/.sourceignore", "apps/base/a.yaml", "apps/base/kustomization.yaml", "apps/hook/kustomization.yaml",
		"apps/prod/b.yaml", "apps/prod/kustomization.yaml",
	}, r.Files)
	require.Contains(t, r.Looked, "apps/prod/.sourceignore", "one that comes makes it another build")

	r, err = Build(t.Context(), tree, "plain", o)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names(r.Objects))

	_, err = Build(t.Context(), tree, "fails", o)
	var bad *Error
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "apps/fails/kustomization.yml", bad.File)
	_, err = Build(t.Context(), tree, "apps/prod", o)
	require.ErrorAs(t, err, &bad, "a path of the repository is none of the artifact")

	// Without copies, what is ignored is not there.
	o.Source.Copies = nil
	all["apps/prod/kustomization.yaml"] = "resources: [../base, b.yaml]\ntransformers: [../../hook]\n"
	_, err = Build(t.Context(), files(t, all), "apps/prod", o)
	require.ErrorAs(t, err, &bad)
	require.Contains(t, bad.Looked, "hook")
	o.Source.Ignores = false
	_, err = Build(t.Context(), files(t, all), "apps/prod", o)
	require.NoError(t, err)
}
