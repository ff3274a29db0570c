// Package fleet understands a fleet repository from Git alone: which clusters
// there are, what each applies, which workload an alert means, whom a selector
// hits.
//
// [Load] reads `.irgit.yaml` from a tree; [Fleet.Index] renders one cluster's
// roots (from a cache keyed by tree hashes when there is one) and answers
// questions about it. All answers are functions of the tree.
//
// It never guesses: [Index.Resolve] answers found, ambiguous with candidates,
// or unknown with the reason.
package fleet

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// Workload is something that owns pods, as rendered for one cluster.
type Workload struct {
	Cluster            string            `json:"cluster"`
	Namespace          string            `json:"namespace"`
	Kind               string            `json:"kind"`
	Name               string            `json:"name"`
	APIVersion         string            `json:"apiVersion"`
	Root               string            `json:"root"`   // the path of the root that renders it
	Labels             map[string]string `json:"labels"` // of the pod template: what selectors see
	Selector           map[string]string `json:"selector"`
	ServiceAccount     string            `json:"serviceAccount"` // "default" when the manifest has none
	Containers         []Container       `json:"containers"`
	HostNetwork        bool              `json:"hostNetwork"`
	Replicas           *int64            `json:"replicas,omitempty"`
	Autoscaled         []string          `json:"autoscaledBy,omitempty"` // names of HorizontalPodAutoscalers
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

// Query is what is known of a target before the fleet was asked. All strings
// are untrusted.
type Query struct {
	Cluster, Namespace, Pod string
	Kind, Name              string // explicit owner, when the alert or the user named one
}

var _ unstructured.Unstructured
