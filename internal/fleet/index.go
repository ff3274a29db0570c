package fleet

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Index is everything one cluster's roots render. It is immutable.
type Index struct {
	cluster   Cluster
	roots     map[string]rootInfo
	workloads []Workload                 // sorted by namespace, kind, name, root
	extras    map[ObjectRef]extra        // what else is known of workloads
	objects   map[string][]indexedObject // by namespace, "" for cluster-scoped ones
	releases  map[string][]helmRelease   // by the namespace they install into
	readers   map[string][]reader        // of the cluster's hooks, by their kustomization file
	findings  []Finding
}

type rootInfo struct {
	Root
	kustomization  string
	transformers   []string
	kustomizations []string
	sharers        []string
	failed         bool
}

// extra is what Resolve needs of a workload and Workload does not show.
type extra struct {
	indexed bool        // a Job whose pods are numbered
	init    []Container // containers that end before the others start
}

// indexedObject is decoded when somebody asks for it.
type indexedObject struct {
	ref  ObjectRef
	read func() *unstructured.Unstructured // nil when the object was too large to keep
}

// object is shared: nobody may change it. It is nil when it was not kept.
func (o indexedObject) object() *unstructured.Unstructured {
	if o.read == nil {
		return nil
	}
	return o.read()
}

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
	roots, findings, err := f.roots(ctx, c)
	if err != nil {
		return nil, err
	}
	foreign, err := f.foreign(ctx, c)
	if err != nil {
		return nil, err
	}
	entries, err := f.entries(ctx, c, roots, foreign)
	if err != nil {
		return nil, err
	}
	ix := &Index{
		cluster: c, roots: map[string]rootInfo{}, objects: map[string][]indexedObject{}, extras: map[ObjectRef]extra{},
		releases: map[string][]helmRelease{}, readers: map[string][]reader{}, findings: findings,
	}
	hooks := map[string]bool{}
	for _, r := range roots {
		hooks[r.Hook] = true
	}
	for i, r := range roots {
		ix.add(r, entries[i], hooks, f.sharers(c.Name, r.Path))
	}
	for i, r := range foreign {
		ix.read(r.cluster, entries[len(roots)+i], hooks)
	}
	ix.finish()
	return ix, nil
}

// read notes which of the cluster's hooks a root's build reads.
func (ix *Index) read(cluster string, e *entry, hooks map[string]bool) {
	for _, file := range e.Kustomizations {
		if !hooks[path.Dir(file)] {
			continue
		}
		ix.readers[file] = append(ix.readers[file], reader{cluster, e.Root, e.Failure != ""})
	}
}

// add takes in what a root renders. Entries come from the cache and are shared
// with other indexes, so they are copied where they are completed.
func (ix *Index) add(r Root, e *entry, hooks map[string]bool, sharers []string) {
	ix.roots[r.Path] = rootInfo{r, e.Kustomization, e.Transformers, e.Kustomizations, sharers, e.Failure != ""}
	ix.read(ix.cluster.Name, e, hooks)
	for _, other := range sharers {
		ix.read(other, e, hooks)
	}
	if e.Failure != "" {
		ix.findings = append(ix.findings, Finding{r.Path, e.FailureFile, e.Failure})
		return
	}
	homeless := 0
	for _, o := range e.Objects {
		ref := ObjectRef{o.APIVersion, o.Kind, ix.namespaceOf(r, o), o.Name, r.Path}
		ix.objects[ref.Namespace] = append(ix.objects[ref.Namespace], indexedObject{ref, decodeLater(o, ref.Namespace)})
		if o.Workload == nil {
			continue
		}
		w := *o.Workload
		w.Cluster, w.Root, w.Namespace = ix.cluster.Name, r.Path, ref.Namespace
		if w.Namespace == "" {
			homeless++
		}
		ix.extras[w.Ref()] = extra{o.Indexed, o.Init}
		ix.workloads = append(ix.workloads, w)
	}
	if homeless > 0 {
		ix.findings = append(ix.findings, Finding{r.Path, ConfigFile, fmt.Sprintf(
			"%d workloads of %s have no namespace, so no alert can be matched to them: declare the root's targetNamespace", homeless, r.Path,
		)})
	}
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

// namespaceOf applies the root's target namespace as the controller does:
// Flux sets or overrides it, Argo CD fills it in where it is missing.
func (ix *Index) namespaceOf(r Root, o object) string {
	if clusterScoped[o.Kind] {
		return ""
	}
	if r.TargetNamespace != "" && (ix.cluster.GitOps == "flux" || o.Namespace == "") {
		return r.TargetNamespace
	}
	return o.Namespace
}

func (ix *Index) finish() {
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
				if scales(o, here[i]) {
					here[i].Autoscaled = append(here[i].Autoscaled, o.ref.Name)
				}
			}
		}
	}
	for _, objects := range ix.objects {
		for _, o := range objects {
			if o.ref.Kind == "HelmRelease" && o.object() != nil {
				namespace, r := releaseOf(o.ref, o.object())
				ix.releases[namespace] = append(ix.releases[namespace], r)
			}
		}
	}
	for _, rs := range ix.releases {
		slices.SortFunc(rs, func(a, b helmRelease) int { return cmp.Or(cmp.Compare(a.name, b.name), compareRefs(a.ref, b.ref)) })
	}
	ix.findings = append(ix.findings, ix.doubles()...)
	slices.SortFunc(ix.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Root, b.Root), cmp.Compare(a.File, b.File), cmp.Compare(a.Message, b.Message))
	})
}

// doubles finds workloads that two roots render: their controllers fight.
func (ix *Index) doubles() (findings []Finding) {
	for i := 1; i < len(ix.workloads); i++ {
		a, b := ix.workloads[i-1], ix.workloads[i]
		if a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name && group(a.APIVersion) == group(b.APIVersion) {
			findings = append(findings, Finding{b.Root, b.Root, fmt.Sprintf("%s %s/%s is rendered by %s as well: one of them must own it", b.Kind, b.Namespace, b.Name, a.Root)})
		}
	}
	return findings
}
