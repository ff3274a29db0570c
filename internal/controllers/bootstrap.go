package controllers

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Bootstrapped is what Flux's operator makes so that a cluster applies a
// directory: a source and a Kustomization of one name in one namespace.
type Bootstrapped struct {
	Source ObjectRef // GitRepository, OCIRepository or Bucket, without APIVersion
	URL    string
	Ref    string // refs/heads/main, a tag of an artifact
	Path   string
	// Name and Namespace are those of the Kustomization.
	Name, Namespace string
}

// Bootstrap reads a FluxInstance, or the HelmRelease whose chart makes one of
// its values (flux-operator: api/v1/fluxinstance_types.go, charts/flux-instance).
// An object without a namespace is taken for one in flux-system. It is false for
// an object that starts nothing.
func Bootstrap(obj *unstructured.Unstructured) (Bootstrapped, bool) {
	namespace, at := obj.GetNamespace(), []string{"spec", "sync"}
	switch group, _, _ := strings.Cut(obj.GetAPIVersion(), "/"); {
	case obj.GetKind() == "FluxInstance" && group == "fluxcd.controlplane.io":
	case obj.GetKind() == "HelmRelease" && group == "helm.toolkit.fluxcd.io":
		target, _, _ := unstructured.NestedString(obj.Object, "spec", "targetNamespace")
		namespace, at = cmp.Or(target, namespace), []string{"spec", "values", "instance", "sync"}
	default:
		return Bootstrapped{}, false
	}
	found, _, _ := unstructured.NestedMap(obj.Object, at...)
	var sync struct{ kind, url, ref, path, name string }
	for key, field := range map[string]*string{"kind": &sync.kind, "url": &sync.url, "ref": &sync.ref, "path": &sync.path, "name": &sync.name} {
		*field, _ = found[key].(string)
	}
	if sync.url == "" || sync.path == "" {
		return Bootstrapped{}, false
	}
	namespace = cmp.Or(namespace, "flux-system")
	name := cmp.Or(sync.name, namespace)
	return Bootstrapped{
		Source: ObjectRef{Kind: cmp.Or(sync.kind, "GitRepository"), Namespace: namespace, Name: name},
		URL:    sync.url, Ref: sync.ref, Path: cleanPath(sync.path), Name: name, Namespace: namespace,
	}, true
}
