package kustomize

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
)

const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

// Files that are not what a build expects make errors that name them.
func TestOddFiles(t *testing.T) {
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	var chain strings.Builder
	chain.WriteString("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx0: &x0 v\n")
	for i := range 10_000 {
		fmt.Fprintf(&chain, "x%d: &x%d [*x%d]\n", i+1, i+1, i)
	}
	for name, c := range map[string]struct{ file, content, reason string }{
		"an LFS pointer":            {"a.yaml", pointer, "Git LFS pointer"},
		"an LFS pointer with CRLF":  {"a.yaml", strings.ReplaceAll(pointer, "\n", "\r\n"), "Git LFS pointer"},
		"a kustomization in LFS":    {"kustomization.yaml", pointer, "Git LFS pointer"},
		"nesting":                   {"a.yaml", "a: " + deep + "\n", ""},
		"nesting in the root":       {"kustomization.yaml", "resources: " + deep + "\n", ""},
		"a chain of anchors":        {"a.yaml", chain.String(), ""},
		"Latin-1":                   {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: \xe4}\n", ""},
		"Latin-1 in the root":       {"kustomization.yaml", "resources: [\xe4.yaml]\n", ""},
		"bytes":                     {"a.yaml", "\x00\x01\x02\xff", ""},
		"a resource that is itself": {"kustomization.yaml", "resources: [.]\n", "cycle"},
		"a cycle":                   {"kustomization.yaml", "resources: [../other]\n", "cycle"},
	} {
		t.Run(name, func(t *testing.T) {
			all := map[string]string{"root/kustomization.yaml": "resources: [a.yaml]\n", "root/a.yaml": configMap, "other/kustomization.yaml": "resources: [../root]\n"}
			all["root/"+c.file] = c.content
			for _, o := range []Options{{}, {Generate: true}, {Partial: true}} {
				_, err := Build(t.Context(), files(t, all), "root", o)
				var bad *Error
				require.ErrorAs(t, err, &bad)
				require.Contains(t, []string{"root/" + c.file, "other/kustomization.yaml"}, bad.File, bad.Reason)
				require.Contains(t, bad.Reason, c.reason)
				require.False(t, bad.Outside)
			}
		})
	}
}

// Files of generators are taken as they are, whatever they look like.
func TestPointersAreBytesForGenerators(t *testing.T) {
	tree := files(t, map[string]string{"root/kustomization.yaml": "configMapGenerator: [{name: g, files: [model.bin]}]\n", "root/model.bin": pointer})
	r, err := Build(t.Context(), tree, "root", Options{})
	require.NoError(t, err)
	require.Equal(t, pointer, field(t, r.Objects[0], "data", "model.bin"))
}

// CRLF and a byte order mark are nothing odd.
func TestLineEndings(t *testing.T) {
	windows := func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
	all := map[string]string{
		"root/kustomization.yaml": windows("resources:\n- a.yaml\npatches:\n- path: p.yaml\n"),
		"root/a.yaml":             windows(deployment + "---\n" + configMap),
		"root/p.yaml":             windows("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"),
	}
	for _, o := range []Options{{}, {Generate: true}, {Generate: true, Fields: map[string]any{"namePrefix": "x-"}}, {Partial: true}} {
		r, err := Build(t.Context(), files(t, all), "root", o)
		require.NoError(t, err)
		require.Len(t, r.Objects, 2)
		require.EqualValues(t, 3, field(t, r.Objects[0], "spec", "replicas"))
	}
}

// A controller follows or skips links and submodules; a build says that it does
// neither, by name, or does not see them where the source controller does not
// pack them.
func TestLinksAndSubmodules(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	git := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	git("init", "-q", "-b", "main")
	write("link/kustomization.yaml", "resources: [a.yaml]\n")
	write("link/real.yaml", configMap)
	require.NoError(t, os.Symlink("real.yaml", filepath.Join(dir, "link/a.yaml")))
	write("plain/a.yaml", configMap)
	require.NoError(t, os.Symlink("a.yaml", filepath.Join(dir, "plain/b.yaml")))
	write("module/kustomization.yaml", "resources: [../vendor/base]\n")
	git("add", "-A")
	git("update-index", "--add", "--cacheinfo", "160000,1111111111111111111111111111111111111111,vendor")
	git("commit", "-qm", "x")
	remote, err := gitops.Open(t.Context(), gitops.Options{URL: dir})
	require.NoError(t, err)
	head, ok := remote.Branch("main")
	require.True(t, ok)
	tree, err := remote.Tree(t.Context(), head)
	require.NoError(t, err)

	var bad *Error
	_, err = Build(t.Context(), tree, "link", Options{})
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "link/a.yaml", bad.File)
	require.Contains(t, bad.Reason, "symlink")
	_, err = Build(t.Context(), tree, "link", Options{Generate: true, Source: Source{Ignores: true}})
	require.ErrorAs(t, err, &bad)
	require.Contains(t, bad.Reason, "a.yaml")

	_, err = Build(t.Context(), tree, "plain", Options{Directory: &Directory{}})
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "plain/b.yaml", bad.File)
	r, err := Build(t.Context(), tree, "plain", Options{Generate: true, Source: Source{Ignores: true}})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names(r.Objects))

	_, err = Build(t.Context(), tree, "module", Options{})
	require.ErrorAs(t, err, &bad)
	require.Contains(t, bad.Error(), "submodule")
	require.True(t, bad.Outside, "what is in it lies in another repository")
	r, err = Build(t.Context(), tree, "module", Options{Partial: true})
	require.NoError(t, err)
	require.Empty(t, r.Objects)
	require.Equal(t, []string{`module/kustomization.yaml: resources: "../vendor/base", which is outside the repository and is not fetched`}, r.Missing)
}
