package fleet

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/gitops"
)

// Barred says what may keep what applies an incident's directory from creating
// objects that belong to no namespace, as far as Git tells: the rights of a
// ServiceAccount, or an AppProject. An incident that may not create one of its
// objects is not applied at all. tree holds the incident.
func (ix *Index) Barred(ctx context.Context, tree *gitops.Tree, dir string, objs []*unstructured.Unstructured) (reasons []string, err error) {
	objs = slices.DeleteFunc(slices.Clone(objs), func(o *unstructured.Unstructured) bool { return o.GetNamespace() != "" })
	if len(objs) == 0 {
		return nil, nil
	}
	with := ix
	if ix.cluster.GitOps == controllers.ArgoCD { // an ApplicationSet makes an Application only of an incident that is there
		if with, err = ix.In(ctx, tree); err != nil {
			return nil, err
		}
	}
	for _, s := range with.applying(dir) {
		account := s.Rules.ServiceAccount
		if _, flag, _ := ix.controller(ix.cluster.Flux.Namespace, kustomizeController); account == "" && s.Controller == controllers.FluxCD {
			account = flag
		}
		rules := controllers.Rules{Project: s.Rules.Project, ProjectName: s.Rules.ProjectName, ServiceAccount: account}
		for _, o := range objs {
			for _, found := range rules.Obstacles(GroupOf(o.GetAPIVersion()), o.GetKind(), "", o.GetName(), nil) {
				reason := s.Object.Kind + " " + s.Object.Namespace + "/" + s.Object.Name + " " + found.Reason
				if found.Step != "" {
					reason += ": " + found.Step
				}
				if !slices.Contains(reasons, reason) {
					reasons = append(reasons, reason)
				}
			}
		}
	}
	return reasons, nil
}

// Restricted is the ServiceAccount that what applies the incidents impersonates,
// "" when it is the controller's own. It is one of the namespace of the
// cluster's Flux objects.
func (ix *Index) Restricted() string {
	for _, s := range ix.applying(ix.cluster.Response) {
		if s.Controller == controllers.FluxCD && s.Object.Namespace == ix.cluster.Flux.Namespace {
			return s.Rules.ServiceAccount
		}
	}
	return ""
}
