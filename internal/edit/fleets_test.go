package edit

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// tally counts what was placed and why the rest was refused.
type tally map[string]map[string]int

func (n tally) count(what, outcome string) {
	if n[what] == nil {
		n[what] = make(map[string]int)
	}
	n[what][outcome]++
}

// measured are the edits of the objects of a fleet, by kind.
var measured = map[string][]want{
	"Deployment.apps":                           {paused},
	"StatefulSet.apps":                          {onDelete},
	"DaemonSet.apps":                            {onDelete},
	"CronJob.batch":                             {{path: "spec suspend", value: true}},
	"HorizontalPodAutoscaler.autoscaling":       {noScaleUp},
	"Kustomization.kustomize.toolkit.fluxcd.io": {{path: "spec suspend", value: true}, patch},
	"HelmRelease.helm.toolkit.fluxcd.io":        {{path: "spec suspend", value: true}, rendered},
}

// TestFleets edits every kustomization and every workload of the real fleets in
// the folder that IRGIT_EDIT_FLEETS names, in memory, and prints what was
// placed and what was refused.
func TestFleets(t *testing.T) {
	root := os.Getenv("IRGIT_EDIT_FLEETS")
	if root == "" {
		t.Skip("IRGIT_EDIT_FLEETS names no folder of fleets")
	}
	counts := make(tally)
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name := d.Name()
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" && ext != ".json" && name != "Kustomization" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, name) {
			measureEdit(t, counts, "kustomization file", path, data, transformers)
		}
		for _, object := range objectsOf(data) {
			what := object.Kind + "." + object.Group
			for _, w := range measured[what] {
				w.sel = object
				after := measureEdit(t, counts, what+" "+strings.ReplaceAll(w.path, " ", "."), path, data, w)
				if w.path == rendered.path && after != nil && bytes.Count(after, []byte("postRenderers")) == 1 {
					w := deeper
					w.sel = object
					measureEdit(t, counts, what+" "+strings.ReplaceAll(w.path, " ", ".")+", on top", path, after, w)
				}
			}
		}
		return nil
	}))
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Log(what)
		for _, outcome := range slices.Sorted(maps.Keys(counts[what])) {
			t.Logf("  %6d %s", counts[what][outcome], outcome)
		}
	}
}

var lineNumbers = regexp.MustCompile(`\d+ times, on lines [\d, ]+|^.* stands in it`)

// measureEdit makes one edit and takes it back; it returns the edited file, nil if
// it was refused.
func measureEdit(t *testing.T, counts tally, what, path string, data []byte, w want) []byte {
	var e Edit
	var err error
	if w.list {
		e, err = AddListItem(path, data, w.sel, strings.Fields(w.path), w.value)
	} else {
		e, err = Set(path, data, w.sel, []Field{{strings.Fields(w.path), w.value}})
	}
	var r *Refusal
	switch {
	case errors.As(err, &r):
		counts.count(what, "refused: "+lineNumbers.ReplaceAllString(r.Reason, "several"))
		if os.Getenv("IRGIT_EDIT_SHOW") != "" {
			t.Log(err)
		}
		return nil
	case len(e.Changes) == 0 && err == nil:
		counts.count(what, "there already")
		return data
	}
	require.NoError(t, err, path)
	after, err := e.Apply(data)
	require.NoError(t, err, path)
	back, err := e.Revert(after)
	require.NoError(t, err, path)
	require.True(t, bytes.Equal(data, back), path)
	how := "added lines only"
	if removes(data, after) {
		how = "changed lines"
	}
	back, err = e.takeBack(after, e.Changes[0])
	require.NoError(t, err, path)
	require.True(t, bytes.Equal(data, back), path)
	counts.count(what, "placed and taken back, "+how)
	return after
}

// removes reports whether a line of before is not in after, in order.
func removes(before, after []byte) bool {
	rest := bytes.Split(after, []byte("\n"))
	for _, line := range bytes.Split(before, []byte("\n")) {
		i := slices.IndexFunc(rest, func(l []byte) bool { return bytes.Equal(l, line) })
		if i < 0 {
			return true
		}
		rest = rest[i+1:]
	}
	return false
}

// objectsOf are the objects of a file as a decoder of its own sees them; for
// what is no YAML, as a template, there are none.
func objectsOf(data []byte) []Selector {
	var out []Selector
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var o struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string
			Metadata   struct{ Name, Namespace string }
		}
		err := dec.Decode(&o)
		var other *yaml.TypeError
		if err != nil && !errors.As(err, &other) {
			return out
		}
		group, _, ok := strings.Cut(o.APIVersion, "/")
		if ok && o.Metadata.Name != "" {
			out = append(out, Selector{group, o.Kind, o.Metadata.Namespace, o.Metadata.Name})
		}
	}
}
