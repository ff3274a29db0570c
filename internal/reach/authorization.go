package reach

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// authorization is an AuthorizationPolicy
// (istio.io/latest/docs/reference/config/security/authorization-policy).
type authorization struct {
	name, namespace string
	dryRun          bool
	problem         string
	spec            authorizationSpec
}

type authorizationSpec struct {
	Selector   *matchLabels        `json:"selector"`
	TargetRef  *targetRef          `json:"targetRef"`
	TargetRefs []targetRef         `json:"targetRefs"`
	Action     string              `json:"action"`
	Rules      []authorizationRule `json:"rules"`
	Provider   any                 `json:"provider"`
}

type targetRef struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type authorizationRule struct {
	From []struct {
		Source source `json:"source"`
	} `json:"from"`
	To []struct {
		Operation operation `json:"operation"`
	} `json:"to"`
	When []condition `json:"when"`
}

func readAuthorization(o *unstructured.Unstructured) authorization {
	a := authorization{name: name(o), namespace: o.GetNamespace()}
	switch o.GetAnnotations()["istio.io/dry-run"] {
	case "", "false", "0", "f", "F", "FALSE", "False":
	case "true", "1", "t", "T", "TRUE", "True":
		a.dryRun = true
	default:
		a.problem = a.name + ": the annotation istio.io/dry-run is neither true nor false"
	}
	if err := decode(o, &a.spec, "spec"); err != nil {
		a.problem = err.Error()
	}
	if a.spec.TargetRef != nil {
		a.spec.TargetRefs = append(a.spec.TargetRefs, *a.spec.TargetRef)
	}
	return a
}

const (
	gatewayName   = "gateway.networking.k8s.io/gateway-name"
	gatewayGroup  = "gateway.networking.k8s.io"
	waypointClass = "istio-waypoint"
)

// attached says whether the policy is for the proxy at the hop's end: by selector or by
// targetRefs, in its own namespace or everywhere from the root namespace. Waypoints
// ignore selectors, and what is no gateway ignores policies with targetRefs
// (pilot/pkg/model/policyattachment.go, ShouldAttachPolicy).
func (a authorization) attached(h hop, root string) truth {
	p := h.to.pod
	here := a.namespace == p.Namespace || a.namespace == root
	switch {
	case a.problem != "":
		here = here || h.waypoint != nil && a.namespace == h.waypoint.service.Namespace
		return and(is(here), maybe("%s", a.problem))
	case h.waypoint != nil:
		return is(a.targets(*h.waypoint, root))
	case len(a.spec.TargetRefs) > 0:
		return is(a.namespace == p.Namespace && a.targetsGateway(p.Labels[gatewayName]))
	case a.spec.Selector == nil:
		return is(here)
	}
	return and(is(here), p.labels.matchAll(a.spec.Selector.MatchLabels))
}

func (a authorization) targetsGateway(name string) bool {
	for _, ref := range a.spec.TargetRefs {
		local := ref.Namespace == "" || ref.Namespace == a.namespace
		if name != "" && local && ref.Group == gatewayGroup && ref.Kind == "Gateway" && ref.Name == name {
			return true
		}
	}
	return false
}

func (a authorization) targets(w waypoint, root string) bool {
	if a.namespace == w.pod.Namespace && a.targetsGateway(w.name) {
		return true
	}
	for _, ref := range a.spec.TargetRefs {
		core := ref.Group == "" || ref.Group == "core"
		if core && ref.Kind == "Service" && ref.Name == w.service.Name && a.namespace == w.service.Namespace && w.service.Name != "" {
			return true
		}
		if a.namespace == root && ref.Group == gatewayGroup && ref.Kind == "GatewayClass" && ref.Name == waypointClass {
			return true
		}
	}
	return false
}

// decision is what the policies of one proxy say. The request goes through if no DENY
// policy matches, and one of the ALLOW policies does or there are none; a CUSTOM policy
// that matches asks somebody else before.
type decision struct {
	custom, deny, allows, allow     truth
	byCustom, byDeny, byAllow, none string
}

func (d decision) verdict() Verdict {
	through := or(not(d.allows), d.allow)
	switch {
	case d.deny.value == isYes:
		return Verdict{Answer: Denied, By: d.byDeny}
	case through.value == isNo:
		return Verdict{Denied, d.none, "no ALLOW policy matches"}
	case d.deny.value == isMaybe:
		return unknown("%s: %s", d.byDeny, d.deny.why)
	case through.value == isMaybe:
		return unknown("%s", through.why)
	case d.custom.value != isNo:
		return unknown("%s asks an authorizer outside of the mesh", d.byCustom)
	}
	return Verdict{Answer: Allowed, By: d.byAllow}
}

