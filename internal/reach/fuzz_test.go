package reach_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/reach"
)

// Whatever a policy says: the answer comes, comes again, and has a reason if it is unknown.
func FuzzPolicies(f *testing.F) {
	for _, seed := range []string{
		networkPolicy("a", `{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: sql, endPort: 1}]}]}`),
		policy("cilium.io/v2", "CiliumNetworkPolicy", "shop", "a", `{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: "1"}], rules: {http: [{path: "("}]}}]}], egressDeny: [{toFQDNs: [{matchPattern: "**.x"}]}]}`),
		calicoPolicy("a", `{order: 1.5, selector: "a in {'b'} && !has(c) || all()", ingress: [{action: Pass, source: {nets: [x], ports: ["1:2"]}}]}`),
		authorization("a", `{action: DENY, rules: [{from: [{source: {principals: ["*"]}}], to: [{operation: {paths: ["/{*}"]}}], when: [{key: remote.ip, values: [x]}]}]}`),
		policy("security.istio.io/v1", "PeerAuthentication", "shop", "a", `{selector: {matchLabels: {app: db}}, portLevelMtls: {"5432": {mode: STRICT}}}`),
		"apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {selector: {app: db}, ports: [{port: 1, targetPort: http}]}",
	} {
		f.Add(seed)
	}
	base := objects(f, shop)
	f.Fuzz(func(t *testing.T, manifest string) {
		all := slices.Clone(base)
		for _, doc := range strings.Split(manifest, "\n---\n") {
			o := &unstructured.Unstructured{}
			if !readable(doc, o) {
				return
			}
			all = append(all, o)
		}
		for _, c := range []reach.Cluster{{CNI: "cilium", Mesh: "istio-sidecar"}, {CNI: "calico", Mesh: "istio-ambient", Waypoint: "wp"}} {
			m, err := reach.New(c, all)
			if err != nil {
				continue
			}
			for _, flow := range append(m.Flows(), get(admin(web), "GET", "/"), byService(sql(web), 5432), sql(out)) {
				v := m.Ask(flow)
				require.Equal(t, v, m.Ask(flow))
				require.True(t, v.Answer != reach.Unknown || v.Why != "", "%s: %s", flow, v)
				require.True(t, v.Answer != reach.Denied || v.By != "", "%s: %s", flow, v)
			}
		}
	})
}
