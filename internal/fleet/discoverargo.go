package fleet

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/controllers"
)

// argo finds where Applications stand that no Application applies.
func (d *discovery) argo(ctx context.Context) error {
	starts := map[string]bool{}
	var objects []map[string]any
	for _, o := range d.scan.objects {
		if kind := o.obj.GetKind(); kind != "Application" && kind != "ApplicationSet" || d.applied[o.file] {
			continue
		}
		objects = append(objects, o.obj.Object)
		above := d.scan.tops(o.file)
		for _, top := range above {
			starts[top] = true
		}
		if len(above) == 0 && !d.aside(o) {
			starts[o.file] = true
		}
	}
	if len(starts) == 0 {
		return nil
	}
	if own := d.fleet.guess(ctx, d.fleet.urls, objects); own != "" {
		d.fleet.urls = append(d.fleet.urls, own)
	}
	found := map[string]*closure{}
	for start := range starts {
		all, err := d.fleet.everywhere(ctx, newCluster(controllers.ArgoCD, start))
		if err != nil {
			return err
		}
		if len(all.destinations) == 0 {
			d.findings = append(d.findings, all.findings...) // of no cluster
		}
		found[start] = all
		for _, r := range all.roots {
			maps.Copy(d.applied, d.scan.reads(r.Path))
		}
	}
	d.destinations(d.outermost(found))
	return nil
}

// outermost leaves out the starts that another one applies.
func (d *discovery) outermost(found map[string]*closure) map[string]*closure {
	out := map[string]*closure{}
	names := make([]string, 0, len(found))
	for start := range found {
		names = append(names, start)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	reads := map[string]map[string]bool{}
	for _, start := range names {
		reads[start] = map[string]bool{}
		for _, r := range found[start].roots {
			if !r.start {
				maps.Copy(reads[start], d.scan.reads(r.Path))
			}
		}
	}
	for _, start := range names {
		inner := slices.ContainsFunc(names, func(o string) bool { return o != start && out[o] != nil && reads[o][start] })
		later := slices.ContainsFunc(names, func(o string) bool { return o != start && reads[o][start] && !reads[start][o] })
		if !inner && !later {
			out[start] = found[start]
		}
	}
	return out
}

// destinations makes a cluster of each place that Applications go to.
func (d *discovery) destinations(found map[string]*closure) {
	made := map[string]*Cluster{} // by what names them
	for _, start := range slices.Sorted(maps.Keys(found)) {
		for _, to := range found[start].destinations {
			word, alias := cmp.Or(to.Name, hostOf(to.Server)), to.Server
			hub := ofController(to)
			if hub {
				word, alias = nameOfPath(start), ""
			}
			c := made[word]
			if c == nil {
				one := newCluster(controllers.ArgoCD)
				c = &one
				made[word] = c
			}
			c.InCluster = c.InCluster || hub
			if alias != "" && !slices.Contains(c.Aliases, alias) {
				c.Aliases = append(c.Aliases, alias)
			}
			if !slices.Contains(c.Bootstrap, start) {
				c.Bootstrap = append(c.Bootstrap, start)
			}
		}
	}
	words := slices.Sorted(maps.Keys(made))
	slices.SortStableFunc(words, func(a, b string) int { // what has a name of its own keeps it
		return cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/"))
	})
	for _, word := range words {
		c := made[word]
		d.name(c, word)
		if c.Name != word && !c.InCluster && !slices.Contains(c.Aliases, word) {
			c.Aliases = append(c.Aliases, word) // Applications name it so
		}
		d.clusters = append(d.clusters, *c)
	}
}

func hostOf(server string) string {
	if u, err := url.Parse(server); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return server
}
