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
)

// What Argo CD calls the cluster that it runs in.
const (
	inClusterName   = "in-cluster"
	inClusterServer = "https://kubernetes.default.svc"
)

// ofController reports whether a destination is the cluster of the controller
// itself.
func ofController(d controllers.Destination) bool {
	return d == controllers.Destination{} || d.Name == inClusterName || d.Server == inClusterServer
}

func (w *walker) env() controllers.Env {
	return controllers.Env{
		Tree: w.fleet.tree,
		Own:  func(url string) bool { return w.urls[normalURL(url)] },
		Find: func(kind, namespace, name string) *unstructured.Unstructured {
			if kind == "ConfigMap" {
				return w.maps[namespace+"/"+name]
			}
			return w.objects[keyOf(kind, namespace, name)]
		},
		All: func(kind string) (all []*unstructured.Unstructured) {
			for _, key := range slices.Sorted(maps.Keys(w.objects)) {
				if u := w.objects[key]; u.GetKind() == kind {
					all = append(all, u)
				}
			}
			return all
		},
		Sources: map[controllers.ObjectRef]bool{
			{Kind: w.cluster.Flux.Source.Kind, Namespace: w.cluster.Flux.Namespace, Name: w.cluster.Flux.Source.Name}: true,
		},
		Clusters: w.fleet.secrets(),
	}
}

// secrets are the declared clusters as Argo CD would know them.
func (f *Fleet) secrets() (out []controllers.ClusterSecret) {
	if f.options.found {
		return nil
	}
	for _, c := range f.clusters {
		if c.GitOps != controllers.ArgoCD {
			continue
		}
		secret := controllers.ClusterSecret{Name: c.Name, Labels: c.Labels}
		if c.InCluster {
			secret.Server = inClusterServer
		}
		if i := slices.IndexFunc(c.Aliases, func(a string) bool { return strings.HasPrefix(a, "https://") }); i >= 0 {
			secret.Server = c.Aliases[i]
		}
		out = append(out, secret)
	}
	return out
}

// Where a sync goes, seen from a walker's cluster.
const (
	elsewhere = iota
	here
	passing // to the cluster of the controller: it may lead here
)

// whither says where a sync goes. One that goes to a cluster that nobody
// declares is unknown to all.
func (w *walker) whither(s controllers.Sync, p pending) int {
	d := s.Destination
	if w.everywhere {
		if !slices.Contains(w.destinations, d) {
			w.destinations = append(w.destinations, d)
		}
		return here
	}
	switch {
	case d == controllers.Destination{}:
		return here
	case ofController(d):
		if w.hub(s, p) {
			return here
		}
		return passing
	}
	for _, word := range []string{d.Name, d.Server} {
		if c, ok := w.fleet.Cluster(word); ok {
			if c.Name == w.cluster.Name {
				return here
			}
			return leadingOn(s, p)
		}
	}
	w.unknown(controllers.Unknown{
		Object: s.Object, Reason: fmt.Sprintf("it goes to the cluster %s, which %s does not declare", cmp.Or(d.Name, d.Server), ConfigFile),
		Step: "declare the cluster, or add that word to the aliases of one",
	}, p)
	return elsewhere
}

// leadingOn tells an app of apps from an application of another cluster: what
// it holds goes to the namespace that Applications live in.
func leadingOn(s controllers.Sync, p pending) int {
	if s.Namespace == "" || s.Namespace == p.obj.GetNamespace() || s.Namespace == "argocd" || s.Namespace == "openshift-gitops" {
		return passing
	}
	return elsewhere
}

// hub reports whether the controller runs in the walker's cluster: the only
// one that starts from its bootstraps, or the one that says so.
func (w *walker) hub(s controllers.Sync, p pending) bool {
	if w.cluster.InCluster {
		return true
	}
	shared := false
	for _, c := range w.fleet.clusters {
		common := func(b string) bool { return slices.Contains(w.cluster.Bootstrap, b) }
		if c.Name == w.cluster.Name || !slices.ContainsFunc(c.Bootstrap, common) {
			continue
		}
		if c.InCluster {
			return false
		}
		shared = true
	}
	if shared {
		w.unknown(controllers.Unknown{
			Object: s.Object, Reason: "it goes to the cluster that Argo CD runs in, and more than one starts from this bootstrap",
			Step: "set inCluster: true on one of them in " + ConfigFile,
		}, p)
	}
	return !shared
}

// normalURL makes the spellings of a repository's URL one.
func normalURL(url string) string {
	url = strings.TrimSpace(url)
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	} else if host, rest, ok := strings.Cut(url, ":"); ok && !strings.Contains(host, "/") { // user@host:path
		url = host + "/" + rest
	}
	host, rest, _ := strings.Cut(url, "/")
	if _, after, ok := strings.Cut(host, "@"); ok {
		host = after
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(host+"/"+rest, "/"), ".git"))
}

// own takes a source's URL for this repository's.
func (w *walker) own(source *unstructured.Unstructured) {
	if url := text(dig(source.Object, "spec", "url")); url != "" {
		w.urls[normalURL(url)] = true
	}
}

// trust takes the source that the configuration names for this repository.
func (w *walker) trust(u *unstructured.Unstructured) {
	f := w.cluster.Flux
	if u.GetKind() == f.Source.Kind && u.GetNamespace() == f.Namespace && u.GetName() == f.Source.Name {
		w.own(u)
	}
}

// guess is the fleet's, of the sync objects that are about to be read.
func (w *walker) guess(ctx context.Context) {
	objects := make([]map[string]any, 0, len(w.queue))
	for _, p := range w.queue {
		objects = append(objects, p.obj.Object)
	}
	if url := w.fleet.guess(ctx, slices.Collect(maps.Keys(w.urls)), objects); url != "" {
		w.urls[url] = true
	}
}

// guess is the URL that most Applications name with a path that is in the
// tree, where none of them names one that is known to be this repository's: it
// may have been read from a mirror.
func (f *Fleet) guess(ctx context.Context, known []string, objects []map[string]any) string {
	for _, o := range objects {
		for _, s := range sourcesIn(o) {
			own := func(url string) bool { return normalURL(url) == normalURL(text(s["repoURL"])) }
			if slices.ContainsFunc(known, own) {
				return ""
			}
		}
	}
	return f.mostNamed(ctx, objects)
}

func (f *Fleet) mostNamed(ctx context.Context, objects []map[string]any) string {
	hits := map[string]int{}
	for _, o := range objects {
		for _, s := range sourcesIn(o) {
			url, dir := text(s["repoURL"]), text(s["path"])
			if url == "" || dir == "" || strings.Contains(url, "{{") {
				continue
			}
			dir, _, _ = strings.Cut(dir, "{{")
			if _, err := f.tree.Stat(ctx, path.Join(".", strings.Trim(dir, "/*"))); err == nil {
				hits[normalURL(url)]++
			}
		}
	}
	return most(hits, cmp.Compare[string])
}

// sourcesIn finds everything in a sync object that names a repository.
func sourcesIn(v any) (out []map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["repoURL"].(string); ok {
			out = append(out, v)
		}
		for _, below := range v {
			out = append(out, sourcesIn(below)...)
		}
	case []any:
		for _, below := range v {
			out = append(out, sourcesIn(below)...)
		}
	}
	return out
}
