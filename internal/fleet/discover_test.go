package fleet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
)

func plainTree(t testing.TB, files map[string]string) *gitops.Tree {
	t.Helper()
	all := map[string][]byte{}
	for name, text := range files {
		all[name] = []byte(text)
	}
	tree, err := gitops.NewTree(all)
	require.NoError(t, err)
	return tree
}

func discovered(t testing.TB, files map[string]string) *Fleet {
	t.Helper()
	f, err := Load(t.Context(), plainTree(t, files), Options{Discover: true, CacheDir: t.TempDir()})
	require.NoError(t, err)
	return f
}

func fluxRepo(name, url string) string {
	return fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: %s, namespace: flux-system}\nspec: {interval: 1m, url: %q, ref: {branch: main}}\n", name, url)
}

func fluxSync(name, path string, more ...string) string {
	return fmt.Sprintf("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: %s, namespace: flux-system}\nspec:\n  interval: 10m\n  prune: true\n  path: %s\n  sourceRef: {kind: GitRepository, name: flux-system}\n%s", name, path, strings.Join(more, ""))
}

// fluxFleet is what `flux bootstrap` leaves behind for two clusters, with
// applications that are told apart by a substitution.
func fluxFleet() map[string]string {
	files := map[string]string{
		"apps/base/kustomization.yaml": "resources: [web.yaml]\n",
		"apps/base/web.yaml":           strings.Replace(manifest("Deployment", "shop", "web"), "web", "\"web-${env:=none}\"", 1),
	}
	for _, c := range []string{"eu", "us"} {
		dir := "clusters/" + c + "/"
		files[dir+"flux-system/kustomization.yaml"] = "resources: [gotk-sync.yaml]\n"
		files[dir+"flux-system/gotk-sync.yaml"] = fluxRepo("flux-system", "ssh://git@github.com/Acme/Fleet.git") + "---\n" + fluxSync("flux-system", "./"+strings.TrimSuffix(dir, "/"))
		files[dir+"apps.yaml"] = fluxSync("apps", "./apps/"+c, "  postBuild: {substitute: {env: "+c+"}}\n")
		files["apps/"+c+"/kustomization.yaml"] = "resources: [../base]\n"
	}
	return files
}

func clusterNames(f *Fleet) (out []string) {
	for _, c := range f.Clusters() {
		out = append(out, c.Name+" "+c.GitOps+" "+strings.Join(c.Bootstrap, ","))
	}
	return out
}

func indexed(t testing.TB, f *Fleet, cluster string) *Index {
	t.Helper()
	ix, err := f.Index(t.Context(), cluster)
	require.NoError(t, err)
	return ix
}

func TestDiscoverFlux(t *testing.T) {
	f := discovered(t, fluxFleet())
	require.Equal(t, []string{"eu flux clusters/eu", "us flux clusters/us"}, clusterNames(f))
	ix := indexed(t, f, "eu")
	require.Empty(t, ix.Findings())
	require.Equal(t, []string{"Deployment shop/web-eu"}, namesOf(ix.Workloads()))
	roots := ix.Roots()
	require.Len(t, roots, 2)
	require.Equal(t, "Kustomization flux-system/flux-system", roots[0].Sync.String())
	require.Equal(t, "apps/eu", roots[1].Path)
	owner, ok := ix.Owner(ix.Workloads()[0].Ref())
	require.True(t, ok)
	require.Equal(t, "Kustomization flux-system/apps", owner.Sync.String())
	require.Equal(t, "Kustomization flux-system/flux-system", owner.Chain[0].String())
}

// A repository whose bootstrap is not in it starts where nothing else applies
// its sync objects.
func TestDiscoverWithoutBootstrap(t *testing.T) {
	files := fluxFleet()
	for name := range files {
		if strings.Contains(name, "/flux-system/") {
			delete(files, name)
		}
	}
	f := discovered(t, files)
	require.Equal(t, []string{"eu flux clusters/eu", "us flux clusters/us"}, clusterNames(f))
	require.Equal(t, []string{"Deployment shop/web-us"}, namesOf(indexed(t, f, "us").Workloads()))
}

func application(name, path, destination string, more ...string) string {
	return fmt.Sprintf("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s, namespace: argocd}\nspec:\n  project: default\n  source: {repoURL: %q, targetRevision: HEAD, path: %s}\n  destination: %s\n  syncPolicy: {automated: {prune: true, selfHeal: true}}\n%s",
		name, "https://github.com/acme/fleet", path, destination, strings.Join(more, ""))
}

func TestDiscoverArgo(t *testing.T) {
	f := discovered(t, map[string]string{
		"argocd/root.yaml":        application("root", "argocd/apps", "{server: \"https://kubernetes.default.svc\", namespace: argocd}"),
		"argocd/apps/shop.yaml":   application("shop", "shop", "{name: prod-us, namespace: shop}"),
		"argocd/apps/tools.yaml":  application("tools", "tools", "{server: \"https://kubernetes.default.svc\", namespace: tools}"),
		"argocd/apps/others.yaml": strings.ReplaceAll(application("others", "x", "{name: prod-us}"), "acme/fleet", "acme/other"),
		"shop/web.yaml":           manifest("Deployment", "", "web"),
		"tools/agent.yaml":        manifest("DaemonSet", "", "agent"),
	})
	require.Equal(t, []string{"prod-us argocd argocd/root.yaml", "root argocd argocd/root.yaml"}, clusterNames(f))
	require.Equal(t, []string{"DaemonSet tools/agent"}, namesOf(indexed(t, f, "root").Workloads()))
	us := indexed(t, f, "prod-us")
	require.Equal(t, []string{"Deployment shop/web"}, namesOf(us.Workloads()))
	unknown := 0
	for _, finding := range us.Findings() {
		if finding.Unknown && strings.Contains(finding.Message, "others") {
			unknown++
		}
	}
	require.Equal(t, 1, unknown, "%v", us.Findings())
}

// The second Discover reads nothing, with one file changed only that file.
func TestDiscoverAgain(t *testing.T) {
	files, o := fluxFleet(), Options{Discover: true, CacheDir: t.TempDir()}
	first, err := Load(t.Context(), plainTree(t, files), o)
	require.NoError(t, err)
	files["clusters/eu/apps.yaml"] = fluxSync("apps", "./apps/us", "  postBuild: {substitute: {env: moved}}\n")
	second, err := Load(t.Context(), plainTree(t, files), o)
	require.NoError(t, err)
	require.Equal(t, clusterNames(first), clusterNames(second))
	require.Equal(t, []string{"Deployment shop/web-moved"}, namesOf(indexed(t, second, "eu").Workloads()))
	require.Equal(t, []string{"us"}, second.mustShare(t, "eu", "apps/us"))
}

func (f *Fleet) mustShare(t testing.TB, cluster, root string) []string {
	t.Helper()
	return indexed(t, f, cluster).roots[root].sharers
}
