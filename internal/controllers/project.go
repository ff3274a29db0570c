package controllers

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// projectSpec is what irgit reads of an AppProject's spec (argo-cd:
// pkg/apis/application/v1alpha1).
type projectSpec struct {
	SourceRepos    []string             `json:"sourceRepos"`
	Destinations   []ProjectDestination `json:"destinations"`
	ClusterAllow   []GroupKind          `json:"clusterResourceWhitelist"`
	ClusterDeny    []GroupKind          `json:"clusterResourceBlacklist"`
	NamespaceAllow *[]GroupKind         `json:"namespaceResourceWhitelist"`
	NamespaceDeny  []GroupKind          `json:"namespaceResourceBlacklist"`
	SyncWindows    []syncWindow         `json:"syncWindows"`
}

type syncWindow struct {
	Kind         string   `json:"kind"`
	Schedule     string   `json:"schedule"`
	Duration     string   `json:"duration"`
	TimeZone     string   `json:"timeZone"`
	Applications []string `json:"applications"`
	Namespaces   []string `json:"namespaces"`
	Clusters     []string `json:"clusters"`
	ManualSync   bool     `json:"manualSync"`
	And          bool     `json:"andOperator"`
}

// project reads the Application's AppProject into its rules. It lives beside
// the Application, or else in Argo CD's own namespace.
func (a application) project(r *Rules) {
	found := a.env.Find("AppProject", a.obj.GetNamespace(), r.ProjectName)
	if found == nil && a.env.All != nil {
		for _, p := range a.env.All("AppProject") {
			if p.GetName() == r.ProjectName {
				found = p
			}
		}
	}
	var spec projectSpec
	if found == nil || decode(found.Object["spec"], &spec) != nil {
		return
	}
	r.Project = &Project{
		Name: r.ProjectName, SourceRepos: spec.SourceRepos, Destinations: spec.Destinations,
		ClusterAllow: spec.ClusterAllow, ClusterDeny: spec.ClusterDeny, NamespaceDeny: spec.NamespaceDeny,
		AllowsAllNamespaced: spec.NamespaceAllow == nil, Destination: a.destination(),
	}
	if spec.NamespaceAllow != nil {
		r.Project.NamespaceAllow = *spec.NamespaceAllow
	}
	for _, w := range spec.SyncWindows {
		if w.about(a.obj, r.Project.Destination, a.spec.Destination.Namespace) {
			r.Windows = append(r.Windows, w.String())
		}
	}
}

// inCluster is how Argo CD calls the cluster that it runs in.
const (
	inClusterName   = "in-cluster"
	inClusterServer = "https://kubernetes.default.svc"
)

// destination is the Application's, by name and by address as far as both are
// known.
func (a application) destination() Destination {
	d := Destination{Name: a.spec.Destination.Name, Server: strings.TrimRight(a.spec.Destination.Server, "/")}
	for _, c := range append([]ClusterSecret{{Name: inClusterName, Server: inClusterServer}}, a.env.Clusters...) {
		switch {
		case d.Server == "" && d.Name == c.Name:
			d.Server = c.Server
		case d.Name == "" && d.Server == c.Server:
			d.Name = c.Name
		}
	}
	return d
}

// about reports whether a window is about an Application: one of its lists
// matches, or all that it has (argo-cd: SyncWindows.Matches). A list of clusters
// that the destination cannot be held against is taken to match.
func (w syncWindow) about(app *unstructured.Unstructured, d Destination, namespace string) bool {
	cluster := d.Name == "" || d.Server == "" || matchesAny(w.Clusters, d.Name) || matchesAny(w.Clusters, d.Server)
	lists := []struct {
		set, matched bool
	}{
		{len(w.Applications) > 0, matchesAny(w.Applications, app.GetName())},
		{len(w.Clusters) > 0, cluster},
		{len(w.Namespaces) > 0, matchesAny(w.Namespaces, namespace)},
	}
	some, all := false, true
	for _, l := range lists {
		some = some || l.set && l.matched
		all = all && (!l.set || l.matched)
	}
	return some && (all || !w.And)
}

// String is what the window says.
func (w syncWindow) String() string {
	verb, zone, byHand := "syncs only", w.TimeZone, "that goes for syncs by hand too"
	if w.Kind == "deny" {
		verb = "syncs nothing"
	}
	if zone == "" {
		zone = "UTC"
	}
	if w.ManualSync {
		byHand = "by hand it can be synced at any time"
	}
	return fmt.Sprintf("%s for %s from %q on (cron, %s); %s", verb, w.Duration, w.Schedule, zone, byHand)
}
