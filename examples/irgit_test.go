package examples_test

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
)

func load(t *testing.T) *fleet.Fleet {
	t.Helper()
	files, err := examples.Fleet()
	require.NoError(t, err)
	tree, err := gitops.NewTree(files)
	require.NoError(t, err)
	f, err := fleet.Load(t.Context(), tree, fleet.Options{})
	require.NoError(t, err)
	return f
}

// What irgit reads of every cluster.
func TestWorkloadsOfTheFleet(t *testing.T) {
	f := load(t)
	require.Len(t, f.Clusters(), 3)
	for _, c := range f.Clusters() {
		ix, err := f.Index(t.Context(), c.Name)
		require.NoError(t, err)
		require.Empty(t, ix.Findings(), c.Name)
		scaledBy := map[string][]string{}
		hostNetwork := map[string]bool{}
		for _, w := range ix.Workloads() {
			name := w.Kind + " " + w.Namespace + "/" + w.Name
			scaledBy[name] = w.Autoscaled
			hostNetwork[name] = w.HostNetwork
			_, err := ix.Hook(w)
			require.NoError(t, err, name)
		}
		require.Equal(t, map[string][]string{
			"Deployment payments/payments":                 {"payments"},
			"StatefulSet payments/ledger":                  nil,
			"Deployment web/frontend":                      {"frontend"},
			"CronJob batch/report":                         nil,
			"DaemonSet infra/node-agent":                   nil,
			"Deployment istio-system/istio-ingressgateway": nil,
		}, scaledBy, c.Name)
		require.Equal(t, map[string]bool{
			"Deployment payments/payments": false, "StatefulSet payments/ledger": false, "Deployment web/frontend": false,
			"CronJob batch/report": false, "DaemonSet infra/node-agent": true, "Deployment istio-system/istio-ingressgateway": false,
		}, hostNetwork, c.Name)
	}
}

// What kubectl renders of every root that .irgit.yaml declares is what irgit
// reads out of Git objects.
func TestIrgitReadsWhatKubectlBuilds(t *testing.T) {
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("kubectl is not installed")
	}
	dir, _ := onDisk(t)
	f := load(t)
	for _, c := range f.Clusters() {
		require.Len(t, c.Roots, 2)
		for _, root := range c.Roots {
			out, err := exec.CommandContext(t.Context(), "kubectl", "kustomize", filepath.Join(dir, root.Path)).Output()
			require.NoError(t, err, root.Path)
			want := map[string]map[string]any{}
			for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(out), 4096); ; {
				u := &unstructured.Unstructured{}
				if err := decoder.Decode(u); errors.Is(err, io.EOF) {
					break
				} else {
					require.NoError(t, err)
				}
				want[u.GetKind()+" "+u.GetNamespace()+"/"+u.GetName()] = u.Object
			}
			have := map[string]map[string]any{}
			ix, err := f.Index(t.Context(), c.Name)
			require.NoError(t, err)
			built, err := ix.Build(t.Context(), f.Tree(), root.Path)
			require.NoError(t, err)
			for _, u := range built.Objects {
				have[u.GetKind()+" "+u.GetNamespace()+"/"+u.GetName()] = u.Object
			}
			require.Equal(t, want, have, root.Path)
		}
	}
}

// The aliases, the pods that alerts name, and the policies that are there.
func TestAlertsMeetTheFleet(t *testing.T) {
	f := load(t)
	for alias, name := range map[string]string{"eks-prod-eu": "prod-eu", "https://203.0.113.10:6443": "prod-us", "eks-staging": "staging"} {
		c, ok := f.Cluster(alias)
		require.True(t, ok, alias)
		require.Equal(t, name, c.Name)
	}
	ix, err := f.Index(t.Context(), "prod-eu")
	require.NoError(t, err)
	for pod, want := range map[string]string{
		"payments/payments-5d4f8c7b96-x7k2p":                 "Deployment",
		"payments/ledger-0":                                  "StatefulSet",
		"web/frontend-6b7d9c8f54-9zq4m":                      "Deployment",
		"batch/report-29364497-hj5kp":                        "CronJob",
		"infra/node-agent-vb2xs":                             "DaemonSet",
		"istio-system/istio-ingressgateway-7c8d9f5b64-qq2wz": "Deployment",
	} {
		namespace, name, _ := strings.Cut(pod, "/")
		r := ix.Resolve(fleet.Query{Namespace: namespace, Pod: name})
		require.Equal(t, fleet.Found, r.State, pod)
		require.Equal(t, want, r.Workload.Kind, pod)
	}
	ledger := ix.Workloads()[slices.IndexFunc(ix.Workloads(), func(w fleet.Workload) bool { return w.Name == "ledger" })]
	require.Equal(t, "ledger-from-payments", ix.Selecting(ledger)[0].Name)
	require.Equal(t, "ledger-from-payments allows ingress from pods app.kubernetes.io/name=payments of the namespace on TCP 5432", ix.Allowances(ledger)[0].Sentence)
}
