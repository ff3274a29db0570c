package fleet

import (
	"maps"
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
			if (o.ref.Kind == "RoleBinding" || o.ref.Kind == "ClusterRoleBinding") && GroupOf(o.ref.APIVersion) == rbacGroup && namesAccount(o.object(), w) {
				refs = append(refs, o.ref)
			}
		}
	}
	slices.SortFunc(refs, compareRefs)
	return refs
}

// namesAccount reports whether a binding has w's ServiceAccount among its subjects.
func namesAccount(binding *unstructured.Unstructured, w Workload) bool {
	if binding == nil {
		return false
	}
	subjects, _ := binding.Object["subjects"].([]any)
	return slices.ContainsFunc(subjects, func(s any) bool { return IsSubject(s, w) })
}

// IsSubject reports whether a subject of a binding is w's ServiceAccount, by
// its name or as the user that it is. One without a namespace is nobody: the
// API server refuses it.
func IsSubject(subject any, w Workload) bool {
	kind, name := text(dig(subject, "kind")), text(dig(subject, "name"))
	return kind == "ServiceAccount" && name == w.ServiceAccount && text(dig(subject, "namespace")) == w.Namespace ||
		kind == "User" && name == serviceAccount(w.Namespace, w.ServiceAccount)
}

// User is the user that w's ServiceAccount is to the API server.
func (w Workload) User() string { return serviceAccount(w.Namespace, w.ServiceAccount) }

// Delivering is the sync object that applies a root, as an object of the root
// that it stands in. It is false where none is known.
func (ix *Index) Delivering(root string) (ObjectRef, bool) {
	ref, ok := ix.delivering(root)
	return ref, ok && ix.fileOf(ref) != ""
}

// Objects lists what the cluster's roots render of the kinds that are asked
// for. They are shared: nobody may change them. One that two roots render is
// there twice.
func (ix *Index) Objects(wanted func(ObjectRef) bool) (all []*unstructured.Unstructured) {
	for _, namespace := range slices.Sorted(maps.Keys(ix.objects)) {
		for _, o := range ix.objects[namespace] {
			if !wanted(o.ref) {
				continue
			}
			if u := o.object(); u != nil {
				if u.GetNamespace() != o.ref.Namespace { // Argo CD fills it in
					u = u.DeepCopy()
					u.SetNamespace(o.ref.Namespace)
				}
				all = append(all, u)
			}
		}
	}
	return all
}
