package fleet

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// injected are containers that admission webhooks add to pods, so that no
// manifest has them.
var injected = map[string]bool{
	"istio-proxy": true, "istio-init": true, "istio-validation": true, "linkerd-proxy": true, "linkerd-init": true,
	"vault-agent": true, "vault-agent-init": true, "cloud-sql-proxy": true, "dapr": true, "daprd": true,
}

// doubts compares what else the alert says with the workload that was found.
func (ix *Index) doubts(w Workload, q Query) (doubts []string) {
	containers := slices.Concat(w.Containers, ix.extras[w.Ref()].init)
	if q.Container != "" && !injected[q.Container] {
		named := slices.DeleteFunc(slices.Clone(containers), func(c Container) bool { return c.Name != q.Container })
		if len(named) == 0 {
			doubts = append(doubts, fmt.Sprintf("the alert's container is none of %s %s/%s", w.Kind, w.Namespace, w.Name))
		} else {
			containers = named
		}
	}
	if q.Image != "" && !injected[q.Container] && !slices.ContainsFunc(containers, func(c Container) bool { return sameImage(c.Image, q.Image) }) {
		doubts = append(doubts, fmt.Sprintf("the alert's image is not one that %s %s/%s runs", w.Kind, w.Namespace, w.Name))
	}
	if release, ok := ix.release(w.Namespace, q.Pod); ok && q.Name == "" && release.rendered == "" {
		doubts = append(doubts, fmt.Sprintf("HelmRelease %s/%s installs into the namespace and may have pods of such names too", release.ref.Namespace, release.ref.Name))
	}
	return doubts
}

// sameImage compares repositories: an alert often leaves the tag out, and a
// rollout runs two of them. "auto" stands for whatever Istio injects.
func sameImage(manifest, alert string) bool {
	const most = 1024 // no reference is longer
	if manifest == "auto" {
		return true
	}
	return len(alert) <= most && repository(manifest) == repository(alert)
}

// repository is an image reference without tag and digest, Docker Hub's short
// forms written out.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if at := strings.LastIndexByte(image, ':'); at > strings.LastIndexByte(image, '/') {
		image = image[:at]
	}
	host, _, ok := strings.Cut(image, "/")
	if !ok {
		return "docker.io/library/" + image
	}
	if host == "index.docker.io" {
		return "docker.io" + strings.TrimPrefix(image, host)
	}
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return "docker.io/" + image
	}
	return image
}

// release finds the HelmRelease whose release name begins the name of what an
// alert is about, the longest of several.
func (ix *Index) release(namespace, subject string) (found installed, ok bool) {
	for _, r := range ix.releases[namespace] {
		if (subject == r.name || strings.HasPrefix(subject, r.name+"-")) && len(r.name) > len(found.name) {
			found, ok = r, true
		}
	}
	return found, ok
}

// installed is what a Flux HelmRelease installs.
type installed struct {
	name     string // of the release
	ref      ObjectRef
	rendered string // the directory with what its chart renders, "" when none is declared
}

// releaseOf reads a HelmRelease's name and target as helm-controller does: the
// target namespace is part of the default name.
func releaseOf(ref ObjectRef, u *unstructured.Unstructured) (namespace string, r installed) {
	namespace = text(dig(u.Object, "spec", "targetNamespace"))
	name := text(dig(u.Object, "spec", "releaseName"))
	if name == "" {
		name = ref.Name
		if namespace != "" {
			name = namespace + "-" + name
		}
	}
	if namespace == "" {
		namespace = ref.Namespace
	}
	return namespace, installed{name: name, ref: ref}
}
