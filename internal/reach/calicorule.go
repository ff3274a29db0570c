package reach

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// calicoRule is one rule; all that it says has to fit
// (github.com/projectcalico/calico/api/pkg/apis/projectcalico/v3/policy_common.go).
type calicoRule struct {
	Action      string       `json:"action"`
	IPVersion   any          `json:"ipVersion"`
	Protocol    any          `json:"protocol"`
	NotProtocol any          `json:"notProtocol"`
	ICMP        any          `json:"icmp"`
	NotICMP     any          `json:"notICMP"`
	HTTP        any          `json:"http"`
	Metadata    any          `json:"metadata"`
	Source      calicoEntity `json:"source"`
	Destination calicoEntity `json:"destination"`
}

type calicoEntity struct {
	Nets              []string `json:"nets"`
	NotNets           []string `json:"notNets"`
	Selector          string   `json:"selector"`
	NotSelector       string   `json:"notSelector"`
	NamespaceSelector string   `json:"namespaceSelector"`
	Ports             []any    `json:"ports"`
	NotPorts          []any    `json:"notPorts"`
	Services          any      `json:"services"`
	ServiceAccounts   *struct {
		Names    []string `json:"names"`
		Selector string   `json:"selector"`
	} `json:"serviceAccounts"`
}

func (m *Model) calicoMatch(namespace string, r calicoRule) (func(hop) truth, error) {
	source, err := m.calicoEnd(namespace, r.Source)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	destination, err := m.calicoEnd(namespace, r.Destination)
	if err != nil {
		return nil, fmt.Errorf("destination: %w", err)
	}
	return func(h hop) truth {
		all := and(source(h.from), destination(h.to), r.protocol(h), calicoPorts(r.Destination.Ports, yes, h), not(calicoPorts(r.Destination.NotPorts, no, h)))
		if len(r.Source.Ports)+len(r.Source.NotPorts) > 0 {
			all = and(all, maybe("it asks for the caller's port"))
		}
		if r.HTTP != nil {
			all = and(all, maybe("it asks about requests, which depends on Calico's set-up"))
		}
		if r.IPVersion != nil {
			all = and(all, version(r.IPVersion, h))
		}
		return all
	}, nil
}

// version is known only where an address is.
func version(want any, h hop) truth {
	for _, e := range []end{h.from, h.to} {
		if e.address.IsValid() {
			have := "6"
			if e.address.Is4() {
				have = "4"
			}
			return is(fmt.Sprint(want) == have)
		}
	}
	return maybe("it asks for a version of IP, and the manifests do not have addresses")
}

// protocols are the numbers of those that flows have (iana.org/assignments/protocol-numbers).
var protocols = map[string]string{"6": "TCP", "17": "UDP", "132": "SCTP"}

func (r calicoRule) protocol(h hop) truth {
	plain := func(p any) string {
		s := fmt.Sprint(p)
		if named, ok := protocols[s]; ok {
			return named
		}
		return s
	}
	all := yes
	if r.Protocol != nil {
		all = is(strings.EqualFold(plain(r.Protocol), h.protocol))
	}
	if r.NotProtocol != nil {
		all = and(all, is(!strings.EqualFold(plain(r.NotProtocol), h.protocol)))
	}
	if r.ICMP != nil {
		all = no // none of the flows is
	}
	return all
}

// calicoPorts compares with a list of ports: numbers, ranges as 1000:2000, and
// names. none is what an empty list means.
func calicoPorts(ports []any, none truth, h hop) truth {
	if len(ports) == 0 {
		return none
	}
	return some(ports, func(p any) truth {
		low, high, isRange := strings.Cut(fmt.Sprint(p), ":")
		from, err := strconv.ParseInt(low, 10, 32)
		if err != nil {
			return h.named(low)
		}
		to := from
		if isRange {
			if to, err = strconv.ParseInt(high, 10, 32); err != nil {
				return maybe("%v is no range of ports", p)
			}
		}
		return is(int64(h.port) >= from && int64(h.port) <= to)
	})
}

// calicoEnd compares an end of the hop with what a rule says about it. As soon as
// one of the selectors is there, a namespaced policy means pods of its own
// namespace unless namespaceSelector says otherwise, and selectors never match what
// is outside, except for network sets; notSelector alone in a global policy does
// (libcalico-go/lib/backend/syncersv1/updateprocessors/rules.go, getEndpointSelector).
func (m *Model) calicoEnd(namespace string, e calicoEntity) (func(end) truth, error) {
	pods, err := parseCalico(e.Selector)
	if err != nil {
		return nil, err
	}
	spaces, err := parseCalico(e.NamespaceSelector)
	if err != nil {
		return nil, err
	}
	except, err := parseCalico(e.NotSelector)
	if err != nil {
		return nil, err
	}
	accounts, err := m.calicoAccounts(e)
	if err != nil {
		return nil, err
	}
	if e.NamespaceSelector == "" && namespace != "" {
		spaces = func(l labelled) truth { return l.hasValue("projectcalico.org/name", namespace) }
	}
	selecting := e.Selector != "" || e.NamespaceSelector != "" || e.ServiceAccounts != nil || e.NotSelector != "" && namespace != ""
	return func(p end) truth {
		all := yes
		if selecting {
			all = m.selected(p, func(p *pod) truth {
				return and(spaces(calicoNamespace(p)), pods(calicoLabels(p)), accounts(p))
			})
		}
		if e.NotSelector != "" {
			all = and(all, not(m.selected(p, func(p *pod) truth { return except(calicoLabels(p)) })))
		}
		return and(all, calicoNets(e, p))
	}, nil
}

func calicoNets(e calicoEntity, p end) truth {
	all := yes
	if len(e.Nets) > 0 {
		all = some(e.Nets, func(n string) truth { return p.within(n, nil) })
	}
	all = and(all, not(some(e.NotNets, func(n string) truth { return p.within(n, nil) })))
	if e.Services != nil {
		all = and(all, maybe("it names a Service, which is not followed"))
	}
	return all
}

// selected asks a pod; what is none may be in a network set with labels.
func (m *Model) selected(p end, test func(*pod) truth) truth {
	switch {
	case p.pod != nil:
		return test(p.pod)
	case m.sets:
		return maybe("network sets are not followed")
	}
	return no
}

func (m *Model) calicoAccounts(e calicoEntity) (func(*pod) truth, error) {
	if e.ServiceAccounts == nil {
		return func(*pod) truth { return yes }, nil
	}
	byLabel, err := parseCalico(e.ServiceAccounts.Selector)
	names := e.ServiceAccounts.Names
	return func(p *pod) truth {
		return and(is(len(names) == 0 || slices.Contains(names, p.ServiceAccount)), byLabel(m.calicoAccount(p)))
	}, err
}
