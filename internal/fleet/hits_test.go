package fleet

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, manifest string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	require.NoError(t, yaml.Unmarshal([]byte(manifest), &u.Object))
	return u
}

func neighbours(t *testing.T, more ...string) *Index {
	t.Helper()
	return indexOf(t, append([]string{
		manifest("Deployment", "shop", "web", "tier: front"), manifest("StatefulSet", "shop", "db", "tier: back"), manifest("CronJob", "shop", "report"),
		manifest("Deployment", "bank", "web", "tier: front"),
		strings.Replace(manifest("DaemonSet", "infra", "agent"), "spec: {containers", "spec: {hostNetwork: true, containers", 1),
		"apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: bare, namespace: shop}\nspec: {ports: [{port: 1}]}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: outside, namespace: shop}\nspec: {type: ExternalName, selector: {app: web}}\n",
	}, more...)...)
}

func TestHits(t *testing.T) {
	ix := neighbours(t)
	all := "Deployment bank/web, DaemonSet infra/agent, CronJob shop/report, Deployment shop/web, StatefulSet shop/db"
	np := "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: "
	ap := "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: x, namespace: shop}\nspec: "
	cnp := "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: "
	calico := "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: "
	in := func(namespace, s string) string {
		return strings.Replace(s, "namespace: shop", "namespace: "+namespace, 1)
	}
	for _, c := range []struct{ manifest, want, err string }{
		{np + "{podSelector: {matchLabels: {app: web}}}", "Deployment shop/web", ""},
		{np + "{podSelector: {matchLabels: {app: web, tier: back}}}", "", ""},
		{np + "{podSelector: {}}", "CronJob shop/report, Deployment shop/web, StatefulSet shop/db", ""},
		{np + "{}", "CronJob shop/report, Deployment shop/web, StatefulSet shop/db", ""},
		{np + "{podSelector: {matchExpressions: [{key: tier, operator: In, values: [front, other]}]}}", "Deployment shop/web", ""},
		{np + "{podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [front]}]}}", "CronJob shop/report, StatefulSet shop/db", ""},
		{np + "{podSelector: {matchExpressions: [{key: tier, operator: Exists}]}}", "Deployment shop/web, StatefulSet shop/db", ""},
		{np + "{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}], matchLabels: {app: report}}}", "CronJob shop/report", ""},
		{in("infra", np) + "{podSelector: {}}", "DaemonSet infra/agent", ""},
		{np + "{podSelector: {matchExpressions: [{key: tier, operator: Near}]}}", "", "Near"},
		{np + "{podSelector: {matchExpressions: [{key: tier, operator: In}]}}", "", "values"},
		{np + "{podSelector: {MatchLabels: {app: web}}}", "", "unknown field"},
		{np + "{podSelector: {matchLabels: {app: 1}}}", "", "selector"},
		{np + "{podSelector: [web]}", "", "no mapping"},
		{np + "{podSelector: {matchLabels: {pod-template-hash: 5d4f8c7b96}}}", "", "running pods"},
		{strings.Replace(np, ", namespace: shop", "", 1) + "{podSelector: {}}", "", "no namespace"},

		{ap + "{selector: {matchLabels: {app: web}}}", "Deployment shop/web", ""},
		{ap + "{}", "CronJob shop/report, Deployment shop/web, StatefulSet shop/db", ""},
		{ap + "{selector: {}}", "CronJob shop/report, Deployment shop/web, StatefulSet shop/db", ""},
		{in("istio-system", ap) + "{}", all, ""},
		{in("istio-system", ap) + "{selector: {matchLabels: {app: web}}}", "Deployment bank/web, Deployment shop/web", ""},
		{ap + "{targetRefs: [{kind: Service, group: '', name: web}]}", "Deployment shop/web", ""},
		{ap + "{targetRef: {kind: Service, group: core, name: web}}", "Deployment shop/web", ""},
		{ap + "{targetRefs: [{kind: Service, name: gone}]}", "", "which no root renders"},
		{ap + "{targetRefs: [{kind: Service, name: bare}]}", "", "no selector"},
		{ap + "{targetRefs: [{kind: Service, name: outside}]}", "", "no selector"},
		{ap + "{targetRefs: [{kind: Service, name: web, namespace: bank}]}", "", "another namespace"},
		{ap + "{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}]}", "", "targets a Gateway"},
		{ap + "{targetRefs: {kind: Service}}", "", "no list"},
		{ap + "{targetRefs: [web]}", "", "no mapping"},
		{ap + "{selector: {matchLabels: {app: web}}, targetRefs: [{kind: Service, name: web}]}", "", "both"},
		{ap + "{selector: {matchExpressions: [{key: app, operator: Exists}]}}", "", "Istio does not have"},
		{ap + "{selector: {matchLabels: {istio.io/rev: canary}}}", "", "running pods"},

		{"apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: x, namespace: istio-system}\nspec: {mtls: {mode: STRICT}}", all, ""},
		{"apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: x, namespace: bank}\nspec: {}", "Deployment bank/web", ""},
		{cnp + "{endpointSelector: {matchLabels: {app: web}}}", "Deployment shop/web", ""},
		{cnp + "{endpointSelector: {matchLabels: {'k8s:app': web, 'any:tier': front}}}", "Deployment shop/web", ""},
		{cnp + "{endpointSelector: {matchExpressions: [{key: 'k8s:tier', operator: Exists}]}}", "Deployment shop/web, StatefulSet shop/db", ""},
		{cnp + "{endpointSelector: {}}", "CronJob shop/report, Deployment shop/web, StatefulSet shop/db", ""},
		{cnp + "{endpointSelector: {matchLabels: {'reserved:host': ''}}}", "", "no label of a pod"},
		{cnp + "{endpointSelector: {matchExpressions: [{key: 'reserved:init', operator: Exists}]}}", "", "no label of a pod"},
		{cnp + "{endpointSelector: {matchLabels: {kubernetes.io/role: x}}}", "", "Cilium leaves out"},
		{cnp + "{endpointSelector: {matchLabels: {pod-template-hash: x}}}", "", "Cilium leaves out"},
		{cnp + "{nodeSelector: {}}", "", "no endpointSelector"},
		{"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: x, namespace: shop}\nspecs: [{endpointSelector: {}}]", "", "has specs"},
		{"apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: {endpointSelector: {}}", "", "not known to irgit"},
		{calico + "{selector: app == 'web'}", "Deployment shop/web", ""},
		{calico + "{selector: app == 'web' && tier == 'front'}", "Deployment shop/web", ""},
		{calico + "{selector: app == 'web' && tier == 'back'}", "", ""},
		{calico + "{selector: app == 'web' || tier == 'back'}", "", "not labels joined by &&"},
		{calico + "{selector: all()}", "", "not labels joined by &&"},
		{calico + "{selector: ''}", "", "not labels joined by &&"},
		{calico + "{}", "", "not labels joined by &&"},
		{calico + "{selector: app == 'web', serviceAccountSelector: x == 'y'}", "", "by ServiceAccounts"},
		{calico + "{selector: pod-template-hash == 'a'}", "", "running pods"},
		{"apiVersion: evil.example.com/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: {podSelector: {matchLabels: {app: web}}}", "", "not known to irgit"},
	} {
		hit, err := ix.Hits(parse(t, c.manifest))
		if c.err != "" {
			require.ErrorContains(t, err, c.err, c.manifest)
			continue
		}
		require.NoError(t, err, c.manifest)
		require.Equal(t, c.want, strings.Join(namesOf(hit), ", "), c.manifest)
	}
	hit, err := ix.Hits(parse(t, in("infra", np)+"{podSelector: {}}"))
	require.NoError(t, err)
	require.True(t, hit[0].HostNetwork, "the caller is told, as a NetworkPolicy hardly binds it")
}

