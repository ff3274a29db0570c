package render

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/fleet"
)

// selectorsOf gives a label selector of a workload's pods, and labels for
// selectors that have no expressions. Where the workload has no selector
// (CronJob, Job, Pod), or one that labels alone cannot say, all labels of the
// pod template stand in: every pod of today's template carries them.
func selectorsOf(object *unstructured.Unstructured, w fleet.Workload) (pods map[string]any, labels map[string]string) {
	pods, labels = map[string]any{}, w.Labels
	if len(w.Selector) > 0 {
		pods["matchLabels"] = texts(w.Selector)
		labels = w.Selector
	}
	if object != nil && w.Kind != "ReplicationController" {
		expressions, _, _ := unstructured.NestedSlice(object.Object, "spec", "selector", "matchExpressions")
		if len(expressions) > 0 {
			pods["matchExpressions"] = expressions
			labels = w.Labels
		}
	}
	if len(pods) == 0 && len(w.Labels) > 0 {
		pods["matchLabels"] = texts(w.Labels)
	}
	return pods, labels
}

// ciliumSelects reports whether no label that a selector of pods names is left
// out of what Cilium tells pods apart by.
func ciliumSelects(pods map[string]any, labels map[string]string) bool {
	expressions, _ := pods["matchExpressions"].([]any)
	for _, e := range expressions {
		m, _ := e.(map[string]any)
		if !fleet.InCiliumIdentity(text(m["key"])) {
			return false
		}
	}
	return !slices.ContainsFunc(sorted(labels), func(k string) bool { return !fleet.InCiliumIdentity(k) })
}

