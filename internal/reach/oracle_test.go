package reach_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/irgit/irgit/internal/reach"
)

// The world of the oracle is small enough to be listed: pods in two namespaces with a
// team each, and two addresses outside.
type inhabitant struct {
	namespace, app, address string
	outside                 bool
}

var world = []inhabitant{
	{"a", "x", "10.0.0.1", false},
	{"a", "y", "10.0.0.2", false},
	{"b", "x", "10.0.1.1", false},
	{"b", "z", "10.0.1.2", false},
	{"", "", "203.0.113.1", true},
	{"", "", "203.0.113.130", true},
}

const namespaces = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {team: red}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b, labels: {team: blue}}"

func (i inhabitant) peer(addressed bool) reach.Peer {
	if i.outside {
		return reach.Outside(i.address)
	}
	p := &reach.Pod{Namespace: i.namespace, Labels: map[string]string{"app": i.app}}
	if addressed {
		p.Addresses = []netip.Addr{netip.MustParseAddr(i.address)}
	}
	return reach.Peer{Pod: p}
}

func (i inhabitant) team() string { return map[string]string{"a": "red", "b": "blue"}[i.namespace] }

// law is a policy that knows by a list whom each of its rules means.
type law struct {
	namespace, app string // "" is every pod of the namespace
	isolates       []string
	rules          []lawRule
}

type lawRule struct {
	direction string
	peers     []lawPeer
	ports     []int
}

type lawPeer struct{ team, app, block, hole string }

var (
	apps   = []string{"", "x", "y", "z"}
	teams  = []string{"", "red", "blue", "any"}
	blocks = map[string][]string{ // and who is in them
		"0.0.0.0/0":   {"10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2", "203.0.113.1", "203.0.113.130"},
		"10.0.0.0/24": {"10.0.0.1", "10.0.0.2"}, "203.0.113.0/24": {"203.0.113.1", "203.0.113.130"}, "203.0.113.128/25": {"203.0.113.130"},
	}
)

func drawPeer(t *rapid.T) lawPeer {
	if rapid.Bool().Draw(t, "is a block") {
		names := slices.Sorted(func(yield func(string) bool) {
			for name := range blocks {
				if !yield(name) {
					return
				}
			}
		})
		p := lawPeer{block: rapid.SampledFrom(names).Draw(t, "block")}
		if rapid.Bool().Draw(t, "has a hole") && p.block == "203.0.113.0/24" {
			p.hole = "203.0.113.128/25"
		}
		return p
	}
	p := lawPeer{team: rapid.SampledFrom(teams).Draw(t, "team"), app: rapid.SampledFrom(apps).Draw(t, "app")}
	if p.team == "" && p.app == "" {
		p.app = "x"
	}
	return p
}

func drawLaw(t *rapid.T) law {
	l := law{
		namespace: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "namespace"), app: rapid.SampledFrom(apps).Draw(t, "selects"),
		isolates: rapid.SampledFrom([][]string{{"Ingress"}, {"Egress"}, {"Ingress", "Egress"}}).Draw(t, "types"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		l.rules = append(l.rules, lawRule{
			direction: rapid.SampledFrom(l.isolates).Draw(t, "direction"),
			peers:     rapid.SliceOfN(rapid.Custom(drawPeer), 0, 2).Draw(t, "peers"),
			ports:     rapid.SliceOfN(rapid.IntRange(1, 3), 0, 2).Draw(t, "ports"),
		})
	}
	return l
}

// means says whom a peer of a rule means, by enumeration.
func (p lawPeer) means(namespace string, who inhabitant) bool {
	if p.block != "" {
		return slices.Contains(blocks[p.block], who.address) && (p.hole == "" || !slices.Contains(blocks[p.hole], who.address))
	}
	if who.outside {
		return false
	}
	switch p.team {
	case "":
		if who.namespace != namespace {
			return false
		}
	case "red", "blue":
		if who.team() != p.team {
			return false
		}
	}
	return p.app == "" || p.app == who.app
}

