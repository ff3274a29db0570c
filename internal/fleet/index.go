package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/controllers"
)

// Index is everything one cluster's roots render. It is immutable.
type Index struct {
	fleet     *Fleet
	cluster   Cluster
	roots     map[string]rootInfo
	workloads []Workload                 // sorted by namespace, kind, name, root
	extras    map[ObjectRef]extra        // what else is known of workloads
	objects   map[string][]indexedObject // by namespace, "" for cluster-scoped ones
	releases  map[string][]installed     // by the namespace they install into
	own       []builtEntry               // what the cluster's roots were built from
	around    *others
	reading   sync.Once
	readers   map[string][]reader // by kustomization file, when somebody asked
	response  []controllers.Sync  // what applies irgit's own directories
	findings  []Finding
	order     []string // of roots
}

type rootInfo struct {
	*appliedRoot
	kustomization string
	transformers  []string
	sharers       []string // other clusters that apply the same directory
	missing       []string // what lies outside of the repository
	failed        bool
}

// extra is what Resolve needs of a workload and Workload does not show.
type extra struct {
	indexed bool        // a Job whose pods are numbered
	init    []Container // containers that end before the others start
}

// indexedObject is an object where it ends up; its fields are as its root
// builds it.
type indexedObject struct {
	ref ObjectRef
	*decodedOnce
}

// object is shared: nobody may change it. It is nil when it was not kept.
func (o indexedObject) object() *unstructured.Unstructured { return o.unstructured() }

func compareRefs(a, b ObjectRef) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Root, b.Root))
}

// Index renders the roots of a cluster, by its name or alias. Roots whose
// files did not change since the last Index with the same CacheDir are not
// built. It fails only when the cluster is unknown or the repository cannot be
// read; a root that does not build is a finding.
func (f *Fleet) Index(ctx context.Context, cluster string) (*Index, error) {
	c, ok := f.Cluster(cluster)
	if !ok {
		return nil, fmt.Errorf("index cluster %q: %s declares no cluster of that name or alias", cluster, ConfigFile)
	}
	ix, err := f.index(ctx, c)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // what failed for it says less
	}
	if err != nil {
		return nil, fmt.Errorf("index cluster %s: %w", c.Name, err)
	}
	return ix, nil
}

func (f *Fleet) index(ctx context.Context, c Cluster) (*Index, error) {
	all, err := f.closure(ctx, c)
	if err != nil {
		return nil, err
	}
	ix := &Index{
		cluster: c, roots: map[string]rootInfo{}, objects: map[string][]indexedObject{}, extras: map[ObjectRef]extra{},
		releases: map[string][]installed{}, findings: slices.Clone(all.findings), response: all.response, fleet: f,
	}
	parallel(len(all.entries), func(i int) { all.entries[i].objects() }) // which decodes them
	for i, r := range all.roots {
		ix.add(r, all.entries[i])
		ix.own = append(ix.own, builtEntry{c.Name, r.id, all.entries[i]})
	}
	if ix.around, err = f.others(ctx); err != nil {
		return nil, err
	}
	ix.share()
	ix.finish()
	return ix, nil
}

// add takes in what a root renders. Entries come from the cache and are shared
// with other indexes, so they are copied where they are completed.
func (ix *Index) add(r *appliedRoot, e *entry) {
	ix.roots[r.id] = rootInfo{appliedRoot: r, kustomization: e.Kustomization, transformers: e.Transformers, failed: e.Failure != "", missing: e.Missing}
	ix.order = append(ix.order, r.id)
	if e.Failure != "" {
		ix.findings = append(ix.findings, Finding{Root: r.id, File: e.FailureFile, Message: e.Failure, Unknown: e.Outside != ""})
		return
	}
	for _, m := range e.Missing {
		file, what, _ := strings.Cut(m, ": ")
		ix.findings = append(ix.findings, Finding{
			Root: r.id, File: file, Message: "only a part of the root is known: " + what, Unknown: true,
			Step: "vendor it into the repository to have it known",
		})
	}
	if r.sync != nil {
		for _, m := range r.sync.Missing {
			ix.findings = append(ix.findings, Finding{
				Root: r.id, File: r.file, Message: r.syncRef().String() + ": values are not in Git, and empty in what is rendered here: " + m, Unknown: true,
			})
		}
	}
	for _, n := range e.Nameless {
		ix.findings = append(ix.findings, Finding{
			Root: r.id, File: cmp.Or(e.Kustomization, r.Path), Message: n + ": its name is generated, another one each time, so no alert can be matched to it", Unknown: true,
		})
	}
	homeless := 0
	for _, o := range ix.place(r, e.objects()) {
		if o.Workload == nil {
			continue
		}
		w := *o.Workload
		w.Cluster, w.Root, w.Namespace, w.File = ix.cluster.Name, r.id, o.ref.Namespace, o.File
		if w.Namespace == "" {
			homeless++
		}
		if o.Indexed || len(o.Init) > 0 {
			ix.extras[w.Ref()] = extra{o.Indexed, o.Init}
		}
		ix.workloads = append(ix.workloads, w)
	}
	if homeless > 0 {
		ix.findings = append(ix.findings, Finding{Root: r.id, File: ConfigFile, Message: fmt.Sprintf(
			"%d workloads of %s have no namespace, so no alert can be matched to them: declare the root's targetNamespace", homeless, r.Path,
		)})
	}
}

