// Package fleet understands a fleet repository from Git alone: which clusters
// there are, what each applies, which workload an alert means, whom a selector
// hits.
//
// [Load] reads `.irgit.yaml` from a tree; [Fleet.Index] renders one cluster's
// roots (or takes them from a cache keyed by tree hashes) and answers questions
// about them. Every answer is a function of the tree and comes from rendered
// manifests, never from the text of an alert.
//
// It never guesses: [Index.Resolve] answers found, ambiguous with candidates,
// or unknown with the reason. A root that does not build is a [Finding], and
// the rest of the fleet still answers.
//
// A Fleet and an Index are safe for concurrent use.
package fleet

import "fmt"

// Workload is something that owns pods, as rendered for one cluster.
type Workload struct {
	Cluster        string            `json:"cluster"`
	Namespace      string            `json:"namespace"`
	Kind           string            `json:"kind"`
	Name           string            `json:"name"`
	APIVersion     string            `json:"apiVersion"`
	Root           string            `json:"root"`   // the path of the root that renders it
	Labels         map[string]string `json:"labels"` // of the pod template: what selectors see
	Selector       map[string]string `json:"selector"`
	ServiceAccount string            `json:"serviceAccount"` // "default" when the manifest has none
	Containers     []Container       `json:"containers"`
	HostNetwork    bool              `json:"hostNetwork"`
	Replicas       *int64            `json:"replicas,omitempty"`
	File           string            `json:"file,omitempty"`         // the manifest it comes from
	Autoscaled     []string          `json:"autoscaledBy,omitempty"` // names of HorizontalPodAutoscalers
}

// Ref is the workload as an object.
func (w Workload) Ref() ObjectRef {
	return ObjectRef{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: w.Namespace, Name: w.Name, Root: w.Root}
}

// String names the workload to people: Kind namespace/name.
func (w Workload) String() string { return fmt.Sprintf("%s %s/%s", w.Kind, w.Namespace, w.Name) }

// Container is one container of a workload's pod template.
type Container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	Ports []Port `json:"ports,omitempty"`
}

// Port is a declared container port.
type Port struct {
	Name     string `json:"name,omitempty"`
	Number   int64  `json:"number"`
	Protocol string `json:"protocol"`
}

// ObjectRef names one rendered object and the root that renders it.
type ObjectRef struct{ APIVersion, Kind, Namespace, Name, Root string }

// Namespace is a namespace that the fleet renders or puts a workload into.
type Namespace struct {
	Name   string
	Labels map[string]string // nil when the fleet does not render the Namespace
}

// Finding is something in the repository that irgit cannot take into account.
type Finding struct {
	Root    string // the root it is about
	File    string // the file to look at
	Message string
	Unknown bool   // it is not wrong: it lies outside of what Git can tell
	Step    string // what a person may do about it; may be empty
}

// Cluster is one cluster and what it can do, as `.irgit.yaml` declares it.
type Cluster struct {
	Name                string    `json:"name"`
	Aliases             []string  `json:"aliases"` // values of alerts' cluster fields
	GitOps              string    `json:"gitops"`  // flux, argocd
	Mesh                Mesh      `json:"mesh"`
	CNI                 string    `json:"cni"` // kubernetes, cilium, calico
	IngressGateways     []Gateway `json:"ingressGateways"`
	Flux                Flux      `json:"flux"`
	ProtectedNamespaces []string  `json:"protectedNamespaces"` // besides those of the floor; * stands for any text
	Kubernetes          string    `json:"kubernetes"`          // the version of its API server, as 1.34; "" when nobody says
	AppliesAs           []string  `json:"appliesAs"`           // users as whom changes from Git are applied, instead of those that are found
	// Bootstrap are the directories and files that start the cluster: what
	// they hold tells the controller what else to apply, and is followed.
	Bootstrap []string `json:"bootstrap"`
	// Roots are declared besides, or in place of what following finds for the
	// same path: what is said here wins.
	Roots     []Root            `json:"roots"`
	Releases  []Release         `json:"releases"`
	InCluster bool              `json:"inCluster"`           // Argo CD runs in this one of the clusters that it applies to
	Labels    map[string]string `json:"labels"`              // of its Argo CD cluster secret
	Response  string            `json:"response" config:"-"` // the directory of its incidents
}

// Root is a directory that a cluster's GitOps controller applies.
type Root struct {
	Path            string `json:"path"` // ends in /* for every directory below
	Name            string `json:"name"` // default: the path with dashes
	Hook            string `json:"hook"` // default: incident-response/patches/<cluster>/<name>
	TargetNamespace string `json:"targetNamespace"`
}

// Release is a Flux HelmRelease of which the team keeps in the repository what
// its chart renders: irgit inflates no chart.
type Release struct {
	Namespace string `json:"namespace"` // of the HelmRelease itself
	Name      string `json:"name"`
	Rendered  string `json:"rendered"` // a directory with what `helm template` prints, or an excerpt of it
}

// Mesh is the service mesh of a cluster.
type Mesh struct {
	Mode          string `json:"mode"` // istio-sidecar, istio-ambient, none
	RootNamespace string `json:"rootNamespace"`
	TrustDomain   string `json:"trustDomain"`
	Waypoint      string `json:"waypoint"` // name of the waypoint Gateway in each namespace, if there is one
}

// Gateway is an ingress gateway by the identity it calls with.
type Gateway struct {
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
}

// Flux says where a cluster's Flux objects live.
type Flux struct {
	Namespace string `json:"namespace"`
	Source    Source `json:"source"`
}

// Source is the Flux object that ships the repository.
type Source struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}
