package policy

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
)

// cluster is a small fleet: selectors are evaluated as the API server does.
type cluster []fleet.Workload

func (cluster) Cluster() fleet.Cluster {
	return fleet.Cluster{
		Name: "prod-eu", Aliases: []string{"https://eu.example"}, Mesh: fleet.Mesh{RootNamespace: "mesh-root"},
		IngressGateways:     []fleet.Gateway{{Namespace: "edge", ServiceAccount: "gateway"}},
		ProtectedNamespaces: []string{"vault*"},
	}
}
func (c cluster) Workloads() []fleet.Workload { return c }
func (cluster) Autoscalers(w fleet.Workload) []fleet.ObjectRef {
	return []fleet.ObjectRef{{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Namespace: w.Namespace, Name: w.Name}}
}

func (cluster) Governed(w fleet.Workload, _ string) string { return cmp.Or(w.Labels["governed"], "no") }

func (cluster) Object(fleet.ObjectRef) (*unstructured.Unstructured, bool) { return nil, false }
func (cluster) Appliers(...fleet.ObjectRef) fleet.Appliers {
	return fleet.Appliers{Users: []string{"system:serviceaccount:flux-system:kustomize-controller"}}
}

func (cluster) Delivering(root string) (fleet.ObjectRef, bool) {
	return fleet.ObjectRef{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "flux-system", Name: root}, root != ""
}

func (cluster) Unliftable(sync fleet.ObjectRef) string {
	if sync.Name == "flux-system" {
		return "it applies its own manifest"
	}
	return ""
}

func (c cluster) Hits(obj *unstructured.Unstructured) (hit []fleet.Workload, err error) {
	if obj.GetName() == "irgit-unknown" {
		return nil, errors.New("no selector that can be read")
	}
	if obj.GetKind() == admissionPolicy {
		return c[:1], nil
	}
	path := []string{"spec", "selector", "matchLabels"}
	switch fleet.GroupOf(obj.GetAPIVersion()) {
	case "networking.k8s.io":
		path[1] = "podSelector"
	case "cilium.io":
		path[1] = "endpointSelector"
	}
	want, _, _ := unstructured.NestedStringMap(obj.Object, path...)
	if term, _, _ := unstructured.NestedString(obj.Object, "spec", "selector"); term != "" { // Calico's
		key, value, _ := strings.Cut(term, " == ")
		want = map[string]string{key: strings.Trim(value, "'")}
	}
	for _, w := range c {
		inside := w.Namespace == obj.GetNamespace() || obj.GetNamespace() == "mesh-root" && fleet.GroupOf(obj.GetAPIVersion()) == "security.istio.io"
		if inside && labels.SelectorFromSet(want).Matches(labels.Set(w.Labels)) {
			hit = append(hit, w)
		}
	}
	return hit, nil
}

func workload(namespace, name string, more ...func(*fleet.Workload)) fleet.Workload {
	w := fleet.Workload{
		Cluster: "prod-eu", Namespace: namespace, Kind: "Deployment", Name: name, APIVersion: "apps/v1",
		Labels: map[string]string{"app": name}, ServiceAccount: name,
		Containers: []fleet.Container{{Name: name, Image: "registry.example/" + name + ":1"}},
	}
	for _, f := range more {
		f(&w)
	}
	return w
}

func label(key, value string) func(*fleet.Workload) {
	return func(w *fleet.Workload) { w.Labels[key] = value }
}

func image(ref string) func(*fleet.Workload) {
	return func(w *fleet.Workload) { w.Containers[0].Image = ref }
}

func guardrails(refusals []Refusal) (out []string) {
	for _, r := range refusals {
		out = append(out, r.Guardrail)
	}
	return out
}

