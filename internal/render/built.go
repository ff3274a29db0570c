package render

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

func (p *prover) build(ctx context.Context, tree *gitops.Tree, root string) (map[string]*unstructured.Unstructured, error) {
	built, err := p.request.Index.Build(ctx, tree, root)
	if err != nil {
		return nil, fmt.Errorf("prove incident %s: %w", p.request.Incident, err)
	}
	out := make(map[string]*unstructured.Unstructured, len(built.Objects))
	for _, obj := range built.Objects {
		out[identity(p.request.Index.RefOf(root, obj))] = obj
	}
	return out, nil
}

// identity is how a cluster tells objects apart; the version is none of it,
// but one root renders an object in one version.
func identity(ref fleet.ObjectRef) string {
	return groupOf(ref.APIVersion) + "/" + ref.Kind + "/" + ref.Namespace + "/" + ref.Name
}

func changeOf(root string, ref fleet.ObjectRef) ObjectChange {
	return ObjectChange{Root: root, APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}
