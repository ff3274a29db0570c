package policy

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
)

// namePrefix is reserved for what irgit creates, so that it never takes the
// name of an object that somebody else owns (THREATS A8).
const namePrefix = "irgit-"

const (
	admissionPolicy  = "ValidatingAdmissionPolicy"
	admissionBinding = "ValidatingAdmissionPolicyBinding"
)

// creation is what holds for objects of a kind that a containment creates.
type creation struct {
	ofCluster bool // it stands in no namespace
	selects   bool // it says itself whom it hits
	exists    bool // it is there already, under its own name
	check     func(s Surroundings, target fleet.Workload, obj map[string]any) []Refusal
}

// creatable is the table of kinds that a containment may create, by API group
// and kind, with what each must hold. Everything else is refused (A9).
var creatable = map[string]creation{
	"networking.k8s.io/NetworkPolicy":                  {selects: true, check: alone(checkNetworkPolicy)},
	"cilium.io/CiliumNetworkPolicy":                    {selects: true, check: alone(checkCiliumPolicy)},
	"projectcalico.org/NetworkPolicy":                  {selects: true, check: checkCalicoPolicy},
	"security.istio.io/AuthorizationPolicy":            {selects: true, check: alone(checkAuthorizationPolicy)},
	"telemetry.istio.io/Telemetry":                     {selects: true, check: alone(checkTelemetry)},
	"/Pod":                                             {exists: true, check: checkPod},
	"snapshot.storage.k8s.io/VolumeSnapshot":           {check: checkSnapshot},
	"admissionregistration.k8s.io/" + admissionPolicy:  {ofCluster: true, selects: true, check: checkAdmissionPolicy},
	"admissionregistration.k8s.io/" + admissionBinding: {ofCluster: true, check: alone(func(map[string]any) []Refusal { return nil })}, // see checkBindings
}

// alone is a check that needs to know nothing else.
func alone(check func(obj map[string]any) []Refusal) func(Surroundings, fleet.Workload, map[string]any) []Refusal {
	return func(_ Surroundings, _ fleet.Workload, obj map[string]any) []Refusal { return check(obj) }
}

func creationOf(obj *unstructured.Unstructured) (creation, bool) {
	c, ok := creatable[fleet.GroupOf(obj.GetAPIVersion())+"/"+obj.GetKind()]
	return c, ok
}

// CheckObjects is the floor after rendering: it judges the objects that would
// be created and the objects that would be patched by what they are and whom
// they hit, whatever policy and template said. It refuses:
//
//   - a kind that is not in the table of what may be created or patched (A9);
//   - a created object of a namespace outside the target's, in the mesh's root
//     namespace (G4), or without the reserved name prefix (A8). Elsewhere an
//     AuthorizationPolicy may stand that denies the target's own principal and
//     nothing else, or few source addresses at declared ingress gateways;
//   - an empty selector (G3), one that misses the target, and one that hits a
//     protected workload (G1, G2, G5);
//   - a policy that would allow traffic or never match anything (K3);
//   - an admission policy on more than the target and its autoscalers by name,
//     or new pods by their images (G3), or one that shuts out those as whom Git is applied (G1);
//   - a pod that is none of the target's or has no uid (G7), that would get
//     labels by which others select, or of which more would change (A9);
//   - a snapshot of anything but a volume of the target (G3);
//   - a patch on anything but the target, its autoscalers and its claims (G3), see
//     [Patch].
//
// Other workloads that are hit and not protected are not refused here:
// [Collateral] lists them and [Guardrails.Check] counts them.
func CheckObjects(ix Surroundings, objs []*unstructured.Unstructured, patches []Patch, target fleet.Workload) []Refusal {
	return checkObjects(ix, objs, patches, target)
}

// Collateral returns the workloads other than the target that the created
// objects select or that the patches reach, each once.
func Collateral(ix Surroundings, objs []*unstructured.Unstructured, patches []Patch, target fleet.Workload) ([]fleet.Workload, error) {
	return collateral(ix, objs, patches, target)
}

