package reach_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/reach"
)

// The sources of what these tests want are
// https://kubernetes.io/docs/concepts/services-networking/network-policies/ (the page) and
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/ (the API).

func network(t *testing.T, specs ...string) *reach.Model {
	t.Helper()
	var all []string
	for i, s := range specs {
		all = append(all, networkPolicy(string(rune('a'+i)), s))
	}
	return model(t, reach.Cluster{}, all...)
}

// The page: "By default, a pod is non-isolated".
func TestNoPolicyAllows(t *testing.T) {
	answers(t, network(t), ask{sql(web), "allowed"}, ask{sql(out), "allowed"}, ask{reach.Flow{From: web, To: out, Port: 443}, "allowed"})
}

// The page: "If no policyTypes are specified on a NetworkPolicy then by default
// Ingress will always be set and Egress will be set if the NetworkPolicy has any
// egress rules."
func TestPolicyTypesDefault(t *testing.T) {
	outward := reach.Flow{From: db, To: web, Port: 8080}
	answers(t, network(t, `{podSelector: {matchLabels: {app: db}}}`),
		ask{sql(web), "denied by NetworkPolicy shop/a: no rule for ingress allows it"}, ask{outward, "allowed"})
	answers(t, network(t, `{podSelector: {matchLabels: {app: db}}, egress: [{ports: [{port: 1}]}]}`),
		ask{sql(web), "denied"}, ask{outward, "denied by NetworkPolicy shop/a: no rule for egress allows it"})
	answers(t, network(t, `{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress]}`), ask{sql(web), "allowed"}, ask{outward, "denied"})
	// The API: "If this field is empty then this NetworkPolicy limits all outgoing
	// traffic (and serves solely to ensure that the pods it selects are isolated by default)".
	answers(t, network(t, `{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [], egress: []}`), ask{sql(web), "denied"}, ask{outward, "denied"})
}

// The page: "Network policies do not conflict; they are additive."
func TestPoliciesAdd(t *testing.T) {
	answers(t, network(t,
		`{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress, Egress]}`,
		`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: sql}]}]}`,
	),
		ask{sql(web), "allowed by NetworkPolicy shop/b ingress[0]"}, ask{admin(web), "denied by NetworkPolicy shop/a, NetworkPolicy shop/b"},
		ask{sql(metrics), "denied"},
	)
}

// The page: "For a connection from a source pod to a destination pod to be allowed, both
// the egress policy on the source pod and the ingress policy on the destination pod need to allow".
func TestBothEndsHaveToAllow(t *testing.T) {
	answers(t, network(t,
		`{podSelector: {matchLabels: {app: db}}, ingress: [{}]}`,
		`{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}`,
	), ask{sql(web), "denied by NetworkPolicy shop/b: no rule for egress"}, ask{sql(metrics), "allowed by NetworkPolicy shop/a ingress[0]"})
}

// The page: "A single to/from entry that specifies both namespaceSelector and
// podSelector selects particular Pods within particular namespaces"; two entries
// are an or.
func TestSelectorsOfOnePeerAndOfTwo(t *testing.T) {
	one := `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: web}}}]}]}`
	two := `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: ops}}}, {podSelector: {matchLabels: {app: web}}}]}]}`
	namesake := reach.Peer{Pod: &reach.Pod{Namespace: "old", Labels: map[string]string{"app": "web"}}}
	answers(t, network(t, one), ask{sql(web), "denied"}, ask{sql(metrics), "denied"})
	answers(t, network(t, two), ask{sql(web), "allowed"}, ask{sql(metrics), "allowed"}, ask{sql(legacy), "denied"}, ask{sql(namesake), "denied"})
}

func TestSelectorExpressions(t *testing.T) {
	rule := func(expression string) *reach.Model {
		return network(t, `{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchExpressions: [`+expression+`]}}]}]}`)
	}
	answers(t, rule(`{key: app, operator: In, values: [web, metrics]}`), ask{sql(web), "allowed"}, ask{sql(legacy), "denied"})
	answers(t, rule(`{key: app, operator: NotIn, values: [web]}`), ask{sql(web), "denied"}, ask{sql(legacy), "allowed"})
	answers(t, rule(`{key: tier, operator: NotIn, values: [web]}`), ask{sql(web), "allowed"})
	answers(t, rule(`{key: tier, operator: Exists}`), ask{sql(web), "denied"})
	answers(t, rule(`{key: tier, operator: DoesNotExist}`), ask{sql(web), "allowed"})
	answers(t, rule(`{key: pod-template-hash, operator: Exists}`), ask{sql(web), "unknown: label pod-template-hash is put on running pods alone"})
	answers(t, rule(`{key: app, operator: Like, values: [w]}`), ask{sql(web), "unknown"})
}

