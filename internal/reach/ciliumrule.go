package reach

import (
	"regexp"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ciliumRule is a rule of either direction
// (github.com/cilium/cilium/pkg/policy/api/ingress.go and egress.go). An empty
// list differs from none: it selects nobody.
type ciliumRule struct {
	FromEndpoints *[]metav1.LabelSelector `json:"fromEndpoints"`
	ToEndpoints   *[]metav1.LabelSelector `json:"toEndpoints"`
	FromCIDR      *[]string               `json:"fromCIDR"`
	ToCIDR        *[]string               `json:"toCIDR"`
	FromCIDRSet   *[]ciliumCIDR           `json:"fromCIDRSet"`
	ToCIDRSet     *[]ciliumCIDR           `json:"toCIDRSet"`
	FromEntities  *[]string               `json:"fromEntities"`
	ToEntities    *[]string               `json:"toEntities"`
	ToFQDNs       *[]ciliumName           `json:"toFQDNs"`
	ToServices    *[]any                  `json:"toServices"`
	FromNodes     *[]any                  `json:"fromNodes"`
	ToNodes       *[]any                  `json:"toNodes"`
	FromGroups    *[]any                  `json:"fromGroups"`
	ToGroups      *[]any                  `json:"toGroups"`
	FromRequires  *[]any                  `json:"fromRequires"`
	ToRequires    *[]any                  `json:"toRequires"`
	ToPorts       []ciliumPorts           `json:"toPorts"`
	ICMPs         []any                   `json:"icmps"`
	Auth          *struct {
		Mode string `json:"mode"`
	} `json:"authentication"`
}

type ciliumCIDR struct {
	CIDR          string   `json:"cidr"`
	Except        []string `json:"except"`
	GroupRef      string   `json:"cidrGroupRef"`
	GroupSelector any      `json:"cidrGroupSelector"`
}

type ciliumName struct {
	MatchName    string `json:"matchName"`
	MatchPattern string `json:"matchPattern"`
}

type ciliumPorts struct {
	Ports []struct {
		Port     string `json:"port"`
		EndPort  int32  `json:"endPort"`
		Protocol string `json:"protocol"`
	} `json:"ports"`
	Rules *struct {
		HTTP []ciliumHTTP `json:"http"`
		DNS  []ciliumName `json:"dns"`
	} `json:"rules"`
	ServerNames []string `json:"serverNames"`
}

type ciliumHTTP struct {
	Path          string   `json:"path"`
	Method        string   `json:"method"`
	Host          string   `json:"host"`
	Headers       []string `json:"headers"`
	HeaderMatches []any    `json:"headerMatches"`
}

func (r ciliumRule) matches(namespace string, d direction, a action, h hop, peer end) truth {
	switch {
	case r.FromRequires != nil || r.ToRequires != nil:
		return maybe("it requires labels, which Cilium gave up in 1.19")
	case r.Auth != nil && r.Auth.Mode != "disabled" && a == allow:
		return and(maybe("it asks for authentication"), r.peers(namespace, d, h, peer), r.ports(a, h))
	case !r.namesPeers(d) && len(r.ToPorts)+len(r.ICMPs) == 0 && a == deny:
		return maybe("a deny rule names neither peers nor ports")
	}
	return and(r.peers(namespace, d, h, peer), r.ports(a, h))
}

func (r ciliumRule) namesPeers(d direction) bool {
	if d == ingress {
		return r.FromEndpoints != nil || r.FromCIDR != nil || r.FromCIDRSet != nil || r.FromEntities != nil || r.FromNodes != nil || r.FromGroups != nil
	}
	return r.ToEndpoints != nil || r.ToCIDR != nil || r.ToCIDRSet != nil || r.ToEntities != nil || r.ToFQDNs != nil || r.ToServices != nil ||
		r.ToNodes != nil || r.ToGroups != nil
}

// peers compares what names the other end: one of all that are listed. Without
// any list it is anybody if ports are named, and else nobody: the rule does no
// more than to isolate.
func (r ciliumRule) peers(namespace string, d direction, _ hop, peer end) truth {
	if !r.namesPeers(d) {
		return is(len(r.ToPorts)+len(r.ICMPs) > 0)
	}
	endpoints, cidr, set, entities, nodes, groups := r.FromEndpoints, r.FromCIDR, r.FromCIDRSet, r.FromEntities, r.FromNodes, r.FromGroups
	if d == egress {
		endpoints, cidr, set, entities, nodes, groups = r.ToEndpoints, r.ToCIDR, r.ToCIDRSet, r.ToEntities, r.ToNodes, r.ToGroups
	}
	found := or(
		some(list(endpoints), func(s metav1.LabelSelector) truth { return ciliumPeer(namespace, s, peer) }),
		some(list(cidr), func(c string) truth { return ciliumCIDR{CIDR: c}.matches(peer) }),
		some(list(set), func(c ciliumCIDR) truth { return c.matches(peer) }),
		some(list(entities), func(e string) truth { return ciliumEntity(e, peer) }),
		some(list(nodes), func(any) truth { return ciliumNode(peer) }),
		some(list(groups), func(any) truth {
			return and(is(peer.pod == nil && !peer.node), maybe("a group's addresses are not in the manifests"))
		}),
	)
	if d == egress {
		found = or(found,
			some(list(r.ToFQDNs), func(n ciliumName) truth { return n.leadsTo(peer) }),
			some(list(r.ToServices), func(any) truth { return maybe("toServices is not followed") }))
	}
	return found
}

func list[T any](p *[]T) []T {
	if p == nil {
		return nil
	}
	return *p
}

// matches compares with a block. Blocks are for what Cilium does not manage:
// they never match pods (docs.cilium.io, "IP/CIDR based").
func (c ciliumCIDR) matches(peer end) truth {
	switch {
	case peer.pod != nil:
		return no
	case c.GroupRef != "" || c.GroupSelector != nil:
		return maybe("a group's addresses are not followed")
	}
	return peer.within(c.CIDR, c.Except)
}

func ciliumNode(peer end) truth {
	if peer.pod != nil {
		return no
	}
	return maybe("whether it is a node is not in the manifests")
}

// ciliumEntity compares with an entity (docs.cilium.io, "Entities based").
func ciliumEntity(entity string, peer end) truth {
	outside := peer.pod == nil && !peer.node
	switch entity {
	case "all":
		return yes
	case "world":
		return is(outside)
	case "cluster", "cluster-mesh":
		return is(!outside)
	case "host":
		return is(peer.node)
	case "remote-node", "init", "health", "unmanaged", "none", "ingress":
		return no
	case "kube-apiserver":
		if peer.pod != nil {
			return no
		}
		return maybe("where the API server is, is not in the manifests")
	}
	return maybe("entity %s is not known", entity)
}

// leadsTo says whether the peer's name is one that the rule follows. Names lead
// to addresses outside of the cluster alone (docs.cilium.io, "DNS based").
func (n ciliumName) leadsTo(peer end) truth {
	switch {
	case peer.pod != nil || peer.node:
		return no
	case peer.domain == "":
		return maybe("whether a name of toFQDNs leads to %s is not known", peer.address)
	}
	return is(n.covers(peer.domain))
}

func (n ciliumName) covers(domain string) bool {
	if n.MatchName != "" && strings.EqualFold(strings.TrimSuffix(n.MatchName, "."), domain) {
		return true
	}
	pattern := strings.ToLower(strings.TrimSuffix(n.MatchPattern, "."))
	if pattern == "" || pattern == "*" {
		return pattern == "*"
	}
	prefix := ""
	if rest, ok := strings.CutPrefix(pattern, "**."); ok {
		prefix, pattern = `([-a-z0-9_]+\.)+`, rest
	}
	expression := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `[-a-z0-9_]*`)
	matched, err := regexp.MatchString("^"+prefix+expression+"$", domain)
	return err == nil && matched
}

