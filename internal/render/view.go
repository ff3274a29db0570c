package render

import (
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
)

// The types below are what templates see. Their json names are the language
// that templates are written in: adding a field is harmless, changing one
// breaks the templates of users.

type clusterView struct {
	Name       string          `json:"name"`
	GitOps     string          `json:"gitops"` // flux, argocd
	CNI        string          `json:"cni"`    // kubernetes, cilium, calico
	Minor      int64           `json:"minor"`  // of its Kubernetes version, 0 when it is not declared
	Mesh       meshView        `json:"mesh"`
	Gateways   []gatewayView   `json:"gateways"`
	Namespaces []namespaceView `json:"namespaces"`
}

type meshView struct {
	Mode          string `json:"mode"` // istio-sidecar, istio-ambient, none
	RootNamespace string `json:"rootNamespace"`
	TrustDomain   string `json:"trustDomain"`
	Waypoint      string `json:"waypoint"` // name of the waypoint in each namespace, "" when there is none
}

type gatewayView struct {
	Namespace      string            `json:"namespace"`
	ServiceAccount string            `json:"serviceAccount"`
	Principal      string            `json:"principal"` // as Istio's policies write it, without spiffe://
	Workloads      []gatewayWorkload `json:"workloads"` // that the fleet renders with the ServiceAccount
}

type gatewayWorkload struct {
	Namespace   string            `json:"namespace"`
	Name        string            `json:"name"`
	Number      int64             `json:"number"`      // from 1, among those of all gateways
	MatchLabels map[string]string `json:"matchLabels"` // of its pods
}

type namespaceView struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	Known  bool              `json:"known"`  // the fleet renders it, so that its labels are known
	InMesh string            `json:"inMesh"` // yes, no, unknown: whether it, or a workload of it, is in the mesh
}

type targetView struct {
	APIVersion        string            `json:"apiVersion"`
	Kind              string            `json:"kind"`
	Namespace         string            `json:"namespace"`
	Name              string            `json:"name"`
	Labels            map[string]string `json:"labels"`      // of its pods' template
	PodSelector       map[string]any    `json:"podSelector"` // a label selector of its pods; {} when there is none
	MatchLabels       map[string]string `json:"matchLabels"` // the same for selectors that know labels only
	HostNetwork       bool              `json:"hostNetwork"`
	ServiceAccount    string            `json:"serviceAccount"`
	Principal         string            `json:"principal"`
	WaypointPrincipal string            `json:"waypointPrincipal"` // of the waypoint in its namespace; "" without one
	InMesh            string            `json:"inMesh"`            // yes, no, unknown
	UpdateStrategy    string            `json:"updateStrategy"`    // type of how its pods are replaced; "" when Git does not say
	Ports             []portView        `json:"ports"`
	Services          []string          `json:"services"`
	Autoscalers       []objectView      `json:"autoscalers"`
	Policies          []objectView      `json:"policies"`         // that select it today
	Allowances        []string          `json:"allowances"`       // sentences: what NetworkPolicies among them let through
	InCiliumIdentity  bool              `json:"inCiliumIdentity"` // Cilium can select it by all labels of podSelector and matchLabels
	EgressGoverned    string            `json:"egressGoverned"`   // yes, no, unknown: whether what no policy allows it to call is denied
	Claims            []claimView       `json:"claims"`           // PersistentVolumeClaims of its pods
	Telemetries       []string          `json:"telemetries"`      // names of Istio's Telemetries about it
	Object            map[string]any    `json:"object"`           // as Git renders it
	PodSpec           map[string]any    `json:"podSpec"`          // the spec of its pods' template
	Images            []string          `json:"images"`           // of its containers
	Beyond            []string          `json:"beyond"`           // what the pods ask for and Pod Security's level restricted forbids
	Bindings          []objectView      `json:"bindings"`         // RoleBindings and ClusterRoleBindings of its ServiceAccount
	Delivery          string            `json:"delivery"`         // Kind of the sync object that applies it, "" when none is known
	Appliers          []string          `json:"appliers"`         // users as whom changes of it and of its autoscalers come from Git; no quotes in them
	AppliersDoubt     string            `json:"appliersDoubt"`
}