func TestThreatG1(t *testing.T) {
	for _, ns := range []string{
		"kube-system", "kube-public", "kube-node-lease", "istio-system", "mesh-root", "argocd", "flux-system",
		"gatekeeper-system", "kyverno", "cert-manager", "calico-system", "cilium", "vault-prod",
	} {
		w := workload(ns, "app")
		require.Equal(t, []string{"G1"}, guardrails(checkTarget(cluster{w}, w, alert.Alert{})), ns)
	}
	w := workload("payments", "payments")
	require.Empty(t, checkTarget(cluster{w}, w, alert.Alert{Subject: alert.Subject{Namespace: "payments", Cluster: "https://eu.example"}}))
	loosened := Guardrails{ProtectedNamespaces: nil, MaxWorkloads: MaxWorkloads}
	require.Empty(t, loosened.Check(w, nil))
	require.NotEmpty(t, Guardrails{ProtectedNamespaces: []string{"pay*"}}.Check(w, nil), "configuration can only add")
	require.NotEmpty(t, Guardrails{ProtectedLabels: []string{"app=payments"}}.Check(w, nil))
	require.NotEmpty(t, Guardrails{MaxWorkloads: 1}.Check(w, []fleet.Workload{w, workload("payments", "ledger")}))
}

func TestThreatG2(t *testing.T) {
	for what, w := range map[string]fleet.Workload{
		"gateway by label":       workload("web", "in", label("istio", "ingressgateway")),
		"gateway as declared":    workload("edge", "front", func(w *fleet.Workload) { w.ServiceAccount = "gateway" }),
		"gateway by container":   workload("web", "in", func(w *fleet.Workload) { w.Containers[0].Name = "istio-proxy" }),
		"gateway of the API":     workload("web", "in", label("gateway.networking.k8s.io/gateway-name", "public")),
		"CoreDNS by label":       workload("dns", "d", label("k8s-app", "kube-dns")),
		"CoreDNS by image":       workload("dns", "d", image("mirror.example:5000/x/coredns/coredns:v1@sha256:00")),
		"CNI by label":           workload("net", "n", label("k8s-app", "cilium")),
		"CNI by image":           workload("net", "n", image("quay.io/calico/node:v3")),
		"webhook by component":   workload("ops", "w", label("app.kubernetes.io/component", "admission-controller")),
		"webhook by port":        workload("ops", "w", func(w *fleet.Workload) { w.Containers[0].Ports = []fleet.Port{{Name: "webhook-server", Number: 9443}} }),
		"controller by part":     workload("ops", "w", label("app.kubernetes.io/part-of", "flux")),
		"mesh control by label":  workload("ops", "istiod-canary", label("istio", "pilot")),
		"protected in every way": workload("kube-system", "coredns", label("k8s-app", "kube-dns")),
	} {
		require.NotEmpty(t, checkTarget(cluster{w}, w, alert.Alert{}), what)
	}
	near := workload("edge", "front", image("registry.example/coredns-exporter:1"), label("istio", "none"),
		func(w *fleet.Workload) { w.Containers[0].Ports = []fleet.Port{{Name: "webhooks", Number: 8080}} })
	require.Empty(t, checkTarget(cluster{near}, near, alert.Alert{}), "what only resembles is not protected")
}

// The name in the alert is harmless; what the rendered selector hits is not.
func TestThreatG2JudgedByTheSelection(t *testing.T) {
	target := workload("web", "frontend", label("tier", "edge"))
	gateway := workload("web", "in", label("istio", "ingressgateway"), label("tier", "edge"))
	other := workload("web", "cart", label("tier", "edge"))
	obj := object(t, networkPolicy("web", "{matchLabels: {tier: edge}}"))
	refusals := checkObjects(cluster{target, gateway, other}, obj, nil, target)
	require.Equal(t, []string{"G2"}, guardrails(refusals))
	require.Contains(t, refusals[0].Reason, "Deployment web/in")

	require.Empty(t, checkObjects(cluster{target, other}, obj, nil, target), "collateral alone is the caller's to weigh")
	others, err := collateral(cluster{target, other}, append(obj, obj...), nil, target)
	require.NoError(t, err)
	require.Equal(t, []fleet.Workload{other}, others)
}

