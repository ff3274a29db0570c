package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// builds counts the roots of a repository by what became of them.
type builds struct {
	Roots, Identical, FailedAlike int
	Different                     []string // roots that build to other bytes
	OnlyGit                       []string // roots that build from Git objects alone, with the reason on disk
	OnlyDisk                      []string // roots that build on disk alone, with the reason from Git
	Reasons                       map[string]int
	Alike                         []string // roots that fail in both, with both reasons
	Disk, Git                     time.Duration
}

func compareBuilds(ctx context.Context, c clone) (*builds, error) {
	log.SetOutput(io.Discard) // the library logs deprecations
	http.DefaultTransport = refusing{}
	tree, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := tree.Prefetch(ctx, ""); err != nil {
		return nil, err
	}
	roots, schemas, err := kustomizeRoots(c.checkout())
	if err != nil {
		return nil, err
	}
	b := &builds{Roots: len(roots), Reasons: map[string]int{}}
	for _, root := range roots {
		if err := b.root(ctx, c, tree, root, schemas); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *builds) root(ctx context.Context, c clone, tree *gitops.Tree, root string, schemas bool) error {
	start := time.Now()
	fromGit, gitErr := buildFromGit(ctx, tree, root)
	b.Git += time.Since(start)
	var broken *kustomize.Error
	if gitErr != nil && !errors.As(gitErr, &broken) {
		return gitErr
	}
	start = time.Now()
	onDisk, diskErr := buildOnDisk(filepath.Join(c.checkout(), filepath.FromSlash(root)))
	b.Disk += time.Since(start)
	if schemas { // a build may have left its schema behind
		openapi.ResetOpenAPI()
	}
	switch {
	case gitErr == nil && diskErr == nil && bytes.Equal(fromGit, onDisk):
		b.Identical++
	case gitErr == nil && diskErr == nil:
		b.Different = append(b.Different, root)
	case gitErr != nil && diskErr != nil:
		b.FailedAlike++
		b.Reasons[group(broken.Reason)]++
		b.Alike = append(b.Alike, fmt.Sprintf("%s: %s | on disk: %s", root, broken.Reason, oneLine(diskErr)))
	case gitErr != nil:
		b.OnlyDisk = append(b.OnlyDisk, root+": "+broken.Reason)
	default:
		b.OnlyGit = append(b.OnlyGit, root+": "+oneLine(diskErr))
	}
	return nil
}

// buildFromGit gives the bytes that `kustomize build` would print.
func buildFromGit(ctx context.Context, tree *gitops.Tree, root string) ([]byte, error) {
	built, err := kustomize.Build(ctx, tree, root, kustomize.Options{})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for i, u := range built.Objects {
		text, err := yaml.Marshal(u.Object)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	return out.Bytes(), nil
}

// buildOnDisk is what a person would run, but for the network and for git.
func buildOnDisk(dir string) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	path := os.Getenv("PATH")
	defer func() { err = errors.Join(err, os.Setenv("PATH", path)) }()
	if err := os.Setenv("PATH", ""); err != nil {
		return nil, err
	}
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone
	built, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, err
	}
	return built.AsYaml()
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("the network is refused")
}

// kustomizeRoots lists the directories below dir with a kustomization that is
// no Component; schemas says that one of them sets a schema.
func kustomizeRoots(dir string) (roots []string, schemas bool, err error) {
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !slices.Contains(kustomize.FileNames(), d.Name()) {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		schemas = schemas || bytes.Contains(data, []byte("openapi:"))
		var k struct {
			Kind string `json:"kind"`
		}
		if yaml.Unmarshal(data, &k) == nil && k.Kind == "Component" {
			return nil
		}
		rel, err := filepath.Rel(dir, filepath.Dir(name))
		roots = append(roots, filepath.ToSlash(rel))
		return err
	})
	slices.Sort(roots)
	return slices.Compact(roots), schemas, err
}
