package fleet

import (
	"cmp"
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// Cluster is the cluster that was indexed.
func (ix *Index) Cluster() Cluster { return ix.cluster }

// Workloads lists what owns pods, by namespace, kind, name and root. Their maps
// and lists belong to the index.
func (ix *Index) Workloads() []Workload { return slices.Clone(ix.workloads) }

// Findings lists what the index could not take into account.
func (ix *Index) Findings() []Finding { return slices.Clone(ix.findings) }

// inNamespace is the part of the workloads in a namespace.
func (ix *Index) inNamespace(namespace string) []Workload {
	from, _ := slices.BinarySearchFunc(ix.workloads, namespace, func(w Workload, n string) int { return cmp.Compare(w.Namespace, n) })
	to := from
	for to < len(ix.workloads) && ix.workloads[to].Namespace == namespace {
		to++
	}
	return ix.workloads[from:to]
}

// Object returns the rendered object. A ref without Root or APIVersion finds
// it in any root or version. Secrets, ConfigMaps, CRDs and objects over 2
// MiB are not kept. The caller owns the copy.
func (ix *Index) Object(ref ObjectRef) (*unstructured.Unstructured, bool) {
	for _, o := range ix.objects[ref.Namespace] {
		if o.ref.Kind != ref.Kind || o.ref.Name != ref.Name ||
			ref.APIVersion != "" && o.ref.APIVersion != ref.APIVersion || ref.Root != "" && o.ref.Root != ref.Root {
			continue
		}
		if u := o.object(); u != nil {
			return u.DeepCopy(), true
		}
	}
	return nil, false
}

// BuiltNamespace is the namespace that an object has in the build of its root:
// "" where its GitOps controller fills it in afterwards, so that a patch that
// named it would meet nothing.
func (ix *Index) BuiltNamespace(ref ObjectRef) string {
	for _, o := range ix.objects[ref.Namespace] {
		if o.ref == ref {
			return o.Namespace
		}
	}
	return ref.Namespace
}

// RefOf names an object that a root builds as the cluster gets it.
func (ix *Index) RefOf(root string, obj *unstructured.Unstructured) ObjectRef {
	ref := ObjectRef{obj.GetAPIVersion(), obj.GetKind(), obj.GetNamespace(), obj.GetName(), root}
	if r, known := ix.roots[root]; known && ref.Namespace == "" && !clusterScoped[ref.Kind] {
		ref.Namespace = r.namespace
	}
	return ref
}

// Build renders a root of the cluster from another tree, as its controller
// would. Any other directory is built as the cluster's controller takes one
// that nothing is said about. Errors are those of [kustomize.Build].
func (ix *Index) Build(ctx context.Context, tree *gitops.Tree, root string) (*kustomize.Result, error) {
	r, known := ix.roots[root]
	if !known {
		return kustomize.Build(ctx, tree, root, ix.cluster.buildOptions())
	}
	o := r.options
	o.Partial = len(r.missing) > 0
	return kustomize.Build(ctx, tree, r.want().path, o)
}

// SameServiceAccount lists the other workloads that run under w's identity: a
// rule on its principal hits them too.
func (ix *Index) SameServiceAccount(w Workload) (others []Workload) {
	for _, o := range ix.inNamespace(w.Namespace) {
		if o.ServiceAccount == w.ServiceAccount && o.Ref() != w.Ref() {
			others = append(others, o)
		}
	}
	return others
}

// Namespaces lists the namespaces by name.
func (ix *Index) Namespaces() []Namespace {
	found := map[string]Namespace{}
	for _, w := range ix.workloads {
		if w.Namespace != "" {
			found[w.Namespace] = Namespace{Name: w.Namespace}
		}
	}
	for _, o := range ix.objects[""] {
		if o.ref.Kind == "Namespace" && o.ref.APIVersion == "v1" && o.object() != nil {
			found[o.ref.Name] = Namespace{o.ref.Name, texts(dig(o.object().Object, "metadata", "labels"))}
		}
	}
	all := make([]Namespace, 0, len(found))
	for _, n := range found {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b Namespace) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// autoscalerKinds scale a workload by a scaleTargetRef.
var autoscalerKinds = map[string]bool{"HorizontalPodAutoscaler": true, "ScaledObject": true}

// Autoscalers lists the HorizontalPodAutoscalers and KEDA ScaledObjects that
// scale w.
func (ix *Index) Autoscalers(w Workload) (refs []ObjectRef) {
	for _, o := range ix.objects[w.Namespace] {
		if o.Scales.scales(w) {
			refs = append(refs, o.ref)
		}
	}
	return refs
}

// scaleTargetOf is nil for what is no autoscaler. KEDA's default is a
// Deployment of apps.
func scaleTargetOf(u *unstructured.Unstructured) *scaleTarget {
	if !autoscalerKinds[u.GetKind()] {
		return nil
	}
	target, _ := dig(u.Object, "spec", "scaleTargetRef").(map[string]any)
	t := &scaleTarget{text(target["apiVersion"]), text(target["kind"]), text(target["name"])}
	if u.GetKind() == "ScaledObject" {
		t.Kind = cmp.Or(t.Kind, "Deployment")
	}
	return t
}

// scales reports whether an autoscaler's target is w. A target without
// apiVersion is one by kind and name: better a freeze too many in the plan
// than an autoscaler unseen.
func (t *scaleTarget) scales(w Workload) bool {
	return t != nil && t.Name == w.Name && t.Kind == w.Kind && (t.APIVersion == "" || GroupOf(t.APIVersion) == GroupOf(w.APIVersion))
}

// Services lists the Services whose selector picks w's pods.
func (ix *Index) Services(w Workload) (refs []ObjectRef) {
	for _, o := range ix.objects[w.Namespace] {
		if o.ref.Kind != "Service" || o.ref.APIVersion != "v1" || o.object() == nil {
			continue
		}
		spec, _ := o.object().Object["spec"].(map[string]any)
		if selector := texts(spec["selector"]); len(selector) > 0 && subset(selector, w.Labels) && spec["type"] != "ExternalName" {
			refs = append(refs, o.ref)
		}
	}
	return refs
}

func subset(selector, labels map[string]string) bool {
	for k, v := range selector {
		if have, ok := labels[k]; !ok || have != v {
			return false
		}
	}
	return true
}
