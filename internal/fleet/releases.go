package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/controllers"
	"github.com/irgit/irgit/internal/gitops"
)

const helmRelease = "HelmRelease"

// isRelease reports whether a root holds what a HelmRelease's chart renders.
func (r *appliedRoot) isRelease() bool { return r.sync != nil && r.sync.InstallsChart() }

// checkReleases checks what .irgit.yaml says of a cluster's HelmReleases.
func (d *decoder) checkReleases(c *Cluster, at string) {
	if len(c.Releases) > 0 && c.GitOps != controllers.FluxCD {
		d.problem(at+".releases", "stands only where gitops is flux: remove it, and declare the directories as roots")
	}
	seen := map[string]string{}
	for i, r := range c.Releases {
		at := fmt.Sprintf("%s.releases[%d]", at, i)
		d.label(r.Namespace, at+".namespace")
		d.subdomain(r.Name, at+".name")
		if first, twice := seen[r.key()]; twice && r.Name != "" {
			d.problem(at, "HelmRelease %s/%s already stands at %s: a release has one directory", r.Namespace, r.Name, first)
		}
		seen[r.key()] = at
		switch {
		case r.Rendered == "":
			d.problem(at+".rendered", "is missing: name the directory that holds what `helm template` prints")
			continue
		case gitops.CheckPath(r.Rendered) != nil:
			d.problem(at+".rendered", "%q is not a relative, clean path", r.Rendered)
		case within(r.Rendered, responseRoot):
			d.problem(at+".rendered", "%s is irgit's own: keep it elsewhere", r.Rendered)
		}
		for j, root := range c.Roots {
			if dir, glob := strings.CutSuffix(root.Path, "/*"); root.Path == r.Rendered || glob && path.Dir(r.Rendered) == dir {
				d.problem(at+".rendered", "roots[%d] covers it, and no controller applies it: keep it outside of every root", j)
			}
		}
	}
}

func (r Release) key() string { return keyOf(helmRelease, r.Namespace, r.Name) }

// prepared looks for the directories of the declared HelmReleases. Those that
// are there are waited for.
func (w *walker) prepared(ctx context.Context) error {
	for _, r := range w.cluster.Releases {
		e, err := w.fleet.tree.Stat(ctx, r.Rendered)
		found, err := missing(ctx, r.Rendered, err)
		switch {
		case err != nil:
			return err
		case found != nil:
			w.misdeclared(r, "what it renders is declared to be in "+r.Rendered+", which is not there", "put there what `helm template` prints, or correct the path")
		case e.Mode != gitops.Dir:
			w.misdeclared(r, "what it renders is declared to be in "+r.Rendered+", which is no directory", "name the directory that holds it")
		default:
			w.releases[r.key()] = r
		}
	}
	return nil
}

func (w *walker) misdeclared(r Release, why, step string) {
	w.findings = append(w.findings, Finding{
		Root: r.Rendered, File: ConfigFile, Message: fmt.Sprintf("HelmRelease %s/%s: %s", r.Namespace, r.Name, why), Step: step,
	})
}

// installs queues the declared HelmReleases that a root renders.
func (w *walker) installs(ctx context.Context, r *appliedRoot, e *entry) error {
	if len(w.releases) == 0 || r.passing {
		return nil
	}
	for _, name := range e.Releases {
		namespace, name, _ := strings.Cut(name, "/")
		key := keyOf(helmRelease, cmp.Or(namespace, r.namespace), name)
		if _, declared := w.releases[key]; !declared || w.met[key] {
			continue
		}
		for _, o := range e.objects() {
			u := o.decoded()
			if o.Kind != helmRelease || o.Namespace != namespace || o.Name != name || GroupOf(o.APIVersion) != controllers.HelmGroup || u == nil {
				continue
			}
			u.SetNamespace(cmp.Or(namespace, r.namespace))
			p := pending{u, r, cmp.Or(o.File, r.Path)}
			w.met[key] = true
			untold, err := w.untoldRelease(ctx, r, o)
			switch {
			case err != nil:
				return err
			case untold != "":
				w.unknown(controllers.Unknown{
					Object: controllers.RefOf(u), Reason: "what it installs depends on ${" + untold + "}, which is not in Git", Step: "write the value into the HelmRelease",
				}, p)
			default:
				w.queue = append(w.queue, p)
			}
		}
	}
	return nil
}

