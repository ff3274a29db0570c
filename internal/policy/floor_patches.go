package policy

import (
	"fmt"
	"slices"

	"github.com/irgit/irgit/internal/fleet"
)

// Patch is what a containment sets of an object that somebody else owns: a
// strategic merge, in which null takes a field away. It may touch the target
// and its autoscalers, take the target's ServiceAccount out of bindings, and
// suspend the sync object that delivers the target.
type Patch struct {
	Object fleet.ObjectRef
	Fields map[string]any
}

// patching is what holds for patches of objects of a kind.
type patching struct {
	check   func(s Surroundings, p Patch, target fleet.Workload) []Refusal
	reaches func(s Surroundings, p Patch, target fleet.Workload) []fleet.Workload // nil: the object alone
}

// patchable is the table of kinds that a containment may patch where they are,
// by API group and kind. Everything else is refused (A9).
var patchable = map[string]patching{
	"apps/Deployment":                     {check: checkOwn},
	"apps/StatefulSet":                    {check: checkOwn},
	"apps/DaemonSet":                      {check: checkOwn},
	"batch/CronJob":                       {check: checkOwn},
	"batch/Job":                           {check: checkOwn},
	"argoproj.io/Rollout":                 {check: checkOwn},
	"autoscaling/HorizontalPodAutoscaler": {check: checkOwn},
	"keda.sh/ScaledObject":                {check: checkOwn},

	"/PersistentVolumeClaim": {check: checkClaim},

	"rbac.authorization.k8s.io/RoleBinding":        {check: checkBinding, reaches: sharing},
	"rbac.authorization.k8s.io/ClusterRoleBinding": {check: checkBinding, reaches: sharing},

	"kustomize.toolkit.fluxcd.io/Kustomization": {check: checkDelivery, reaches: delivered},
	"helm.toolkit.fluxcd.io/HelmRelease":        {check: checkDelivery, reaches: delivered},
	"argoproj.io/Application":                   {check: checkDelivery, reaches: delivered},
}

func patchingOf(ref fleet.ObjectRef) (patching, bool) {
	p, ok := patchable[fleet.GroupOf(ref.APIVersion)+"/"+ref.Kind]
	return p, ok
}

func checkPatch(s Surroundings, p Patch, target fleet.Workload) []Refusal {
	kind, ok := patchingOf(p.Object)
	if !ok {
		return []Refusal{{"A9", fmt.Sprintf("%s %s may not be patched by a containment", p.Object.APIVersion, p.Object.Kind)}}
	}
	return kind.check(s, p, target)
}

// reached lists the workloads that a patch means, besides the object itself.
func reached(s Surroundings, p Patch, target fleet.Workload) []fleet.Workload {
	if kind, ok := patchingOf(p.Object); ok && kind.reaches != nil {
		return kind.reaches(s, p, target)
	}
	return nil
}

// checkOwn: the object is the target or one of its autoscalers.
func checkOwn(s Surroundings, p Patch, target fleet.Workload) []Refusal {
	if slices.ContainsFunc(append(s.Autoscalers(target), target.Ref()), func(own fleet.ObjectRef) bool { return sameObject(own, p.Object) }) {
		return nil
	}
	return []Refusal{{"G3", fmt.Sprintf("the patch of %s touches neither %s nor one of its autoscalers", nameOf(p.Object), target.String())}}
}

// checkClaim: the object is a claim of the target's pods, of which annotations
// alone are set.
func checkClaim(s Surroundings, p Patch, target fleet.Workload) []Refusal {
	if !slices.ContainsFunc(s.Claims(target), func(c fleet.Claim) bool { return sameObject(c.Ref, p.Object) }) {
		return []Refusal{{"G3", fmt.Sprintf("the patch of %s is not of a claim of %s", nameOf(p.Object), target.String())}}
	}
	if _, metadata := p.Fields["metadata"]; len(p.Fields) != 1 || !metadata {
		return []Refusal{{"A9", fmt.Sprintf("the patch of %s sets more than annotations", nameOf(p.Object))}}
	}
	return nil
}

// sameObject tells objects apart as a cluster does: whatever their version.
func sameObject(a, b fleet.ObjectRef) bool {
	return a.Kind == b.Kind && fleet.GroupOf(a.APIVersion) == fleet.GroupOf(b.APIVersion) && a.Namespace == b.Namespace && a.Name == b.Name
}

func nameOf(ref fleet.ObjectRef) string {
	if ref.Namespace == "" {
		return ref.Kind + " " + ref.Name
	}
	return fmt.Sprintf("%s %s/%s", ref.Kind, ref.Namespace, ref.Name)
}