func collateral(s Surroundings, objs []*unstructured.Unstructured, patches []Patch, target fleet.Workload) (others []fleet.Workload, err error) {
	add := func(hit []fleet.Workload) {
		for _, w := range hit {
			if !sameAs(target)(w) && !slices.ContainsFunc(others, sameAs(w)) {
				others = append(others, w)
			}
		}
	}
	for _, obj := range objs {
		if c, ok := creationOf(obj); ok && !c.selects {
			continue
		}
		hits := selected
		if f, ok := formOf(s, target, obj); ok {
			hits = f.hits
		}
		hit, err := hits(s, target, obj)
		if err != nil {
			return nil, fmt.Errorf("tell what %s selects: %w", nameObject(obj), err)
		}
		add(hit)
	}
	for _, p := range patches {
		add(reached(s, p, target))
	}
	return others, nil
}

func checkObjects(s Surroundings, objs []*unstructured.Unstructured, patches []Patch, target fleet.Workload) (refusals []Refusal) {
	s, seen := withPods(s, objs, target), map[string]bool{}
	for _, obj := range objs {
		name := nameObject(obj)
		if seen[name] {
			refusals = append(refusals, Refusal{"A8", name + " is rendered twice"})
		}
		seen[name] = true
		refusals = append(refusals, checkObject(s, obj, target)...)
	}
	refusals = append(refusals, checkBindings(objs)...)
	refusals = append(refusals, checkRests(s, objs)...)
	for _, p := range patches {
		refusals = append(refusals, checkPatch(s, p, target)...)
	}
	if r, is := protection(s.Cluster(), target); is {
		refusals = append(refusals, r)
	}
	return refusals
}

func checkObject(s Surroundings, obj *unstructured.Unstructured, target fleet.Workload) (refusals []Refusal) {
	name := nameObject(obj)
	c, ok := creationOf(obj)
	if !ok {
		return []Refusal{{"A9", fmt.Sprintf("%s %s may not be created by a containment", obj.GetAPIVersion(), obj.GetKind())}}
	}
	if !c.exists && !strings.HasPrefix(obj.GetName(), namePrefix) || obj.GetGenerateName() != "" {
		refusals = append(refusals, Refusal{"A8", fmt.Sprintf("the name of %s does not begin with %s", name, namePrefix)})
	}
	if f, ok := formOf(s, target, obj); ok {
		return append(refusals, f.check(s, target, obj)...)
	}
	if root := meshRoot(s.Cluster()); c.ofCluster {
		if obj.GetNamespace() != "" {
			refusals = append(refusals, Refusal{"G3", name + " belongs to no namespace"})
		}
	} else if obj.GetNamespace() == root {
		refusals = append(refusals, Refusal{"G4", fmt.Sprintf("%s would stand in the mesh's root namespace and rule the whole mesh", name)})
	} else if obj.GetNamespace() != target.Namespace {
		refusals = append(refusals, Refusal{"G3", fmt.Sprintf("%s is not in the target's namespace %s", name, target.Namespace)})
	}
	for _, r := range c.check(s, target, obj.Object) {
		refusals = append(refusals, Refusal{r.Guardrail, name + " " + r.Reason})
	}
	if !c.selects {
		return refusals
	}
	return append(refusals, checkHits(s, obj, target)...)
}

// checkHits judges by the selection itself, so that a selector that looks
// narrow and is not is refused as well.
func checkHits(s Surroundings, obj *unstructured.Unstructured, target fleet.Workload) (refusals []Refusal) {
	name := nameObject(obj)
	hit, err := s.Hits(obj)
	if err != nil {
		return []Refusal{{"G3", fmt.Sprintf("it cannot be told what %s selects: %s", name, err)}}
	}
	if !mayMiss(obj) && !slices.ContainsFunc(hit, sameAs(target)) {
		refusals = append(refusals, Refusal{"G3", fmt.Sprintf("%s does not select %s: it would contain nothing", name, target.String())})
	}
	for _, w := range hit {
		if r, is := protection(s.Cluster(), w); is && !sameAs(target)(w) {
			refusals = append(refusals, Refusal{r.Guardrail, fmt.Sprintf("%s selects a protected workload: %s", name, r.Reason)})
		}
	}
	return refusals
}

// meshRoot is the mesh's root namespace: Istio's default when the fleet does
// not declare one.
func meshRoot(c fleet.Cluster) string {
	if c.Mesh.RootNamespace != "" {
		return c.Mesh.RootNamespace
	}
	return "istio-system"
}

func nameObject(obj *unstructured.Unstructured) string {
	if obj.GetNamespace() == "" {
		return obj.GetKind() + " " + obj.GetName()
	}
	return fmt.Sprintf("%s %s/%s", obj.GetKind(), obj.GetNamespace(), obj.GetName())
}
