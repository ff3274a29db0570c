package reach

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// service is a Service as far as it leads to pods.
type service struct {
	namespace, name string
	labels          map[string]string
	spec            serviceSpec
}

type serviceSpec struct {
	Type     string            `json:"type"`
	Selector map[string]string `json:"selector"`
	Ports    []servicePort     `json:"ports"`
}

type servicePort struct {
	Name        string             `json:"name"`
	Port        int32              `json:"port"`
	Protocol    string             `json:"protocol"`
	AppProtocol string             `json:"appProtocol"`
	TargetPort  intstr.IntOrString `json:"targetPort"`
}

func (m *Model) readService(o *unstructured.Unstructured) {
	spec, _, err := unstructured.NestedMap(o.Object, "spec")
	s := service{namespace: o.GetNamespace(), name: o.GetName(), labels: o.GetLabels()}
	if err == nil && runtime.DefaultUnstructuredConverter.FromUnstructured(spec, &s.spec) == nil {
		m.services = append(m.services, s)
	}
}

// selects says whether the Service leads to a pod. One without selector leads
// to endpoints that no manifest tells.
func (s service) selects(p *pod) truth {
	if s.namespace != p.Namespace || s.spec.Type == "ExternalName" {
		return no
	}
	if len(s.spec.Selector) == 0 {
		return maybe("Service %s/%s has no selector", s.namespace, s.name)
	}
	return p.labels.matchAll(s.spec.Selector)
}

// target is the pod's port behind a port of the Service; false if the pod has
// no port of that name.
func (p servicePort) target(of *pod) (int32, bool) {
	switch {
	case p.TargetPort.Type == intstr.String && p.TargetPort.StrVal != "":
		return resolvePort(p.TargetPort, of.Ports)
	case p.TargetPort.IntVal != 0:
		return p.TargetPort.IntVal, true
	}
	return p.Port, true
}