// mayPass is the oracle for one end: the union of what the laws that select it
// let through, if any does.
func mayPass(laws []law, direction string, subject, peer inhabitant, port int) bool {
	if subject.outside {
		return true
	}
	isolated := false
	for _, l := range laws {
		if l.namespace != subject.namespace || l.app != "" && l.app != subject.app || !slices.Contains(l.isolates, direction) {
			continue
		}
		isolated = true
		for _, r := range l.rules {
			means := len(r.peers) == 0 || slices.ContainsFunc(r.peers, func(p lawPeer) bool { return p.means(l.namespace, peer) })
			if r.direction == direction && means && (len(r.ports) == 0 || slices.Contains(r.ports, port)) {
				return true
			}
		}
	}
	return !isolated
}

// manifest writes a law down.
func (l law) manifest(name string) *unstructured.Unstructured {
	spec := map[string]any{"podSelector": selector("app", l.app), "policyTypes": list(l.isolates)}
	for _, direction := range l.isolates {
		field, whom := "ingress", "from"
		if direction == "Egress" {
			field, whom = "egress", "to"
		}
		rules := []any{}
		for _, r := range l.rules {
			if r.direction != direction {
				continue
			}
			rule := map[string]any{}
			var peers, ports []any
			for _, p := range r.peers {
				peers = append(peers, p.manifest())
			}
			for _, p := range r.ports {
				ports = append(ports, map[string]any{"port": int64(p)})
			}
			if peers != nil {
				rule[whom] = peers
			}
			if ports != nil {
				rule["ports"] = ports
			}
			rules = append(rules, rule)
		}
		spec[field] = rules
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": map[string]any{"name": name, "namespace": l.namespace}, "spec": spec,
	}}
}

func (p lawPeer) manifest() any {
	if p.block != "" {
		block := map[string]any{"cidr": p.block}
		if p.hole != "" {
			block["except"] = []any{p.hole}
		}
		return map[string]any{"ipBlock": block}
	}
	peer := map[string]any{}
	if p.team == "any" {
		peer["namespaceSelector"] = map[string]any{}
	} else if p.team != "" {
		peer["namespaceSelector"] = selector("team", p.team)
	}
	if p.app != "" {
		peer["podSelector"] = selector("app", p.app)
	}
	return peer
}

func selector(key, value string) map[string]any {
	if value == "" {
		return map[string]any{}
	}
	return map[string]any{"matchLabels": map[string]any{key: value}}
}

func list(texts []string) (all []any) {
	for _, s := range texts {
		all = append(all, s)
	}
	return all
}

// Whatever policies there are: with all that can be known known, the answer is the
// oracle's, under Calico's order as well; with less known it is that or unknown. So are
// the answers where pods have no addresses and the namespaces no manifests.
func TestNetworkPoliciesAgainstAnOracle(t *testing.T) {
	spaces := objects(t, namespaces)
	rapid.Check(t, func(t *rapid.T) {
		laws := rapid.SliceOfN(rapid.Custom(drawLaw), 0, 4).Draw(t, "laws")
		var policies []*unstructured.Unstructured
		for i, l := range laws {
			policies = append(policies, l.manifest(fmt.Sprintf("p%d", i)))
		}
		from := rapid.SampledFrom(world).Draw(t, "from")
		to := rapid.SampledFrom(world).Draw(t, "to")
		if from == to || from.outside && to.outside {
			return
		}
		port := rapid.IntRange(1, 3).Draw(t, "port")
		want := reach.Denied
		if mayPass(laws, "Egress", from, to, port) && mayPass(laws, "Ingress", to, from, port) {
			want = reach.Allowed
		}
		for _, cni := range []string{"kubernetes", "calico"} {
			for _, known := range []bool{true, false} {
				all := policies
				if known {
					all = append(slices.Clone(spaces), policies...)
				}
				m, err := reach.New(reach.Cluster{CNI: cni}, all)
				require.NoError(t, err)
				got := m.Ask(reach.Flow{From: from.peer(known), To: to.peer(known), Port: int32(port)})
				if known || got.Answer != reach.Unknown {
					require.Equal(t, want, got.Answer, "%s, all known %v: %s", cni, known, got)
				}
			}
		}
	})
}

