package reach

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// pod is a Pod with its surroundings.
type pod struct {
	Pod
	labels    labelled
	namespace labelled // the labels of its namespace
	open      string   // why its ports are not all known; "" if they are
	probes    []probe
	proxy     proxy // once it was decided which
}

type probe struct {
	port     int32
	protocol string
}

// templates says where kinds keep the template of their pods.
var templates = map[string][]string{
	"apps/Deployment": {"spec", "template"}, "apps/StatefulSet": {"spec", "template"}, "apps/DaemonSet": {"spec", "template"},
	"apps/ReplicaSet": {"spec", "template"}, "/ReplicationController": {"spec", "template"}, "batch/Job": {"spec", "template"},
	"batch/CronJob": {"spec", "jobTemplate", "spec", "template"}, "argoproj.io/Rollout": {"spec", "template"}, "/Pod": {},
}

// template is the part of a pod template that matters here.
type template struct {
	Metadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		ServiceAccountName string      `json:"serviceAccountName"`
		HostNetwork        bool        `json:"hostNetwork"`
		Containers         []container `json:"containers"`
		InitContainers     []container `json:"initContainers"`
	} `json:"spec"`
}

type container struct {
	RestartPolicy string `json:"restartPolicy"`
	Ports         []struct {
		Name          string `json:"name"`
		ContainerPort int32  `json:"containerPort"`
		Protocol      string `json:"protocol"`
	} `json:"ports"`
	LivenessProbe  *handler `json:"livenessProbe"`
	ReadinessProbe *handler `json:"readinessProbe"`
	StartupProbe   *handler `json:"startupProbe"`
}

type handler struct {
	HTTPGet *struct {
		Port intstr.IntOrString `json:"port"`
	} `json:"httpGet"`
	TCPSocket *struct {
		Port intstr.IntOrString `json:"port"`
	} `json:"tcpSocket"`
	GRPC *struct {
		Port int32 `json:"port"`
	} `json:"grpc"`
}

// readSurroundings reads what is no policy.
func (m *Model) readSurroundings(o *unstructured.Unstructured) {
	id := group(o) + "/" + o.GetKind()
	switch id {
	case "/Namespace":
		m.namespaces[o.GetName()] = o.GetLabels()
	case "/ServiceAccount":
		m.accounts[o.GetNamespace()+"/"+o.GetName()] = o.GetLabels()
	case "/Service":
		m.readService(o)
	default:
		if path, ok := templates[id]; ok {
			m.readWorkload(o, path)
		}
	}
}

func (m *Model) readWorkload(o *unstructured.Unstructured, path []string) {
	part, _, err := unstructured.NestedFieldNoCopy(o.Object, path...)
	fields, ok := part.(map[string]any)
	var t template
	if err != nil || !ok || runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &t) != nil {
		return // without a readable template it makes no pods
	}
	p := Pod{
		Namespace: o.GetNamespace(), Labels: t.Metadata.Labels, ServiceAccount: t.Spec.ServiceAccountName, HostNetwork: t.Spec.HostNetwork,
		Annotations: t.Metadata.Annotations,
	}
	// Init containers that always restart run beside the others
	// (kubernetes.io/docs/concepts/workloads/pods/sidecar-containers).
	running := slices.Clone(t.Spec.Containers)
	for _, c := range t.Spec.InitContainers {
		if c.RestartPolicy == "Always" {
			running = append(running, c)
		}
	}
	for _, c := range running {
		for _, port := range c.Ports {
			p.Ports = append(p.Ports, Port{port.Name, port.ContainerPort, orTCP(port.Protocol)})
		}
	}
	full := &pod{Pod: p}
	full.probes = probesOf(running, p.Ports)
	m.workloads[Workload{o.GetKind(), o.GetNamespace(), o.GetName()}] = full
}

func orTCP(protocol string) string {
	if protocol == "" {
		return "TCP"
	}
	return protocol
}

func probesOf(containers []container, ports []Port) (all []probe) {
	for _, c := range containers {
		for _, h := range []*handler{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
			if number, ok := h.port(ports); ok && !slices.Contains(all, probe{number, "TCP"}) {
				all = append(all, probe{number, "TCP"})
			}
		}
	}
	return all
}

func (h *handler) port(ports []Port) (int32, bool) {
	switch {
	case h == nil:
	case h.HTTPGet != nil:
		return resolvePort(h.HTTPGet.Port, ports)
	case h.TCPSocket != nil:
		return resolvePort(h.TCPSocket.Port, ports)
	case h.GRPC != nil:
		return h.GRPC.Port, true
	}
	return 0, false
}

func resolvePort(p intstr.IntOrString, ports []Port) (int32, bool) {
	if p.Type == intstr.Int {
		return p.IntVal, true
	}
	i := slices.IndexFunc(ports, func(d Port) bool { return d.Name == p.StrVal })
	if i < 0 {
		return 0, false
	}
	return ports[i].Number, true
}

// finish gives the pods of workloads their surroundings, which can be read in
// any order.
func (m *Model) finish() {
	for w, p := range m.workloads {
		done := m.podFrom(p.Pod)
		done.probes = p.probes
		m.workloads[w] = done
	}
}

func (m *Model) podFrom(p Pod) *pod {
	if p.ServiceAccount == "" {
		p.ServiceAccount = "default"
	}
	return &pod{Pod: p, labels: labelled{set: p.Labels}, namespace: m.namespaceLabels(p.Namespace)}
}

// namespaceLabels are those of a namespace's manifest, and the one that the API
// server gives every namespace
// (kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name).
func (m *Model) namespaceLabels(namespace string) labelled {
	set, known := m.namespaces[namespace]
	l := labelled{set: maps.Clone(set)}
	if l.set == nil {
		l.set = map[string]string{}
	}
	if !known {
		l.open = "the manifests have no Namespace " + namespace
	}
	l.set["kubernetes.io/metadata.name"] = namespace
	return l
}

// dns is the cluster's name server: the workload with its label if the manifests have
// one, else a pod with the labels that Kubernetes' own add-on gives it
// (github.com/kubernetes/kubernetes/cluster/addons/dns/coredns).
func (m *Model) dns() *pod {
	for _, w := range m.sorted() {
		if p := m.workloads[w]; w.Namespace == "kube-system" && p.Labels["k8s-app"] == "kube-dns" {
			return p
		}
	}
	p := m.podFrom(Pod{
		Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}, ServiceAccount: "coredns",
		Ports: []Port{{"dns", 53, "UDP"}, {"dns-tcp", 53, "TCP"}},
	})
	p.labels.open = "the manifests have no name server"
	p.open = "the manifests have no name server"
	return p
}

func (m *Model) sorted() []Workload {
	return slices.SortedFunc(maps.Keys(m.workloads), func(a, b Workload) int {
		return slices.Compare([]string{a.Namespace, a.Name, a.Kind}, []string{b.Namespace, b.Name, b.Kind})
	})
}