func TestThreatG5(t *testing.T) {
	for _, w := range []fleet.Workload{
		workload("irgit", "x"), workload("irgit-system", "x"),
		workload("ops", "bot", label("app.kubernetes.io/name", "irgit")), workload("ops", "bot", image("ghcr.io/irgit/irgit:v1")),
	} {
		require.Equal(t, []string{"G5"}, guardrails(checkTarget(cluster{w}, w, alert.Alert{})), w.String())
	}
}

func TestThreatG7(t *testing.T) {
	w := workload("payments", "payments")
	require.Equal(t, []string{"G7"}, guardrails(checkTarget(cluster{}, w, alert.Alert{})), "not in the fleet")
	require.Equal(t, []string{"G7"}, guardrails(checkTarget(cluster{w}, w, alert.Alert{Subject: alert.Subject{Namespace: "web"}})), "an alert of another namespace")
	require.Equal(t, []string{"G7"}, guardrails(checkTarget(cluster{w}, w, alert.Alert{Subject: alert.Subject{Cluster: "staging"}})), "an alert of another cluster")
	require.NotEmpty(t, checkTarget(cluster{w}, fleet.Workload{}, alert.Alert{}))
}

func networkPolicy(namespace, selector string) string {
	return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: irgit-x, namespace: " + namespace +
		"}\nspec: {podSelector: " + selector + ", policyTypes: [Ingress, Egress]}\n"
}

func authorizationPolicy(spec string) string {
	return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: irgit-x, namespace: payments}\nspec: " + spec + "\n"
}

const selects = "selector: {matchLabels: {app: payments}}"

func object(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var o map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &o))
	return []*unstructured.Unstructured{{Object: o}}
}

func TestRenderedObjects(t *testing.T) {
	target := workload("payments", "payments")
	world := cluster{target, workload("payments", "ledger"), workload("web", "frontend")}
	np := networkPolicy
	mine := "{matchLabels: {app: payments}}"
	deny := "action: DENY, rules: [{from: [{source: {notPrincipals: [a]}}]}]}"
	for name, c := range map[string]struct {
		object string
		want   []string
	}{
		"quarantine":                     {np("payments", mine), nil},
		"deny":                           {authorizationPolicy("{" + selects + ", " + deny), nil},
		"deny path on a port":            {authorizationPolicy("{" + selects + `, action: DENY, rules: [{to: [{operation: {paths: [/x], ports: ["80"]}}]}]}`), nil},
		"G3 empty selector":              {np("payments", "{}"), []string{"G3"}},
		"G3 empty matchLabels":           {np("payments", "{matchLabels: {}}"), []string{"G3"}},
		"G3 null selector":               {np("payments", "null"), []string{"G3"}},
		"G3 no selector":                 {authorizationPolicy("{" + deny), []string{"G3"}},
		"G3 empty istio selector":        {authorizationPolicy("{selector: {}, " + deny), []string{"G3"}},
		"G3 empty spec":                  {authorizationPolicy("{}"), []string{"G3", "K3", "K3"}},
		"G3 a gateway":                   {authorizationPolicy("{targetRefs: [{kind: Gateway, name: w}], " + deny), []string{"G3"}},
		"G3 misses the target":           {np("payments", "{matchLabels: {app: ledger}}"), []string{"G3"}},
		"G3 another namespace":           {np("web", "{matchLabels: {app: frontend}}"), []string{"G3", "G3"}},
		"G3 unknown selection":           {strings.Replace(np("payments", mine), "irgit-x", "irgit-unknown", 1), []string{"G3"}},
		"G4 mesh root":                   {strings.Replace(authorizationPolicy("{"+selects+", "+deny), "namespace: payments", "namespace: mesh-root", 1), []string{"G4"}},
		"K5 both":                        {authorizationPolicy("{" + selects + ", targetRefs: [{kind: Service, name: p}], " + deny), []string{"K5"}},
		"K3 no rules":                    {authorizationPolicy("{" + selects + ", action: DENY}"), []string{"K3"}},
		"K3 empty rules":                 {authorizationPolicy("{" + selects + ", action: DENY, rules: []}"), []string{"K3"}},
		"K3 empty notPrincipals":         {authorizationPolicy("{" + selects + ", action: DENY, rules: [{from: [{source: {notPrincipals: []}}]}]}"), []string{"K3"}},
		"K3 blank principal":             {authorizationPolicy("{" + selects + ", action: DENY, rules: [{from: [{source: {principals: [' ']}}]}]}"), []string{"K3"}},
		"K3 allows":                      {authorizationPolicy("{" + selects + ", action: ALLOW, rules: [{from: [{source: {principals: [a]}}]}]}"), []string{"K3"}},
		"K3 network policy allows all":   {strings.Replace(np("payments", mine), "policyTypes", "egress: [{}], policyTypes", 1), []string{"K3"}},
		"K3 directions guessed":          {strings.Replace(np("payments", mine), "[Ingress, Egress]", "[]", 1), []string{"K3"}},
		"K4 path without port":           {authorizationPolicy("{" + selects + ", action: DENY, rules: [{to: [{operation: {paths: [/x]}}]}]}"), []string{"K4"}},
		"K4 header without port":         {authorizationPolicy("{" + selects + ", action: DENY, rules: [{when: [{key: 'request.headers[x]', values: [y]}]}]}"), []string{"K4"}},
		"A8 a name that is not reserved": {strings.Replace(np("payments", mine), "irgit-x", "payments", 1), []string{"A8"}},
		"A9 secret":                      {"{apiVersion: v1, kind: Secret, metadata: {name: irgit-x, namespace: payments}}", []string{"A9"}},
		"A9 role":                        {"{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: irgit-x}}", []string{"A9"}},
		"A9 kustomization":               {"{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: irgit-x, namespace: payments}}", []string{"A9"}},
		"A9 application":                 {"{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: irgit-x, namespace: payments}}", []string{"A9"}},
		"A9 list":                        {"{apiVersion: v1, kind: List, items: []}", []string{"A9"}},
		"A9 kind of another group":       {strings.Replace(np("payments", mine), "networking.k8s.io/v1", "evil.example/v1", 1), []string{"A9"}},
		"A9 nothing":                     {"{}", []string{"A9"}},
	} {
		t.Run("Threat"+name, func(t *testing.T) {
			require.Equal(t, c.want, guardrails(checkObjects(world, object(t, c.object), nil, target)))
		})
	}
	twice := append(object(t, np("payments", mine)), object(t, np("payments", mine))...)
	require.Equal(t, []string{"A8"}, guardrails(checkObjects(world, twice, nil, target)))
}

