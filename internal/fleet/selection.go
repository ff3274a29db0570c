package fleet

import (
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
)

// picks is whom an object selects: pods by their labels, in one namespace or
// in all ("").
type picks struct {
	namespace string
	labels    []labels.Selector // pods that match one of them
	live      bool              // a label was left out of them that only running pods have
}

func (p picks) hit(w Workload) bool {
	if p.namespace != "" && p.namespace != w.Namespace {
		return false
	}
	return slices.ContainsFunc(p.labels, func(s labels.Selector) bool { return s.Matches(labels.Set(w.Labels)) })
}

// istioKinds select workloads by selector or targetRefs.
var istioKinds = map[string]bool{
	"security.istio.io/AuthorizationPolicy": true, "security.istio.io/PeerAuthentication": true,
	"security.istio.io/RequestAuthentication": true, "telemetry.istio.io/Telemetry": true, "extensions.istio.io/WasmPlugin": true,
}

// picksOf reads an object's selection. What it cannot tell is an error: an
// object that is not understood may select anything.
func (ix *Index) picksOf(u *unstructured.Unstructured) (picks, error) {
	kind := GroupOf(u.GetAPIVersion()) + "/" + u.GetKind()
	switch {
	case u.GetNamespace() == "":
		return picks{}, errors.New("it has no namespace")
	case kind == "networking.k8s.io/NetworkPolicy":
		selector, _, err := unstructured.NestedFieldNoCopy(u.Object, "spec", "podSelector")
		if err != nil {
			return picks{}, err
		}
		s, live, err := selectorOf(selector)
		return picks{u.GetNamespace(), []labels.Selector{s}, live}, err
	case kind == "cilium.io/CiliumNetworkPolicy":
		return ciliumPicks(u)
	case kind == "projectcalico.org/NetworkPolicy":
		return calicoPicks(u)
	case istioKinds[kind]:
		return ix.istioPicks(u)
	}
	return picks{}, fmt.Errorf("whom a %s of %s selects is not known to irgit", u.GetKind(), u.GetAPIVersion())
}

// selectorOf reads a label selector of pods. Labels that only running pods
// have cannot be compared with a manifest, so they are left out and reported.
func selectorOf(field any) (s labels.Selector, live bool, err error) {
	all, err := labelSelector(field)
	if err != nil {
		return nil, false, fmt.Errorf("its selector is not one: %w", err)
	}
	s, live = withoutLive(all)
	return s, live, nil
}

// labelSelector reads a label selector as the API server does. Missing or
// empty, it selects everything.
func labelSelector(field any) (labels.Selector, error) {
	if field == nil {
		return labels.Everything(), nil
	}
	m, ok := field.(map[string]any)
	if !ok {
		return nil, errors.New("it is no mapping")
	}
	var l metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(m, &l, true); err != nil {
		return nil, err
	}
	return metav1.LabelSelectorAsSelector(&l)
}

// liveLabels are put on pods by controllers and webhooks; a manifest that
// has one itself is compared like any other.
var liveLabels = []string{
	"pod-template-hash", "controller-revision-hash", "pod-template-generation", "rollouts-pod-template-hash",
	"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
	"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/job-completion-index",
	"security.istio.io/tlsMode", "service.istio.io/canonical-name", "service.istio.io/canonical-revision",
	"istio.io/rev", "topology.istio.io/network", "topology.kubernetes.io/region", "topology.kubernetes.io/zone",
}

func withoutLive(all labels.Selector) (s labels.Selector, live bool) {
	requirements, _ := all.Requirements()
	kept := labels.NewSelector()
	for _, r := range requirements {
		if slices.Contains(liveLabels, r.Key()) {
			live = true
			continue
		}
		kept = kept.Add(r)
	}
	return kept, live
}

// istioPicks reads selector and targetRefs
// (https://istio.io/latest/docs/reference/config/security/authorization-policy/).
func (ix *Index) istioPicks(u *unstructured.Unstructured) (picks, error) {
	spec, _ := u.Object["spec"].(map[string]any)
	scope := u.GetNamespace()
	if scope == ix.meshRoot() {
		scope = "" // it holds for every namespace
	}
	refs, err := targetRefs(spec)
	switch selector, has := spec["selector"]; {
	case err != nil:
		return picks{}, err
	case has && selector != nil && len(refs) > 0:
		return picks{}, errors.New("it has both selector and targetRefs")
	case len(refs) > 0:
		return ix.targets(u.GetNamespace(), refs)
	default:
		s, live, err := workloadSelector(selector)
		return picks{scope, []labels.Selector{s}, live}, err
	}
}

func (ix *Index) meshRoot() string {
	if ix.cluster.Mesh.RootNamespace != "" {
		return ix.cluster.Mesh.RootNamespace
	}
	return "istio-system"
}

// workloadSelector is Istio's: matchLabels alone.
func workloadSelector(field any) (labels.Selector, bool, error) {
	if m, ok := field.(map[string]any); ok {
		for key := range m {
			if key != "matchLabels" {
				return nil, false, fmt.Errorf("its selector has the field %q, which Istio does not have", key)
			}
		}
	}
	return selectorOf(field)
}

func targetRefs(spec map[string]any) (refs []map[string]any, err error) {
	list, ok := spec["targetRefs"].([]any)
	if !ok && spec["targetRefs"] != nil {
		return nil, errors.New("its targetRefs are no list")
	}
	if single := spec["targetRef"]; single != nil {
		list = append(slices.Clone(list), single)
	}
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, errors.New("one of its targetRefs is no mapping")
		}
		refs = append(refs, m)
	}
	return refs, nil
}

// targets follows targetRefs to the pods behind Services.
func (ix *Index) targets(namespace string, refs []map[string]any) (picks, error) {
	p := picks{namespace: namespace}
	for _, ref := range refs {
		kind, name := text(ref["kind"]), text(ref["name"])
		if kind != "Service" || text(ref["group"]) != "" && text(ref["group"]) != "core" {
			return p, fmt.Errorf("it targets a %s, and whom that reaches is not in the manifests", kind)
		}
		if other := text(ref["namespace"]); other != "" && other != namespace {
			return p, errors.New("it targets a Service of another namespace")
		}
		service, ok := ix.Object(ObjectRef{APIVersion: "v1", Kind: "Service", Namespace: namespace, Name: name})
		if !ok {
			return p, fmt.Errorf("it targets the Service %s/%s, which no root renders", namespace, name)
		}
		selector := texts(dig(service.Object, "spec", "selector"))
		if len(selector) == 0 || text(dig(service.Object, "spec", "type")) == "ExternalName" {
			return p, fmt.Errorf("it targets the Service %s/%s, which has no selector", namespace, name)
		}
		all := labels.NewSelector()
		for k, v := range selector {
			r, err := labels.NewRequirement(k, selection.Equals, []string{v})
			if err != nil {
				return p, fmt.Errorf("it targets the Service %s/%s: %w", namespace, name, err)
			}
			all = all.Add(*r)
		}
		s, live := withoutLive(all)
		p.labels, p.live = append(p.labels, s), p.live || live
	}
	return p, nil
}
