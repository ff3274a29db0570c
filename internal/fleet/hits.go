package fleet

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Hits lists the workloads whose pods the object would select, by the labels
// of their manifests: a NetworkPolicy, Cilium's or Calico's own, or one of
// Istio's policies with selector or targetRefs. Workloads with HostNetwork are among them, although
// most CNIs do not enforce a NetworkPolicy on such pods. Of a
// ValidatingAdmissionPolicy it lists the workloads whose changes it judges. An
// object whose selection cannot be told from manifests is an error; it may
// select anything.
func (ix *Index) Hits(obj *unstructured.Unstructured) ([]Workload, error) {
	if GroupOf(obj.GetAPIVersion()) == "admissionregistration.k8s.io" && obj.GetKind() == "ValidatingAdmissionPolicy" {
		hit, err := ix.watched(obj)
		if err != nil {
			return nil, fmt.Errorf("whom %s %s concerns: %w", obj.GetKind(), obj.GetName(), err)
		}
		return hit, nil
	}
	p, err := ix.picksOf(obj)
	if err == nil && p.live {
		err = errors.New("it selects by a label that only running pods have")
	}
	if err != nil {
		return nil, fmt.Errorf("whom %s %s/%s selects: %w", obj.GetKind(), obj.GetNamespace(), obj.GetName(), err)
	}
	var hit []Workload
	for _, w := range ix.workloads {
		if p.hit(w) {
			hit = append(hit, w)
		}
	}
	return hit, nil
}

// Selecting lists the rendered NetworkPolicies and AuthorizationPolicies that
// select w today. One that selects by a label of running pods is listed where
// it may be w's, and one that irgit does not understand in w's namespace too.
func (ix *Index) Selecting(w Workload) (refs []ObjectRef) {
	for _, o := range ix.policies(w) {
		refs = append(refs, o.ref)
	}
	return refs
}

func (ix *Index) policies(w Workload) (found []indexedObject) {
	namespaces := []string{w.Namespace}
	if root := ix.meshRoot(); root != w.Namespace {
		namespaces = append(namespaces, root)
	}
	for _, n := range namespaces {
		for _, o := range ix.objects[n] {
			switch GroupOf(o.ref.APIVersion) + "/" + o.ref.Kind {
			case "networking.k8s.io/NetworkPolicy":
				if n != w.Namespace {
					continue
				}
			case "security.istio.io/AuthorizationPolicy":
			default:
				continue
			}
			if ix.mayHit(o, w) {
				found = append(found, o)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b indexedObject) int { return compareRefs(a.ref, b.ref) })
	return found
}

func (ix *Index) mayHit(o indexedObject, w Workload) bool {
	u := o.object()
	if u == nil {
		return true // too large to keep: nobody knows
	}
	p, err := ix.picksOf(u)
	if err != nil {
		return p.namespace == "" || p.namespace == w.Namespace
	}
	return p.hit(w)
}
