package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Metrics is the resource metrics API (metrics.k8s.io/v1beta1), which in a real
// cluster a metrics-server answers from its kubelets. Here every pod uses so
// many percent of the CPU that it requests: Steady, until Load says otherwise.
type Metrics struct {
	load   sync.Map // the pods' label app: percent (int64)
	server *httptest.Server
	set    kubernetes.Interface
}

// Steady is the load in percent that nobody has changed.
const Steady = 60

// Load has the pods with a label app use so many percent of the CPU that they
// request.
func (m *Metrics) Load(app string, percent int64) { m.load.Store(app, percent) }

func (m *Metrics) of(app string) int64 {
	if percent, ok := m.load.Load(app); ok {
		return percent.(int64)
	}
	return Steady
}

// metricsInstall has the API server send questions for the metrics API to a
// loopback port.
const metricsInstall = `
apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec: {type: ExternalName, externalName: localhost, ports: [{port: %[1]s}]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: metrics-server, namespace: kube-system, port: %[1]s}
`

// ServeMetrics installs the metrics API, which is served until the context ends.
func (c *Cluster) ServeMetrics(ctx context.Context) (*Metrics, error) {
	set, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return nil, err
	}
	m := &Metrics{set: set}
	m.server = httptest.NewTLSServer(m)
	context.AfterFunc(ctx, m.server.Close)
	_, port, err := net.SplitHostPort(m.server.Listener.Addr().String())
	if err != nil {
		return nil, err
	}
	if _, err := c.Kubectl(ctx, fmt.Sprintf(metricsInstall, port), "apply", "--server-side", "-f", "-"); err != nil {
		return nil, fmt.Errorf("install the metrics API: %w", err)
	}
	if _, err := c.Kubectl(ctx, "", "wait", "--for=condition=Available", "--timeout=60s", "apiservice", "v1beta1.metrics.k8s.io"); err != nil {
		return nil, fmt.Errorf("install the metrics API: %w", err)
	}
	return m, nil
}

const metricsAPI = "/apis/metrics.k8s.io/v1beta1"

// ServeHTTP answers what the API server and the autoscaler ask.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := any(nil), error(nil)
	rest := strings.TrimPrefix(r.URL.Path, metricsAPI)
	namespace, isPods := strings.CutSuffix(strings.TrimPrefix(rest, "/namespaces/"), "/pods")
	switch {
	case rest == "" || rest == "/":
		answer = metav1.APIResourceList{
			TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "metrics.k8s.io/v1beta1",
			APIResources: []metav1.APIResource{{Name: "pods", Namespaced: true, Kind: "PodMetrics", Verbs: []string{"get", "list"}}},
		}
	case isPods:
		answer, err = m.pods(r.Context(), namespace, r.URL.Query().Get("labelSelector"))
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (m *Metrics) pods(ctx context.Context, namespace, selector string) (any, error) {
	list, err := m.set.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, err
	}
	items := []any{}
	for _, pod := range list.Items {
		var containers []any
		for _, c := range pod.Spec.Containers {
			use := c.Resources.Requests.Cpu().MilliValue() * m.of(pod.Labels["app"]) / 100
			containers = append(containers, map[string]any{"name": c.Name, "usage": map[string]string{
				"cpu": resource.NewMilliQuantity(use, resource.DecimalSI).String(), "memory": "16Mi",
			}})
		}
		items = append(items, map[string]any{
			"metadata":  map[string]any{"name": pod.Name, "namespace": pod.Namespace, "labels": pod.Labels},
			"timestamp": time.Now().UTC().Format(time.RFC3339), "window": "10s", "containers": containers,
		})
	}
	return map[string]any{"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": map[string]any{}, "items": items}, nil
}
