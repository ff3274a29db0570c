// Package reach answers whether a flow gets through: may A talk to B on port P,
// by the policies of a cluster as they are in its manifests. A pull request says
// by it who is cut off, and the tests of actions name the flows that a policy
// must cut and those that must live.
//
// New reads rendered objects into a Model, and Model.Ask is the place to start.
// An answer is allowed, denied with the rule that decided, or unknown with the
// reason. It is never a guess: whatever is not understood (an unknown field, a
// label that only running pods have, the address of a pod) makes the answer
// unknown, unless the answer is the same either way.
//
// A flow has to be let through by the network (NetworkPolicy, and those of
// Cilium or Calico) at both ends and by the mesh (Istio's AuthorizationPolicy
// and PeerAuthentication). The sources of the rules stand beside the code.
//
// The policies are taken for enforced, everywhere and at once. What is asked is whether a new connection comes about: replies belong
// to it, and connections that are open already are not modelled. Neither is where
// traffic is sent (VirtualService, HTTPRoute, endpoints that are not ready), how a
// cluster is set up beyond Cluster (Istio's MeshConfig, Cilium's and Calico's
// daemons have their defaults), and traffic within a pod.
//
// A Model is safe for concurrent use.
package reach

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Cluster is what the manifests do not say, in the words of .irgit.yaml.
type Cluster struct {
	CNI           string // kubernetes (the default), cilium, calico
	Mesh          string // none (the default), istio-sidecar, istio-ambient
	RootNamespace string // of the mesh; "istio-system" if empty
	TrustDomain   string // of the mesh; "cluster.local" if empty
	// Waypoint is the name of the Gateway that every Service without a label
	// istio.io/use-waypoint of its own or its namespace's goes through, in the
	// Service's namespace. "" is none.
	Waypoint string
}

// Answer is whether a flow gets through.
type Answer string

// The three answers.
const (
	Allowed Answer = "allowed"
	Denied  Answer = "denied"
	Unknown Answer = "unknown"
)

// Verdict is an answer with its reason.
type Verdict struct {
	Answer Answer
	// By is what decided: the policy, as "NetworkPolicy shop/deny egress[0]". It
	// is empty where no policy restricts the flow.
	By string
	// Why is the reason of Unknown, and of a denial that no single rule made.
	Why string
}

// String gives a verdict in one line.
func (v Verdict) String() string {
	s := string(v.Answer)
	if v.By != "" {
		s += " by " + v.By
	}
	if v.Why != "" {
		s += ": " + v.Why
	}
	return s
}

func unknown(format string, args ...any) Verdict {
	return Verdict{Answer: Unknown, Why: fmt.Sprintf(format, args...)}
}

// Model is one cluster's manifests, understood.
type Model struct {
	cluster    Cluster
	workloads  map[Workload]*pod
	namespaces map[string]map[string]string // labels
	accounts   map[string]map[string]string // labels of ServiceAccounts, by namespace/name
	services   []service
	policies   []policy // of the network, in the order in which Calico would apply them
	foreign    []foreign
	sets       bool // there are Calico's network sets
	mesh       mesh
}

// New reads objects as a cluster would have them. Objects that have nothing to
// do with reachability are passed over. An error tells of a Cluster that is not
// one, and of two different objects with one name; what is wrong with an object
// shows in the answers about what it may concern.
func New(c Cluster, objects []*unstructured.Unstructured) (*Model, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &Model{
		cluster: c, workloads: map[Workload]*pod{}, namespaces: map[string]map[string]string{}, accounts: map[string]map[string]string{},
	}
	if objects, err = distinct(objects); err != nil {
		return nil, err
	}
	for _, o := range objects {
		m.readSurroundings(o)
	}
	m.finish()
	for _, o := range objects {
		m.readPolicy(o)
	}
	slices.SortStableFunc(m.policies, comparePolicies)
	return m, nil
}

// distinct leaves out what is there twice, as it is where two roots render one
// Namespace.
func distinct(objects []*unstructured.Unstructured) (all []*unstructured.Unstructured, err error) {
	seen := map[string]*unstructured.Unstructured{}
	for _, o := range objects {
		id := group(o) + "/" + name(o)
		switch first := seen[id]; {
		case first == nil:
			seen[id] = o
			all = append(all, o)
		case !equality.Semantic.DeepEqual(first.Object, o.Object):
			return nil, fmt.Errorf("read objects: %s is there twice, and differs; leave one out", name(o))
		}
	}
	return all, nil
}

func (c Cluster) withDefaults() (Cluster, error) {
	if c.CNI == "" {
		c.CNI = "kubernetes"
	}
	if c.Mesh == "" {
		c.Mesh = "none"
	}
	if c.RootNamespace == "" {
		c.RootNamespace = "istio-system"
	}
	if c.TrustDomain == "" {
		c.TrustDomain = clusterLocal
	}
	if !slices.Contains([]string{"kubernetes", "cilium", "calico"}, c.CNI) {
		return c, fmt.Errorf("cluster: CNI %q is none of kubernetes, cilium, calico", c.CNI)
	}
	if !slices.Contains([]string{"none", "istio-sidecar", "istio-ambient"}, c.Mesh) {
		return c, fmt.Errorf("cluster: mesh %q is none of none, istio-sidecar, istio-ambient", c.Mesh)
	}
	if c.Waypoint != "" && c.Mesh != "istio-ambient" {
		return c, errors.New("cluster: only an ambient mesh has waypoints; leave Waypoint empty")
	}
	return c, nil
}

// Ask answers whether a flow gets through.
func (m *Model) Ask(f Flow) Verdict {
	h, err := m.resolve(f)
	if err != nil {
		return unknown("%v", err)
	}
	variants, open := m.variants(h)
	v := m.way(variants[0])
	for _, other := range variants[1:] {
		if m.way(other).Answer != v.Answer {
			return unknown("%s", open)
		}
	}
	return v
}

// way is the verdict on a flow about which nothing is left open.
func (m *Model) way(h hop) Verdict {
	if h.mixed() {
		return unknown("how a sidecar and ztunnel talk to each other depends on the mesh's set-up")
	}
	var all []Verdict
	for _, hop := range m.hops(h) {
		all = append(all, m.network(hop), m.meshed(hop))
	}
	return everyone(all)
}

// everyone is the verdict where each of several has to allow.
func everyone(all []Verdict) Verdict {
	var by []string
	for _, want := range []Answer{Denied, Unknown} {
		for _, v := range all {
			if v.Answer == want {
				return v
			}
		}
	}
	for _, v := range all {
		if v.By != "" && !slices.Contains(by, v.By) {
			by = append(by, v.By)
		}
	}
	return Verdict{Answer: Allowed, By: strings.Join(by, " and ")}
}