type portView struct {
	Name         string  `json:"name"` // "" when it has none
	Number       int64   `json:"number"`
	HTTP         string  `json:"http"` // yes, no, unknown
	ServicePorts []int64 `json:"servicePorts"`
}

type claimView struct {
	Name     string `json:"name"`
	Rendered bool   `json:"rendered"` // the fleet holds its manifest
	Template string `json:"template"` // of the StatefulSet's volumeClaimTemplates that it is made of; "" otherwise
}

type objectView struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Namespace  string         `json:"namespace"`
	Name       string         `json:"name"`
	Object     map[string]any `json:"object"` // as Git renders it
}

type incidentView struct {
	ID      string `json:"id"`
	Name    string `json:"name"`    // irgit-<id>, the beginning of every created object's name
	Key     string `json:"key"`     // the id's last eight digits
	Expires string `json:"expires"` // RFC 3339, UTC

	Indicators []indicatorView `json:"indicators"` // of all its alerts, in their order
	Unread     int64           `json:"unread"`     // how many more there are than Indicators takes
}

// indicatorView and podView are all in a template that comes from an alert. An
// indicator is a value that was checked to be of its type and can be nothing else.
type indicatorView struct {
	Type   string `json:"type"`   // ip, cidr, domain
	Value  string `json:"value"`  // an address or a prefix in its shortest form, a domain in lower case
	CIDR   string `json:"cidr"`   // of an ip or a cidr, "" of a domain
	Public bool   `json:"public"` // not of a network that is private, local, or shared by many
}

// environments are the sets of variables an expression may have.
type environments struct {
	parameters *expr.Env // params
	target     *expr.Env // and cluster, target, incident, pod
	each       *expr.Env // and each, the object that is patched
	item       *expr.Env // and item, of a forEach
}

var declared = sync.OnceValues(func() (e environments, err error) {
	vars := expr.Vars{"params": map[string]any{}}
	if e.parameters, err = expr.NewEnv(vars); err != nil {
		return e, err
	}
	vars["cluster"], vars["target"], vars["incident"], vars["pod"] = clusterView{}, targetView{}, incidentView{}, podView{}
	if e.target, err = expr.NewEnv(vars); err != nil {
		return e, err
	}
	vars["each"] = objectView{}
	if e.each, err = expr.NewEnv(vars); err != nil {
		return e, err
	}
	delete(vars, "each")
	vars["item"] = nil
	e.item, err = expr.NewEnv(vars)
	return e, err
})

// Variables lists the names that expressions of templates may use, fields
// included, each once.
func Variables() []string {
	names := map[string]bool{}
	var fields func(reflect.Type)
	fields = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Slice:
			fields(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				names[t.Field(i).Tag.Get("json")] = true
				fields(t.Field(i).Type)
			}
		}
	}
	for name, v := range (expr.Vars{"params": map[string]any{}, "cluster": clusterView{}, "target": targetView{}, "incident": incidentView{}, "pod": podView{}, "each": objectView{}}) {
		names[name] = true
		fields(reflect.TypeOf(v))
	}
	names["item"] = true
	return sorted(names)
}

// PatchSets lists what the on of a patch may say.
func PatchSets() []string { return sorted(patchSets) }

