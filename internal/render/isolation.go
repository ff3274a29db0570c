package render

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
)

// opens says what is wrong with a NetworkPolicy: it selects everything, or lets
// the pods call what the incident's alerts name.
func (b *bundler) opens(spec map[string]any) (wrong string) {
	if !selects(spec["podSelector"]) {
		return "selects everything in its namespace"
	}
	named, _ := indicators(b.request.Indicators)
	rules, _ := spec["egress"].([]any)
	for _, rule := range rules {
		r, _ := rule.(map[string]any)
		peers, _ := r["to"].([]any)
		for _, peer := range peers {
			p, _ := peer.(map[string]any)
			block, _ := p["ipBlock"].(map[string]any)
			if block == nil {
				continue
			}
			allowed, err := netip.ParsePrefix(text(block["cidr"]))
			if err != nil || slices.ContainsFunc(named, func(i indicatorView) bool { return i.Public && overlaps(allowed, i.CIDR) }) {
				return "allows " + text(block["cidr"]) + ", in which an address lies that the incident's alerts name"
			}
		}
	}
	return ""
}

func overlaps(allowed netip.Prefix, cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	return err == nil && allowed.Overlaps(p)
}

// ciliumDenies says what is wrong with a policy of Cilium's.
func ciliumDenies(_ *bundler, spec map[string]any) (wrong string) {
	_, lets := spec["ingress"]
	in, _ := spec["ingressDeny"].([]any)
	out, _ := spec["egressDeny"].([]any)
	switch {
	case !selects(spec["endpointSelector"]):
		return "selects everything in its namespace"
	case lets:
		return "lets traffic in: a containment only denies"
	}
	return unless(len(in)+len(out) > 0, "denies nothing")
}

// lastOrder is the order of what Calico asks after all that people write.
const lastOrder = 100_000

// calicoDenies says what is wrong with a policy of Calico's: it denies, or lets
// the rest through after all others were asked, which the floor holds to be
// without effect on them.
func calicoDenies(_ *bundler, spec map[string]any) (wrong string) {
	if !strings.Contains(text(spec["selector"]), " == ") || strings.Contains(text(spec["selector"]), "||") {
		return "selects by something else than labels that are joined by &&"
	}
	in, _ := spec["ingress"].([]any)
	out, _ := spec["egress"].([]any)
	if order, _ := spec["order"].(int64); len(in) == 0 && reflect.DeepEqual(out, []any{map[string]any{"action": "Allow"}}) {
		return unless(order >= lastOrder, "lets everything through before other policies are asked")
	}
	denies := false
	for _, rule := range slices.Concat(in, out) {
		r, _ := rule.(map[string]any)
		denies = denies || r["action"] == "Deny"
		if r["action"] == "Pass" {
			return "passes traffic over other policies"
		}
	}
	return unless(denies, "denies nothing")
}

// elsewhere reports whether an object may stand outside the target's namespace,
// because it can hit nothing but what it is about: a DENY of the target's own
// principal alone, which stands in no mesh's root, or a DENY of source
// addresses alone at the pods of a declared ingress gateway.
func (b *bundler) elsewhere(obj *unstructured.Unstructured, spec map[string]any) bool {
	if fleet.GroupOf(obj.GetAPIVersion()) != istioSecurity || obj.GetKind() != "AuthorizationPolicy" || spec["action"] != "DENY" {
		return false
	}
	mesh := b.request.Index.Cluster().Mesh
	root := mesh.RootNamespace
	if root == "" {
		root = "istio-system"
	}
	rules, _ := spec["rules"].([]any)
	_, bySelector := spec["selector"]
	switch {
	case len(rules) == 0:
		return false
	case !bySelector:
		refs, byReference := spec["targetRefs"]
		waypoint := []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": mesh.Waypoint}}
		return obj.GetNamespace() != root && (!byReference || reflect.DeepEqual(refs, waypoint)) && denied(rules, "principals", func(v any) bool {
			return v == b.request.Index.Cluster().Principal(b.target.Namespace, b.target.ServiceAccount)
		})
	}
	labels, _, _ := unstructured.NestedStringMap(spec, "selector", "matchLabels")
	isGateway := slices.ContainsFunc(gateways(b.request.Index), func(g gatewayView) bool {
		return slices.ContainsFunc(g.Workloads, func(w gatewayWorkload) bool {
			return w.Namespace == obj.GetNamespace() && reflect.DeepEqual(w.MatchLabels, labels)
		})
	})
	return isGateway && denied(rules, "remoteIpBlocks", func(v any) bool { return !strings.HasSuffix(text(v), "/0") })
}

// denied reports whether rules are about one field of a source alone, and every
// value in it is right.
func denied(rules []any, field string, right func(any) bool) bool {
	for _, rule := range rules {
		r, _ := rule.(map[string]any)
		from, _ := r["from"].([]any)
		if len(r) != 1 || len(from) == 0 {
			return false
		}
		for _, f := range from {
			m, _ := f.(map[string]any)
			source, _ := m["source"].(map[string]any)
			values, _ := source[field].([]any)
			if len(m) != 1 || len(source) != 1 || len(values) == 0 || slices.ContainsFunc(values, func(v any) bool { return !right(v) }) {
				return false
			}
		}
	}
	return true
}
