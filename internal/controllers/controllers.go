// Package controllers reads the objects by which GitOps controllers are told
// what to apply: Flux's Kustomizations and their sources, its HelmReleases whose
// rendered chart a team keeps in the repository, Argo CD's Applications and
// ApplicationSets. It turns each into [Sync]s, which say which directory is
// built how for which cluster and what could stop a change on its way, or into
// an [Unknown] with the reason why that cannot be told from Git.
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
	// spec.destination.namespace; a HelmRelease: spec.targetNamespace or its own).
	// The targetNamespace of a Flux Kustomization is in Build.
	Namespace string
	DependsOn []string // names of Flux objects of the same kind, namespace/name
	// Missing names where values come from that Git does not tell: Secrets and
	// ConfigMaps of Flux's substituteFrom. The build takes their variables for
	// empty, so what depends on them is not to be trusted.
	Missing []string
	Rules   Rules
}

// ObjectRef names a sync object, or a source.
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
	// Pinned is why no commit reaches the controller: its source stays at a tag
	// or at a revision. Pushed is why one does not by itself: its source is an
	// artifact, or a bucket, that something has to push.
	Pinned, Pushed string
	// ServiceAccount is impersonated, so what is applied must be within its
	// rights (Flux).
	ServiceAccount string
	// Prune reports whether what leaves Git leaves the cluster.
	Prune    bool
	SelfHeal bool // an edit of the live object is taken back
	Ignored  []IgnoredField
	Project  *Project // Argo CD's AppProject, nil when it is not in the fleet or there is none
	// ProjectName is the AppProject as the Application names it.
	ProjectName string
	Windows     []string // sync windows, one sentence each, as the AppProject declares them
	// Effect is what a patch in the sync object sets off besides, in one
	// sentence; "" where nothing is known to. Cautions are what may take a change
	// back after it was applied.
	Effect   string
	Cautions []Caution
}

// Caution is half a sentence about the sync object, and the way out.
type Caution struct{ Reason, Step string }

// IgnoredField is one entry of Argo CD's ignoreDifferences or of a Flux
// Kustomization's ignore.
type IgnoredField struct {
	Group, Kind, Namespace, Name string // "" matches all; globs in Group and Kind
	// Regexp says that all four are regular expressions for the whole (Flux).
	Regexp   bool
	Pointers []string
	JQ       []string
	Managers []string
	// Respected is syncOption RespectIgnoreDifferences: such fields are not
	// applied either. Flux never applies them.
	Respected bool
}

// Project is what an AppProject permits the Application that it was read for.
type Project struct {
	Name                          string
	ClusterAllow, ClusterDeny     []GroupKind
	NamespaceAllow, NamespaceDeny []GroupKind
	AllowsAllNamespaced           bool // no namespaceResourceWhitelist at all
	Destinations                  []ProjectDestination
	SourceRepos                   []string
	// Destination is the Application's, with what the known clusters add to it.
	Destination Destination
}

// GroupKind is an entry of an AppProject's lists; all are globs. Name is "" for
// all names, and always so for objects in namespaces.
type GroupKind struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
}

// ProjectDestination is an entry of an AppProject's destinations.
type ProjectDestination struct {
	Name      string `json:"name"`
	Server    string `json:"server"`
	Namespace string `json:"namespace"`
}

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
	// All returns the objects of a kind of the same cluster. nil: there are none.
	All func(kind string) []*unstructured.Unstructured
	// Sources are sources that are known to be this repository though no object
	// in it says so, by Kind, Namespace and Name: what a bootstrap makes.
	Sources map[ObjectRef]bool
	// Branch is the branch that the tree is of, "" when it is not known.
	Branch string
	// Clusters are those that Argo CD's cluster generator chooses from.
	Clusters []ClusterSecret
}

// ClusterSecret is a cluster as Argo CD knows it.
type ClusterSecret struct {
	Name, Server string
	Labels       map[string]string
}
