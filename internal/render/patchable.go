package render

import (
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
	"rbac.authorization.k8s.io/RoleBinding": (*bundler).revokes, "rbac.authorization.k8s.io/ClusterRoleBinding": (*bundler).revokes,
}

func kindOf(ref fleet.ObjectRef) string { return groupOf(ref.APIVersion) + "/" + ref.Kind }

func anything(*bundler, Patch) string { return "" }

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
	return unless(len(want) < len(old) && slices.EqualFunc(left, want, func(x, y any) bool { return reflect.DeepEqual(x, y) }),
		"leaves a binding with other subjects than those beside the target's ServiceAccount")
}
