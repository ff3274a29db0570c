// Package fleet holds the words in which irgit speaks of a fleet: clusters,
// workloads, references to objects. Every value comes from rendered manifests,
// never from the text of an alert.
package fleet

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
	Autoscaled     []string          `json:"autoscaledBy,omitempty"` // names of HorizontalPodAutoscalers
}

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

// Cluster is one cluster and what it can do.
type Cluster struct {
	Name                string    `json:"name"`
	Aliases             []string  `json:"aliases"` // values of alerts' cluster fields
	GitOps              string    `json:"gitops"`  // flux, argocd
	Mesh                Mesh      `json:"mesh"`
	CNI                 string    `json:"cni"` // kubernetes, cilium, calico
	IngressGateways     []Gateway `json:"ingressGateways"`
	Flux                Flux      `json:"flux"`
	ProtectedNamespaces []string  `json:"protectedNamespaces"` // besides those of the floor
}

// Mesh is the service mesh of a cluster.
type Mesh struct {
	Mode          string `json:"mode"` // istio-sidecar, istio-ambient, none
	RootNamespace string `json:"rootNamespace"`
	TrustDomain   string `json:"trustDomain"`
}

// Gateway is an ingress gateway by the identity it calls with.
type Gateway struct {
	Namespace      string `json:"namespace"`
	ServiceAccount string `json:"serviceAccount"`
}

// Flux says where a cluster's Flux objects live.
type Flux struct {
	Namespace string `json:"namespace"`
}
