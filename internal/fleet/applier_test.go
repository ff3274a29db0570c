package fleet

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const gotk = `apiVersion: apps/v1
kind: Deployment
metadata: {name: kustomize-controller, namespace: flux-system}
spec:
  selector: {matchLabels: {app: kustomize-controller}}
  template:
    metadata: {labels: {app: kustomize-controller}}
    spec:
      serviceAccountName: kustomize-controller
      containers: [{name: manager, image: ghcr.io/fluxcd/kustomize-controller:v1.9.4, args: [--watch-all-namespaces=true]}]
`

func TestAppliersOfFlux(t *testing.T) {
	appliers := func(edit func(files map[string]string)) Appliers {
		t.Helper()
		files := fluxFleet()
		files["clusters/eu/flux-system/kustomization.yaml"] = "resources: [gotk-sync.yaml, gotk-components.yaml]\n"
		files["clusters/eu/flux-system/gotk-components.yaml"] = gotk
		edit(files)
		ix := indexed(t, discovered(t, files), "eu")
		return ix.Appliers(workload(t, ix, "Deployment", "shop", "web-eu").Ref())
	}
	apps := "clusters/eu/apps.yaml"
	require.Equal(t, Appliers{Users: []string{"system:serviceaccount:flux-system:kustomize-controller"}}, appliers(func(map[string]string) {}))
	require.Equal(t, Appliers{Users: []string{"system:serviceaccount:tenants:reconciler"}}, appliers(func(files map[string]string) {
		files[apps] = strings.Replace(files[apps], "metadata: {name: apps, namespace: flux-system}\nspec:", "metadata: {name: apps, namespace: tenants}\nspec:\n  serviceAccountName: reconciler", 1)
		files[apps] = strings.Replace(files[apps], "name: flux-system}", "name: flux-system, namespace: flux-system}", 1)
	}), "the ServiceAccount that is impersonated is of the Kustomization's own namespace")
	require.Equal(t, Appliers{Users: []string{"system:serviceaccount:flux-system:default"}}, appliers(func(files map[string]string) {
		files["clusters/eu/flux-system/gotk-components.yaml"] = strings.Replace(gotk, "--watch-all-namespaces=true", "--default-service-account=default", 1)
	}), "multi-tenancy lockdown")
	unseen := appliers(func(files map[string]string) { delete(files, "clusters/eu/flux-system/gotk-components.yaml") })
	require.Equal(t, []string{"system:serviceaccount:flux-system:kustomize-controller"}, unseen.Users)
	require.Contains(t, unseen.Doubt, "declare appliesAs")

	ix := indexOf(t, manifest("Deployment", "shop", "web"))
	a := ix.Appliers(workload(t, ix, "Deployment", "shop", "web").Ref())
	require.Equal(t, []string{"system:serviceaccount:flux-system:kustomize-controller"}, a.Users)
	require.Contains(t, a.Doubt, "what applies apps is not known")
}

// What a chart renders is changed by helm-controller, or by the ServiceAccount
// that the HelmRelease names.
func TestAppliersOfCharts(t *testing.T) {
	for spec, want := range map[string]string{
		"chartRef: {kind: OCIRepository, name: x}":                               "system:serviceaccount:flux-system:helm-controller",
		"chartRef: {kind: OCIRepository, name: x}, serviceAccountName: deployer": "system:serviceaccount:shop:deployer",
	} {
		ix := indexChart(t, bootstrappedChart(spec))
		require.Equal(t, []string{want}, ix.Appliers(workload(t, ix, "StatefulSet", "shop", "cache-master").Ref()).Users)
	}
}

func TestAppliersOfArgo(t *testing.T) {
	f := discovered(t, map[string]string{
		"argocd/root.yaml":       application("root", "argocd/apps", "{server: \"https://kubernetes.default.svc\", namespace: argocd}"),
		"argocd/apps/shop.yaml":  application("shop", "shop", "{name: prod-us, namespace: shop}"),
		"argocd/apps/tools.yaml": application("tools", "tools", "{server: \"https://kubernetes.default.svc\", namespace: tools}"),
		"shop/web.yaml":          manifest("Deployment", "", "web"),
		"tools/agent.yaml":       manifest("DaemonSet", "", "agent"),
	})
	hub := indexed(t, f, "root")
	require.Equal(t, Appliers{Users: []string{"system:serviceaccount:argocd:argocd-application-controller"}}, hub.Appliers(workload(t, hub, "DaemonSet", "tools", "agent").Ref()))
	us := indexed(t, f, "prod-us")
	remote := us.Appliers(workload(t, us, "Deployment", "shop", "web").Ref())
	require.Equal(t, []string{"system:serviceaccount:kube-system:argocd-manager"}, remote.Users)
	require.Contains(t, remote.Doubt, "credentials that Git does not hold: declare appliesAs")
}