// decide asks every policy of the hop's proxy. matches says whether a rule does.
func (m *Model) decide(h hop, matches func(authorization, authorizationRule) truth) decision {
	d := decision{custom: no, deny: no, allows: no, allow: no}
	var allows []string
	for _, a := range m.mesh.authorizations {
		attached := a.attached(h, m.cluster.RootNamespace)
		if attached.value == isNo || a.dryRun {
			continue
		}
		if a.problem != "" {
			d.deny, d.byDeny = or(d.deny, attached), a.name
			continue
		}
		hit, by := no, a.name
		for i, r := range a.spec.Rules {
			if t := and(attached, matches(a, r)); t.value > hit.value {
				hit, by = t, fmt.Sprintf("%s rules[%d]", a.name, i)
			}
		}
		switch a.spec.Action {
		case "", "ALLOW":
			d.allows = or(d.allows, attached)
			allows = append(allows, a.name)
			d.allow, d.byAllow = greater(d.allow, d.byAllow, hit, by)
		case "DENY":
			d.deny, d.byDeny = greater(d.deny, d.byDeny, hit, by)
		case "CUSTOM":
			d.custom, d.byCustom = greater(d.custom, d.byCustom, hit, by)
		}
	}
	d.none = strings.Join(allows, ", ")
	return d
}

func greater(t truth, by string, other truth, otherBy string) (truth, string) {
	if other.value > t.value {
		return other, otherBy
	}
	return t, by
}

// authorizeEnvoy is the verdict of a sidecar, a gateway or a waypoint. On a port of
// which Istio finds out by itself what it speaks, a request is seen as one, and a
// connection may be either.
func (m *Model) authorizeEnvoy(h hop, who caller) Verdict {
	speaks := m.speaks(h)
	as := func(tcp bool) Verdict {
		q := query{h: h, who: who, tcp: tcp, localDomain: m.cluster.TrustDomain}
		return m.decide(h, q.envoy).verdict()
	}
	switch {
	case speaks == "tcp":
		return as(true)
	case speaks == "http" || h.flow.HTTP != nil:
		return as(false)
	}
	asTCP, asHTTP := as(true), as(false)
	if asTCP.Answer == asHTTP.Answer {
		return asTCP
	}
	if asTCP.Answer == Unknown {
		return asTCP
	}
	if asHTTP.Answer == Unknown {
		return asHTTP
	}
	return unknown("whether port %d speaks HTTP is not declared, and the policies tell that apart", h.inner)
}

// authorizeTunnel is the verdict of ztunnel, which has DENY and ALLOW alone.
func (m *Model) authorizeTunnel(h hop, who caller) Verdict {
	q := query{h: h, who: who}
	d := m.decide(h, q.tunnel)
	d.custom = no
	return d.verdict()
}

// speaks is the protocol of the hop's port by the Services that lead to it: http, tcp, or
// "" where Istio has to find out
// (istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection).
func (m *Model) speaks(h hop) string {
	if h.to.pod.proxy == gateway {
		return "" // the Gateway's servers say, and they are not read
	}
	found := map[string]bool{}
	for _, s := range m.services {
		for _, p := range s.spec.Ports {
			if h.waypoint != nil {
				if s.namespace == h.waypoint.service.Namespace && s.name == h.waypoint.service.Name && p.Port == h.inner {
					found[p.speaks()] = true
				}
			} else if target, ok := p.target(h.to.pod); ok && target == h.inner && orTCP(p.Protocol) == "TCP" && s.selects(h.to.pod).value == isYes {
				found[p.speaks()] = true
			}
		}
	}
	if len(found) == 1 {
		return sortedKeys(found)[0]
	}
	return ""
}

func (p servicePort) speaks() string {
	named := strings.ToLower(p.AppProtocol)
	if named == "" {
		named = strings.ToLower(p.Name)
		if named != "grpc-web" && !strings.HasPrefix(named, "grpc-web-") {
			named, _, _ = strings.Cut(named, "-")
		}
	}
	switch named {
	case "http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws":
		return "http"
	case "tcp", "tls", "https", "mongo", "mysql", "redis", "kubernetes.io/wss":
		return "tcp"
	}
	if strings.HasPrefix(named, "grpc-web-") {
		return "http"
	}
	return ""
}