func texts(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// inMesh says whether the fleet puts a workload's pods into the mesh, by
// Istio's labels on pods and namespaces
// (istio.io/latest/docs/setup/additional-setup/sidecar-injection and
// istio.io/latest/docs/ambient/usage/add-workloads).
func inMesh(object *unstructured.Unstructured, w fleet.Workload, mode string, namespaces []namespaceView) string {
	var ns map[string]string
	if i := slices.IndexFunc(namespaces, func(n namespaceView) bool { return n.Name == w.Namespace }); i >= 0 {
		ns = namespaces[i].Labels
	}
	switch mode {
	case "istio-sidecar":
		inject := w.Labels["sidecar.istio.io/inject"]
		if inject == "" {
			inject = podAnnotation(object, "sidecar.istio.io/inject")
		}
		return verdict(
			inject == "true" || inject == "" && (ns["istio-injection"] == "enabled" || ns["istio-injection"] == "" && ns["istio.io/rev"] != ""),
			w.HostNetwork || inject == "false" || inject == "" && ns["istio-injection"] == "disabled",
		)
	case "istio-ambient":
		pod, space := w.Labels["istio.io/dataplane-mode"], ns["istio.io/dataplane-mode"]
		return verdict(pod == "ambient" || pod == "" && space == "ambient", w.HostNetwork || pod == "none" || pod == "" && space == "none")
	}
	return "no"
}

// neverInMesh are namespaces that Istio leaves alone
// (istio.io/latest/docs/ops/common-problems/injection).
var neverInMesh = []string{"kube-system", "kube-public", "kube-node-lease"}

// namespaces are the cluster's, and whether pods of each may be in the mesh, in
// either mode: a mesh can have both. It is unknown where the fleet does not
// render the namespace and no workload in it says so by a label.
func namespaces(ix *fleet.Index) (all []namespaceView) {
	at := map[string]int{}
	enter := func(w fleet.Workload, known []namespaceView) bool {
		return inMesh(nil, w, "istio-sidecar", known) == "yes" || inMesh(nil, w, "istio-ambient", known) == "yes"
	}
	for i, n := range ix.Namespaces() {
		v := namespaceView{Name: n.Name, Labels: n.Labels, Known: n.Labels != nil}
		enters := enter(fleet.Workload{Namespace: n.Name}, []namespaceView{v})
		v.InMesh = verdict(enters, v.Known && !enters)
		all, at[n.Name] = append(all, v), i
	}
	for _, w := range ix.Workloads() {
		if i, known := at[w.Namespace]; known && all[i].InMesh != "yes" && enter(w, nil) {
			all[i].InMesh = "yes"
		}
	}
	for i := range all {
		if slices.Contains(neverInMesh, all[i].Name) {
			all[i].InMesh = "no"
		}
	}
	return all
}

func verdict(yes, no bool) string {
	switch {
	case no:
		return "no"
	case yes:
		return "yes"
	}
	return "unknown"
}

func podAnnotation(object *unstructured.Unstructured, key string) string {
	if object == nil {
		return ""
	}
	for _, at := range [][]string{
		{"spec", "template", "metadata", "annotations"},
		{"spec", "jobTemplate", "spec", "template", "metadata", "annotations"},
	} {
		if m, ok, _ := unstructured.NestedStringMap(object.Object, at...); ok {
			return m[key]
		}
	}
	if object.GetKind() == "Pod" {
		return object.GetAnnotations()[key]
	}
	return ""
}

// portsOf lists a workload's TCP ports: those its containers declare and those
// that Services lead to, by number.
func portsOf(ix *fleet.Index, w fleet.Workload) (ports []portView) {
	find := func(name string, number int64) *portView {
		i := slices.IndexFunc(ports, func(p portView) bool { return name != "" && p.Name == name || number != 0 && p.Number == number })
		if i < 0 {
			return nil
		}
		return &ports[i]
	}
	for _, c := range w.Containers {
		for _, p := range c.Ports {
			if p.Protocol == "TCP" && find("", p.Number) == nil {
				ports = append(ports, portView{Name: p.Name, Number: p.Number, HTTP: speaksHTTP("", p.Name)})
			}
		}
	}
	said := map[int64]string{} // by Services, which win over the container's name
	for _, ref := range ix.Services(w) {
		service, ok := ix.Object(ref)
		if !ok {
			continue
		}
		list, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
		for _, item := range list {
			m, _ := item.(map[string]any)
			port, _ := m["port"].(int64)
			name, _ := m["name"].(string)
			application, _ := m["appProtocol"].(string)
			if protocol, _ := m["protocol"].(string); protocol != "" && protocol != "TCP" {
				continue
			}
			targetName, targetNumber := "", port
			switch t := m["targetPort"].(type) {
			case string:
				targetName, targetNumber = t, 0
			case int64:
				targetNumber = t
			}
			p := find(targetName, targetNumber)
			if p == nil {
				if targetNumber == 0 {
					continue // a name that no container declares: nothing listens
				}
				ports = append(ports, portView{Number: targetNumber, HTTP: "unknown"})
				p = &ports[len(ports)-1]
			}
			p.ServicePorts = append(p.ServicePorts, port)
			if word := speaksHTTP(application, name); word != "unknown" && said[p.Number] != "no" {
				said[p.Number], p.HTTP = word, word
			}
		}
	}
	slices.SortFunc(ports, func(a, b portView) int { return int(a.Number - b.Number) })
	return ports
}

// speaksHTTP is Istio's explicit protocol selection: appProtocol, else the
// port's name as <protocol> or <protocol>-<suffix>
// (istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection).
func speaksHTTP(appProtocol, name string) string {
	protocol := strings.ToLower(appProtocol)
	if protocol == "" {
		protocol = strings.ToLower(name)
		if strings.HasPrefix(protocol, "grpc-web") {
			return "yes"
		}
		protocol, _, _ = strings.Cut(protocol, "-")
	}
	switch protocol {
	case "http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws":
		return "yes"
	case "https", "tls", "tcp", "udp", "mongo", "mysql", "redis", "kubernetes.io/wss":
		return "no"
	}
	return "unknown"
}

// updateStrategy is how a StatefulSet's or a DaemonSet's pods are replaced, ""
// where Git does not say. A Deployment writes the field as strategy.
func updateStrategy(object *unstructured.Unstructured) string {
	if object == nil {
		return ""
	}
	for _, field := range []string{"updateStrategy", "strategy"} {
		if kind, _, _ := unstructured.NestedString(object.Object, "spec", field, "type"); kind != "" {
			return kind
		}
	}
	return ""
}

// podTemplate is where an object of a kind keeps the template of its pods.
func podTemplate(kind string) []string {
	switch kind {
	case "CronJob":
		return []string{"spec", "jobTemplate", "spec", "template"}
	case "Pod":
		return nil
	}
	return []string{"spec", "template"}
}
