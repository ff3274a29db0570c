package render_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

const incident = "20261124-payments-0a1b2c3d"

// declared is the example fleet's configuration as these tests need it: three
// clusters that differ in GitOps controller, mesh and CNI.
const declared = `apiVersion: irgit.dev/v1alpha1
kind: Fleet
clusters:
  - name: prod-eu
    gitops: flux
    cni: calico
    mesh: {mode: istio-sidecar, trustDomain: prod-eu.example}
    ingressGateways: [{namespace: istio-system, serviceAccount: istio-ingressgateway}]
    roots: [{path: apps/prod-eu, name: apps}, {path: infrastructure/prod-eu, name: infrastructure}]
  - name: prod-us
    gitops: argocd
    cni: cilium
    mesh: {mode: istio-ambient, waypoint: waypoint}
    ingressGateways: [{namespace: istio-system, serviceAccount: istio-ingressgateway}]
    roots: [{path: apps/prod-us, name: apps}, {path: infrastructure/prod-us, name: infrastructure}]
  - name: staging
    gitops: flux
    mesh: {mode: istio-ambient}
    ingressGateways: [{namespace: istio-system, serviceAccount: istio-ingressgateway}]
    roots: [{path: apps/staging, name: apps}, {path: infrastructure/staging, name: infrastructure}]
`

// edit changes the files of a fleet before it is read.
type edit map[string]string

func newFleet(t testing.TB, edits ...edit) *fleet.Fleet {
	t.Helper()
	if len(edits) == 0 {
		f, err := unedited()
		require.NoError(t, err)
		return f
	}
	files, err := examples.Fleet()
	require.NoError(t, err)
	files[fleet.ConfigFile] = []byte(declared)
	for _, e := range edits {
		for name, content := range e {
			files[name] = []byte(content)
		}
	}
	f, err := load(files)
	require.NoError(t, err)
	return f
}

// unedited is the example fleet, loaded once: it is immutable.
var unedited = sync.OnceValues(func() (*fleet.Fleet, error) {
	files, err := examples.Fleet()
	if err != nil {
		return nil, err
	}
	files[fleet.ConfigFile] = []byte(declared)
	return load(files)
})

func load(files map[string][]byte) (*fleet.Fleet, error) {
	tree, err := gitops.NewTree(files)
	if err != nil {
		return nil, err
	}
	return fleet.Load(context.Background(), tree, fleet.Options{})
}

// indexes keeps what the unedited fleet renders.
var indexes sync.Map

func index(t testing.TB, f *fleet.Fleet, cluster string) *fleet.Index {
	t.Helper()
	whole, err := unedited()
	require.NoError(t, err)
	if ix, ok := indexes.Load(cluster); ok && f == whole {
		return ix.(*fleet.Index)
	}
	ix, err := f.Index(t.Context(), cluster)
	require.NoError(t, err)
	if f == whole {
		indexes.Store(cluster, ix)
	}
	return ix
}

// replaced is a file of the example fleet with parts of its text replaced.
func replaced(t testing.TB, name string, oldnew ...string) edit {
	t.Helper()
	files, err := examples.Fleet()
	require.NoError(t, err)
	files[fleet.ConfigFile] = []byte(declared)
	before := string(files[name])
	after := strings.NewReplacer(oldnew...).Replace(before)
	require.NotEqual(t, before, after, "%s has none of %q", name, oldnew)
	return edit{name: after}
}

func catalogue(t testing.TB, more ...policy.Source) *render.Catalogue {
	t.Helper()
	if len(more) == 0 {
		return builtIn()
	}
	files, err := render.Sources()
	require.NoError(t, err)
	c, problems := render.Load(append(files, more...))
	require.Empty(t, problems)
	return c
}

// builtIn is loaded once; that it has no problems is a test of its own.
var builtIn = sync.OnceValue(func() *render.Catalogue {
	files, err := render.Sources()
	if err != nil {
		panic(err)
	}
	c, _ := render.Load(files)
	return c
})

func workload(t testing.TB, ix *fleet.Index, name string) fleet.Workload {
	t.Helper()
	all := ix.Workloads()
	i := slices.IndexFunc(all, func(w fleet.Workload) bool { return w.Namespace+"/"+w.Name == name })
	require.GreaterOrEqual(t, i, 0, "no workload %s: %v", name, ix.Findings())
	return all[i]
}

func request(t testing.TB, f *fleet.Fleet, cluster, target string, actions ...policy.Action) render.Request {
	t.Helper()
	ix := index(t, f, cluster)
	return render.Request{
		Incident: incident, Expires: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC),
		Target: workload(t, ix, target), Index: ix, Tree: f.Tree(), Actions: actions,
	}
}

// proved renders, applies and proves, and returns the tree after.
func proved(t testing.TB, c *render.Catalogue, r render.Request) (*render.Bundle, render.Proof, *gitops.Tree) {
	t.Helper()
	b, err := c.Render(t.Context(), r)
	require.NoError(t, err)
	after, err := r.Tree.With(t.Context(), b.Changes...)
	require.NoError(t, err)
	p, err := render.Prove(t.Context(), r.Tree, after, r, b)
	require.NoError(t, err)
	return b, p, after
}

// files are a bundle's changes by path.
func files(b *render.Bundle) map[string]string {
	out := map[string]string{}
	for _, c := range b.Changes {
		out[c.Path] = string(c.Content)
	}
	return out
}

func act(name string, parameters ...any) policy.Action {
	a := policy.Action{Name: name}
	for i := 0; i+1 < len(parameters); i += 2 {
		if a.Parameters == nil {
			a.Parameters = map[string]any{}
		}
		a.Parameters[parameters[i].(string)] = parameters[i+1]
	}
	return a
}
