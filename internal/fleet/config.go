package fleet

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/irgit/irgit/internal/gitops"
)

// ConfigFile is where a fleet repository declares its clusters.
const ConfigFile = ".irgit.yaml"

const (
	apiVersion   = "irgit.dev/v1alpha1"
	responseRoot = "incident-response"
	patchesRoot  = responseRoot + "/patches"
)

// Problem is one mistake in the configuration. Path is the field's, as in
// clusters[0].roots[1].path.
type Problem struct{ File, Path, Message string }

// ConfigError holds everything that is wrong with the configuration.
type ConfigError struct{ Problems []Problem }

func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.File + ": " + p.Message
		if p.Path != "" {
			lines[i] = p.File + ": " + p.Path + ": " + p.Message
		}
	}
	return strings.Join(lines, "\n")
}

type config struct {
	APIVersion   string    `json:"apiVersion"`
	Kind         string    `json:"kind"`
	Repositories []string  `json:"repositories"` // URLs by which sync objects call this repository
	Clusters     []Cluster `json:"clusters"`
}

// parseConfig decodes strictly, fills defaults and reports every problem. The
// configuration means something only when there is none.
func parseConfig(data []byte) (config, []Problem) {
	var c config
	d := &decoder{}
	if d.document(data, &c) {
		d.check(&c)
	}
	return c, d.problems
}

func (d *decoder) check(c *config) {
	if c.APIVersion != apiVersion {
		d.problem("apiVersion", "want %s", apiVersion)
	}
	if c.Kind != "Fleet" {
		d.problem("kind", "want Fleet")
	}
	if len(c.Clusters) == 0 {
		d.problem("clusters", "declare at least one cluster")
	}
	taken, hooks := map[string]string{}, map[string]int{}
	for i := range c.Clusters {
		at := fmt.Sprintf("clusters[%d]", i)
		d.checkCluster(&c.Clusters[i], at)
		for j, r := range c.Clusters[i].Roots {
			if owner, twice := hooks[r.Hook]; twice && owner != i && r.Hook != "" {
				d.problem(fmt.Sprintf("%s.roots[%d].hook", at, j), "%s is the hook of cluster %s: a patch there would reach both", r.Hook, c.Clusters[owner].Name)
			}
			hooks[r.Hook] = i
		}
		d.claim(taken, c.Clusters[i].Name, at+".name")
		for j, alias := range c.Clusters[i].Aliases {
			d.claim(taken, alias, fmt.Sprintf("%s.aliases[%d]", at, j))
		}
	}
}

// claim takes a word that alerts name a cluster by: it may mean only one.
func (d *decoder) claim(taken map[string]string, word, at string) {
	if word == "" {
		return // reported as missing
	}
	if first, twice := taken[word]; twice {
		d.problem(at, "%q already stands at %s: a name or alias means one cluster, once", word, first)
		return
	}
	taken[word] = at
}

func (d *decoder) checkCluster(c *Cluster, at string) {
	d.label(c.Name, at+".name")
	for i, alias := range c.Aliases {
		if strings.TrimSpace(alias) == "" {
			d.problem(fmt.Sprintf("%s.aliases[%d]", at, i), "is empty")
		}
	}
	c.Response = path.Join(responseRoot, c.Name)
	if c.Name == "patches" || c.Name == "history" {
		d.problem(at+".name", "%s is a folder of irgit's own in %s: choose another name", c.Name, responseRoot)
	}
	d.oneOf(&c.GitOps, "", at+".gitops", "flux", "argocd")
	d.oneOf(&c.CNI, "kubernetes", at+".cni", "kubernetes", "cilium", "calico")
	d.oneOf(&c.Mesh.Mode, "none", at+".mesh.mode", "istio-sidecar", "istio-ambient", "none")
	if c.Mesh.Mode != "none" {
		d.defaultLabel(&c.Mesh.RootNamespace, "istio-system", at+".mesh.rootNamespace")
		if c.Mesh.TrustDomain == "" {
			c.Mesh.TrustDomain = "cluster.local"
		}
	}
	if c.Mesh.TrustDomain != "" && len(validation.IsDNS1123Subdomain(c.Mesh.TrustDomain)) > 0 {
		d.problem(at+".mesh.trustDomain", "is not a domain name")
	}
	for i, g := range c.IngressGateways {
		d.label(g.Namespace, fmt.Sprintf("%s.ingressGateways[%d].namespace", at, i))
		d.subdomain(g.ServiceAccount, fmt.Sprintf("%s.ingressGateways[%d].serviceAccount", at, i))
	}
	for i, n := range c.ProtectedNamespaces {
		if len(validation.IsDNS1123Label(strings.ReplaceAll(n, "*", "x"))) > 0 {
			d.problem(fmt.Sprintf("%s.protectedNamespaces[%d]", at, i), "is not a namespace or a pattern with *")
		}
	}
	if c.GitOps == "flux" {
		d.defaultLabel(&c.Flux.Namespace, "flux-system", at+".flux.namespace")
		d.oneOf(&c.Flux.Source.Kind, "GitRepository", at+".flux.source.kind", "GitRepository", "OCIRepository", "Bucket", "ExternalArtifact")
		d.defaultLabel(&c.Flux.Source.Name, "flux-system", at+".flux.source.name")
	} else if c.Flux != (Flux{}) {
		d.problem(at+".flux", "stands only where gitops is flux: remove it")
	}
	d.checkAPI(c, at)
	d.checkRoots(c, at)
	d.checkReleases(c, at)
}