func TestSelectingAndAllowances(t *testing.T) {
	np := func(name, namespace, spec string) string {
		return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: " + spec + "\n"
	}
	ap := func(name, namespace, spec string) string {
		return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: " + spec + "\n"
	}
	ix := neighbours(t,
		np("deny", "shop", "{podSelector: {}, policyTypes: [Ingress, Egress]}"),
		np("all", "shop", "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{}], egress: [{}]}"),
		np("some", "shop", `{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {b: c, a: b}}}, {namespaceSelector: {}, podSelector: {}}, {namespaceSelector: {matchLabels: {team: x}}}], ports: [{port: 80}, {protocol: UDP, port: dns}, {port: 8000, endPort: 9000}, {protocol: SCTP}]}], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]}`),
		np("hash", "shop", "{podSelector: {matchLabels: {app: web, pod-template-hash: abc}}}"),
		np("broken", "shop", "{podSelector: [x], ingress: [{}]}"),
		np("other", "shop", "{podSelector: {matchLabels: {app: db}}, ingress: [{}]}"),
		np("elsewhere", "bank", "{podSelector: {}, ingress: [{}]}"),
		np("root", "istio-system", "{podSelector: {}, ingress: [{}]}"),
		ap("mesh", "istio-system", "{}"),
		ap("mesh-db", "istio-system", "{selector: {matchLabels: {app: db}}}"),
		ap("gateway", "istio-system", "{targetRefs: [{kind: Gateway, name: x}]}"),
		ap("own", "shop", "{targetRefs: [{kind: Service, name: web}]}"),
		ap("waypoint", "shop", "{targetRefs: [{kind: Gateway, name: x}]}"),
	)
	w := workload(t, ix, "Deployment", "shop", "web")
	var names []string
	for _, r := range ix.Selecting(w) {
		require.Equal(t, "apps", r.Root)
		names = append(names, r.Kind+" "+r.Namespace+"/"+r.Name)
	}
	require.Equal(t, []string{
		"AuthorizationPolicy istio-system/mesh", "AuthorizationPolicy shop/own", "AuthorizationPolicy shop/waypoint",
		"NetworkPolicy shop/all", "NetworkPolicy shop/broken", "NetworkPolicy shop/deny", "NetworkPolicy shop/hash", "NetworkPolicy shop/some",
	}, names)

	var sentences []string
	for _, a := range ix.Allowances(w) {
		sentences = append(sentences, a.Direction+": "+a.Sentence)
	}
	require.Equal(t, []string{
		"Ingress: all allows ingress from everywhere on all ports",
		"Ingress: broken allows ingress from everywhere on all ports",
		"Ingress: some allows ingress from pods a=b,b=c of the namespace, all pods of all namespaces, namespaces team=x on TCP 80, UDP dns, TCP 8000–9000, all SCTP ports",
		"Egress: some allows egress to 0.0.0.0/0 except 1 ranges on all ports",
	}, sentences)
	for _, a := range ix.Allowances(workload(t, ix, "CronJob", "shop", "report")) {
		require.Equal(t, "broken", a.Policy.Name, "a deny alone allows nothing")
	}
}

