package policy

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
)

// A form is an exact shape in which an object may stand outside the target's
// namespace, because it can hit nothing but what it is about.
type form struct {
	is    func(s Surroundings, target fleet.Workload, obj *unstructured.Unstructured) bool
	hits  func(s Surroundings, target fleet.Workload, obj *unstructured.Unstructured) ([]fleet.Workload, error)
	check func(s Surroundings, target fleet.Workload, obj *unstructured.Unstructured) []Refusal
}

// forms are those of an AuthorizationPolicy. The first that fits counts.
var forms = []form{
	{is: deniesIdentity, hits: sharesIdentity, check: checkIdentity},
	{is: deniesSources, hits: selected, check: checkGateways},
}

func formOf(s Surroundings, target fleet.Workload, obj *unstructured.Unstructured) (form, bool) {
	if obj.GetKind() != "AuthorizationPolicy" || fleet.GroupOf(obj.GetAPIVersion()) != "security.istio.io" {
		return form{}, false
	}
	i := slices.IndexFunc(forms, func(f form) bool { return f.is(s, target, obj) })
	if i < 0 {
		return form{}, false
	}
	return forms[i], true
}

// deniesIdentity reports whether a policy denies the target's own principal and
// says nothing else: then it stops what the target calls, whomever it selects.
// It has no selector, or names the cluster's waypoint.
func deniesIdentity(s Surroundings, target fleet.Workload, obj *unstructured.Unstructured) bool {
	c := s.Cluster()
	if obj.GetNamespace() == meshRoot(c) || target.ServiceAccount == "" {
		return false
	}
	spec, _ := obj.Object["spec"].(map[string]any)
	want := map[string]any{"action": "DENY", "rules": []any{map[string]any{"from": []any{
		map[string]any{"source": map[string]any{"principals": []any{c.Principal(target.Namespace, target.ServiceAccount)}}},
	}}}}
	if _, has := spec["targetRefs"]; has {
		want["targetRefs"] = []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": c.Mesh.Waypoint}}
	}
	return reflect.DeepEqual(spec, want)
}

// sharesIdentity lists the workloads that are denied with the target: those of
// its ServiceAccount.
func sharesIdentity(s Surroundings, target fleet.Workload, _ *unstructured.Unstructured) (hit []fleet.Workload, err error) {
	for _, w := range s.Workloads() {
		if w.Namespace == target.Namespace && w.ServiceAccount == target.ServiceAccount {
			hit = append(hit, w)
		}
	}
	return hit, nil
}

func checkIdentity(s Surroundings, target fleet.Workload, obj *unstructured.Unstructured) (refusals []Refusal) {
	hit, _ := sharesIdentity(s, target, obj)
	for _, w := range hit {
		if r, is := protection(s.Cluster(), w); is && !sameAs(target)(w) {
			refusals = append(refusals, Refusal{r.Guardrail, fmt.Sprintf("%s denies a protected workload, which has the same ServiceAccount: %s", nameObject(obj), r.Reason)})
		}
	}
	return refusals
}

func selected(s Surroundings, _ fleet.Workload, obj *unstructured.Unstructured) ([]fleet.Workload, error) {
	return s.Hits(obj)
}

// deniesSources reports whether a policy denies requests by their source
// addresses alone, to others than the target.
func deniesSources(s Surroundings, target fleet.Workload, obj *unstructured.Unstructured) bool {
	spec, _ := obj.Object["spec"].(map[string]any)
	rules, _ := spec["rules"].([]any)
	for _, rule := range rules {
		for _, source := range sourcesOf(rule) {
			if _, has := source["remoteIpBlocks"]; !has || len(source) != 1 {
				return false
			}
		}
		if r, _ := rule.(map[string]any); len(r) != 1 || len(sourcesOf(rule)) == 0 {
			return false
		}
	}
	hit, err := s.Hits(obj)
	return len(rules) > 0 && (err != nil || !slices.ContainsFunc(hit, sameAs(target)))
}

func sourcesOf(rule any) (sources []map[string]any) {
	r, _ := rule.(map[string]any)
	from, _ := r["from"].([]any)
	for _, f := range from {
		m, _ := f.(map[string]any)
		source, _ := m["source"].(map[string]any)
		if len(m) != 1 {
			source = nil // what else it says is not known
		}
		sources = append(sources, source)
	}
	return sources
}

// Shortest prefixes of sources that may be denied at a gateway.
const (
	leastSource4 = 16
	leastSource6 = 32
)

// checkGateways: the policy denies, selects declared ingress gateways by their
// labels and nothing else in any namespace, and denies few addresses.
func checkGateways(s Surroundings, _ fleet.Workload, obj *unstructured.Unstructured) (refusals []Refusal) {
	name := nameObject(obj)
	refuse := func(guardrail, format string, args ...any) {
		refusals = append(refusals, Refusal{guardrail, name + " " + fmt.Sprintf(format, args...)})
	}
	spec, _ := obj.Object["spec"].(map[string]any)
	if spec["action"] != "DENY" {
		refuse("K3", "does not say action DENY: a containment only denies")
	}
	if len(spec) != 3 || emptySelector(spec["selector"]) {
		refuse("G3", "denies by source, and has not exactly action, rules, and a selector of a gateway's labels")
	}
	rules, _ := spec["rules"].([]any)
	for _, rule := range rules {
		for _, source := range sourcesOf(rule) {
			blocks, _ := source["remoteIpBlocks"].([]any)
			if len(blocks) == 0 {
				refuse("K3", "has an empty remoteIpBlocks: it would deny everybody")
			}
			for _, b := range blocks {
				if text, _ := b.(string); !isFew(text) {
					refuse("G6", "denies %q: want a network of at least /%d, or /%d of IPv6", text, leastSource4, leastSource6)
				}
			}
		}
	}
	hit, err := s.Hits(obj)
	if err != nil {
		refuse("G3", "selects nobody knows whom: %s", err)
	} else if len(hit) == 0 {
		refuse("G3", "selects no gateway: it would contain nothing")
	}
	for _, w := range hit {
		if !isGateway(s.Cluster(), w) {
			refuse("G3", "selects %s, which .irgit.yaml does not declare an ingress gateway", w.String())
		}
	}
	return refusals
}

func isFew(cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	if err != nil || p != p.Masked() {
		return false
	}
	if p.Addr().Is4() {
		return p.Bits() >= leastSource4
	}
	return p.Bits() >= leastSource6 && !p.Addr().Is4In6()
}

func isGateway(c fleet.Cluster, w fleet.Workload) bool {
	return slices.Contains(c.IngressGateways, fleet.Gateway{Namespace: w.Namespace, ServiceAccount: w.ServiceAccount})
}
