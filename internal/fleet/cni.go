package fleet

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// ciliumPicks reads a CiliumNetworkPolicy's endpointSelector
// (docs.cilium.io/en/stable/security/policy/language). What Cilium leaves out
// of its identities can select nothing, so such a label is an error.
func ciliumPicks(u *unstructured.Unstructured) (picks, error) {
	if _, several := u.Object["specs"]; several {
		return picks{}, errors.New("it has specs, each with a selector of its own")
	}
	field, ok := dig(u.Object, "spec", "endpointSelector").(map[string]any)
	if !ok {
		return picks{}, errors.New("it has no endpointSelector")
	}
	field = maps.Clone(field)
	if all, ok := field["matchLabels"].(map[string]any); ok {
		plain := map[string]any{}
		for key, value := range all {
			name, err := ciliumLabel(key)
			if err != nil {
				return picks{}, err
			}
			plain[name] = value
		}
		field["matchLabels"] = plain
	}
	if all, ok := field["matchExpressions"].([]any); ok {
		plain := make([]any, 0, len(all))
		for _, item := range all {
			m, _ := item.(map[string]any)
			name, err := ciliumLabel(text(m["key"]))
			if err != nil {
				return picks{}, err
			}
			m = maps.Clone(m)
			m["key"] = name
			plain = append(plain, m)
		}
		field["matchExpressions"] = plain
	}
	s, live, err := selectorOf(field)
	return picks{u.GetNamespace(), []labels.Selector{s}, live}, err
}

// ciliumLabel is the pod's label behind a key of Cilium's, which may name where
// the label comes from.
func ciliumLabel(key string) (string, error) {
	if source, name, has := strings.Cut(key, ":"); has {
		if source != "k8s" && source != "any" {
			return "", fmt.Errorf("it selects by %s, which is no label of a pod", key)
		}
		key = name
	}
	if !InCiliumIdentity(key) {
		return "", fmt.Errorf("it selects by the label %s, which Cilium leaves out of its identities", key)
	}
	return key, nil
}

var ciliumIgnores = regexp.MustCompile(`^(io\.kubernetes|kubernetes\.io|statefulset\.kubernetes\.io/pod-name|apps\.kubernetes\.io/pod-index|` +
	`batch\.kubernetes\.io/|.*beta\.kubernetes\.io|k8s\.io|pod-template-generation|pod-template-hash|controller-revision-hash|annotation|etcd_node)`)

// InCiliumIdentity reports whether Cilium tells pods apart by a label, as it is
// configured by default (pkg/labelsfilter: defaultLabelPrefixCfg).
func InCiliumIdentity(key string) bool { return !ciliumIgnores.MatchString(key) }

// calicoTerm is one comparison of Calico's selector language.
var calicoTerm = regexp.MustCompile(`^([A-Za-z0-9][-A-Za-z0-9_./]*) == '([-A-Za-z0-9_.]*)'$`)

// calicoPicks reads a Calico NetworkPolicy's selector: labels that are joined
// by &&, which is all that irgit writes. Anything else in that language
// (docs.tigera.io/calico/latest/reference/resources/networkpolicy) is an error.
func calicoPicks(u *unstructured.Unstructured) (picks, error) {
	spec, _ := u.Object["spec"].(map[string]any)
	if spec["serviceAccountSelector"] != nil {
		return picks{}, errors.New("it selects by ServiceAccounts")
	}
	all := labels.NewSelector()
	for _, term := range strings.Split(text(spec["selector"]), " && ") {
		m := calicoTerm.FindStringSubmatch(term)
		if m == nil {
			return picks{}, errors.New("its selector is not labels joined by &&")
		}
		r, err := labels.NewRequirement(m[1], selection.Equals, []string{m[2]})
		if err != nil {
			return picks{}, err
		}
		all = all.Add(*r)
	}
	s, live := withoutLive(all)
	return picks{u.GetNamespace(), []labels.Selector{s}, live}, nil
}

// Governed says whether a policy of the fleet rules a direction (Ingress or
// Egress) of w's traffic, so that what no policy allows is denied already:
// yes, no, or unknown where one may, and where there is one of Calico's own,
// which may stand above or below all others.
func (ix *Index) Governed(w Workload, direction string) string {
	verdict := "no"
	for _, n := range []string{w.Namespace, ""} {
		for _, o := range ix.objects[n] {
			g := GroupOf(o.ref.APIVersion)
			switch {
			case strings.HasSuffix(g, "projectcalico.org") && (o.ref.Kind == "NetworkPolicy" || o.ref.Kind == "GlobalNetworkPolicy"):
				return "unknown"
			case g != "networking.k8s.io" || o.ref.Kind != "NetworkPolicy" || !ix.mayHit(o, w):
				continue
			}
			u := o.object()
			if u == nil {
				return "unknown"
			}
			p, err := ix.picksOf(u)
			switch {
			case err == nil && !slices.Contains(directions(u), direction):
			case err != nil || p.live:
				return "unknown"
			default:
				verdict = "yes"
			}
		}
	}
	return verdict
}