// variables gives templates the fleet's view of a request. target is as the
// index renders it.
func variables(r Request, target fleet.Workload) expr.Vars {
	c := r.Index.Cluster()
	cluster := clusterView{Name: c.Name, GitOps: c.GitOps, CNI: c.CNI, Minor: c.Minor(), Mesh: meshView{c.Mesh.Mode, c.Mesh.RootNamespace, c.Mesh.TrustDomain, c.Mesh.Waypoint}}
	cluster.Gateways, cluster.Namespaces = gateways(r.Index), namespaces(r.Index)
	view := targetView{
		APIVersion: target.APIVersion, Kind: target.Kind, Namespace: target.Namespace, Name: target.Name, Labels: target.Labels,
		HostNetwork: target.HostNetwork, ServiceAccount: target.ServiceAccount, Principal: c.Principal(target.Namespace, target.ServiceAccount),
	}
	object, _ := r.Index.Object(target.Ref())
	view.PodSelector, view.MatchLabels = selectorsOf(object, target)
	view.InCiliumIdentity = ciliumSelects(view.PodSelector, view.MatchLabels)
	view.UpdateStrategy = updateStrategy(object)
	if object != nil {
		view.Object = object.Object
		view.PodSpec, _, _ = unstructured.NestedMap(object.Object, append(podTemplate(target.Kind), "spec")...)
		view.Beyond = beyond(view.PodSpec)
	}
	for _, ref := range r.Index.Bindings(target) {
		view.Bindings = append(view.Bindings, viewOf(r.Index, ref))
	}
	if ref, ok := r.Index.Delivering(target.Root); ok {
		view.Delivery = ref.Kind
	}
	view.Images = r.Index.Images(target)
	view.InMesh = inMesh(object, target, c.Mesh.Mode, cluster.Namespaces)
	if c.Mesh.Mode == "istio-ambient" && c.Mesh.Waypoint != "" {
		// A waypoint's ServiceAccount has its Gateway's name
		// (istio.io/latest/docs/ambient/usage/waypoint).
		view.WaypointPrincipal = c.Principal(target.Namespace, c.Mesh.Waypoint)
	}
	for _, s := range r.Index.Services(target) {
		view.Services = append(view.Services, s.Name)
	}
	view.Ports = portsOf(r.Index, target)
	for _, a := range r.Index.Autoscalers(target) {
		view.Autoscalers = append(view.Autoscalers, viewOf(r.Index, a))
	}
	appliers := r.Index.Appliers(append(r.Index.Autoscalers(target), target.Ref())...)
	view.Appliers, view.AppliersDoubt = appliers.Users, appliers.Doubt
	for _, ref := range r.Index.Selecting(target) {
		view.Policies = append(view.Policies, viewOf(r.Index, ref))
	}
	for _, a := range r.Index.Allowances(target) {
		view.Allowances = append(view.Allowances, a.Sentence)
	}
	for _, c := range r.Index.Claims(target) {
		view.Claims = append(view.Claims, claimView{c.Name, c.Ref.Name != "", c.Template})
	}
	for _, ref := range r.Index.Telemetries(target) {
		view.Telemetries = append(view.Telemetries, ref.Name)
	}
	view.EgressGoverned = r.Index.Governed(target, "Egress")
	return expr.Vars{"cluster": cluster, "target": view, "pod": podOf(r, target), "incident": incidentOf(r)}
}

func incidentOf(r Request) incidentView {
	v := incidentView{
		ID: r.Incident, Name: objectName(r.Incident), Key: keyOf(r.Incident), Expires: r.Expires.UTC().Format(time.RFC3339),
	}
	v.Indicators, v.Unread = indicators(r.Indicators)
	return v
}

// gateways are the declared ingress gateways and the workloads that run them.
func gateways(ix *fleet.Index) (all []gatewayView) {
	c, number := ix.Cluster(), int64(0)
	for _, g := range c.IngressGateways {
		v := gatewayView{Namespace: g.Namespace, ServiceAccount: g.ServiceAccount, Principal: c.Principal(g.Namespace, g.ServiceAccount)}
		for _, w := range ix.Workloads() {
			object, _ := ix.Object(w.Ref())
			_, labels := selectorsOf(object, w)
			if w.Namespace == g.Namespace && w.ServiceAccount == g.ServiceAccount && len(labels) > 0 {
				number++
				v.Workloads = append(v.Workloads, gatewayWorkload{w.Namespace, w.Name, number, labels})
			}
		}
		all = append(all, v)
	}
	return all
}

func viewOf(ix *fleet.Index, ref fleet.ObjectRef) objectView {
	v := objectView{APIVersion: ref.APIVersion, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
	if u, ok := ix.Object(ref); ok {
		v.Object = u.Object
	}
	return v
}

func objectName(incident string) string { return "irgit-" + incident }