// A namespace that no manifest tells of has the one label that the API server
// gives it, and maybe others.
func TestNamespaceThatIsNotInTheManifests(t *testing.T) {
	stranger := reach.Peer{Pod: &reach.Pod{Namespace: "vendor", Labels: map[string]string{"app": "x"}}}
	answers(t, network(t, `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: vendor}}}]}]}`),
		ask{sql(stranger), "allowed"}, ask{sql(metrics), "denied"})
	answers(t, network(t, `{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: vendor}}}]}]}`),
		ask{sql(stranger), "unknown: label team: the manifests have no Namespace vendor"}, ask{sql(metrics), "denied"})
}

// What a block leaves out is not denied: another rule may allow it, since
// policies add up.
func TestBlocks(t *testing.T) {
	block := `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25]}}]}]}`
	answers(t, network(t, block),
		ask{sql(out), "allowed"}, ask{sql(reach.Outside("203.0.113.200")), "denied"}, ask{sql(reach.Outside("2001:db8::1")), "denied"},
		ask{sql(reach.Outside("::ffff:203.0.113.9")), "allowed"},
		// "These should be cluster-external IPs, since Pod IPs are ephemeral and unpredictable."
		ask{sql(web), "unknown: the manifests do not have the pod's address"},
		ask{sql(reach.Peer{Domain: "example.com"}), "unknown: the address of example.com is not known"},
		ask{sql(reach.Peer{Domain: "example.com", Address: netip.MustParseAddr("203.0.113.1")}), "allowed"},
	)
	answers(t, network(t, block, `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.200/32}}]}]}`),
		ask{sql(reach.Outside("203.0.113.200")), "allowed by NetworkPolicy shop/b ingress[0]"})
	answers(t, network(t, `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "2001:db8::/32", except: ["2001:db8:1::/48"]}}]}]}`),
		ask{sql(reach.Outside("2001:db8::1")), "allowed"}, ask{sql(reach.Outside("2001:db8:1::1")), "denied"}, ask{sql(out), "denied"})
	pod := reach.Peer{Pod: &reach.Pod{Namespace: "ops", Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("2001:db8::5")}}}
	answers(t, network(t, block), ask{sql(pod), "unknown: one of the pod's addresses is in a block and another is not"})
	answers(t, network(t, `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: nonsense}}]}]}`), ask{sql(out), `unknown: "nonsense" is no block`})
}

// The API: port "can either be a numerical or named port on a pod"; endPort "indicates that the
// range of ports from port to endPort if set, inclusive, should be allowed by the policy"; without protocol
// it is TCP.
func TestPorts(t *testing.T) {
	at := func(port int32, protocol string) reach.Flow {
		return reach.Flow{From: web, To: db, Port: port, Protocol: protocol}
	}
	answers(t, network(t, `{podSelector: {}, ingress: [{ports: [{port: sql}]}]}`), ask{at(5432, "TCP"), "allowed"}, ask{at(8080, "TCP"), "denied"})
	answers(t, network(t, `{podSelector: {}, ingress: [{ports: [{port: 5000, endPort: 6000}]}]}`),
		ask{at(5000, ""), "allowed"}, ask{at(6000, ""), "allowed"}, ask{at(4999, ""), "denied"}, ask{at(6001, ""), "denied"}, ask{at(5432, "UDP"), "denied"})
	answers(t, network(t, `{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}`), ask{at(1, "UDP"), "allowed"}, ask{at(1, "TCP"), "denied"})
	answers(t, network(t, `{podSelector: {}, ingress: [{ports: [{protocol: SCTP, port: 9}]}]}`), ask{at(9, "SCTP"), "allowed"}, ask{at(9, ""), "denied"})
	// A name of an egress rule is one of the destination's; what is no pod has none.
	egress := network(t, `{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: sql}]}]}`)
	answers(t, egress, ask{at(5432, ""), "allowed"}, ask{reach.Flow{From: web, To: out, Port: 5432}, "denied"})
}