func TestDeclaredAppliersWin(t *testing.T) {
	declared := strings.Replace(oneCluster, "    roots:", "    kubernetes: \"1.34\"\n    appliesAs: [\"arn:aws:iam::1:role/argocd\", system:serviceaccount:a:b]\n    roots:", 1)
	ix := indexTree(t, treeOf(t, map[string]string{ConfigFile: declared, "apps/a.yaml": manifest("Deployment", "shop", "web")}), Options{}, "c")
	require.Equal(t, Appliers{Users: []string{"arn:aws:iam::1:role/argocd", "system:serviceaccount:a:b"}}, ix.Appliers(ix.Workloads()[0].Ref()))
	require.Equal(t, int64(34), ix.Cluster().Minor())
	require.Zero(t, Cluster{}.Minor())

	for from, want := range map[string]string{
		`"1.34"`: "", `"v1.34"`: "kubernetes", `"2.0"`: "kubernetes", `"1.34.1"`: "kubernetes",
		"system:serviceaccount:a:b":     "",
		`"a' || true || '"`:             "appliesAs[1]", // it would end a literal of an expression
		`"a\\"`:                         "appliesAs[1]",
		`""`:                            "appliesAs[1]",
		"system:anonymous":              "appliesAs[1]",
		`"arn:aws:iam::1:role/argocd" `: "appliesAs[1]", // twice
	} {
		field := "system:serviceaccount:a:b"
		if strings.HasPrefix(from, `"1`) || strings.HasPrefix(from, `"v`) || strings.HasPrefix(from, `"2`) {
			field = `"1.34"`
		}
		_, problems := parseConfig([]byte(strings.Replace(declared, field, from, 1)))
		if want == "" {
			require.Empty(t, problems, from)
			continue
		}
		require.Len(t, problems, 1, from)
		require.Equal(t, "clusters[0]."+want, problems[0].Path, from)
	}
}

func TestHitsOfAdmissionPolicies(t *testing.T) {
	ix := neighbours(t, "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: db-scaler, namespace: shop}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}, maxReplicas: 3}\n")
	policy := func(constraints string) string {
		return "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: x}\nspec: {matchConstraints: {" + constraints + "}}\n"
	}
	shop := "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, "
	rule := func(group, resource, names string) string {
		return "{apiGroups: [" + group + "], resources: [" + resource + "], resourceNames: [" + names + "]}"
	}
	for _, c := range []struct{ constraints, want, err string }{
		{shop + "resourceRules: [" + rule("apps", "deployments, deployments/scale", "web") + "]", "Deployment shop/web", ""},
		{strings.Replace(shop, "shop", "bank", 1) + "resourceRules: [" + rule("apps", "deployments", "web") + "]", "Deployment bank/web", ""},
		{shop + "resourceRules: [" + rule("apps", "deployments", "web, db") + "]", "Deployment shop/web", ""},
		{shop + "resourceRules: [" + rule("extensions", "deployments", "web") + "]", "", ""},
		{shop + "resourceRules: [" + rule("batch", "cronjobs", "report") + ", " + rule("apps", "deployments", "web") + "]", "CronJob shop/report, Deployment shop/web", ""},
		{shop + "resourceRules: [" + rule("autoscaling", "horizontalpodautoscalers", "db-scaler") + "]", "StatefulSet shop/db", ""},
		{shop + "resourceRules: [" + rule("apps", "statefulsets", "db") + ", " + rule("autoscaling", "horizontalpodautoscalers", "db-scaler") + "]", "StatefulSet shop/db", ""},
		{shop, "", ""},
		{"resourceRules: [" + rule("apps", "deployments", "web") + "]", "", "not one namespace"},
		{"namespaceSelector: {}, resourceRules: [" + rule("apps", "deployments", "web") + "]", "", "not one namespace"},
		{"namespaceSelector: {matchLabels: {team: a}}, resourceRules: [" + rule("apps", "deployments", "web") + "]", "", "not one namespace"},
		{"namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}, matchExpressions: []}, resourceRules: []", "", "not one namespace"},
		{shop + "resourceRules: [{apiGroups: [apps], resources: [deployments]}]", "", "by name"},
		{shop + "resourceRules: [" + rule(`"*"`, "deployments", "web") + "]", "", "by name"},
		{shop + "resourceRules: [" + rule("apps", `"*"`, "web") + "]", "", "by name"},
		{shop + "resourceRules: [" + rule("apps", `"*/scale"`, "web") + "]", "", "*/scale"},
		{shop + "resourceRules: [" + rule(`""`, "secrets", "web") + "]", "", "secrets"},
	} {
		hit, err := ix.Hits(parse(t, policy(c.constraints)))
		if c.err != "" {
			require.ErrorContains(t, err, c.err, c.constraints)
			continue
		}
		require.NoError(t, err, c.constraints)
		require.Equal(t, c.want, strings.Join(namesOf(hit), ", "), c.constraints)
	}
}
