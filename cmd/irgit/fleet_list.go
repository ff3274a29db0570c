package main

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/fleet"
)

// clusterRow is a cluster in JSON.
type clusterRow struct {
	Name      string   `json:"name"`
	Aliases   []string `json:"aliases"`
	GitOps    string   `json:"gitops"`
	Bootstrap []string `json:"bootstrap"`
	Roots     int      `json:"roots"`
	Workloads int      `json:"workloads"`
	Unknowns  int      `json:"unknowns"`
	Declared  bool     `json:"declared"` // in .irgit.yaml; otherwise found by reading
	Files     []string `json:"files"`
}

func newFleetClustersCommand(environ []string) *cobra.Command {
	return listing(environ, "clusters", "List the clusters", func(v *view) error {
		rows := make([]clusterRow, 0, len(v.indexes))
		t := &table{columns: []column{{"CLUSTER", 1}, {"GITOPS", 0}, {"ROOTS", 0}, {"WORKLOADS", 0}, {"UNKNOWNS", 0}, {"ALIASES", 1}, {"FROM", 1}}}
		for _, ix := range v.indexes {
			c := ix.Cluster()
			row := clusterRow{
				c.Name, orEmpty(c.Aliases), c.GitOps, orEmpty(c.Bootstrap), len(ix.Roots()), len(ix.Workloads()), len(ix.Findings()), v.declared, v.saying(c),
			}
			rows = append(rows, row)
			t.add(row.Name, row.GitOps, strconv.Itoa(row.Roots), strconv.Itoa(row.Workloads), strconv.Itoa(row.Unknowns), strings.Join(row.Aliases, ", "), strings.Join(row.Files, ", "))
		}
		v.incomplete(v.findings())
		return v.print(rows, t)
	})
}

// saying are the files that say that there is the cluster.
func (v *view) saying(c fleet.Cluster) []string {
	if v.declared {
		return []string{fleet.ConfigFile}
	}
	return orEmpty(c.Bootstrap)
}

// rootRow is a root in JSON.
type rootRow struct {
	Cluster string `json:"cluster"`
	fleet.RootState
}

func newFleetRootsCommand(environ []string) *cobra.Command {
	return listing(environ, "roots", "List the directories that the clusters apply", func(v *view) error {
		rows := []rootRow{}
		t := &table{columns: []column{{"CLUSTER", 1}, {"ROOT", 2}, {"WORKLOADS", 0}, {"STATE", 1}, {"APPLIED BY", 1}, {"FROM", 2}}}
		for _, ix := range v.indexes {
			for _, r := range ix.Roots() {
				rows = append(rows, rootRow{ix.Cluster().Name, r})
				by, from := "", strings.Join(v.saying(ix.Cluster()), ", ")
				if r.Sync != nil {
					by, from = path.Join(r.Sync.Namespace, r.Sync.Name), r.Sync.File
				}
				t.add(ix.Cluster().Name, r.ID, strconv.Itoa(r.Workloads), stateOf(r), by, from)
			}
		}
		v.incomplete(v.findings())
		return v.print(rows, t)
	})
}

// stateOf says in words what keeps a root from being applied and patched as a
// whole. The reasons are among the unknowns, and in the JSON.
func stateOf(r fleet.RootState) string {
	var words []string
	for _, w := range []struct {
		word  string
		holds bool
	}{
		{"does not build", r.Failure != ""},
		{"known in part", len(r.Missing) > 0},
		{"suspended", r.Suspended != ""},
		{"synced by hand", r.Manual != ""},
		{"shared with " + strings.Join(r.Shared, ", "), len(r.Shared) > 0},
	} {
		if w.holds {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ", ")
}

// workloadRow is a workload in JSON.
type workloadRow struct {
	Cluster        string            `json:"cluster"`
	Namespace      string            `json:"namespace"`
	Kind           string            `json:"kind"`
	Name           string            `json:"name"`
	APIVersion     string            `json:"apiVersion"`
	Root           string            `json:"root"`
	Owner          *fleet.SyncRef    `json:"owner"` // null where no sync object applies the root
	Labels         map[string]string `json:"labels"`
	Selector       map[string]string `json:"selector"`
	ServiceAccount string            `json:"serviceAccount"`
	Images         []string          `json:"images"`
	Containers     []fleet.Container `json:"containers"`
	HostNetwork    bool              `json:"hostNetwork"`
	Replicas       *int64            `json:"replicas"` // null where the manifest leaves it to others
	AutoscaledBy   []string          `json:"autoscaledBy"`
	Files          []string          `json:"files"`
}

func newFleetWorkloadsCommand(environ []string) *cobra.Command {
	return listing(environ, "workloads", "List the workloads that the clusters run", func(v *view) error {
		rows := []workloadRow{}
		t := &table{columns: []column{{"CLUSTER", 1}, {"NAMESPACE", 0}, {"WORKLOAD", 0}, {"ROOT", 2}, {"FROM", 2}}}
		for _, ix := range v.indexes {
			roots := rootsOf(ix)
			for _, w := range ix.Workloads() {
				row := rowOf(w, roots[w.Root])
				rows = append(rows, row)
				t.add(w.Cluster, w.Namespace, w.Kind+"/"+w.Name, w.Root, row.Files[0])
			}
		}
		v.incomplete(v.findings())
		return v.print(rows, t)
	})
}

func rootsOf(ix *fleet.Index) map[string]fleet.RootState {
	roots := map[string]fleet.RootState{}
	for _, r := range ix.Roots() {
		roots[r.ID] = r
	}
	return roots
}

func rowOf(w fleet.Workload, root fleet.RootState) workloadRow {
	row := workloadRow{
		w.Cluster, w.Namespace, w.Kind, w.Name, w.APIVersion, w.Root, root.Sync, w.Labels, w.Selector, w.ServiceAccount,
		[]string{},
		orEmpty(w.Containers), w.HostNetwork,
		w.Replicas, orEmpty(w.Autoscaled), filesOf(w, root),
	}
	for _, labels := range []*map[string]string{&row.Labels, &row.Selector} {
		if *labels == nil {
			*labels = map[string]string{}
		}
	}
	for _, c := range w.Containers {
		if !slices.Contains(row.Images, c.Image) && c.Image != "" {
			row.Images = append(row.Images, c.Image)
		}
	}
	return row
}

// filesOf are the files that a workload comes from: its manifest where that is
// known, and those of its root.
func filesOf(w fleet.Workload, root fleet.RootState) (files []string) {
	if w.File != "" {
		files = append(files, w.File)
	}
	for _, file := range root.Files {
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		files = append(files, w.Root)
	}
	return files
}

// orEmpty makes a list one that JSON shows as [].
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
