package render

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/irgit/irgit/internal/fleet"
)

// patchable are the kinds a template may patch, by group and kind, with what is
// wrong with a patch of one, "" for nothing. It repeats the floor of
// internal/policy on purpose: neither relies on the other.
var patchable = map[string]func(*bundler, Patch) string{
	"apps/Deployment": anything, "apps/StatefulSet": anything, "apps/DaemonSet": anything, "batch/CronJob": anything, "batch/Job": anything,
	"argoproj.io/Rollout": anything, "autoscaling/HorizontalPodAutoscaler": anything, "keda.sh/ScaledObject": anything,
	"/PersistentVolumeClaim":                annotates,
	"rbac.authorization.k8s.io/RoleBinding": (*bundler).revokes, "rbac.authorization.k8s.io/ClusterRoleBinding": (*bundler).revokes,
	fluxKustomize + "/Kustomization": (*bundler).suspends, fluxHelm + "/HelmRelease": (*bundler).suspends, "argoproj.io/Application": (*bundler).suspends,
}

// isSync reports whether a kind is of what tells a controller to apply something.
func isSync(kind string) bool {
	return slices.Contains([]string{fluxKustomize + "/Kustomization", fluxHelm + "/HelmRelease", "argoproj.io/Application"}, kind)
}

func kindOf(ref fleet.ObjectRef) string { return fleet.GroupOf(ref.APIVersion) + "/" + ref.Kind }

func anything(*bundler, Patch) string { return "" }

// annotates: nothing but metadata is set, of which a template may set annotations.
func annotates(_ *bundler, p Patch) string {
	_, metadata := p.Fields["metadata"]
	return unless(metadata && len(p.Fields) == 1, "sets more than metadata, of which a claim takes annotations only")
}

// revokes: what a binding is left with are its subjects but the target's
// ServiceAccount.
func (b *bundler) revokes(p Patch) string {
	binding, known := b.request.Index.Object(p.Object)
	left, isList := p.Fields["subjects"].([]any)
	if !known || !isList || len(p.Fields) != 1 {
		return "touches more of a binding than its subjects"
	}
	old, _ := binding.Object["subjects"].([]any)
	want := slices.DeleteFunc(slices.Clone(old), func(s any) bool { return fleet.IsSubject(s, b.target) })
	return unless(len(want) < len(old) && slices.EqualFunc(left, want, reflect.DeepEqual),
		"leaves a binding with other subjects than those beside the target's ServiceAccount")
}

// suspends: what delivers the target is suspended, by a field that a commit can
// take back, and nothing else is set.
func (b *bundler) suspends(p Patch) string {
	ref, ok := b.request.Index.Delivering(b.target.Root)
	spec, _ := p.Fields["spec"].(map[string]any)
	sync, _ := spec["syncPolicy"].(map[string]any)
	automated, has := sync["automated"]
	argo := has && len(sync) == 1 && (automated == nil || reflect.DeepEqual(automated, map[string]any{"enabled": false}))
	flux := spec["suspend"] == true
	switch {
	case !ok || identity(ref) != identity(p.Object):
		return "is not of what delivers the target"
	case len(p.Fields) != 1 || len(spec) != 1 || p.Object.Kind == "Application" && !argo || p.Object.Kind != "Application" && !flux:
		return "does something else than to suspend it"
	}
	if why := b.request.Index.Unliftable(p.Object); why != "" {
		return "may not suspend it: " + why
	}
	return ""
}

// unliftable says why what the patches suspend could not be resumed, "" when it
// could.
func (b *bundler) unliftable(patches []Patch) string {
	for _, p := range patches {
		if why := b.request.Index.Unliftable(p.Object); isSync(kindOf(p.Object)) && why != "" {
			return fmt.Sprintf("%s %s may not be suspended: %s", p.Object.Kind, p.Object.Name, why)
		}
	}
	return ""
}

// twoPhased says why patches cannot be of one commit, "" when they can: what is
// changed together with a suspension still goes out (lab/flux.md, 7), and what
// comes after it waits.
func (b *bundler) twoPhased(patches []Patch) string {
	all := slices.Concat(b.bundle.Patches, patches)
	for _, s := range all {
		if !isSync(kindOf(s.Object)) {
			continue
		}
		for _, p := range all {
			by := func(root string) bool {
				ref, ok := b.request.Index.Delivering(root)
				return ok && identity(ref) == identity(s.Object)
			}
			if identity(p.Object) != identity(s.Object) && (slices.ContainsFunc(p.Place.Roots, by) || identity(p.Place.Object) == identity(s.Object)) {
				return fmt.Sprintf("%s suspends %s %s, by which %s %s is patched. Have the suspension merged and seen alone, in an incident of its own, or contain without it",
					s.Action, s.Object.Kind, s.Object.Name, p.Object.Kind, p.Object.Name)
			}
		}
	}
	return ""
}
