package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// overlay lays an .irgit.yaml over a tree that declares its kustomizations and
// plain directories as the roots of one cluster.
func overlay(ctx context.Context, tree *gitops.Tree, checkout string) (*gitops.Tree, error) {
	roots, err := outermost(checkout)
	if err != nil {
		return nil, err
	}
	plain, err := plainDirectories(checkout)
	if err != nil {
		return nil, err
	}
	type root struct {
		Path string `json:"path"`
	}
	var declared []root
	for _, r := range append(roots, plain...) {
		if !strings.Contains(r, ":") { // which .irgit.yaml does not take
			declared = append(declared, root{r})
		}
	}
	data, err := yaml.Marshal(map[string]any{
		"apiVersion": "irgit.dev/v1alpha1", "kind": "Fleet",
		"clusters": []any{map[string]any{"name": all, "gitops": "argocd", "roots": declared}},
	})
	if err != nil {
		return nil, err
	}
	return tree.With(ctx, gitops.Change{Path: fleet.ConfigFile, Content: data})
}

// outermost lists the kustomizations that no other one refers to.
func outermost(checkout string) (out []string, err error) {
	roots, _, err := kustomizeRoots(checkout)
	if err != nil {
		return nil, err
	}
	referred := map[string]bool{}
	for _, r := range roots {
		for _, name := range referencesOf(filepath.Join(checkout, r)) {
			referred[path.Join(r, name)] = true
		}
	}
	// Components refer to bases, too, and are no roots of their own.
	return slices.DeleteFunc(roots, func(r string) bool { return referred[r] || r == "." }), nil
}

func referencesOf(dir string) []string {
	for _, name := range kustomize.FileNames() {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		var k struct {
			Resources  []string `json:"resources"`
			Bases      []string `json:"bases"`
			Components []string `json:"components"`
		}
		_ = yaml.Unmarshal(data, &k) // one that cannot be read refers to nothing
		return slices.Concat(k.Resources, k.Bases, k.Components)
	}
	return nil
}

// plainDirectories lists those with manifests that neither a kustomization nor
// a chart stands in or above.
func plainDirectories(checkout string) (out []string, err error) {
	err = filepath.WalkDir(checkout, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || name == checkout {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") || taken(name) {
			return fs.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(name, "*.y*ml"))
		if err != nil {
			return err
		}
		if slices.ContainsFunc(files, isManifest) {
			rel, err := filepath.Rel(checkout, name)
			out = append(out, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	return out, err
}

func taken(dir string) bool {
	for _, name := range append(kustomize.FileNames(), "Chart.yaml") {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func isManifest(file string) bool {
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	lines := bytes.Split(data, []byte("\n"))
	has := func(prefix string) bool {
		return slices.ContainsFunc(lines, func(l []byte) bool { return bytes.HasPrefix(l, []byte(prefix)) })
	}
	return has("kind:") && has("apiVersion:") && has("metadata:")
}
