package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// hand is what a person finds by reading a repository at one commit, by the
// path that starts a cluster or the name that Argo CD knows it by: a root is a directory of the repository that a controller applies,
// the bootstrap's included; a workload is an object with pods that the
// repository itself holds, not one that a chart makes.
type hand struct {
	commit   string
	clusters map[string]cluster
}

type cluster struct{ roots, workloads int }

func (c cluster) String() string {
	return fmt.Sprintf("%d roots and %d workloads", c.roots, c.workloads)
}

// uncounted stands for workloads that nobody counted.
const uncounted = -1

var counted = map[string]hand{
	// Each cluster: clusters/<name> (flux bootstrap --path, in the README), and
	// the Kustomizations infra-controllers, infra-configs and apps. The
	// workloads are those of three HelmReleases; gotk-components.yaml is a
	// comment.
	"fluxcd/flux2-kustomize-helm-example": {"4f1a5b1051b469108d1bdf0ebec6c814427e3834", map[string]cluster{
		"clusters/production": {4, 0}, "clusters/staging": {4, 0},
	}},
	// Each cluster: clusters/<name> (its FluxInstance's sync.path),
	// tenants/infra and tenants/apps. All else is in d1-infra and d1-apps.
	"controlplaneio-fluxcd/d1-fleet": {"8d4e8665d95cb096cb4c77b093d579b16ce5b722", map[string]cluster{
		"clusters/prod-eu": {3, 0}, "clusters/prod-us": {3, 0}, "clusters/staging": {3, 0},
	}},
	// Each cluster: clusters/<name> (FluxInstance) and, but for update, tenants,
	// from the artifact that .github/workflows/push-artifact.yaml pushes of
	// this repository. The ResourceSets' Kustomizations apply other artifacts.
	"controlplaneio-fluxcd/d2-fleet": {"64e49530a4c321cf780fe9e2ac0ed2b884fbadc2", map[string]cluster{
		"clusters/prod-eu": {2, 0}, "clusters/prod-us": {2, 0}, "clusters/staging": {2, 0}, "clusters/update": {1, 0},
	}},
	// clusters/my-cluster and its Kustomizations istio-system, istio-gateway and
	// apps; the Deployments backend, frontend and flagger-loadtester of apps.
	"stefanprodan/gitops-istio": {"3851e1802537cd5f7f833b05502f6db1f4528f47", map[string]cluster{
		"clusters/my-cluster": {4, 3},
	}},
	// kubernetes/flux/cluster (HelmRelease flux-instance, instance.sync.path) and
	// 78 Kustomizations of kustomize.toolkit.fluxcd.io, each of a path of its
	// own; every workload is a HelmRelease's.
	"onedr0p/home-ops": {"d9078e4dd52174ad68a4408ca3398f731b2f889e", map[string]cluster{
		"kubernetes/flux/cluster": {79, 0},
	}},
	// The Applications of this repository's paths that kustomizations list from
	// argocd/overlays/moc-infra/applications/{app-of-apps,envs}: smaug 32,
	// moc-infra 13 and the 4 of app-of-apps, curator 3, jerry 3. pulp.yaml and
	// app-of-apps-demo.yaml stand there and are listed nowhere, and nothing
	// applies envs/dev.
	"operate-first/apps": {"34402be8f720c55cc59f59ac1ec5ae92226bfaa7", map[string]cluster{
		"smaug": {32, uncounted}, "moc-infra": {17, uncounted}, "curator": {3, uncounted}, "jerry": {3, uncounted},
	}},
	// Three overlays with 4 Deployments (backend, frontend, cache,
	// database-replica), a StatefulSet and 4 CronJobs each; deploy/secure and
	// deploy/webapp with {backend,frontend} and common; kustomize with one
	// Deployment: 3*9 + 2 + 2 + 1. The chart and the Timoni module are not read.
	"stefanprodan/podinfo": {"eec06d1ea459af4cb4e10e806f8be7c7bd58b361", map[string]cluster{
		all: {10, 32},
	}},
	// guestbook 1, helm-hooks 4 (3 Jobs), pre-post-sync 3 (2 Jobs), sock-shop 14,
	// sync-waves 5 (3 Jobs); plugins/kustomized-helm needs helm and a patch in a
	// form that kustomize refuses. The rest are charts, jsonnet and plugins.
	"argoproj/argocd-example-apps": {"0d521c6e049889134f3122eb32d7ed342f43ca0d", map[string]cluster{
		all: {6, 27},
	}},
	// The directory of the ApplicationSet tenants and the two directories it
	// makes Applications of, which hold no workloads; whose cluster is
	// local.home. Every other Application comes out of the chart
	// argocd-app-of-app. Nothing applies the Application bad-resource, so that
	// it makes no cluster.
	"gnunn-gitops/cluster-config": {"82a8b34a65dfda17635fda7e826ccf5757e2e721", map[string]cluster{
		"clusters/overlays/local.home/components/tenants": {3, 0},
	}},
}

// all is the cluster of a repository without one, which nothing starts; see
// overlay.go.
const all = "all"

// held compares what was found with what a person found: how much of it, and
// which clusters differ.
func (r row) held() string {
	h, ok := counted[r.Name]
	switch {
	case !ok, r.Fleet.Overlaid && h.clusters[all] == (cluster{}):
		return "not counted"
	case h.commit != r.Commit:
		return "counted at " + h.commit[:7]
	}
	found, findable := 0, 0
	var differ []string
	have := map[string]cluster{}
	for _, c := range r.Fleet.Clusters {
		name := c.Name
		if _, known := h.clusters[name]; !known {
			name = c.Start
		}
		have[name] = cluster{c.Roots, c.Workloads}
		if _, known := h.clusters[name]; !known {
			differ = append(differ, name+" starts none")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.clusters)) {
		want := h.clusters[name]
		got, known := have[name]
		if want.workloads == uncounted {
			want.workloads, got.workloads = 0, 0 // of both
		}
		findable += 1 + want.roots + want.workloads
		if known {
			found += 1 + min(want.roots, got.roots) + min(want.workloads, got.workloads)
		}
		if got != want {
			differ = append(differ, fmt.Sprintf("%s has %s, not %s", name, want, got))
		}
	}
	const percent = 100
	text := fmt.Sprintf("%d/%d = %d %%", found, findable, percent*found/findable)
	if len(differ) > 0 {
		text += " (" + strings.Join(differ, "; ") + ")"
	}
	return text
}
