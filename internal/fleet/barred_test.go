package fleet

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/gitops"
)

func TestBarred(t *testing.T) {
	objs := []*unstructured.Unstructured{
		parse(t, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: shop}\n"),
		parse(t, "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: x}\n"),
	}
	barred := func(files map[string]string, cluster string, objs []*unstructured.Unstructured) (*Index, []string) {
		t.Helper()
		tree := plainTree(t, files)
		f, err := Load(t.Context(), tree, Options{})
		require.NoError(t, err)
		ix := indexed(t, f, cluster)
		dir := "incident-response/" + cluster + "/20261124-web-0a1b2c3d"
		after, err := tree.With(t.Context(), gitops.Change{Path: dir + "/kustomization.yaml", Content: []byte("resources: []\n")})
		require.NoError(t, err)
		reasons, err := ix.Barred(t.Context(), after, dir, objs)
		require.NoError(t, err)
		return ix, reasons
	}
	const head = "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nrepositories: [\"https://github.com/acme/fleet\"]\nclusters:\n"

	flux := fluxFleet()
	flux[ConfigFile] = head + "  - {name: eu, gitops: flux, bootstrap: [clusters/eu]}\n"
	flux["incident-response/eu/README.md"] = "x"
	flux["clusters/eu/incident-response.yaml"] = fluxSync("incident-response", "./incident-response/eu")
	ix, reasons := barred(flux, "eu", objs)
	require.Empty(t, reasons)
	require.Empty(t, ix.Restricted())
	flux["clusters/eu/incident-response.yaml"] += "  serviceAccountName: irgit-applier\n"
	ix, reasons = barred(flux, "eu", objs)
	require.Equal(t, []string{"Kustomization flux-system/incident-response acts as ServiceAccount irgit-applier, which must be allowed to change ValidatingAdmissionPolicy.admissionregistration.k8s.io"}, reasons)
	require.Equal(t, "irgit-applier", ix.Restricted())
	_, reasons = barred(flux, "eu", objs[:1])
	require.Empty(t, reasons, "objects of namespaces are doctor's to look at")
	flux["clusters/eu/incident-response.yaml"] = fluxSync("incident-response", "./incident-response/eu")
	flux["clusters/eu/flux-system/kustomization.yaml"] = "resources: [gotk-sync.yaml, gotk-components.yaml]\n"
	flux["clusters/eu/flux-system/gotk-components.yaml"] = strings.Replace(gotk, "--watch-all-namespaces=true", "--default-service-account=default", 1)
	_, reasons = barred(flux, "eu", objs)
	require.Len(t, reasons, 1)
	require.Contains(t, reasons[0], "acts as ServiceAccount default")

	project := "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: default, namespace: argocd}\nspec:\n  sourceRepos: [\"*\"]\n  destinations: [{server: \"*\", namespace: \"*\"}]\n"
	argo := map[string]string{
		ConfigFile:                       head + "  - {name: us, gitops: argocd, inCluster: true, bootstrap: [argocd]}\n",
		"argocd/shop.yaml":               application("shop", "shop", "{server: \"https://kubernetes.default.svc\", namespace: shop}"),
		"argocd/project.yaml":            project,
		"argocd/incidents.yaml":          "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: incidents, namespace: argocd}\nspec:\n  generators: [{git: {repoURL: \"https://github.com/acme/fleet\", revision: HEAD, directories: [{path: incident-response/us/*}]}}]\n  template:\n    metadata: {name: \"irgit-{{path.basename}}\"}\n    spec:\n      project: default\n      source: {repoURL: \"https://github.com/acme/fleet\", targetRevision: HEAD, path: \"{{path}}\"}\n      destination: {server: \"https://kubernetes.default.svc\"}\n      syncPolicy: {automated: {prune: true}}\n",
		"incident-response/us/README.md": "x",
		"shop/web.yaml":                  manifest("Deployment", "", "web"),
	}
	_, reasons = barred(argo, "us", objs)
	require.Equal(t, []string{"Application argocd/irgit-20261124-web-0a1b2c3d is of AppProject default, which permits no ValidatingAdmissionPolicy.admissionregistration.k8s.io among objects of the cluster: add it to spec.clusterResourceWhitelist"}, reasons)
	argo["argocd/project.yaml"] += "  clusterResourceWhitelist: [{group: admissionregistration.k8s.io, kind: \"*\"}]\n"
	_, reasons = barred(argo, "us", objs)
	require.Empty(t, reasons)
}
