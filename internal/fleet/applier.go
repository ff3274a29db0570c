package fleet

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/irgit/irgit/internal/controllers"
)

// Names of the controllers' workloads and ServiceAccounts, as they install
// themselves (fluxcd/flux2: manifests/bases; argoproj/argo-cd: manifests/base;
// argocd cluster add).
const (
	kustomizeController  = "kustomize-controller"
	helmController       = "helm-controller"
	argoController       = "argocd-application-controller"
	argoNamespace        = "argocd"
	argoRemote           = "system:serviceaccount:kube-system:argocd-manager"
	defaultAccountFlag   = "--default-service-account="
	serviceAccountPrefix = "system:serviceaccount:"
)

var (
	versionForm = regexp.MustCompile(`^1\.(\d{1,3})$`)
	// userForm is narrower than what an API server takes: a name goes into
	// expressions and must not end a literal there.
	userForm = regexp.MustCompile(`^[A-Za-z0-9][-A-Za-z0-9:._@/+=]{0,252}$`)
)

// Principal is a ServiceAccount as Istio's policies name it, without spiffe://
// (istio.io/latest/docs/reference/config/security/authorization-policy).
func (c Cluster) Principal(namespace, serviceAccount string) string {
	domain := c.Mesh.TrustDomain
	if domain == "" {
		domain = "cluster.local"
	}
	return fmt.Sprintf("%s/ns/%s/sa/%s", domain, namespace, serviceAccount)
}

// Minor is the cluster's Kubernetes version without the leading 1, 0 when it is
// not declared.
func (c Cluster) Minor() int64 {
	m := versionForm.FindStringSubmatch(c.Kubernetes)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // three digits
	return n
}

// checkAPI checks what is declared of the API server.
func (d *decoder) checkAPI(c *Cluster, at string) {
	if c.Kubernetes != "" && !versionForm.MatchString(c.Kubernetes) {
		d.problem(at+".kubernetes", "%q is not a version such as \"1.34\", in quotes", c.Kubernetes)
	}
	for i, u := range c.AppliesAs {
		at := fmt.Sprintf("%s.appliesAs[%d]", at, i)
		switch {
		case !userForm.MatchString(u):
			d.problem(at, "%q is not a user name as the API server knows it, such as %sflux-system:%s", u, serviceAccountPrefix, kustomizeController)
		case u == "system:anonymous", slices.Index(c.AppliesAs, u) < i:
			d.problem(at, "%s is no user that changes are applied as, or stands twice", u)
		}
	}
}

// Appliers are the users as whom changes from Git reach objects, as the API
// server knows them.
type Appliers struct {
	Users []string
	Doubt string // why it may be another user, "" when Git tells
}

// Appliers says as whom the cluster's controller changes objects: as .irgit.yaml
// declares, as the ServiceAccount that a sync object names, or as the
// controller itself.
func (ix *Index) Appliers(refs ...ObjectRef) (a Appliers) {
	if len(ix.cluster.AppliesAs) > 0 {
		return Appliers{Users: slices.Clone(ix.cluster.AppliesAs)}
	}
	for _, ref := range refs {
		user, doubt := ix.applier(ix.roots[ref.Root].appliedRoot)
		if !slices.Contains(a.Users, user) {
			a.Users = append(a.Users, user)
		}
		if a.Doubt == "" {
			a.Doubt = doubt
		}
	}
	slices.Sort(a.Users)
	return a
}

func (ix *Index) applier(r *appliedRoot) (user, doubt string) {
	const declare = ": declare appliesAs in " + ConfigFile
	if ix.cluster.GitOps == controllers.ArgoCD {
		user, doubt = ix.argo(r)
	} else {
		user, doubt = ix.flux(r)
	}
	if doubt != "" {
		doubt += declare
	}
	return user, doubt
}

// flux is the ServiceAccount that a Kustomization or HelmRelease impersonates,
// which is one of its own namespace, or the controller's own (kustomize-controller:
// docs/spec/v1/kustomizations.md "Role-based access control").
func (ix *Index) flux(r *appliedRoot) (user, doubt string) {
	if r != nil && r.sync != nil && r.sync.Rules.ServiceAccount != "" {
		return serviceAccount(r.sync.Object.Namespace, r.sync.Rules.ServiceAccount), ""
	}
	name, namespace := kustomizeController, ix.cluster.Flux.Namespace
	if r != nil && r.isRelease() {
		name = helmController
	}
	account, flag, found := ix.controller(namespace, name)
	switch {
	case flag != "" && r != nil && r.sync != nil:
		return serviceAccount(r.sync.Object.Namespace, flag), ""
	case flag != "":
		doubt = fmt.Sprintf("%s impersonates a ServiceAccount %s, and of which namespace is not known", name, flag)
	case r == nil || r.sync == nil:
		doubt = "what applies " + where(r) + " is not known, so it is taken for " + name + " itself"
	case !found:
		// What Flux itself is made of is in the repository where it was
		// bootstrapped; elsewhere nobody knows its flags.
		doubt = fmt.Sprintf("the fleet does not render %s, which may impersonate another ServiceAccount", name)
	}
	return serviceAccount(namespace, account), doubt
}

// controller reads the ServiceAccount and the default for sync objects of a
// controller of Flux, as far as the fleet renders it.
func (ix *Index) controller(namespace, name string) (account, flag string, found bool) {
	account = name
	for _, o := range ix.objects[namespace] {
		if o.ref.Kind != "Deployment" || o.ref.Name != name || o.object() == nil {
			continue
		}
		pod, _ := dig(o.object().Object, "spec", "template", "spec").(map[string]any)
		if own := text(pod["serviceAccountName"]); own != "" {
			account = own
		}
		containers, _ := pod["containers"].([]any)
		for _, c := range containers {
			m, _ := c.(map[string]any)
			args, _ := m["args"].([]any)
			for _, a := range args {
				if value, ok := strings.CutPrefix(text(a), defaultAccountFlag); ok {
					flag = value
				}
			}
		}
		return account, flag, true
	}
	return account, "", false
}

// argo is the application controller where it runs in the cluster; from
// another it comes with credentials that Git does not hold.
func (ix *Index) argo(r *appliedRoot) (user, doubt string) {
	switch {
	case r == nil || r.sync == nil:
		return serviceAccount(argoNamespace, argoController), "what applies " + where(r) + " is not known, so it is taken for Argo CD in the same cluster"
	case !ofController(r.sync.Destination) && !ix.cluster.InCluster:
		return argoRemote, "Argo CD reaches the cluster from another, with credentials that Git does not hold"
	}
	for _, o := range ix.Find("StatefulSet", "", argoController) {
		return serviceAccount(o.Namespace, argoController), ""
	}
	if n := r.sync.Object.Namespace; n != "" && n != argoNamespace {
		return serviceAccount(argoNamespace, argoController), fmt.Sprintf("Argo CD may run in namespace %s, where its Application is, instead of %s", n, argoNamespace)
	}
	return serviceAccount(argoNamespace, argoController), ""
}

func where(r *appliedRoot) string {
	if r == nil {
		return "the object"
	}
	return r.Path
}

func serviceAccount(namespace, name string) string {
	return serviceAccountPrefix + namespace + ":" + name
}
