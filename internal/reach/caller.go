package reach

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// caller is what the receiver's proxy knows of the caller: an identity if the
// connection has mutual TLS.
type caller struct {
	identity                        truth
	trustDomain, namespace, account string
}

func (c caller) principal() string {
	return c.trustDomain + "/ns/" + c.namespace + "/sa/" + c.account
}

// known asks about the identity, which may not be there.
func (c caller) known(test func() bool) truth {
	return and(c.identity, is(c.identity.value != isNo && test()))
}

// caller is who calls. Proxies of the mesh use mutual TLS with each other
// without being told (istio.io/latest/docs/ops/configuration/traffic-management/tls-configuration, "Auto mTLS").
func (m *Model) caller(h hop) caller {
	c := caller{trustDomain: m.cluster.TrustDomain}
	from := h.from.pod
	if from == nil || from.proxy == noProxy {
		c.identity = no
		return c
	}
	c.identity, c.namespace, c.account = yes, from.Namespace, from.ServiceAccount
	switch to := h.to.pod.proxy; {
	case to == gateway:
		c.identity = maybe("which TLS a gateway asks for is not followed")
	case to == sidecars && m.mesh.tls != "":
		c.identity = maybe("%s sets TLS", m.mesh.tls)
	case to == sidecars && from.excludes():
		c.identity = maybe("annotations take some of the caller's traffic around its sidecar")
	}
	return c
}

// excludes says whether annotations take outbound traffic around the sidecar.
func (p *pod) excludes() bool {
	for key := range p.Annotations {
		if rest, ok := strings.CutPrefix(key, "traffic.sidecar.istio.io/"); ok && strings.Contains(rest, "Outbound") {
			return true
		}
	}
	return false
}

// authentication is a PeerAuthentication
// (istio.io/latest/docs/reference/config/security/peer_authentication).
type authentication struct {
	name, namespace string
	problem         string
	spec            authenticationSpec
}

type authenticationSpec struct {
	Selector *matchLabels    `json:"selector"`
	MTLS     mtls            `json:"mtls"`
	Ports    map[string]mtls `json:"portLevelMtls"`
}

type mtls struct {
	Mode string `json:"mode"`
}

type matchLabels struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

func readAuthentication(o *unstructured.Unstructured) authentication {
	a := authentication{name: name(o), namespace: o.GetNamespace()}
	if err := decode(o, &a.spec, "spec"); err != nil {
		a.problem = err.Error()
	}
	return a
}

// secured is the verdict of PeerAuthentication: STRICT takes mutual TLS alone,
// and DISABLE takes the identity from every caller of a sidecar.
func (m *Model) secured(h hop, who *caller) Verdict {
	if p := h.to.pod.proxy; p != sidecars && p != ztunnel {
		return Verdict{Answer: Allowed} // gateways have TLS of their own, and waypoints the tunnel
	}
	mode, by, why := m.mtlsMode(h.to.pod, h.inner)
	switch {
	case why.value == isMaybe:
		who.identity = and(who.identity, why)
		if who.identity.value == isNo {
			return unknown("%s", why.why)
		}
	case mode == "DISABLE" && h.to.pod.proxy == sidecars:
		who.identity = no
	case mode == "STRICT" && who.identity.value == isNo:
		return Verdict{Denied, by, "it takes mutual TLS alone, and the caller has no identity in the mesh"}
	case mode == "STRICT":
		// Whoever gets through has one, or there is no connection.
		v := Verdict{Answer: Allowed}
		if who.identity.value == isMaybe {
			v = unknown("%s", who.identity.why)
		}
		return v
	}
	return Verdict{Answer: Allowed}
}

// mtlsMode is the mode of a port: the workload's policy for the port, the
// workload's, the namespace's, the mesh's, and PERMISSIVE. Of two at one level the older
// one counts, which manifests do not tell
// (pilot/pkg/model/authentication.go, pilot/pkg/security/authn).
func (m *Model) mtlsMode(p *pod, port int32) (mode, by string, why truth) {
	mode = "PERMISSIVE"
	why = yes
	levels := make([][]authentication, 3)
	for _, a := range m.mesh.authentication {
		switch mine := a.namespace == p.Namespace; {
		case a.problem != "" && (mine || a.namespace == m.cluster.RootNamespace):
			return "", a.name, maybe("%s", a.problem)
		case a.spec.Selector == nil || len(a.spec.Selector.MatchLabels) == 0:
			if a.namespace == m.cluster.RootNamespace {
				levels[0] = append(levels[0], a)
			} else if mine {
				levels[1] = append(levels[1], a)
			}
		case mine && a.namespace != m.cluster.RootNamespace:
			switch t := p.labels.matchAll(a.spec.Selector.MatchLabels); t.value {
			case isYes:
				levels[2] = append(levels[2], a)
			case isMaybe:
				return "", a.name, t
			}
		}
	}
	for _, level := range levels {
		for i, a := range level {
			next := a.mode(port)
			if i > 0 && next != level[0].mode(port) {
				return "", a.name, maybe("%s and %s differ, and the older one counts", level[0].name, a.name)
			}
			if next != "" {
				mode, by = next, a.name
			}
		}
	}
	return mode, by, why
}

// mode is "" where the policy leaves it to the level above.
func (a authentication) mode(port int32) string {
	if m := a.spec.Ports[number(port)].Mode; m != "" && m != "UNSET" && a.spec.Selector != nil {
		return m
	}
	if a.spec.MTLS.Mode == "UNSET" {
		return ""
	}
	return a.spec.MTLS.Mode
}

func number(port int32) string {
	return strconv.FormatInt(int64(port), 10)
}
