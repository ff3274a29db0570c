package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// objects are what a root builds to, by identity.
type objects = map[string]*unstructured.Unstructured

// builds keeps what roots build to, for many proofs on one tree.
type builds struct{ byRoot sync.Map }

// buildBefore builds a root of the tree before. Nobody changes the result.
func (p *prover) buildBefore(ctx context.Context, tree *gitops.Tree, root string) (objects, error) {
	if p.known == nil {
		return p.build(ctx, p.request.Index, tree, root)
	}
	if built, ok := p.known.byRoot.Load(root); ok {
		return built.(objects), nil
	}
	built, err := p.build(ctx, p.request.Index, tree, root)
	if err == nil {
		p.known.byRoot.Store(root, built)
	}
	return built, err
}

// buildAfter builds a root of the tree after; one that does not build is a
// difference, and has no objects.
func (p *prover) buildAfter(ctx context.Context, tree *gitops.Tree, root string) (objects, error) {
	built, err := p.build(ctx, p.after, tree, root)
	var broken *kustomize.Error
	if errors.As(err, &broken) {
		p.differences = append(p.differences, Difference{Root: root, What: fmt.Sprintf("it does not build any more: %s: %s", broken.File, broken.Reason)})
		err = nil
	}
	return built, err
}

func (p *prover) build(ctx context.Context, ix *fleet.Index, tree *gitops.Tree, root string) (objects, error) {
	built, err := ix.Build(ctx, tree, root)
	if err != nil {
		return nil, fmt.Errorf("prove incident %s: %w", p.request.Incident, err)
	}
	out := make(objects, len(built.Objects))
	for _, obj := range built.Objects {
		out[identity(ix.RefOf(root, obj))] = obj
	}
	return out, nil
}

// files holds the changed files against what an incident may change: its own,
// its line in a hook, and files of others by its edits alone.
func (p *prover) files(ctx context.Context, before *gitops.Tree) error {
	mine := []string{p.proof.Root + "/"}
	var hooks []string
	for _, patch := range p.bundle.Patches {
		if hook := patch.Place.Hook; hook.Dir != "" {
			mine = append(mine, path.Join(hook.Dir, p.request.Incident)+"/")
			hooks = append(hooks, hook.Kustomization, path.Join(hook.Dir, wiringFile))
		}
	}
	for _, c := range p.bundle.Changes {
		if slices.Contains(hooks, c.Path) || slices.ContainsFunc(mine, func(dir string) bool { return strings.HasPrefix(c.Path, dir) }) {
			continue
		}
		want, err := before.ReadFile(ctx, c.Path)
		if err != nil && !errors.Is(err, gitops.ErrNotFound) {
			return fmt.Errorf("prove incident %s: %w", p.request.Incident, err)
		}
		edited := false
		for _, e := range p.bundle.Edits {
			if e.File == c.Path && err == nil {
				edited = true
				want, err = e.Apply(want)
			}
		}
		if !edited || err != nil || !bytes.Equal(want, c.Content) {
			p.differences = append(p.differences, Difference{Root: c.Path, What: "the file is not the incident's, and no edit makes this of it"})
		}
	}
	return nil
}

// identity is how a cluster tells objects apart; the version is none of it,
// but one root renders an object in one version.
func identity(ref fleet.ObjectRef) string {
	return fleet.GroupOf(ref.APIVersion) + "/" + ref.Kind + "/" + ref.Namespace + "/" + ref.Name
}

func changeOf(root string, ref fleet.ObjectRef) ObjectChange {
	return ObjectChange{Root: root, APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}
