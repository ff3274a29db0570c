package render

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/strict"
	"github.com/irgit/irgit/internal/validate"
)

// Pod is one that runs, as an alert names it. A name may be a later pod's; the
// API server refuses what is declared of another uid.
type Pod struct{ Name, UID string }

// Known reports whether it has the forms of a pod's name and of a uid
// (RFC 4122 in lower case, as the API server makes them).
func (p Pod) Known() bool {
	return len(p.Name) <= validation.DNS1123LabelMaxLength && len(validation.IsDNS1123Subdomain(p.Name)) == 0 && uidForm.MatchString(p.UID)
}

var uidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

const (
	podsDir       = "pods"
	isolatedLabel = "irgit.dev/isolated" // the incident's key, on a pod that was taken out of its workload
)

// podFields are what a template may say of the alert's pod. What becomes of it
// is the engine's to write: a part of a manifest, which changes a pod that runs
// and makes none.
var podFields = []string{
	"labels", // put over the pod's own
	"ends",   // true: its containers are stopped
	"stays",  // true: the release leaves it in the cluster, else deletes it
}

// podView is what templates see of the pod.
type podView struct {
	Name       string            `json:"name"` // "" when no alert names one with its uid
	UID        string            `json:"uid"`
	Outside    map[string]string `json:"outside"`    // labels that take it out of all that selects the workload's pods, but the mesh
	Selector   map[string]any    `json:"selector"`   // a label selector of it alone, once it has them
	Allowances []string          `json:"allowances"` // sentences: what NetworkPolicies let it through even then
}

// apart is the value of labels that no selector of a team has.
func apart(incident string) string { return "irgit-" + keyOf(incident) }

func keyOf(incident string) string { return incident[strings.LastIndexByte(incident, '-')+1:] }

func podOf(r Request, target fleet.Workload) podView {
	v := podView{Outside: map[string]string{}, Selector: map[string]any{}}
	if !r.Pod.Known() {
		return v
	}
	v.Name, v.UID = r.Pod.Name, r.Pod.UID
	v.Selector = map[string]any{"matchLabels": map[string]any{isolatedLabel: keyOf(r.Incident)}}
	out := target
	out.Labels = maps.Clone(target.Labels)
	for key := range target.Labels {
		if !ofMesh(key) {
			v.Outside[key], out.Labels[key] = apart(r.Incident), apart(r.Incident)
		}
	}
	v.Outside[isolatedLabel] = keyOf(r.Incident)
	for _, a := range r.Index.Allowances(out) {
		v.Allowances = append(v.Allowances, a.Sentence)
	}
	return v
}

// ofMesh reports whether a label tells the mesh what to do with a pod: without
// it the pod may come to talk past the proxy.
func ofMesh(key string) bool {
	domain, _, _ := strings.Cut(key, "/")
	return domain == "istio.io" || strings.HasSuffix(domain, ".istio.io")
}

// checkPods reports what is wrong with what a template says of pods.
func (c *compiler) checkPods(at string, pods map[string]any) (acts bool) {
	for _, key := range sorted(pods) {
		c.oneOf(strict.Join(at+".pod", key), key, podFields...)
	}
	return len(pods) > 0
}

// reachable says why nothing can be declared of the pod.
func (b *bundler) reachable(ctx context.Context) (misfit string, err error) {
	ix, pod := b.request.Index, b.request.Pod
	switch found := ix.Resolve(fleet.Query{Namespace: b.target.Namespace, Pod: pod.Name, Kind: b.target.Kind, Name: b.target.Name}); {
	case !pod.Known():
		return "no alert of the incident names a pod together with its uid, and a name alone may by now be another pod's", nil
	case ix.Cluster().GitOps != "flux":
		// All of an incident is one Application, which a pod that has vanished fails as a whole (lab/argo.md).
		return "under Argo CD a pod that has vanished meanwhile would hold up everything else of the incident", nil
	case found.State != fleet.Found || found.Workload.Ref() != b.target.Ref():
		return fmt.Sprintf("pod %s is none of %s", pod.Name, b.target.String()), nil
	}
	response := ix.Cluster().Response
	open, err := b.request.Tree.ReadDir(ctx, response)
	if err != nil && !errors.Is(err, gitops.ErrNotFound) {
		return "", fmt.Errorf("render incident %s: %w", b.request.Incident, err)
	}
	for _, e := range open {
		if !IsIncident(e.Name) || e.Name == b.request.Incident {
			continue
		}
		switch _, err := b.request.Tree.Stat(ctx, path.Join(response, e.Name, podsDir, podFile(pod))); {
		case err == nil:
			return fmt.Sprintf("incident %s holds pod %s already, and one pod cannot be declared twice", e.Name, pod.Name), nil
		case !errors.Is(err, gitops.ErrNotFound):
			return "", fmt.Errorf("render incident %s: %w", b.request.Incident, err)
		}
	}
	return "", nil
}

func podFile(p Pod) string { return "pod-" + p.Name + ".yaml" }

// pod writes the part of a manifest. An API server refuses it for a pod that is
// gone, and makes none of it, since the containers are missing.
func (b *bundler) pod(step *Step, said map[string]any) error {
	refuse := func(field, format string, args ...any) error {
		return &RefusedError{step.Action, []validate.Problem{{Path: field, Message: fmt.Sprintf(format, args...)}}}
	}
	labels := map[string]string{incidentLabel: b.request.Incident}
	given, _ := runtime.DeepCopyJSONValue(said["labels"]).(map[string]any)
	for _, key := range sorted(given) {
		value, ok := given[key].(string)
		if labels[key] = value; !ok || ofMesh(key) || value != apart(b.request.Incident) && !strings.HasPrefix(key, "irgit.dev/") || key == incidentLabel {
			return refuse("pod.labels", "%s: want a label below irgit.dev/, or the value %s, which no selector of a team has; none of the mesh's", key, apart(b.request.Incident))
		}
	}
	ends, stays := said["ends"] == true, said["stays"] == true
	if len(given) == 0 && !ends {
		return refuse("pod", "does nothing: give it labels, or end it")
	}
	obj := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{
		"name": b.request.Pod.Name, "namespace": b.target.Namespace, "uid": b.request.Pod.UID,
	}}}
	obj.SetLabels(labels)
	annotate(obj, fluxKustomize+"/substitute", "disabled")
	if stays {
		annotate(obj, fluxKustomize+"/prune", "disabled")
	}
	if ends {
		// The kubelet stops what runs longer than this, and the API server lets a pod that runs get such a deadline.
		obj.Object["spec"] = map[string]any{"activeDeadlineSeconds": int64(1)}
	}
	p := b.part(podsDir)
	if len(p.Objects) > 0 {
		return refuse("pod", "another action says already what becomes of the pod: keep one of them")
	}
	wrong := b.catalogue.validator.Object(podFile(b.request.Pod), complete(obj))
	if len(wrong) > 0 {
		return &RefusedError{step.Action, wrong}
	}
	data, err := b.write(step.Action, obj.Object)
	if err != nil {
		return err
	}
	b.bundle.Objects, step.Objects, p.Objects = append(b.bundle.Objects, obj), append(step.Objects, obj), append(p.Objects, obj)
	p.files = append(p.files, file{podFile(b.request.Pod), data})
	step.Files = append(step.Files, path.Join(b.dir(), podsDir, podFile(b.request.Pod)))
	return nil
}

// complete is a pod with what a schema asks for and the cluster has.
func complete(pod *unstructured.Unstructured) map[string]any {
	out := runtime.DeepCopyJSON(pod.Object)
	return merged(out, map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "any", "image": "any"}}}})
}
