package render_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/reach"
	"github.com/irgit/irgit/internal/render"
)

var update = flag.Bool("update", false, "write what is rendered into testdata")

// policies are the groups whose objects say who may talk to whom.
var policies = []string{"networking.k8s.io", "security.istio.io", "cilium.io", "projectcalico.org"}

// flows says of every flow from or to the target, and of those that change
// elsewhere, what becomes of it: what has to be cut, and what has to live. It is
// "" for what creates no policy.
func flows(t *testing.T, r render.Request, b *render.Bundle, after *gitops.Tree) string {
	t.Helper()
	if !slices.ContainsFunc(b.Objects, func(o *unstructured.Unstructured) bool { return slices.Contains(policies, o.GroupVersionKind().Group) }) {
		return ""
	}
	model := func(tree *gitops.Tree, more ...*unstructured.Unstructured) *reach.Model {
		var all []*unstructured.Unstructured
		for _, root := range r.Index.Roots() {
			built, err := r.Index.Build(t.Context(), tree, root.ID)
			require.NoError(t, err)
			all = append(all, built.Objects...)
		}
		cluster := r.Index.Cluster()
		m, err := reach.New(reach.Cluster{
			CNI: cluster.CNI, Mesh: cluster.Mesh.Mode, RootNamespace: cluster.Mesh.RootNamespace, TrustDomain: cluster.Mesh.TrustDomain, Waypoint: cluster.Mesh.Waypoint,
		}, append(all, more...))
		require.NoError(t, err)
		return m
	}
	before := model(r.Tree)
	target := r.Target.Kind + " " + r.Target.Namespace + "/" + r.Target.Name
	var lines []string
	for line := range strings.Lines(reach.Difference(before, model(after, b.Objects...), before.Flows())) {
		if changed := strings.HasPrefix(line, "cut") || strings.HasPrefix(line, "opens"); changed || strings.Contains(line, target) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// A golden file says in its request.json what is asked, and holds every file
// that is written, the proof and what the steps say. It is the specification
// of an action. The fleet is the example, or the files in the folder fleet.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	c := catalogue(t)
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			require.NoError(t, err)
			var asked struct {
				Cluster, Target string
				Pod             render.Pod
				Actions         []policy.Action
				Indicators      []render.Indicator
			}
			require.Equal(t, "request.json", archive.Files[0].Name)
			require.NoError(t, json.Unmarshal(archive.Files[0].Data, &asked))
			given, files := 1, map[string]string{}
			for _, f := range archive.Files[1:] {
				if name, own := strings.CutPrefix(f.Name, "fleet/"); own {
					given, files[name] = given+1, string(f.Data)
				}
			}
			f := newFleet(t)
			if len(files) > 0 {
				f = small(t, files)
			}
			r := request(t, f, asked.Cluster, asked.Target, asked.Actions...)
			r.Pod, r.Indicators = asked.Pod, asked.Indicators
			b, proof, after := proved(t, c, r)

			got := &txtar.Archive{Comment: archive.Comment, Files: archive.Files[:given:given]}
			for i := range b.Steps {
				b.Steps[i].Digest, b.Steps[i].Vocabulary = "", nil // of the template's text, which these files do not hold
			}
			for _, part := range []struct {
				name string
				v    any
			}{{"steps.json", b.Steps}, {"proof.json", proof}} {
				data, err := json.MarshalIndent(part.v, "", "  ")
				require.NoError(t, err)
				got.Files = append(got.Files, txtar.File{Name: part.name, Data: append(data, '\n')})
			}
			got.Files = append(got.Files, txtar.File{Name: "proof.diff", Data: []byte(proof.Diff())})
			if text := flows(t, r, b, after); text != "" {
				got.Files = append(got.Files, txtar.File{Name: "flows", Data: []byte(text)})
			}
			for _, change := range b.Changes {
				got.Files = append(got.Files, txtar.File{Name: change.Path, Data: change.Content})
			}
			if *update {
				require.NoError(t, os.WriteFile(name, txtar.Format(got), 0o600))
				return
			}
			require.Equal(t, string(txtar.Format(archive)), string(txtar.Format(got)))
		})
	}
}