// ports compares with the list of ports, of which one has to match; without
// any list it is every port.
func (r ciliumRule) ports(a action, h hop) truth {
	if len(r.ToPorts)+len(r.ICMPs) == 0 {
		return yes
	}
	return some(r.ToPorts, func(p ciliumPorts) truth { return and(p.number(h), p.request(a, h)) })
}

func (p ciliumPorts) number(h hop) truth {
	if len(p.Ports) == 0 {
		return yes
	}
	found := no
	for _, port := range p.Ports {
		if port.Protocol != "" && port.Protocol != "ANY" && port.Protocol != h.protocol {
			continue
		}
		n, err := strconv.ParseInt(port.Port, 10, 32)
		switch {
		case err != nil:
			found = or(found, h.named(port.Port))
		case port.EndPort > 0:
			found = or(found, is(int64(h.port) >= n && h.port <= port.EndPort))
		default:
			found = or(found, is(n == 0 || n == int64(h.port)))
		}
	}
	return found
}

// request compares with rules about requests
// (github.com/cilium/cilium/pkg/policy/api/http.go).
func (p ciliumPorts) request(a action, h hop) truth {
	switch {
	case len(p.ServerNames) > 0:
		return maybe("it asks for a name in the TLS handshake")
	case p.Rules == nil:
		return yes
	case a == deny:
		return maybe("a deny rule asks about requests, which Cilium does not support")
	case len(p.Rules.HTTP) > 0:
		return some(p.Rules.HTTP, func(r ciliumHTTP) truth { return r.matches(h) })
	case len(p.Rules.DNS) > 0:
		return some(p.Rules.DNS, func(n ciliumName) truth {
			if n.MatchPattern == "*" {
				return yes
			}
			return maybe("it depends on the name that is asked for")
		})
	}
	return yes
}

// drops says whether a request fails the rules about requests of ports that it
// comes to. That costs it its connection even where nothing isolates the pod
// (docs.cilium.io/en/stable/security/policy/intro, "Endpoint default policy").
func (r ciliumRule) drops(namespace string, d direction, h hop, peer end) truth {
	failing := some(r.ToPorts, func(p ciliumPorts) truth {
		if p.Rules == nil {
			return no
		}
		return and(p.number(h), not(p.request(allow, h)))
	})
	return and(failing, r.peers(namespace, d, h, peer), maybe("it fails rules about requests, which may drop it"))
}

func (r ciliumHTTP) matches(h hop) truth {
	request := h.flow.HTTP
	switch {
	case request == nil:
		return maybe("it depends on the request")
	case h.from.pod != nil && h.to.pod != nil && h.tunnelled():
		return maybe("Cilium does not see requests that the mesh encrypts")
	case len(r.Headers)+len(r.HeaderMatches) > 0:
		return maybe("it asks for headers")
	}
	return and(regular(r.Method, request.Method), regular(r.Path, request.Path), regular(r.Host, request.Host))
}

// regular compares a whole value with a regular expression; without one
// everything goes.
func regular(expression, value string) truth {
	switch {
	case expression == "":
		return yes
	case value == "":
		return maybe("it depends on the request")
	}
	re, err := regexp.Compile("^(?:" + expression + ")$")
	if err != nil {
		return maybe("%q is no regular expression", expression)
	}
	return is(re.MatchString(value))
}
