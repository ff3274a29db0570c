package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/gitops"
)

// Discover finds the clusters of a repository that no .irgit.yaml declares,
// from the sync objects in it. Every manifest is read once and kept in the
// cache.
//
// A Flux cluster starts where a Kustomization is rendered by the directory that
// it applies, or where a FluxInstance says; failing that, in the directories
// with sync objects that nothing else applies. Argo CD starts where
// Applications stand that no Application applies; its clusters are their
// destinations. What clusters are called and can do is not in Git: names are
// made of paths and destinations, and capabilities are the defaults.
func Discover(ctx context.Context, tree *gitops.Tree, o Options) (*Fleet, error) {
	o.found = true
	f := newFleet(tree, config{}, o)
	s, err := f.scan(ctx)
	if err != nil {
		return nil, err
	}
	d := &discovery{fleet: f, scan: s, applied: map[string]bool{}, sources: map[string]Flux{}}
	if err := d.flux(ctx); err != nil {
		return nil, err
	}
	if err := d.argo(ctx); err != nil {
		return nil, err
	}
	f.clusters, f.findings = d.clusters, slices.Concat(s.findings, d.findings, d.charts())
	return f, nil
}

// discovery is the state of Discover.
type discovery struct {
	fleet    *Fleet
	scan     *scan
	applied  map[string]bool // files and directories that a cluster found so far reads
	sources  map[string]Flux // of bootstraps that Flux's operator makes
	clusters []Cluster
	findings []Finding // of no cluster
}

// charts are kustomizations that inflate a Helm chart, stand in no other one
// and are applied by nothing that was found: what they make may start a cluster.
func (d *discovery) charts() (findings []Finding) {
	for name, file := range d.scan.files {
		dir := path.Dir(name)
		if !file.Chart || file.Component || d.applied[name] || len(d.scan.above(dir)) > 0 {
			continue
		}
		findings = append(findings, Finding{
			Root: dir, File: name, Message: "nothing that was found applies it, and it inflates a Helm chart, which may make Applications: those are not known", Unknown: true,
			Step: "declare the cluster and its roots in " + ConfigFile,
		})
	}
	slices.SortFunc(findings, func(a, b Finding) int { return cmp.Compare(a.File, b.File) })
	return findings
}

func (d *discovery) flux(ctx context.Context) error {
	for _, start := range d.fluxStarts() {
		if err := d.start(ctx, start); err != nil {
			return err
		}
	}
	var left []scannedObject
	for _, o := range d.scan.objects {
		if isFlux(o.obj) && d.exists(ctx, o.obj) {
			left = append(left, o)
		}
	}
	slices.SortStableFunc(left, func(a, b scannedObject) int {
		return cmp.Or(cmp.Compare(strings.Count(a.file, "/"), strings.Count(b.file, "/")), cmp.Compare(a.file, b.file))
	})
	for _, o := range left {
		if d.applied[o.file] {
			continue
		}
		starts := d.scan.tops(o.file)
		if len(starts) == 0 {
			if d.aside(o) {
				continue
			}
			starts = []string{path.Dir(o.file)}
		}
		for _, start := range starts {
			if err := d.start(ctx, start); err != nil {
				return err
			}
		}
	}
	return nil
}

// aside reports whether a sync object stands beside a kustomization that
// leaves it out: nothing applies it then.
func (d *discovery) aside(o scannedObject) bool {
	k := d.scan.kustomizations[path.Dir(o.file)]
	if k == "" {
		return false
	}
	d.findings = append(d.findings, Finding{
		Root: path.Dir(o.file), File: o.file, Unknown: true,
		Message: fmt.Sprintf("%s %s: it stands beside %s, which does not list it, so nothing is seen to apply it", o.obj.GetKind(), o.obj.GetName(), path.Base(k)),
		Step:    "list it there, or remove it",
	})
	return true
}

// exists reports whether a Kustomization applies a directory that is there.
func (d *discovery) exists(ctx context.Context, u *unstructured.Unstructured) bool {
	dir := text(dig(u.Object, "spec", "path"))
	if text(dig(u.Object, "spec", "sourceRef", "kind")) == "ExternalArtifact" {
		return true // a path within the artifact
	}
	if before, _, ok := strings.Cut(dir, "${"); ok {
		dir = path.Dir(before + "x")
	}
	_, err := d.fleet.tree.Stat(ctx, clean(dir))
	return err == nil && dig(u.Object, "spec", "sourceRef") != nil
}

