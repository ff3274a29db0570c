package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
)

// Refusal is a guardrail that stands against a containment. Guardrail is the
// number in THREATS.md (G1, A9, …) or "policy" for a policy's own limits.
type Refusal struct {
	Guardrail string `json:"guardrail"`
	Reason    string `json:"reason"`
}

// Surroundings is what the floor asks the fleet; a rendered index of its objects.
type Surroundings interface {
	Cluster() fleet.Cluster
	Workloads() []fleet.Workload
	// Hits returns the workloads whose pods the object selects, and fails for
	// an object whose selection it cannot tell.
	Hits(obj *unstructured.Unstructured) ([]fleet.Workload, error)
	Autoscalers(w fleet.Workload) []fleet.ObjectRef
	Claims(w fleet.Workload) []fleet.Claim
	Resolve(q fleet.Query) fleet.Resolution
	Object(ref fleet.ObjectRef) (*unstructured.Unstructured, bool)
	Appliers(refs ...fleet.ObjectRef) fleet.Appliers
	// Governed says whether a policy rules a direction of w's traffic: yes, no, unknown.
	Governed(w fleet.Workload, direction string) string
	// Delivering is the sync object that applies a root.
	Delivering(root string) (fleet.ObjectRef, bool)
	// Unliftable says why a sync object must not be suspended, "" when it may.
	Unliftable(sync fleet.ObjectRef) string
}

// protectedNamespaces are never contained, whatever a fleet says of itself:
// what is broken there takes the cluster, or the way back, with it.
var protectedNamespaces = []struct{ pattern, what string }{
	{"kube-system", "the cluster's own namespace"},
	{"kube-public", "the cluster's own namespace"},
	{"kube-node-lease", "the cluster's own namespace"},
	{"openshift*", "the platform's own namespace"},
	{"istio-system", "the mesh's root namespace"},
	{"argocd", "the GitOps controller that applies the containment and its end"},
	{"argo-cd", "the GitOps controller that applies the containment and its end"},
	{"flux-system", "the GitOps controller that applies the containment and its end"},
	{"irgit*", "irgit itself"},
	{"gatekeeper-system", "an admission webhook: without it the API server may refuse every change"},
	{"kyverno", "an admission webhook: without it the API server may refuse every change"},
	{"cert-manager", "an admission webhook: without it the API server may refuse every change"},
	{"calico-*", "the cluster's network"},
	{"tigera-operator", "the cluster's network"},
	{"cilium*", "the cluster's network"},
	{"kube-flannel", "the cluster's network"},
	{"kube-router", "the cluster's network"},
	{"weave", "the cluster's network"},
	{"antrea*", "the cluster's network"},
}

// protectedLabels tell by the labels of its pods what a workload is, wherever
// it runs. An empty value stands for any.
var protectedLabels = []struct{ key, value, what string }{
	{"istio", "ingressgateway", "an ingress gateway"},
	{"istio", "egressgateway", "an egress gateway"},
	{"gateway.networking.k8s.io/gateway-name", "", "a gateway"},
	{"gateway.istio.io/managed", "", "a gateway"},
	{"service.istio.io/canonical-name", "istio-ingressgateway", "an ingress gateway"},
	{"istio", "pilot", "the mesh's control plane"},
	{"istio", "istiod", "the mesh's control plane"},
	{"app", "istiod", "the mesh's control plane"},
	{"app", "ztunnel", "the mesh's data plane"},
	{"k8s-app", "istio-cni-node", "the cluster's network"},
	{"app.kubernetes.io/name", "ingress-nginx", "an ingress gateway"},
	{"k8s-app", "kube-dns", "the cluster's DNS"},
	{"k8s-app", "coredns", "the cluster's DNS"},
	{"k8s-app", "node-local-dns", "the cluster's DNS"},
	{"app.kubernetes.io/name", "coredns", "the cluster's DNS"},
	{"k8s-app", "calico-node", "the cluster's network"},
	{"k8s-app", "calico-kube-controllers", "the cluster's network"},
	{"k8s-app", "calico-typha", "the cluster's network"},
	{"k8s-app", "cilium", "the cluster's network"},
	{"k8s-app", "kube-proxy", "the cluster's network"},
	{"k8s-app", "aws-node", "the cluster's network"},
	{"io.cilium/app", "", "the cluster's network"},
	{"app", "flannel", "the cluster's network"},
	{"app", "antrea", "the cluster's network"},
	{"gatekeeper.sh/system", "", "an admission webhook"},
	{"app.kubernetes.io/part-of", "kyverno", "an admission webhook"},
	{"app.kubernetes.io/name", "cert-manager", "an admission webhook"},
	{"app.kubernetes.io/name", "webhook", "an admission webhook"},
	{"app.kubernetes.io/component", "webhook", "an admission webhook"},
	{"app.kubernetes.io/component", "admission-controller", "an admission webhook"},
	{"app.kubernetes.io/component", "admission-webhook", "an admission webhook"},
	{"app.kubernetes.io/part-of", "argocd", "the GitOps controller"},
	{"app.kubernetes.io/part-of", "flux", "the GitOps controller"},
	{"app.kubernetes.io/name", "irgit", "irgit itself"},
}