// The page: "traffic to and from the node where a Pod is running is always
// allowed", "regardless of the IP address of the Pod or the node".
func TestProbesPass(t *testing.T) {
	answers(t, network(t, `{podSelector: {}, policyTypes: [Ingress, Egress]}`), ask{sql(kubelet), "allowed"})
}

// The page: "NetworkPolicy behaviour for hostNetwork pods is undefined".
func TestHostNetworkIsUndefined(t *testing.T) {
	answers(t, network(t), ask{sql(agent), "unknown: policies are not defined for pods on their node's network"},
		ask{reach.Flow{From: web, To: agent, Port: 80}, "unknown"})
}

func TestDNS(t *testing.T) {
	lookup := reach.Flow{From: web, To: dns, Port: 53, Protocol: "UDP"}
	rule := `{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}},
  podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{protocol: UDP, port: 53}]}]}`
	answers(t, network(t, rule), ask{lookup, "allowed by NetworkPolicy shop/a egress[0]"}, ask{reach.Flow{From: web, To: dns, Port: 53}, "denied"},
		ask{reach.Flow{From: web, To: out, Port: 443}, "denied"})
	answers(t, network(t, `{podSelector: {}, policyTypes: [Egress]}`), ask{lookup, "denied"})
}

// What is not understood is not guessed at, and matters only where it may.
func TestPolicyThatIsNotUnderstood(t *testing.T) {
	m := network(t, `{podSelector: {matchLabels: {app: db}}, ingress: [{form: []}]}`)
	answers(t, m, ask{sql(web), "unknown: read NetworkPolicy shop/a"}, ask{reach.Flow{From: metrics, To: legacy, Port: 1}, "allowed"})
	answers(t, model(t, reach.Cluster{}, policy("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", "", "a", "{}")),
		ask{sql(web), "unknown: AdminNetworkPolicy a is not of a kind that is known to be enforced"})
	answers(t, model(t, reach.Cluster{}, policy("cilium.io/v2", "CiliumNetworkPolicy", "shop", "a", "{endpointSelector: {}}")),
		ask{sql(web), "unknown: CiliumNetworkPolicy shop/a is not of a kind"}, ask{reach.Flow{From: metrics, To: legacy, Port: 1}, "allowed"})
}

func TestNullIsNotAnEmptyRule(t *testing.T) {
	answers(t, network(t, `{podSelector: {}, ingress: [null]}`), ask{sql(web), "unknown: read NetworkPolicy shop/a: an item of a list in spec is null"})
}

func TestClustersAndObjectsThatAreNone(t *testing.T) {
	for _, c := range []reach.Cluster{{CNI: "flannel"}, {Mesh: "linkerd"}, {Mesh: "istio-sidecar", Waypoint: "wp"}} {
		_, err := reach.New(c, nil)
		require.ErrorContains(t, err, "cluster: ")
	}
	twice := objects(t, shop, shop)
	_, err := reach.New(reach.Cluster{}, twice)
	require.NoError(t, err)
	twice[len(twice)-1].SetLabels(map[string]string{"other": "label"})
	_, err = reach.New(reach.Cluster{}, twice)
	require.EqualError(t, err, "read objects: Service shop/db is there twice, and differs; leave one out")
}

func TestQuestionsThatAreNone(t *testing.T) {
	m := network(t)
	answers(t, m,
		ask{sql(reach.Peer{}), "unknown: from: a peer is exactly one of"},
		ask{sql(reach.PodOf("Deployment", "shop", "gone")), "unknown: from: the manifests have no Deployment shop/gone"},
		ask{reach.Flow{From: web, To: db}, "unknown: port 0 is none"},
		ask{reach.Flow{From: web, To: db, Port: 1, Protocol: "tcp"}, `unknown: protocol "tcp" is none of`},
		ask{reach.Flow{From: out, To: out, Port: 1}, "unknown: neither end is a pod"},
		ask{reach.Flow{From: web, To: kubelet, Port: 1}, "unknown: a node is only known as one that probes"},
	)
}
