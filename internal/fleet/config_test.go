package fleet

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
)

const fullConfig = `# a comment
apiVersion: irgit.dev/v1alpha1
kind: Fleet
clusters:
  - name: eu
    aliases: [eks-eu, "https://203.0.113.1:6443"]
    gitops: flux
    mesh: {mode: istio-ambient, trustDomain: corp.example.com, waypoint: waypoint}
    cni: cilium
    ingressGateways: [{namespace: istio-system, serviceAccount: gw}]
    protectedNamespaces: [vault, team-*]
    flux: {source: {kind: OCIRepository}}
    roots:
      - path: apps/eu
      - {path: "tenants/*", name: tenants, targetNamespace: shared}
      - {path: infra/eu, hook: infra/eu/irgit}
  - {name: us, gitops: argocd, roots: [{path: apps/us}]}
`

func TestConfig(t *testing.T) {
	parsed, problems := parseConfig([]byte(fullConfig))
	clusters := parsed.Clusters
	require.Empty(t, problems)
	require.Equal(t, Cluster{
		Name: "eu", Aliases: []string{"eks-eu", "https://203.0.113.1:6443"}, GitOps: "flux",
		Mesh: Mesh{Mode: "istio-ambient", RootNamespace: "istio-system", TrustDomain: "corp.example.com", Waypoint: "waypoint"},
		CNI:  "cilium", IngressGateways: []Gateway{{"istio-system", "gw"}},
		Flux:                Flux{Namespace: "flux-system", Source: Source{"OCIRepository", "flux-system"}},
		ProtectedNamespaces: []string{"vault", "team-*"},
		Roots: []Root{
			{Path: "apps/eu", Name: "apps-eu", Hook: "incident-response/patches/eu/apps-eu"},
			{Path: "tenants/*", Name: "tenants", TargetNamespace: "shared"},
			{Path: "infra/eu", Name: "infra-eu", Hook: "infra/eu/irgit"},
		},
		Response: "incident-response/eu",
	}, clusters[0])
	require.Equal(t, "none", clusters[1].Mesh.Mode)
	require.Equal(t, "kubernetes", clusters[1].CNI)
	require.Equal(t, Flux{}, clusters[1].Flux)

	tree, err := gitops.NewTree(map[string][]byte{ConfigFile: []byte(fullConfig)})
	require.NoError(t, err)
	f, err := Load(t.Context(), tree, Options{})
	require.NoError(t, err)
	require.Equal(t, tree, f.Tree())
	for _, word := range []string{"eu", "eks-eu", "https://203.0.113.1:6443"} {
		c, ok := f.Cluster(word)
		require.True(t, ok)
		require.Equal(t, "eu", c.Name)
	}
	for _, word := range []string{"", "EU", "eu ", "eks"} {
		_, ok := f.Cluster(word)
		require.False(t, ok, word)
		_, err := f.Index(t.Context(), word)
		require.ErrorContains(t, err, "no cluster")
	}
}

