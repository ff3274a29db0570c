package reach_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/reach"
)

// shop is a small cluster: web calls db, and metrics is in another namespace.
const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop, istio-injection: enabled, istio.io/dataplane-mode: ambient}}
---
apiVersion: v1
kind: Namespace
metadata: {name: ops, labels: {team: ops, istio-injection: enabled, istio.io/dataplane-mode: ambient}}
---
apiVersion: v1
kind: Namespace
metadata: {name: old, labels: {team: old}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec:
      serviceAccountName: db
      containers:
        - name: db
          ports: [{name: sql, containerPort: 5432}, {name: http, containerPort: 8080}]
          readinessProbe: {tcpSocket: {port: sql}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: metrics, namespace: ops}
spec:
  template:
    metadata: {labels: {app: metrics}}
    spec:
      serviceAccountName: metrics
      containers: [{name: metrics}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: legacy, namespace: old}
spec:
  template:
    metadata: {labels: {app: legacy}}
    spec: {containers: [{name: legacy}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: ops}
spec:
  template:
    metadata: {labels: {app: agent}}
    spec: {hostNetwork: true, containers: [{name: agent}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec:
  selector: {app: db}
  ports: [{name: tcp-sql, port: 5432, targetPort: sql}, {name: http-admin, port: 80, targetPort: http}, {name: other, port: 9999}]
`

func objects(t testing.TB, manifests ...string) (all []*unstructured.Unstructured) {
	t.Helper()
	for _, doc := range strings.Split(strings.Join(manifests, "\n---\n"), "\n---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		u := &unstructured.Unstructured{}
		require.NoError(t, yaml.UnmarshalStrict([]byte(doc), &u.Object), doc)
		all = append(all, u)
	}
	return all
}

func model(t testing.TB, c reach.Cluster, manifests ...string) *reach.Model {
	t.Helper()
	m, err := reach.New(c, objects(t, append([]string{shop}, manifests...)...))
	require.NoError(t, err)
	return m
}

var (
	web     = reach.PodOf("Deployment", "shop", "web")
	db      = reach.PodOf("StatefulSet", "shop", "db")
	metrics = reach.PodOf("Deployment", "ops", "metrics")
	legacy  = reach.PodOf("Deployment", "old", "legacy")
	agent   = reach.PodOf("DaemonSet", "ops", "agent")
	dns     = reach.Peer{DNS: true}
	kubelet = reach.Peer{Node: true}
	out     = reach.Outside("203.0.113.10")
)

// sql is a connection to the database's TCP port, admin one to its HTTP port,
// and other to one of which no Service says what it speaks.
func sql(from reach.Peer) reach.Flow   { return reach.Flow{From: from, To: db, Port: 5432} }
func admin(from reach.Peer) reach.Flow { return reach.Flow{From: from, To: db, Port: 8080} }
func other(from reach.Peer) reach.Flow { return reach.Flow{From: from, To: db, Port: 9999} }

func get(f reach.Flow, method, path string) reach.Flow {
	f.HTTP = &reach.HTTP{Method: method, Path: path, Host: "db.shop", Header: map[string]string{}}
	return f
}

// ask is one question of a table; the answer starts with want.
type ask struct {
	flow reach.Flow
	want string
}

func answers(t *testing.T, m *reach.Model, asks ...ask) {
	t.Helper()
	for _, a := range asks {
		require.True(t, strings.HasPrefix(m.Ask(a.flow).String(), a.want), "%s:\n  is   %s\n  want %s", a.flow, m.Ask(a.flow), a.want)
	}
}

// policy wraps the spec of a policy.
func policy(apiVersion, kind, namespace, name, spec string) string {
	meta := "name: " + name
	if namespace != "" {
		meta += ", namespace: " + namespace
	}
	body := "  " + strings.ReplaceAll(strings.TrimSpace(spec), "\n", "\n  ")
	if strings.HasPrefix(strings.TrimSpace(spec), "{") {
		return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {" + meta + "}\nspec: " + strings.TrimSpace(spec)
	}
	return "apiVersion: " + apiVersion + "\nkind: " + kind + "\nmetadata: {" + meta + "}\nspec:\n" + body
}

func networkPolicy(name, spec string) string {
	return policy("networking.k8s.io/v1", "NetworkPolicy", "shop", name, spec)
}

// readable reads one manifest as the fuzzer found it, if it is one.
func readable(doc string, into *unstructured.Unstructured) bool {
	if len(doc) > 4096 || yaml.UnmarshalStrict([]byte(doc), &into.Object) != nil || into.Object == nil {
		return false
	}
	data, err := into.MarshalJSON()
	return err == nil && into.UnmarshalJSON(data) == nil
}
