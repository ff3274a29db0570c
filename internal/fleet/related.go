package fleet

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const rbacGroup = "rbac.authorization.k8s.io"

// Bindings lists the RoleBindings and ClusterRoleBindings that name w's
// ServiceAccount as a subject. Groups that it is in, such as
// system:serviceaccounts, are not looked at.
func (ix *Index) Bindings(w Workload) (refs []ObjectRef) {
	for _, objects := range ix.objects {
		for _, o := range objects {
			if (o.ref.Kind == "RoleBinding" || o.ref.Kind == "ClusterRoleBinding") && group(o.ref.APIVersion) == rbacGroup && Names(o.object(), w) {
				refs = append(refs, o.ref)
			}
		}
	}
	slices.SortFunc(refs, compareRefs)
	return refs
}

// Names reports whether a binding has w's ServiceAccount among its subjects. A
// RoleBinding's subject without a namespace names nobody: the API server
// refuses it.
func Names(binding *unstructured.Unstructured, w Workload) bool {
	if binding == nil {
		return false
	}
	subjects, _ := binding.Object["subjects"].([]any)
	return slices.ContainsFunc(subjects, func(s any) bool {
		return text(dig(s, "kind")) == "ServiceAccount" && text(dig(s, "name")) == w.ServiceAccount && text(dig(s, "namespace")) == w.Namespace
	})
}

// Delivering is the sync object that applies a root, as an object of the root
// that it stands in. It is false where none is known.
func (ix *Index) Delivering(root string) (ObjectRef, bool) {
	r, known := ix.roots[root]
	if !known || r.sync == nil {
		return ObjectRef{}, false
	}
	o := r.sync.Object
	ref := ObjectRef{o.APIVersion, o.Kind, o.Namespace, o.Name, r.parent}
	return ref, ix.fileOf(ref) != ""
}