// step is a rule of Calico in a list of all of them.
type step struct {
	order  int
	policy string
	action string
	app    string // whom it is about; "" is everybody
}

// Calico's rules, one after the other: the first that matches decides, and the end
// denies where there was any policy.
func TestCalicoAgainstAnOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		orders := rapid.Permutation([]int{1, 2, 3, 4}).Draw(t, "orders")[:rapid.IntRange(0, 4).Draw(t, "policies")]
		var manifests []*unstructured.Unstructured
		var steps []step
		for i, order := range orders {
			var rules []any
			for range rapid.IntRange(1, 3).Draw(t, "rules") {
				s := step{order, fmt.Sprintf("p%d", i), rapid.SampledFrom([]string{"Allow", "Deny", "Pass", "Log"}).Draw(t, "action"), rapid.SampledFrom(apps).Draw(t, "app")}
				rule := map[string]any{"action": s.action}
				if s.app != "" {
					rule["source"] = map[string]any{"selector": "app == '" + s.app + "'"}
				}
				rules, steps = append(rules, rule), append(steps, s)
			}
			manifests = append(manifests, &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy", "metadata": map[string]any{"name": fmt.Sprintf("p%d", i)},
				"spec": map[string]any{"order": int64(order), "ingress": rules, "types": []any{"Ingress"}},
			}})
		}
		slices.SortStableFunc(steps, func(a, b step) int { return a.order - b.order })
		from := rapid.SampledFrom(world).Draw(t, "from")
		to := world[rapid.IntRange(0, 3).Draw(t, "to")]
		want := reach.Allowed
		if len(orders) > 0 {
			want = reach.Denied
		}
		for _, s := range steps {
			if s.action != "Log" && (s.app == "" || s.app == from.app) {
				want = map[string]reach.Answer{"Allow": reach.Allowed, "Pass": reach.Allowed, "Deny": reach.Denied}[s.action]
				break
			}
		}
		m, err := reach.New(reach.Cluster{CNI: "calico"}, manifests)
		require.NoError(t, err)
		got := m.Ask(reach.Flow{From: from.peer(true), To: to.peer(true), Port: 1})
		require.Equal(t, want, got.Answer, got.String())
	})
}

// Adding a NetworkPolicy's rule never cuts, and adding a deny rule of Cilium never opens.
func TestMoreRulesAreMonotone(t *testing.T) {
	spaces := objects(t, namespaces)
	deny := objects(t, policy("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "", "d", `{endpointSelector: {}, enableDefaultDeny: {ingress: false}, ingressDeny: [{fromEntities: [world]}]}`))[0]
	rapid.Check(t, func(t *rapid.T) {
		l := drawLaw(t)
		more := l
		more.rules = append(slices.Clone(l.rules), lawRule{rapid.SampledFrom(l.isolates).Draw(t, "direction"), []lawPeer{drawPeer(t)}, nil})
		flow := reach.Flow{From: world[rapid.IntRange(0, 3).Draw(t, "from")].peer(true), To: rapid.SampledFrom(world).Draw(t, "to").peer(true), Port: 1}
		ask := func(c string, extra ...*unstructured.Unstructured) reach.Answer {
			m, err := reach.New(reach.Cluster{CNI: c}, append(slices.Clone(spaces), extra...))
			require.NoError(t, err)
			return m.Ask(flow).Answer
		}
		if ask("kubernetes", l.manifest("p")) == reach.Allowed {
			require.Equal(t, reach.Allowed, ask("kubernetes", more.manifest("p")))
		}
		if ask("cilium", l.manifest("p")) == reach.Denied {
			require.Equal(t, reach.Denied, ask("cilium", l.manifest("p"), deny))
		}
	})
}