func TestPatchesStayOnTheTarget(t *testing.T) {
	target := workload("payments", "payments")
	ref := func(version, kind, namespace, name string) []Patch {
		return []Patch{{Object: fleet.ObjectRef{APIVersion: version, Kind: kind, Namespace: namespace, Name: name}}}
	}
	check := func(r []Patch) []string { return guardrails(checkObjects(cluster{target}, nil, r, target)) }
	require.Empty(t, check(ref("apps/v1", "Deployment", "payments", "payments")))
	require.Empty(t, check(ref("autoscaling/v1", "HorizontalPodAutoscaler", "payments", "payments")))
	require.Equal(t, []string{"G3"}, check(ref("apps/v1", "Deployment", "payments", "ledger")))
	require.Equal(t, []string{"G3"}, check(ref("apps/v1", "Deployment", "web", "payments")))
	require.Equal(t, []string{"G3"}, check(ref("apps/v1", "StatefulSet", "payments", "payments")))
	require.Equal(t, []string{"G3"}, check(ref("autoscaling/v2", "HorizontalPodAutoscaler", "payments", "ledger")))
	require.Equal(t, []string{"A9"}, check(ref("v1", "ConfigMap", "payments", "payments")))
	require.Equal(t, []string{"A9"}, check(ref("rbac.authorization.k8s.io/v1", "RoleBinding", "payments", "payments")))

	protected := workload("kube-system", "coredns")
	require.Equal(t, []string{"G1"}, guardrails(checkObjects(cluster{protected}, nil, ref("apps/v1", "Deployment", "kube-system", "coredns"), protected)),
		"the floor holds after rendering too")
}
