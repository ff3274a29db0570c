package render

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/strict"
	"github.com/irgit/irgit/internal/validate"
)

// Limits of what one incident may write.
const (
	maxObject  = 64 << 10 // bytes of one file
	maxBundle  = 256 << 10
	maxCreated = 16
	maxPatched = 64
)

// creatable are the kinds a template may create, by group and kind, with where
// their selection stands. It repeats the floor of internal/policy on purpose:
// neither relies on the other.
var creatable = map[string]func(spec map[string]any) bool{
	"networking.k8s.io/NetworkPolicy": func(spec map[string]any) bool { return selects(spec["podSelector"]) },
	"security.istio.io/AuthorizationPolicy": func(spec map[string]any) bool {
		refs, _ := spec["targetRefs"].([]any)
		_, both := spec["selector"]
		return len(refs) > 0 && !both || selects(spec["selector"])
	},
}

func kinds() string {
	names := sorted(creatable)
	for i, n := range names {
		_, names[i], _ = strings.Cut(n, "/")
	}
	return strings.Join(names, ", ")
}

// patchable are the kinds a template may patch.
var patchable = []string{
	"apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "batch/CronJob", "batch/Job",
	"autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject", "argoproj.io/Rollout",
}

func selects(v any) bool {
	selector, _ := v.(map[string]any)
	labels, _ := selector["matchLabels"].(map[string]any)
	expressions, _ := selector["matchExpressions"].([]any)
	return len(labels)+len(expressions) > 0
}

// invariants says what is wrong with an object whatever its template meant.
func (b *bundler) invariants(obj *unstructured.Unstructured) (wrong []validate.Problem) {
	say := func(path, format string, args ...any) {
		wrong = append(wrong, validate.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	selection := creatable[groupOf(obj.GetAPIVersion())+"/"+obj.GetKind()]
	if selection == nil {
		say("kind", "%s %s may not be created by a containment", obj.GetAPIVersion(), obj.GetKind())
		return wrong
	}
	spec, _ := obj.Object["spec"].(map[string]any)
	if !selection(spec) {
		say("spec", "selects everything in its namespace, or by labels and by reference at once")
	}
	name, prefix := obj.GetName(), objectName(b.request.Incident)
	if suffix, ok := strings.CutPrefix(name, prefix); !ok || suffix != "" && !suffixForm.MatchString(suffix) {
		say("metadata.name", "want %s, or that and a suffix such as -http", prefix)
	} else if len(name) > maxObjectName {
		say("metadata.name", "has %d characters: want at most %d, so shorten the suffix", len(name), maxObjectName)
	}
	c := b.request.Index.Cluster()
	if root := c.Mesh.RootNamespace; obj.GetNamespace() == root || root == "" && obj.GetNamespace() == "istio-system" {
		say("metadata.namespace", "%s is the mesh's root namespace, where a policy rules the whole mesh", obj.GetNamespace())
	}
	if obj.GetNamespace() != b.target.Namespace {
		say("metadata.namespace", "want the target's namespace %s", b.target.Namespace)
	}
	meta, _ := obj.Object["metadata"].(map[string]any)
	for _, key := range sorted(meta) {
		if !slices.Contains([]string{"name", "namespace", "labels", "annotations"}, key) {
			say("metadata."+key, "may not be set by a template")
		}
	}
	if ref := (fleet.ObjectRef{Kind: obj.GetKind(), Namespace: obj.GetNamespace(), Name: name}); exists(b.request.Index, ref) {
		say("metadata.name", "the fleet renders a %s %s/%s already, which somebody else owns", ref.Kind, ref.Namespace, ref.Name)
	}
	for _, other := range b.bundle.Objects {
		if other.GetKind() == obj.GetKind() && other.GetName() == name {
			say("metadata.name", "two actions create %s %s: one of them needs a suffix", obj.GetKind(), name)
		}
	}
	return append(wrong, inert(obj.Object, "")...)
}

const maxObjectName = 63

var suffixForm = regexp.MustCompile(`^(-[a-z0-9]+)+$`)

func exists(ix *fleet.Index, ref fleet.ObjectRef) bool {
	_, ok := ix.Object(ref)
	return ok
}

// evaluatedBy are the beginnings of what Flux (postBuild substitution), Helm
// and Argo CD's vault plugin would evaluate (THREATS A4).
var evaluatedBy = []string{"${", "{{", "<path:"}

func evaluated(s string) string {
	for _, token := range evaluatedBy {
		if strings.Contains(s, token) {
			return token
		}
	}
	return ""
}

// inert finds text, keys included, that a later stage would evaluate.
func inert(v any, path string) (wrong []validate.Problem) {
	found := func(s, at string) {
		if token := evaluated(s); token != "" {
			wrong = append(wrong, validate.Problem{Path: at, Message: fmt.Sprintf("holds %q, which a later stage would evaluate", token)})
		}
	}
	switch v := v.(type) {
	case string:
		found(v, path)
	case []any:
		for i, item := range v {
			wrong = append(wrong, inert(item, fmt.Sprintf("%s[%d]", path, i))...)
		}
	case map[string]any:
		for _, key := range sorted(v) {
			found(key, path)
			wrong = append(wrong, inert(v[key], strict.Join(path, key))...)
		}
	}
	return wrong
}

func groupOf(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