// untoldRelease is a variable that nobody knows in what a HelmRelease says of
// anything but its chart and the values of that, "" when there is none.
func (w *walker) untoldRelease(ctx context.Context, r *appliedRoot, built object) (string, error) {
	if r.sync == nil || len(r.sync.Missing) == 0 {
		return "", nil
	}
	plain := r.want()
	plain.options.Substitute = nil
	entries, err := w.builder.entries(ctx, []want{plain})
	if err != nil {
		return "", err
	}
	for _, o := range entries[0].objects() {
		u := o.decoded()
		if o.Kind != helmRelease || o.File != built.File || u == nil {
			continue
		}
		spec, _ := u.Object["spec"].(map[string]any)
		for _, field := range []string{"chart", "chartRef", "values", "valuesFrom"} {
			delete(spec, field)
		}
		text, err := json.Marshal(spec)
		if err != nil {
			return "", err
		}
		for _, found := range variable.FindAllStringSubmatch(string(text), -1) {
			if _, known := r.options.Substitute[found[1]]; !known {
				return found[1], nil
			}
		}
	}
	return "", nil
}

// release reads a declared HelmRelease.
func (w *walker) release(ctx context.Context, u *unstructured.Unstructured) (out told, err error) {
	declared := w.releases[keyOf(helmRelease, u.GetNamespace(), u.GetName())]
	sync, unknown, err := controllers.Helm(ctx, w.env(), u, declared.Rendered)
	if sync != nil {
		out.syncs = append(out.syncs, *sync)
	}
	if unknown != nil {
		out.unknowns = append(out.unknowns, *unknown)
	}
	return out, err
}

// unmet says which declared HelmReleases no root renders.
func (w *walker) unmet() {
	for _, r := range w.cluster.Releases {
		if _, waited := w.releases[r.key()]; waited && !w.met[r.key()] {
			w.misdeclared(r, "it is declared, and no root of the cluster renders such a HelmRelease", "correct its namespace and name, which are those of the HelmRelease itself, or remove it")
		}
	}
}

// ReleaseState is a HelmRelease of the cluster.
type ReleaseState struct {
	Namespace, Name string // of the HelmRelease
	Into            string // the namespace that it installs into
	Release         string // the name of the release
	File            string // its manifest, or the root that renders it
	Rendered        string // the directory with what its chart renders, "" when none is declared
}

// Releases lists the cluster's HelmReleases by namespace and name.
func (ix *Index) Releases() (out []ReleaseState) {
	for into, releases := range ix.releases {
		for _, r := range releases {
			out = append(out, ReleaseState{r.ref.Namespace, r.ref.Name, into, r.name, cmp.Or(ix.fileOf(r.ref), r.ref.Root), r.rendered})
		}
	}
	slices.SortFunc(out, func(a, b ReleaseState) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.File, b.File))
	})
	return out
}

// charts notes the HelmReleases, and says of which it is not known what they
// install.
func (ix *Index) charts() {
	declared := map[string]string{}
	for _, r := range ix.cluster.Releases {
		declared[r.key()] = r.Rendered
	}
	for _, objects := range ix.objects {
		for _, o := range objects {
			if o.ref.Kind != helmRelease || o.object() == nil {
				continue
			}
			namespace, r := releaseOf(o.ref, o.object())
			r.rendered = declared[keyOf(helmRelease, o.ref.Namespace, o.ref.Name)]
			ix.releases[namespace] = append(ix.releases[namespace], r)
			if r.rendered == "" {
				ix.findings = append(ix.findings, Finding{
					Root: o.ref.Root, File: cmp.Or(o.File, o.ref.Root), Unknown: true,
					Message: fmt.Sprintf("HelmRelease %s/%s: what its chart renders is not in Git", o.ref.Namespace, o.ref.Name), Step: ix.renderIt(),
				})
			}
		}
	}
	for _, rs := range ix.releases {
		slices.SortFunc(rs, func(a, b installed) int { return cmp.Or(cmp.Compare(a.name, b.name), compareRefs(a.ref, b.ref)) })
	}
}

// renderIt is the way out where a chart is not known.
func (ix *Index) renderIt() string {
	if ix.cluster.GitOps != controllers.FluxCD {
		return "render the chart into the repository to have its workloads known"
	}
	return "keep what `helm template` prints of it in the repository, and name that directory in clusters[].releases of " + ConfigFile
}