// place puts what a root renders into its namespaces.
func (ix *Index) place(r *appliedRoot, objects []object) []indexedObject {
	placed, later := make([]indexedObject, len(objects)), make([]decodedOnce, len(objects))
	for i := range objects {
		o := &objects[i]
		placed[i] = indexedObject{ObjectRef{o.APIVersion, o.Kind, namespaceOf(r, o), o.Name, r.id}, &later[i]}
		later[i].object, later[i].namespace = o, placed[i].ref.Namespace
	}
	for from := 0; from < len(placed); { // those of one namespace mostly follow on each other
		namespace, to := placed[from].ref.Namespace, from+1
		for to < len(placed) && placed[to].ref.Namespace == namespace {
			to++
		}
		ix.objects[namespace] = append(ix.objects[namespace], placed[from:to]...)
		from = to
	}
	return placed
}

// clusterScoped are the kinds without a namespace that fleets hold.
var clusterScoped = map[string]bool{
	"Namespace": true, "Node": true, "PersistentVolume": true, "ClusterRole": true, "ClusterRoleBinding": true,
	"StorageClass": true, "PriorityClass": true, "IngressClass": true, "GatewayClass": true, "RuntimeClass": true,
	"APIService": true, "ValidatingWebhookConfiguration": true, "MutatingWebhookConfiguration": true,
	"ValidatingAdmissionPolicy": true, "ValidatingAdmissionPolicyBinding": true, "CSIDriver": true,
	"CiliumClusterwideNetworkPolicy": true, "GlobalNetworkPolicy": true, "AdminNetworkPolicy": true,
	"BaselineAdminNetworkPolicy": true, "ClusterPolicy": true, "ClusterIssuer": true, "GlobalNetworkSet": true,
}

// namespaceOf is where an object ends up: Argo CD fills in the namespace of
// the Application's destination where there is none.
func namespaceOf(r *appliedRoot, o *object) string {
	if clusterScoped[o.Kind] {
		return ""
	}
	return cmp.Or(o.Namespace, r.namespace)
}

func (ix *Index) finish() {
	ix.workloads = append(ix.workloads, ix.referring()...)
	slices.SortFunc(ix.workloads, func(a, b Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Root, b.Root))
	})
	for namespace, objects := range ix.objects {
		for _, o := range objects {
			if o.ref.Kind != "HorizontalPodAutoscaler" {
				continue
			}
			here := ix.inNamespace(namespace)
			for i := range here {
				if o.Scales.scales(here[i]) {
					here[i].Autoscaled = append(here[i].Autoscaled, o.ref.Name)
				}
			}
		}
	}
	ix.charts()
	ix.findings = append(ix.findings, ix.doubles()...)
	slices.SortFunc(ix.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Root, b.Root), cmp.Compare(a.File, b.File), cmp.Compare(a.Message, b.Message))
	})
}

// referring are Argo Rollouts that run the pod template of a Deployment of
// their namespace, which itself is scaled to nothing (argo-rollouts:
// docs/migrating.md).
func (ix *Index) referring() (out []Workload) {
	for namespace, objects := range ix.objects {
		for _, o := range objects {
			if o.ref.Kind != "Rollout" || GroupOf(o.ref.APIVersion) != "argoproj.io" || o.object() == nil {
				continue
			}
			spec, _ := o.object().Object["spec"].(map[string]any)
			to, _ := spec["workloadRef"].(map[string]any)
			runs := func(w Workload) bool {
				return w.Namespace == namespace && w.Kind == "Deployment" && text(to["kind"]) == w.Kind && text(to["name"]) == w.Name
			}
			i := slices.IndexFunc(ix.workloads, runs)
			if i < 0 {
				continue
			}
			w := ix.workloads[i]
			w.Kind, w.Name, w.APIVersion, w.Root, w.File, w.Replicas = o.ref.Kind, o.ref.Name, o.ref.APIVersion, o.ref.Root, o.File, nil
			if selector := texts(dig(spec, "selector", "matchLabels")); len(selector) > 0 {
				w.Selector = selector
			}
			if n, ok := whole(spec["replicas"]); ok {
				w.Replicas = &n
			}
			ix.extras[w.Ref()] = ix.extras[ix.workloads[i].Ref()]
			out = append(out, w)
		}
	}
	return out
}

// doubles finds workloads that two roots render: their controllers fight.
func (ix *Index) doubles() (findings []Finding) {
	for i := 1; i < len(ix.workloads); i++ {
		a, b := ix.workloads[i-1], ix.workloads[i]
		if a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name && GroupOf(a.APIVersion) == GroupOf(b.APIVersion) {
			findings = append(findings, Finding{Root: b.Root, File: b.Root, Message: fmt.Sprintf(
				"%s %s/%s is rendered by %s as well: one of them must own it", b.Kind, b.Namespace, b.Name, a.Root,
			)})
		}
	}
	return findings
}
