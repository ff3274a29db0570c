package render_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/reach"
	"github.com/irgit/irgit/internal/render"
)

// street is a cluster with a shop, which calls its database, and a gateway.
const street = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: ops, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {serviceAccountName: web, containers: [{name: web, image: "registry.example.com/web:1", ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {serviceAccountName: db, containers: [{name: db, image: "registry.example.com/db:1", ports: [{name: tcp-sql, containerPort: 5432}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: metrics, namespace: ops}
spec:
  selector: {matchLabels: {app: metrics}}
  template:
    metadata: {labels: {app: metrics}}
    spec: {serviceAccountName: metrics, containers: [{name: metrics, image: "registry.example.com/metrics:1", ports: [{name: tcp-m, containerPort: 9090}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  template:
    metadata: {labels: {istio: ingressgateway, sidecar.istio.io/inject: "true"}}
    spec: {serviceAccountName: gateway, containers: [{name: istio-proxy, image: auto, ports: [{name: http, containerPort: 8080}]}]}
`

// leaky lets everything to and from the shop: no quarantine by Kubernetes'
// policies could stand against it.
const leaky = `---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: all, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
`

// The flows that an action must cut, and those that must live, asked of the
// policies themselves. Calico compares the addresses of pods, too, which are in
// no manifest, so what pods call is not asked there.
func TestFlowsThatIsolationCuts(t *testing.T) {
	named := []render.Indicator{{Type: "ip", Value: "45.9.148.7"}, {Type: "cidr", Value: "2001:bb8::/64"}}
	for name, c := range map[string]struct {
		cni, more string
		action    policy.Action
		cut, live []string
	}{
		"quarantine, Cilium":          {"cilium", leaky, act("quarantine"), []string{"out", "in", "dns", "world", "world6"}, []string{"probe", "other"}},
		"quarantine, Cilium, DNS":     {"cilium", leaky, act("quarantine", "dns", true), []string{"out", "in", "world", "world6"}, []string{"dns", "probe", "other"}},
		"quarantine, Calico":          {"calico", leaky, act("quarantine"), []string{"out", "in", "dns", "world", "world6"}, []string{"probe", "other"}},
		"quarantine, Calico, DNS":     {"calico", leaky, act("quarantine", "dns", true), []string{"out", "in", "world", "world6"}, []string{"dns", "probe", "other"}},
		"quarantine, Kubernetes":      {"kubernetes", "", act("quarantine", "dns", true), []string{"out", "in", "world", "world6"}, []string{"dns", "probe", "other"}},
		"block-egress, Cilium":        {"cilium", "", act("block-egress"), []string{"bad", "bad6"}, []string{"out", "in", "dns", "world", "world6", "probe", "other"}},
		"block-egress, Cilium, leaky": {"cilium", leaky, act("block-egress"), []string{"bad", "bad6"}, []string{"out", "in", "dns", "world", "world6", "probe", "other"}},
		"block-egress, Calico":        {"calico", "", act("block-egress", "openEgress", true), []string{"bad", "bad6"}, []string{"in", "world", "world6", "probe", "other"}},
		"block-egress, Calico, leaky": {"calico", leaky, act("block-egress"), []string{"bad", "bad6"}, []string{"in", "world", "world6", "probe", "other"}},
		"block-metadata, Cilium":      {"cilium", "", act("block-metadata"), []string{"metadata"}, []string{"out", "in", "dns", "world", "bad", "probe"}},
		"block-metadata, Calico":      {"calico", "", act("block-metadata", "openEgress", true), []string{"metadata"}, []string{"in", "world", "bad", "probe"}},
		"deny-identity":               {"kubernetes", "", act("deny-identity"), []string{"out", "metrics"}, []string{"in", "other", "world", "gateway"}},
		"block-source":                {"kubernetes", "", act("block-source"), []string{"request"}, []string{"visitor", "out", "in"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := small(t, map[string]string{
				fleet.ConfigFile: "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n  - {name: c, gitops: argocd, cni: " + c.cni +
					", mesh: {mode: istio-sidecar}, ingressGateways: [{namespace: istio-system, serviceAccount: gateway}], roots: [{path: apps}]}\n",
				"apps/street.yaml": street + c.more,
			})
			r := request(t, f, "c", "shop/web", c.action)
			r.Indicators = named
			b, _, _ := proved(t, catalogue(t), r)
			require.Empty(t, policy.CheckObjects(r.Index, b.Objects, nil, r.Target))
			before, after := model(t, c.cni, street+c.more), model(t, c.cni, street+c.more, b.Objects...)
			for _, flow := range append(c.cut, c.live...) {
				require.Equal(t, reach.Allowed, before.Ask(expectations[flow]).Answer, "%s before: %s", flow, before.Ask(expectations[flow]))
			}
			for _, flow := range c.cut {
				require.Equal(t, reach.Denied, after.Ask(expectations[flow]).Answer, "%s: %s", flow, after.Ask(expectations[flow]))
			}
			for _, flow := range c.live {
				require.Equal(t, reach.Allowed, after.Ask(expectations[flow]).Answer, "%s: %s", flow, after.Ask(expectations[flow]))
			}
		})
	}
}

var expectations = func() map[string]reach.Flow {
	of := func(namespace, name string) reach.Peer {
		return reach.Peer{Workload: reach.Workload{Kind: "Deployment", Namespace: namespace, Name: name}}
	}
	at := func(address string) reach.Peer { return reach.Peer{Address: netip.MustParseAddr(address)} }
	web, db, metrics, gateway := of("shop", "web"), of("shop", "db"), of("ops", "metrics"), of("istio-system", "gateway")
	request := func(client string) reach.Flow {
		return reach.Flow{From: at(client), To: gateway, Port: 8080, HTTP: &reach.HTTP{Method: "GET", Path: "/", Client: netip.MustParseAddr(client)}}
	}
	return map[string]reach.Flow{
		"out": {From: web, To: db, Port: 5432}, "in": {From: metrics, To: web, Port: 8080}, "other": {From: metrics, To: db, Port: 5432},
		"metrics": {From: web, To: metrics, Port: 9090}, "gateway": {From: web, To: gateway, Port: 8080},
		"dns": {From: web, To: reach.Peer{DNS: true}, Port: 53, Protocol: "UDP"}, "probe": {From: reach.Peer{Node: true}, To: web, Port: 8080},
		"world": {From: web, To: at("198.51.100.9"), Port: 443}, "world6": {From: web, To: at("2001:db8::9"), Port: 443},
		"bad": {From: web, To: at("45.9.148.7"), Port: 443}, "bad6": {From: web, To: at("2001:bb8::7"), Port: 443},
		"metadata": {From: web, To: at("169.254.169.254"), Port: 80},
		"request":  request("45.9.148.7"), "visitor": request("198.51.100.9"),
	}
}()

func model(t *testing.T, cni, manifests string, more ...*unstructured.Unstructured) *reach.Model {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, doc := range strings.Split(manifests, "---\n") {
		u := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(doc), &u.Object))
		all = append(all, u)
	}
	m, err := reach.New(reach.Cluster{CNI: cni, Mesh: "istio-sidecar"}, append(all, more...))
	require.NoError(t, err)
	return m
}