// Everything wrong is reported at once, with its place and the way out.
func TestConfigProblems(t *testing.T) {
	good := strings.Split(fullConfig, "\n")
	for _, c := range []struct{ what, from, to, path, message string }{
		{"version", "irgit.dev/v1alpha1", "irgit.dev/v2", "apiVersion", "want irgit.dev/v1alpha1"},
		{"kind", "kind: Fleet", "kind: Cluster", "kind", "want Fleet"},
		{"unknown field", "cni: cilium", "cnl: cilium", "clusters[0].cnl", "unknown field; known are"},
		{"unknown word", "cni: cilium", "cni: weave", "clusters[0].cni", "want one of kubernetes, cilium, calico"},
		{"the computed field", "cni: cilium", "response: x", "clusters[0].response", "unknown field"},
		{"twice", "cni: cilium", "gitops: flux", "clusters[0].gitops", "stands twice"},
		{"number", "name: eu\n", "name: 7\n", "clusters[0].name", "put it in quotes"},
		{"missing", "gitops: argocd, ", "", "clusters[1].gitops", "want one of"},
		{"list", "[vault, team-*]", "vault", "clusters[0].protectedNamespaces", "want a list"},
		{"mapping", "{source: {kind: OCIRepository}}", "x", "clusters[0].flux", "want a mapping"},
		{"pattern", "team-*", "'Team_*'", "clusters[0].protectedNamespaces[1]", "pattern"},
		{"name", "name: eu\n", "name: prod/eu\n", "clusters[0].name", "is not a name"},
		{"reserved", "name: eu\n", "name: patches\n", "clusters[0].name", "irgit's own"},
		{"alias of two", "{name: us,", "{name: us, aliases: [eks-eu],", "clusters[1].aliases[0]", "already stands at clusters[0].aliases[0]"},
		{"name of another", "{name: us,", "{name: us, aliases: [eu],", "clusters[1].aliases[0]", "already stands at clusters[0].name"},
		{"empty alias", "[eks-eu,", "[' ',", "clusters[0].aliases[0]", "is empty"},
		{"trust domain", "corp.example.com", "'corp domain'", "clusters[0].mesh.trustDomain", "domain"},
		{"gateway", "serviceAccount: gw", "serviceAccount: 'a b'", "clusters[0].ingressGateways[0].serviceAccount", "Kubernetes object"},
		{"flux of argo", "gitops: argocd,", "gitops: argocd, flux: {namespace: x},", "clusters[1].flux", "only where gitops is flux"},
		{"no roots", "roots: [{path: apps/us}]", "roots: []", "clusters[1].roots", "declare the directories"},
		{"root twice", "path: infra/eu,", "path: apps/eu, name: y,", "clusters[0].roots[2].path", "already stands"},
		{"name twice", "path: infra/eu,", "path: infra/eu, name: tenants,", "clusters[0].roots[2].name", "already stands"},
		{"leaves", "path: apps/eu", "path: ../apps", "clusters[0].roots[0].path", "relative, clean path"},
		{"absolute", "path: apps/eu", "path: /apps", "clusters[0].roots[0].path", "relative, clean path"},
		{"glob inside", "path: apps/eu", "path: apps/*/eu", "clusters[0].roots[0].path", "only its end"},
		{"git's own", "path: apps/eu", "path: .git/x", "clusters[0].roots[0].path", "relative, clean path"},
		{"response as root", "path: apps/eu", "path: incident-response/eu", "clusters[0].roots[0].path", "irgit's own"},
		{"hook around the root", "hook: infra/eu/irgit", "hook: infra", "clusters[0].roots[2].hook", "the root lies in it"},
		{"hook of a pattern", "name: tenants,", "name: tenants, hook: x,", "clusters[0].roots[1].hook", "leave it out"},
		{"hook that is applied", "hook: infra/eu/irgit", "hook: incident-response/eu/hook", "clusters[0].roots[2].hook", "controllers apply"},
		{"hook of another cluster", "roots: [{path: apps/us}]", "roots: [{path: apps/us, hook: infra/eu/irgit}]", "clusters[1].roots[0].hook", "is the hook of cluster eu"},
		{"target namespace", "targetNamespace: shared", "targetNamespace: Shared", "clusters[0].roots[1].targetNamespace", "is not a name"},
		{"anchor", "aliases: [eks-eu", "aliases: &x [eks-eu", "clusters[0].aliases", "write it out"},
		{"alias", "aliases: [eks-eu", "aliases: [&x eks-eu, *x", "clusters[0].aliases[0]", "write it out"},
		{"merge", "cni: cilium", "<<: {cni: cilium}", "clusters[0]", "a key must be text"},
		{"second document", "kind: Fleet", "kind: Fleet\n---\nkind: Fleet", "", "more than one document"},
		{"no YAML", "kind: Fleet", "kind: [", "", "is not YAML"},
		{"key", "cni: cilium", "7: cilium", "clusters[0]", "a key must be text"},
	} {
		text := strings.Join(good, "\n")
		require.Contains(t, text, c.from, c.what)
		_, problems := parseConfig([]byte(strings.Replace(text, c.from, c.to, 1)))
		found := false
		for _, p := range problems {
			require.Equal(t, ConfigFile, p.File)
			found = found || p.Path == c.path && strings.Contains(p.Message, c.message)
		}
		require.True(t, found, "%s: %v", c.what, problems)
	}
	_, problems := parseConfig([]byte("apiVersion: x\nkind: y\nclusters: [{nome: a}, {gitops: none}]\n"))
	require.Greater(t, len(problems), 7, "%v", problems)
	require.Contains(t, (&ConfigError{problems}).Error(), ".irgit.yaml: clusters[0].nome: ")
	for text, message := range map[string]string{"": "is empty", "# only a comment": "is empty", "[]": "want a mapping", "null": "want irgit.dev", "\xff\xfe": "is"} {
		_, problems := parseConfig([]byte(text))
		require.NotEmpty(t, problems, "%q", text)
		require.Contains(t, problems[0].Message, message, "%q", text)
	}
	_, err := Load(t.Context(), func() *gitops.Tree { tree, _ := gitops.NewTree(nil); return tree }(), Options{})
	var bad *ConfigError
	require.ErrorAs(t, err, &bad)
	require.Contains(t, err.Error(), "is not there")
}

// What would grow or recurse is turned away before a parser sees it.
func TestThreatA5ConfigBombs(t *testing.T) {
	bomb := "a: &a [x,x]\n"
	for range 30 {
		bomb += "b: &a [*a,*a]\n"
	}
	for what, text := range map[string]string{
		"deep flow":   "clusters: " + strings.Repeat("[", 10_000),
		"deep blocks": "clusters:\n" + strings.Repeat("- ", 10_000) + "x",
		"deep keys":   strings.Repeat("? ", 10_000) + "x",
		"indentation": func() string {
			var b strings.Builder
			for i := range 10_000 {
				b.WriteString(strings.Repeat(" ", min(i, 250)) + "a:\n")
			}
			return b.String()
		}(),
		"aliases": bomb,
		"large":   "# " + strings.Repeat("x", maxConfig),
	} {
		_, problems := parseConfig([]byte(text))
		require.NotEmpty(t, problems, what)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(fullConfig))
	f.Add([]byte("clusters: [{name: &a x, aliases: *a}]"))
	f.Add([]byte("? [a]\n: b\n---\n- c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, problems := parseConfig(data)
		clusters := parsed.Clusters
		if len(problems) > 0 {
			return
		}
		require.NotEmpty(t, clusters)
		words := map[string]bool{}
		for _, c := range clusters {
			require.NotEmpty(t, c.Roots)
			for _, word := range append([]string{c.Name}, c.Aliases...) {
				require.False(t, words[word], "a word means one cluster")
				words[word] = true
			}
			for _, r := range c.Roots {
				require.NoError(t, gitops.CheckPath(strings.TrimSuffix(r.Path, "/*")))
			}
		}
	})
}