// protectedImages tell by the repository of an image, below whatever registry
// mirrors it.
var protectedImages = []struct{ repository, what string }{
	{"coredns/coredns", "the cluster's DNS"},
	{"coredns", "the cluster's DNS"},
	{"k8s-dns-node-cache", "the cluster's DNS"},
	{"calico/node", "the cluster's network"},
	{"calico/typha", "the cluster's network"},
	{"cilium/cilium", "the cluster's network"},
	{"flannel/flannel", "the cluster's network"},
	{"kube-proxy", "the cluster's network"},
	{"istio/pilot", "the mesh's control plane"},
	{"istio/ztunnel", "the mesh's data plane"},
	{"ingress-nginx/controller", "an ingress gateway"},
	{"fluxcd/source-controller", "the GitOps controller"},
	{"fluxcd/kustomize-controller", "the GitOps controller"},
	{"argoproj/argocd", "the GitOps controller"},
	{"irgit/irgit", "irgit itself"},
	{"irgit", "irgit itself"},
}

// protection says what stands against containing a workload, by its
// namespace, its labels, its ServiceAccount, its images and ports: by what it
// is, not by what an alert calls it.
func protection(c fleet.Cluster, w fleet.Workload) (Refusal, bool) {
	refuse := func(guardrail, format string, args ...any) (Refusal, bool) {
		return Refusal{guardrail, w.String() + " is never contained: " + fmt.Sprintf(format, args...)}, true
	}
	if root := c.Mesh.RootNamespace; root != "" && w.Namespace == root {
		return refuse("G1", "namespace %s is the mesh's root namespace", w.Namespace)
	}
	if c.Flux.Namespace != "" && w.Namespace == c.Flux.Namespace {
		return refuse("G1", "namespace %s holds the GitOps controller", w.Namespace)
	}
	for _, p := range protectedNamespaces {
		if matchPattern(p.pattern, w.Namespace) {
			guardrail := "G1"
			if p.pattern == "irgit*" {
				guardrail = "G5"
			}
			return refuse(guardrail, "namespace %s is %s", w.Namespace, p.what)
		}
	}
	if pattern, ok := firstMatch(c.ProtectedNamespaces, w.Namespace); ok {
		return refuse("G1", "the fleet's .irgit.yaml protects namespace %s (%s)", w.Namespace, pattern)
	}
	if isGateway(c, w) {
		return refuse("G2", "the fleet's .irgit.yaml declares its ServiceAccount %s an ingress gateway", w.ServiceAccount)
	}
	for _, l := range protectedLabels {
		if value, ok := w.Labels[l.key]; ok && (l.value == "" || l.value == value) {
			return refuse(guardrailOf(l.what), "label %s=%s says that it is %s", l.key, value, l.what)
		}
	}
	for _, container := range w.Containers {
		for _, p := range protectedImages {
			if imageIs(container.Image, p.repository) {
				return refuse(guardrailOf(p.what), "image %s is %s", container.Image, p.what)
			}
		}
		for _, port := range container.Ports {
			// controller-runtime's name and number; an application that merely
			// receives somebody's webhooks calls its port otherwise.
			if port.Name == "webhook-server" || strings.Contains(port.Name, "webhook") && port.Number == 9443 {
				return refuse("G2", "its port %s says that it is an admission webhook", port.Name)
			}
		}
	}
	if len(w.Containers) == 1 && w.Containers[0].Name == "istio-proxy" {
		return refuse("G2", "its only container is istio-proxy, so that it is a gateway")
	}
	return Refusal{}, false
}

func guardrailOf(what string) string {
	if what == "irgit itself" {
		return "G5"
	}
	return "G2"
}

// imageIs reports whether an image reference is of a repository. One segment
// means the last one of the repository, two the last two.
func imageIs(image, repository string) bool {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	if !strings.Contains(repository, "/") {
		return path.Base(image) == repository
	}
	return image == repository || strings.HasSuffix(image, "/"+repository)
}

// CheckTarget is the floor before anything is rendered: it refuses a target
// that is protected (G1, G2, G5), that is not in the fleet (G7), or that the
// alert is not about (an alert from one namespace or cluster must not cause a
// change in another). Nil means that nothing stands against it.
func CheckTarget(ix Surroundings, w fleet.Workload, a alert.Alert) []Refusal {
	return checkTarget(ix, w, a)
}

func checkTarget(s Surroundings, w fleet.Workload, a alert.Alert) (refusals []Refusal) {
	cluster := s.Cluster()
	if w.Name == "" || w.Namespace == "" || !slices.ContainsFunc(s.Workloads(), sameAs(w)) {
		refusals = append(refusals, Refusal{"G7", "the target is not a workload of the fleet in cluster " + cluster.Name})
	}
	if w.Cluster != "" && w.Cluster != cluster.Name {
		refusals = append(refusals, Refusal{"G7", fmt.Sprintf("%s is of cluster %s, not of %s", w.String(), w.Cluster, cluster.Name)})
	}
	return append(refusals, checkSubject(cluster, w, a)...)
}

// checkSubject is the part of checkTarget that needs no fleet.
func checkSubject(cluster fleet.Cluster, w fleet.Workload, a alert.Alert) (refusals []Refusal) {
	if ns := a.Subject.Namespace; ns != "" && ns != w.Namespace {
		refusals = append(refusals, Refusal{"G7", fmt.Sprintf("the alert is about another namespace than %s", w.String())})
	}
	if c := a.Subject.Cluster; c != "" && c != cluster.Name && !slices.Contains(cluster.Aliases, c) {
		refusals = append(refusals, Refusal{"G7", fmt.Sprintf("the alert is about another cluster than %s, which holds %s", cluster.Name, w.String())})
	}
	if r, is := protection(cluster, w); is {
		refusals = append(refusals, r)
	}
	return refusals
}

func sameAs(w fleet.Workload) func(fleet.Workload) bool {
	return func(o fleet.Workload) bool {
		return o.Kind == w.Kind && o.Namespace == w.Namespace && o.Name == w.Name
	}
}