func TestNeighbours(t *testing.T) {
	ix := neighbours(t,
		"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: shop}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}\n",
		"apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: keda, namespace: shop}\nspec: {scaleTargetRef: {name: web}}\n",
		"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: db, namespace: shop}\nspec: {scaleTargetRef: {kind: StatefulSet, name: db}}\n",
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: x}}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {password: hunter2}\n",
	)
	w := workload(t, ix, "Deployment", "shop", "web")
	require.Equal(t, []string{"web"}, w.Autoscaled)
	refs := ix.Autoscalers(w)
	require.Len(t, refs, 2)
	require.Equal(t, []string{"db"}, workload(t, ix, "StatefulSet", "shop", "db").Autoscaled)
	services := ix.Services(w)
	require.Len(t, services, 1, "an ExternalName has no pods")
	require.Equal(t, "web", services[0].Name)
	require.Equal(t, []string{"CronJob shop/report", "StatefulSet shop/db"}, namesOf(ix.SameServiceAccount(w)), "all run as default")
	require.Equal(t, []Namespace{{Name: "bank"}, {Name: "infra"}, {Name: "shop", Labels: map[string]string{"team": "x"}}}, ix.Namespaces())

	u, ok := ix.Object(ObjectRef{Kind: "Service", Namespace: "shop", Name: "web"})
	require.True(t, ok)
	u.SetName("changed")
	again, ok := ix.Object(ObjectRef{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "web", Root: "apps"})
	require.True(t, ok)
	require.Equal(t, "web", again.GetName(), "the caller has a copy")
	ports, _, err := unstructured.NestedSlice(mustObject(t, ix, "bare").Object, "spec", "ports")
	require.NoError(t, err)
	require.Equal(t, int64(1), ports[0].(map[string]any)["port"])
	_, ok = ix.Object(ObjectRef{Kind: "Secret", Namespace: "shop", Name: "s"})
	require.False(t, ok, "secrets are not kept")
	_, ok = ix.Object(ObjectRef{Kind: "Service", Namespace: "shop", Name: "web", Root: "other"})
	require.False(t, ok)
}

func mustObject(t *testing.T, ix *Index, service string) *unstructured.Unstructured {
	t.Helper()
	u, ok := ix.Object(ObjectRef{Kind: "Service", Namespace: "shop", Name: service})
	require.True(t, ok)
	return u
}

func TestGoverned(t *testing.T) {
	const yes, no, unknown = "yes", "no", "unknown"
	np := func(spec string) string {
		return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: shop}\nspec: " + spec + "\n"
	}
	calico := func(kind, namespace string) string {
		return "apiVersion: projectcalico.org/v3\nkind: " + kind + "\nmetadata: {name: x" + namespace + "}\nspec: {selector: all()}\n"
	}
	for manifest, want := range map[string][2]string{ // ingress, egress
		np("{podSelector: {}}"): {yes, no},
		np("{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}"):             {no, yes},
		np("{podSelector: {matchLabels: {app: web}}, egress: [{}]}"):                      {yes, yes},
		np("{podSelector: {matchLabels: {app: db}}}"):                                     {no, no},
		np("{podSelector: {matchLabels: {app: web, pod-template-hash: x}}}"):              {unknown, no},
		np("{podSelector: [broken]}"):                                                     {unknown, unknown},
		strings.Replace(np("{podSelector: {}}"), "namespace: shop", "namespace: bank", 1): {no, no},
		calico("NetworkPolicy", ", namespace: shop"):                                      {unknown, unknown},
		calico("NetworkPolicy", ", namespace: bank"):                                      {no, no},
		calico("GlobalNetworkPolicy", ""):                                                 {unknown, unknown},
	} {
		ix := neighbours(t, manifest)
		w := workload(t, ix, "Deployment", "shop", "web")
		require.Equal(t, want, [2]string{ix.Governed(w, "Ingress"), ix.Governed(w, "Egress")}, manifest)
	}
}