func (d *decoder) checkRoots(c *Cluster, at string) {
	if len(c.Roots)+len(c.Bootstrap) == 0 {
		d.problem(at+".roots", "declare the directories that the cluster applies, or in bootstrap the one that tells its controller what to apply")
	}
	for i, b := range c.Bootstrap {
		if b != "." && gitops.CheckPath(b) != nil {
			d.problem(fmt.Sprintf("%s.bootstrap[%d]", at, i), "%q is not a relative, clean path", b)
		}
	}
	names, paths := map[string]string{}, map[string]string{}
	for i := range c.Roots {
		r, at := &c.Roots[i], fmt.Sprintf("%s.roots[%d]", at, i)
		dir, glob := strings.CutSuffix(r.Path, "/*")
		switch {
		case r.Path == "":
			d.problem(at+".path", "is missing")
			continue
		case strings.ContainsAny(dir, "*?[") || gitops.CheckPath(dir) != nil:
			d.problem(at+".path", "%q is not a relative, clean path; only its end may be /*", r.Path)
			continue
		case within(dir, responseRoot):
			d.problem(at+".path", "%s is irgit's own and no root", dir)
		}
		if first, twice := paths[r.Path]; twice {
			d.problem(at+".path", "already stands at %s", first)
		}
		paths[r.Path] = at + ".path"
		if r.Name == "" {
			r.Name = rootName(dir)
		} else if len(validation.IsDNS1123Label(r.Name)) > 0 {
			d.problem(at+".name", "want lower case letters, digits and dashes, at most 63")
		}
		if first, twice := names[r.Name]; twice {
			d.problem(at+".name", "%q already stands at %s: give the root a name of its own", r.Name, first)
		}
		names[r.Name] = at
		if r.Hook != "" {
			d.checkHook(*r, glob, at+".hook")
		} else if !glob {
			r.Hook = path.Join(patchesRoot, c.Name, r.Name)
		}
		if r.TargetNamespace != "" {
			d.label(r.TargetNamespace, at+".targetNamespace")
		}
	}
}

func (d *decoder) checkHook(r Root, glob bool, at string) {
	switch {
	case glob:
		d.problem(at, "a root that ends in /* stands for many, each with a hook of its own: leave it out")
	case gitops.CheckPath(r.Hook) != nil:
		d.problem(at, "%q is not a relative, clean path", r.Hook)
	case within(r.Hook, responseRoot) && !strings.HasPrefix(r.Hook, patchesRoot+"/"):
		d.problem(at, "controllers apply what is in %s: choose a directory below %s", responseRoot, patchesRoot)
	case within(r.Path, r.Hook):
		d.problem(at, "the root lies in it: a hook is a directory of irgit's own")
	}
}

// rootName makes a directory's path a name.
func rootName(dir string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(dir) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else {
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}

func (d *decoder) oneOf(s *string, fallback, at string, words ...string) {
	if *s == "" {
		*s = fallback
	}
	if !slices.Contains(words, *s) {
		d.problem(at, "want one of %s", strings.Join(words, ", "))
	}
}

func (d *decoder) defaultLabel(s *string, fallback, at string) {
	if *s == "" {
		*s = fallback
	}
	d.label(*s, at)
}

func (d *decoder) label(s, at string) {
	if s == "" {
		d.problem(at, "is missing")
	} else if len(validation.IsDNS1123Label(s)) > 0 {
		d.problem(at, "%q is not a name: want lower case letters, digits and dashes, at most 63", s)
	}
}

func (d *decoder) subdomain(s, at string) {
	if s == "" {
		d.problem(at, "is missing")
	} else if len(validation.IsDNS1123Subdomain(s)) > 0 {
		d.problem(at, "%q is not a name of a Kubernetes object", s)
	}
}
