package reach

import "strings"

type source struct {
	Principals           []string `json:"principals"`
	NotPrincipals        []string `json:"notPrincipals"`
	RequestPrincipals    []string `json:"requestPrincipals"`
	NotRequestPrincipals []string `json:"notRequestPrincipals"`
	Namespaces           []string `json:"namespaces"`
	NotNamespaces        []string `json:"notNamespaces"`
	ServiceAccounts      []string `json:"serviceAccounts"`
	NotServiceAccounts   []string `json:"notServiceAccounts"`
	IPBlocks             []string `json:"ipBlocks"`
	NotIPBlocks          []string `json:"notIpBlocks"`
	RemoteIPBlocks       []string `json:"remoteIpBlocks"`
	NotRemoteIPBlocks    []string `json:"notRemoteIpBlocks"`
	TrustDomains         []string `json:"trustDomains"`
	NotTrustDomains      []string `json:"notTrustDomains"`
}

type operation struct {
	Hosts      []string `json:"hosts"`
	NotHosts   []string `json:"notHosts"`
	Ports      []string `json:"ports"`
	NotPorts   []string `json:"notPorts"`
	Methods    []string `json:"methods"`
	NotMethods []string `json:"notMethods"`
	Paths      []string `json:"paths"`
	NotPaths   []string `json:"notPaths"`
}

type condition struct {
	Key       string   `json:"key"`
	Values    []string `json:"values"`
	NotValues []string `json:"notValues"`
}

// query is a hop as one proxy sees it.
type query struct {
	h           hop
	who         caller
	tcp         bool   // the proxy sees a connection, no requests
	localDomain string // the trust domain that "cluster.local" stands for
	namespace   string // of the policy that is asked
}

// term is one comparison of a rule. Both kinds of proxies leave out what they
// cannot see: http of Envoy where it sees TCP, tunnel of ztunnel always.
type term struct {
	truth
	http   bool // only requests have it
	tunnel bool // ztunnel has it
}

// terms makes one of a list and a negative list, and none where both are empty: an empty
// list is no condition (istio.io/latest/docs/reference/config/security/authorization-policy,
// "If not set, any … is allowed").
func terms(values, except []string, http, tunnel bool, test func(string) truth) []term {
	if len(values)+len(except) == 0 {
		return nil
	}
	all := yes
	if len(values) > 0 {
		all = some(values, test)
	}
	return []term{{and(all, not(some(except, test))), http, tunnel}}
}

func (q query) source(s source) (all []term) {
	all = append(all, terms(s.Principals, s.NotPrincipals, false, true, q.principal)...)
	all = append(all, terms(s.Namespaces, s.NotNamespaces, false, true, q.callerNamespace)...)
	all = append(all, terms(s.ServiceAccounts, s.NotServiceAccounts, false, true, q.account)...)
	all = append(all, terms(s.IPBlocks, s.NotIPBlocks, false, true, q.sourceIP)...)
	all = append(all, terms(s.RemoteIPBlocks, s.NotRemoteIPBlocks, false, false, q.remoteIP)...)
	all = append(all, terms(s.TrustDomains, s.NotTrustDomains, false, true, q.trustDomain)...)
	return append(all, terms(s.RequestPrincipals, s.NotRequestPrincipals, true, false, q.token)...)
}

func (q query) operation(o operation) (all []term) {
	all = append(all, terms(o.Ports, o.NotPorts, false, true, q.port)...)
	all = append(all, terms(o.Hosts, o.NotHosts, true, false, q.host)...)
	all = append(all, terms(o.Methods, o.NotMethods, true, false, q.method)...)
	return append(all, terms(o.Paths, o.NotPaths, true, false, q.path)...)
}

// condition reads one entry of when
// (istio.io/latest/docs/reference/config/security/conditions).
func (q query) condition(c condition) []term {
	header, isHeader := strings.CutPrefix(c.Key, "request.headers[")
	switch {
	case isHeader:
		return terms(c.Values, c.NotValues, true, false, func(v string) truth { return q.header(strings.TrimSuffix(header, "]"), v) })
	case strings.HasPrefix(c.Key, "request.auth."):
		return terms(c.Values, c.NotValues, true, false, q.token)
	}
	tests := map[string]func(string) truth{
		"source.ip": q.sourceIP, "source.namespace": q.callerNamespace, "source.principal": q.principal, "destination.port": q.port,
		"destination.ip": q.destinationIP, "remote.ip": q.remoteIP, "source.serviceAccount": q.account, "source.trustDomain": q.trustDomain,
	}
	test, ok := tests[c.Key]
	if !ok {
		test = func(string) truth { return maybe("condition %s is not followed", c.Key) }
	}
	l4 := strings.HasPrefix(c.Key, "destination.") || c.Key == "source.ip" || c.Key == "source.namespace" || c.Key == "source.principal"
	return terms(c.Values, c.NotValues, false, l4, test)
}

// clauses are the parts of a rule that all have to hold: one of its sources,
// one of its operations, and each condition.
func (q query) clauses(r authorizationRule) (all [][][]term) {
	var from, to [][]term
	for _, f := range r.From {
		from = append(from, q.source(f.Source))
	}
	for _, t := range r.To {
		to = append(to, q.operation(t.Operation))
	}
	for _, alternatives := range [][][]term{from, to} {
		if len(alternatives) > 0 {
			all = append(all, alternatives)
		}
	}
	for _, c := range r.When {
		all = append(all, [][]term{q.condition(c)})
	}
	return all
}

// envoy says whether a rule matches in Envoy. Where it sees TCP, a rule that asks about
// requests never matches in an ALLOW policy, and matches as if it did not ask in
// others: "For a DENY rule, missing attributes are treated as matches"
// (pilot/pkg/security/authz/model/model.go, checkError).
func (q query) envoy(a authorization, r authorizationRule) truth {
	q.namespace = a.namespace
	all := yes
	for _, alternatives := range q.clauses(r) {
		all = and(all, some(alternatives, func(terms []term) truth {
			match := yes
			for _, t := range terms {
				if !q.tcp || !t.http {
					match = and(match, t.truth)
				}
			}
			return match
		}))
		if q.tcp && (a.spec.Action == "" || a.spec.Action == "ALLOW") && asks(alternatives, func(t term) bool { return t.http }) {
			return no
		}
	}
	return all
}

// tunnel says whether a rule matches in ztunnel, which gets no more of a policy than it
// can enforce: an ALLOW rule that asks about requests is left out, and in a DENY rule the
// questions are, where an alternative of which nothing remains matches nothing
// (pilot/pkg/serviceregistry/ambient/authorization.go, handleRule; ztunnel's src/rbac.rs).
func (q query) tunnel(a authorization, r authorizationRule) truth {
	q.namespace = a.namespace
	all := yes
	for _, alternatives := range q.clauses(r) {
		if a.spec.Action != "DENY" && asks(alternatives, func(t term) bool { return !t.tunnel }) {
			return no
		}
		all = and(all, some(alternatives, func(terms []term) truth {
			match, left := yes, false
			for _, t := range terms {
				if t.tunnel {
					match, left = and(match, t.truth), true
				}
			}
			return and(is(left), match)
		}))
	}
	return all
}

func asks(alternatives [][]term, what func(term) bool) bool {
	for _, terms := range alternatives {
		for _, t := range terms {
			if what(t) {
				return true
			}
		}
	}
	return false
}
