package render

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

func (p *prover) build(ctx context.Context, tree *gitops.Tree, root string) (map[string]*unstructured.Unstructured, error) {
	built, err := kustomize.Build(ctx, tree, root, p.request.Index.Cluster().BuildOptions())
	if err != nil {
		return nil, fmt.Errorf("prove incident %s: %w", p.request.Incident, err)
	}
	out := make(map[string]*unstructured.Unstructured, len(built.Objects))
	for _, obj := range built.Objects {
		out[identity(p.refOf(root, obj))] = obj
	}
	return out, nil
}

// identity is how a cluster tells objects apart; the version is none of it,
// but one root renders an object in one version.
func identity(ref fleet.ObjectRef) string {
	return groupOf(ref.APIVersion) + "/" + ref.Kind + "/" + ref.Namespace + "/" + ref.Name
}

// refOf names a built object as the cluster gets it, in the namespace that the
// GitOps controller gives it.
func (p *prover) refOf(root string, obj *unstructured.Unstructured) fleet.ObjectRef {
	ref := fleet.ObjectRef{APIVersion: obj.GetAPIVersion(), Kind: obj.GetKind(), Namespace: obj.GetNamespace(), Name: obj.GetName(), Root: root}
	c := p.request.Index.Cluster()
	if target := targetNamespace(c, root); target != "" && (c.GitOps == "flux" || ref.Namespace == "") {
		ref.Namespace = target
	}
	return ref
}

func changeOf(root string, ref fleet.ObjectRef) ObjectChange {
	return ObjectChange{Root: root, APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}