func clean(dir string) string { return path.Join(".", strings.TrimPrefix(dir, "/")) }

// fluxStarts lists the directories that say of themselves that they start a
// cluster: the build is asked whether that is so.
func (d *discovery) fluxStarts() (starts []string) {
	for _, o := range d.scan.objects {
		if b, ok := controllers.Bootstrap(o.obj); ok {
			starts = append(starts, clean(b.Path))
			d.sources[clean(b.Path)] = Flux{b.Namespace, Source{b.Source.Kind, b.Source.Name}}
			d.fleet.urls = append(d.fleet.urls, b.URL)
			continue
		}
		if !isFlux(o.obj) {
			continue
		}
		dir := clean(text(dig(o.obj.Object, "spec", "path")))
		if d.scan.reads(dir)[o.file] {
			starts = append(starts, dir)
		}
	}
	slices.Sort(starts)
	return slices.Compact(starts)
}

// start follows a Flux bootstrap, and notes what its cluster applies.
func (d *discovery) start(ctx context.Context, dir string) error {
	if slices.ContainsFunc(d.clusters, func(c Cluster) bool { return c.GitOps == controllers.FluxCD && c.Bootstrap[0] == dir }) {
		return nil
	}
	c := newCluster(controllers.FluxCD, dir)
	d.name(&c, nameOfPath(dir))
	c.Flux = d.sourceOf(dir)
	all, err := d.fleet.closure(ctx, c)
	if err != nil {
		return err
	}
	for _, r := range all.roots {
		maps.Copy(d.applied, d.scan.reads(r.Path))
	}
	maps.Copy(d.applied, d.scan.reads(dir))
	d.clusters = append(d.clusters, c)
	return nil
}

func newCluster(controller string, bootstrap ...string) Cluster {
	c := Cluster{GitOps: controller, Bootstrap: bootstrap, CNI: "kubernetes", Mesh: Mesh{Mode: "none"}}
	if controller == controllers.FluxCD {
		c.Flux = Flux{Namespace: "flux-system", Source: Source{Kind: "GitRepository", Name: "flux-system"}}
	}
	return c
}

// sourceOf is the source that most Kustomizations of a bootstrap name.
func (d *discovery) sourceOf(dir string) Flux {
	if f, told := d.sources[dir]; told {
		return f
	}
	count := map[Flux]int{}
	reads := d.scan.reads(dir)
	for _, o := range d.scan.objects {
		ref := dig(o.obj.Object, "spec", "sourceRef")
		if !isFlux(o.obj) || !reads[o.file] || text(dig(ref, "kind")) != "GitRepository" {
			continue
		}
		namespace := cmp.Or(text(dig(ref, "namespace")), o.obj.GetNamespace(), "flux-system")
		count[Flux{namespace, Source{"GitRepository", text(dig(ref, "name"))}}]++
	}
	if len(count) == 0 {
		return newCluster(controllers.FluxCD).Flux
	}
	return most(count, func(a, b Flux) int {
		return cmp.Or(cmp.Compare(a.Source.Name, b.Source.Name), cmp.Compare(a.Namespace, b.Namespace))
	})
}

// name calls a cluster by a word, or by the shortest end of a path that no
// other cluster is called by.
func (d *discovery) name(c *Cluster, word string) {
	parts := strings.Split(word, "/")
	name := ""
	for n := 1; n <= len(parts) && (name == "" || d.taken(name)); n++ {
		name = rootName(strings.Join(parts[len(parts)-n:], "/"))
	}
	if name = strings.Trim(name[:min(len(name), 50)], "-"); name == "" || d.taken(name) {
		name = strings.TrimPrefix(name+"-"+shortHash(c.GitOps+" "+strings.Join(c.Bootstrap, " ")), "-")
	}
	c.Name, c.Response = name, path.Join(responseRoot, name)
}

func (d *discovery) taken(name string) bool {
	return name == "patches" || name == "history" || slices.ContainsFunc(d.clusters, func(o Cluster) bool { return o.Name == name })
}

// nameOfPath is the bootstrap's path without what all of them have.
func nameOfPath(start string) string {
	start = strings.TrimSuffix(start, path.Ext(start))
	if _, below, ok := strings.Cut("/"+start, "/clusters/"); ok && below != "" {
		return strings.ReplaceAll(below, "/", "-")
	}
	if start == "." {
		return "cluster"
	}
	return start
}
