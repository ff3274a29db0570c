package reach

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// labelled is something with labels, some of which may not be in the manifests.
type labelled struct {
	set map[string]string
	// open says why there may be more labels than those of set; "" says that there are none.
	open string
}

// liveLabels are put on pods by controllers and webhooks, so that a manifest
// without one says nothing about it.
var liveLabels = []string{
	"pod-template-hash", "controller-revision-hash", "pod-template-generation", "rollouts-pod-template-hash",
	"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
	"controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/job-completion-index",
	"security.istio.io/tlsMode", "service.istio.io/canonical-name", "service.istio.io/canonical-revision",
	"istio.io/rev", "topology.istio.io/network", "topology.kubernetes.io/region", "topology.kubernetes.io/zone",
}

// has says whether a label is there, and passes its value on to test.
func (l labelled) has(key string, test func(value string) truth) truth {
	value, ok := l.set[key]
	switch {
	case ok:
		return test(value)
	case l.open != "":
		return maybe("label %s: %s", key, l.open)
	case slices.Contains(liveLabels, key):
		return maybe("label %s is put on running pods alone", key)
	}
	return no
}

func (l labelled) hasValue(key, value string) truth {
	return l.has(key, func(v string) truth { return is(v == value) })
}

func present(string) truth { return yes }

func (l labelled) matchAll(want map[string]string) truth {
	all := yes
	for _, key := range sortedKeys(want) {
		all = and(all, l.hasValue(key, want[key]))
	}
	return all
}

// match compares with a LabelSelector, all of whose terms have to hold; NotIn
// and DoesNotExist hold for a label that is not there
// (kubernetes.io/docs/concepts/overview/working-with-objects/labels). An empty
// selector matches everything.
func (l labelled) match(s metav1.LabelSelector) truth {
	all := l.matchAll(s.MatchLabels)
	for _, e := range s.MatchExpressions {
		all = and(all, l.matchExpression(e))
	}
	return all
}

func (l labelled) matchExpression(e metav1.LabelSelectorRequirement) truth {
	in := func(v string) truth { return is(slices.Contains(e.Values, v)) }
	switch e.Operator {
	case metav1.LabelSelectorOpIn:
		return l.has(e.Key, in)
	case metav1.LabelSelectorOpNotIn:
		return not(l.has(e.Key, in))
	case metav1.LabelSelectorOpExists:
		return l.has(e.Key, present)
	case metav1.LabelSelectorOpDoesNotExist:
		return not(l.has(e.Key, present))
	}
	return maybe("a selector has the operator %q, which is none", e.Operator)
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
