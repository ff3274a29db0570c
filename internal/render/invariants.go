package render

import (
	"fmt"
	"path"
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
	maxCreated = 128 // one in each namespace of a cluster, say
	maxPatched = 64
)

// creation is what holds for objects of a kind that a template may create.
type creation struct {
	ofCluster bool                                        // it stands in no namespace
	evidence  bool                                        // it keeps evidence, and must not hold up what contains
	wrong     func(*bundler, map[string]any) (why string) // with whom its spec selects, "" for nothing
}

// creatable are the kinds a template may create, by group and kind. It repeats
// the floor of internal/policy on purpose: neither relies on the other.
var creatable = map[string]creation{
	"networking.k8s.io/NetworkPolicy":                    {wrong: (*bundler).opens},
	"cilium.io/CiliumNetworkPolicy":                      {wrong: ciliumDenies},
	"projectcalico.org/NetworkPolicy":                    {wrong: calicoDenies},
	istioSecurity + "/AuthorizationPolicy":               {wrong: meshSelection},
	"telemetry.istio.io/Telemetry":                       {wrong: observes},
	"snapshot.storage.k8s.io/VolumeSnapshot":             {evidence: true, wrong: (*bundler).snapshots},
	admissionGroup + "/ValidatingAdmissionPolicy":        {ofCluster: true, wrong: (*bundler).freezes},
	admissionGroup + "/ValidatingAdmissionPolicyBinding": {ofCluster: true, wrong: (*bundler).binds},
}

// meshSelection says what is wrong with whom a policy of Istio is for.
func meshSelection(_ *bundler, spec map[string]any) string {
	refs, _ := spec["targetRefs"].([]any)
	_, both := spec["selector"]
	return unless(len(refs) > 0 && !both || selects(spec["selector"]), "selects everything in its namespace, or by labels and by reference at once")
}

func (c creation) folder() string {
	if c.evidence {
		return evidenceDir
	}
	return containDir
}

func creationOf(obj *unstructured.Unstructured) (creation, bool) {
	c, ok := creatable[fleet.GroupOf(obj.GetAPIVersion())+"/"+obj.GetKind()]
	return c, ok
}

func unless(right bool, wrong string) string {
	if right {
		return ""
	}
	return wrong
}

func kinds() string {
	names := sorted(creatable)
	for i, n := range names {
		_, names[i], _ = strings.Cut(n, "/")
	}
	return strings.Join(names, ", ")
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
	kind, ok := creationOf(obj)
	if !ok {
		say("kind", "%s %s may not be created by a containment", obj.GetAPIVersion(), obj.GetKind())
		return wrong
	}
	spec, _ := obj.Object["spec"].(map[string]any)
	elsewhere := b.elsewhere(obj, spec)
	if why := kind.wrong(b, spec); why != "" && !elsewhere {
		say("spec", "%s", why)
	}
	name, prefix := obj.GetName(), objectName(b.request.Incident)
	if suffix, ok := strings.CutPrefix(name, prefix); !ok || suffix != "" && !suffixForm.MatchString(suffix) {
		say("metadata.name", "want %s, or that and a suffix such as -http", prefix)
	} else if len(name) > maxObjectName {
		say("metadata.name", "has %d characters: want at most %d, so shorten the suffix", len(name), maxObjectName)
	}
	if !elsewhere {
		for _, why := range b.misplaced(kind, obj.GetNamespace()) {
			say("metadata.namespace", "%s", why)
		}
	}
	meta, _ := obj.Object["metadata"].(map[string]any)
	for _, key := range sorted(meta) {
		if !slices.Contains([]string{"name", "namespace", "labels", "annotations"}, key) {
			say("metadata."+key, "may not be set by a template")
		}
	}
	if ref := (fleet.ObjectRef{Kind: obj.GetKind(), Namespace: obj.GetNamespace(), Name: name}); exists(b.request.Index, ref) {
		say("metadata.name", "the fleet renders a %s %s already, which somebody else owns", ref.Kind, path.Join(ref.Namespace, ref.Name))
	}
	for _, other := range b.bundle.Objects {
		if other.GetKind() == obj.GetKind() && other.GetName() == name && other.GetNamespace() == obj.GetNamespace() {
			say("metadata.name", "two actions create %s %s: one of them needs a suffix", obj.GetKind(), name)
		}
	}
	return append(wrong, inert(obj.Object, "")...)
}

// misplaced says why an object may not stand in a namespace.
func (b *bundler) misplaced(kind creation, namespace string) (wrong []string) {
	if kind.ofCluster {
		if namespace != "" {
			wrong = append(wrong, "objects of this kind belong to no namespace")
		}
		return wrong
	}
	if root := b.request.Index.Cluster().Mesh.RootNamespace; namespace == root || root == "" && namespace == "istio-system" {
		wrong = append(wrong, namespace+" is the mesh's root namespace, where a policy rules the whole mesh")
	}
	if namespace != b.target.Namespace {
		wrong = append(wrong, "want the target's namespace "+b.target.Namespace)
	}
	return wrong
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

func text(v any) string {
	s, _ := v.(string)
	return s
}
