package controllers

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// said is obstacles as lines, those that block with a !.
func said(all []Obstacle) (out []string) {
	for _, o := range all {
		mark := "? "
		if o.Blocking {
			mark = "! "
		}
		out = append(out, mark+o.Reason)
	}
	return out
}

func TestObstaclesOfTheSyncObject(t *testing.T) {
	require.Empty(t, Rules{}.Obstacles("apps", "Deployment", "a", "b", []string{"spec.replicas"}))
	require.Equal(t, []string{
		"! applies nothing now: spec.suspend is true",
		"! waits for somebody to sync it: no automation",
		"! gets no new commit: it stays at v1",
		"? gets a commit only indirectly: a registry",
		"? is of AppProject team, which is not in this repository, so what it permits is unknown",
		"? has a sync window: w",
		"? acts as ServiceAccount x, which must be allowed to change Deployment.apps",
	}, said(Rules{
		Suspended: "spec.suspend is true", Manual: "no automation", Pinned: "it stays at v1", Pushed: "a registry", ProjectName: "team",
		Windows: []string{"w"}, ServiceAccount: "x",
	}.Obstacles("apps", "Deployment", "a", "b", nil)))
}

func TestObstaclesOfIgnoredFields(t *testing.T) {
	replicas := IgnoredField{Group: "apps", Kind: "Deployment", Pointers: []string{"/spec/replicas"}}
	respected := replicas
	respected.Respected = true
	image := IgnoredField{Group: "*", Kind: "Deploy*", JQ: []string{`.spec.template.spec.containers[] | select(.name == "a") | .image`}, Respected: true}
	simple := IgnoredField{Group: "apps", Kind: "Deployment", JQ: []string{`.spec.template.spec.containers[0].image`, `.metadata.labels["a.b/c"]`}, Respected: true}
	for _, c := range []struct {
		about  string
		f      IgnoredField
		fields string
		want   []string
	}{
		{"compared only", replicas, "spec.replicas", []string{"? ignores differences at /spec/replicas, so a change of that alone starts no sync"}},
		{"never applied", respected, "spec.replicas", []string{"! ignores /spec/replicas and never applies it"}},
		{"another field", respected, "spec.paused", nil},
		{"a part of the change", respected, "spec", []string{"? ignores /spec/replicas and never applies it"}},
		{"any change", respected, "", []string{"? ignores /spec/replicas and never applies it"}},
		{"a name that starts alike", respected, "spec.replicasMax", nil},
		{"a pipe", image, "spec.template.spec.containers[0].image", []string{"? ignores " + image.JQ[0] + " and never applies it"}},
		{"an index", simple, "spec.template.spec.containers[0].image", []string{"! ignores " + simple.JQ[0] + " and never applies it"}},
		{"another index", simple, "spec.template.spec.containers[1].image", nil},
		{"a quoted key", simple, `metadata.labels["a.b/c"]`, []string{"! ignores " + simple.JQ[1] + " and never applies it"}},
		{"an escaped pointer", IgnoredField{Group: "apps", Kind: "Deployment", Pointers: []string{"/metadata/labels/a.b~1c"}, Respected: true}, `metadata.labels["a.b/c"]`, []string{"! ignores /metadata/labels/a.b~1c and never applies it"}},
		{"another kind", IgnoredField{Group: "apps", Kind: "StatefulSet", Pointers: []string{"/spec"}}, "spec.replicas", nil},
		{"another name", IgnoredField{Group: "apps", Kind: "Deployment", Name: "other", Pointers: []string{"/spec"}}, "spec.replicas", nil},
		{"managers", IgnoredField{Group: "apps", Kind: "Deployment", Managers: []string{"hpa"}}, "spec.replicas", []string{"? ignores fields that hpa set in the cluster"}},
		{"Flux by name", IgnoredField{Regexp: true, Kind: "Deployment", Name: "web|api", Pointers: []string{"/spec/replicas"}, Respected: true}, "spec.replicas", []string{"! ignores /spec/replicas and never applies it"}},
		{"Flux by another name", IgnoredField{Regexp: true, Name: "we", Pointers: []string{"/spec/replicas"}, Respected: true}, "spec.replicas", nil},
	} {
		var fields []string
		if c.fields != "" {
			fields = strings.Split(c.fields, ",")
		}
		require.Equal(t, c.want, said(Rules{Ignored: []IgnoredField{c.f}}.Obstacles("apps", "Deployment", "shop", "web", fields)), c.about)
	}
}

func TestObstaclesOfAProject(t *testing.T) {
	project := func(change func(*Project)) Rules {
		p := &Project{
			Name: "team", AllowsAllNamespaced: true, Destination: Destination{"prod", "https://prod"},
			Destinations: []ProjectDestination{{Server: "https://prod", Namespace: "team-*"}},
		}
		if change != nil {
			change(p)
		}
		return Rules{Project: p, ProjectName: "team"}
	}
	for _, c := range []struct {
		about, kind, namespace string
		change                 func(*Project)
		want                   []string
	}{
		{"permitted", "NetworkPolicy", "team-a", nil, nil},
		{"another namespace", "NetworkPolicy", "other", nil, []string{"! is of AppProject team, which does not permit namespace other as a destination"}},
		{"of the cluster", "ClusterRole", "", nil, []string{"! is of AppProject team, which permits no ClusterRole.networking.k8s.io among objects of the cluster"}},
		{"of the cluster, permitted by name", "ClusterRole", "", func(p *Project) { p.ClusterAllow = []GroupKind{{"*", "*", "x*"}} }, nil},
		{"of the cluster, another name", "ClusterRole", "", func(p *Project) { p.ClusterAllow = []GroupKind{{"*", "*", "y*"}} }, []string{"! is of AppProject team, which permits no ClusterRole.networking.k8s.io among objects of the cluster"}},
		{"forbidden", "NetworkPolicy", "team-a", func(p *Project) { p.NamespaceDeny = []GroupKind{{"networking.*", "Network*", ""}} }, []string{"! is of AppProject team, which forbids NetworkPolicy.networking.k8s.io"}},
		{"written with the wrong group, as in Argo CD's own example", "NetworkPolicy", "team-a", func(p *Project) { p.NamespaceDeny = []GroupKind{{"", "NetworkPolicy", ""}} }, nil},
		{"an empty list of kinds", "NetworkPolicy", "team-a", func(p *Project) { p.AllowsAllNamespaced = false }, []string{"! is of AppProject team, which permits no NetworkPolicy.networking.k8s.io among objects in namespaces"}},
		{"no destination", "NetworkPolicy", "team-a", func(p *Project) { p.Destinations = nil }, []string{"! is of AppProject team, which does not permit namespace team-a as a destination"}},
		{"all but", "NetworkPolicy", "team-a", func(p *Project) {
			p.Destinations = []ProjectDestination{{Server: "*", Namespace: "*"}, {Server: "*", Namespace: "!team-a"}}
		}, []string{"! is of AppProject team, which does not permit namespace team-a as a destination"}},
		{"a cluster by a name that is not known", "NetworkPolicy", "team-a", func(p *Project) {
			p.Destination.Name, p.Destinations = "", []ProjectDestination{{Name: "prod", Namespace: "*"}}
		}, []string{"? is of AppProject team, which does not permit namespace team-a as a destination"}},
	} {
		require.Equal(t, c.want, said(project(c.change).Obstacles("networking.k8s.io", c.kind, c.namespace, "x", nil)), c.about)
	}
}
