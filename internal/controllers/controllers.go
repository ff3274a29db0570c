// Package controllers reads the objects by which GitOps controllers are told
// what to apply: Flux's Kustomizations and their sources, Argo CD's
// Applications and ApplicationSets. It turns each into [Sync]s, which say which
// directory is built how for which cluster and what could stop a change on its
// way, or into an [Unknown] with the reason why that cannot be told from Git.
//
// It renders nothing: objects come in as their controller would see them, and
// what they refer to is looked up through [Env].
package controllers

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
)

// Names of controllers, as `.irgit.yaml` gives them.
const (
	FluxCD = "flux"
	ArgoCD = "argocd"
)

// Sync is one directory that a controller applies to one cluster.
type Sync struct {
	Controller  string // FluxCD, ArgoCD
	Object      ObjectRef
	SourceIndex int         // of an Application with several sources
	Destination Destination // zero: the cluster that the object itself lives in
	// Path is the directory, in the repository or, where Build.Source has
	// copies, in the artifact; "." is the whole of it.
	Path  string
	Build kustomize.Options
	// Namespace is where objects without one go (Argo CD:
	// spec.destination.namespace). Flux's targetNamespace is in Build.
	Namespace string
	DependsOn []string // names of Flux Kustomizations, namespace/name
	Rules     Rules
}

// ObjectRef names a sync object.
type ObjectRef struct{ APIVersion, Kind, Namespace, Name string }

// Destination is a cluster as an Application names it.
type Destination struct {
	Name   string // the name of an Argo CD cluster secret
	Server string // its API server's URL
}

// Rules are what a sync object and what it refers to say about when, and
// whether, a change is applied.
type Rules struct {
	Suspended string // why nothing is applied now, "" when it is
	Manual    string // why somebody has to sync by hand, "" when nobody has
	// Prune reports whether what leaves Git leaves the cluster.
	Prune    bool
	SelfHeal bool // an edit of the live object is taken back
	Ignored  []IgnoredField
	Project  *Project // Argo CD's AppProject, nil when it is not in the fleet or there is none
	Windows  []string // sync windows, one sentence each, as the AppProject declares them
}

// IgnoredField is one entry of Argo CD's ignoreDifferences.
type IgnoredField struct {
	Group, Kind, Namespace, Name string // "" matches all, * in Group and Kind too
	Pointers                     []string
	JQ                           []string
	Managers                     []string
	// Respected is syncOption RespectIgnoreDifferences: such fields are not
	// applied either.
	Respected bool
}

// Project is what an AppProject permits.
type Project struct {
	Name, File                    string
	ClusterAllow, ClusterDeny     []GroupKind
	NamespaceAllow, NamespaceDeny []GroupKind
	AllowsAllNamespaced           bool // no namespaceResourceWhitelist at all
	Destinations                  []ProjectDestination
	SourceRepos                   []string
}

// GroupKind is an entry of an AppProject's lists; both may be globs.
type GroupKind struct{ Group, Kind string }

// ProjectDestination is an entry of an AppProject's destinations.
type ProjectDestination struct{ Name, Server, Namespace string }

// Unknown is a sync object whose content cannot be told from this repository.
type Unknown struct {
	Object ObjectRef
	Reason string // one sentence
	Step   string // what a person may do about it, "" when nothing
	// Waiting reports that an object which may yet be found was missing.
	Waiting bool
}

// Env is what surrounds a sync object.
type Env struct {
	Tree *gitops.Tree
	// Own reports whether a repository URL is that of the tree.
	Own func(url string) bool
	// Find returns an object of the same cluster by its kind, namespace and
	// name, or nil. Secrets are never found.
	Find func(kind, namespace, name string) *unstructured.Unstructured
	// Clusters are those that Argo CD's cluster generator chooses from.
	Clusters []ClusterSecret
}

// ClusterSecret is a cluster as Argo CD knows it.
type ClusterSecret struct {
	Name, Server string
	Labels       map[string]string
}
