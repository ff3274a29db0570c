package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// maxObject is the largest object the index keeps, in bytes of JSON. It is
// above what etcd takes, so an object that is not kept is none that runs.
const maxObject = 2 << 20

// entryKey names an entry: the root, and how it was taken.
type entryKey struct{ mode, root string }

// readOnly is the mode of directories that are not built: only what they read
// counts.
const readOnly = "read"

// entry is what the index keeps of one root: all that its questions need, so
// that a root that did not change is not built again.
type entry struct {
	Mode           string // how it is built, or readOnly
	Root           string
	Cover          []string // files and directories whose hashes say whether the entry still holds
	Kustomization  string   // the root's own kustomization file, "" when there is none
	Transformers   []string // of that file, as paths in the repository
	Kustomizations []string // every kustomization file that is read
	Nameless       []string // workloads whose name is generated anew each time
	Leads          []object // the objects that controllers are told by
	Packed         string   // all objects, encoded, without their bodies
	Bodies         string   // JSON of all objects, one after another, compressed: most are never looked at
	ConfigMaps     []string // namespace/name of those that it renders
	Releases       []string // the same of its HelmReleases
	Failure        string   // why the root does not build
	FailureFile    string
	Outside        string   // why it builds only in part: what it needs from outside of the repository
	Missing        []string // what was left out for that

	unpacking sync.Once
	unpacked  []object
}

// pack takes in what the root renders.
func (e *entry) pack(objects []object) {
	var bodies strings.Builder
	for i := range objects {
		o := &objects[i]
		if leads(o.APIVersion, o.Kind) {
			e.Leads = append(e.Leads, *o)
		}
		o.size = len(o.Data)
		bodies.WriteString(o.Data)
		o.Data = ""
	}
	e.Packed, e.Bodies = string(write(&objects, objectsCode)), compress(bodies.String())
}

// objects are what the root renders. They are shared: nobody may change them.
func (e *entry) objects() []object {
	e.unpacking.Do(func() {
		if e.Packed == "" || !read(e.Packed, &e.unpacked, objectsCode) {
			e.unpacked = nil // and its checksum held: it was written so
		}
		bodies, from := &bodies{packed: e.Bodies}, 0
		for i := range e.unpacked {
			o := &e.unpacked[i]
			o.bodies, o.from = bodies, from
			from += o.size
		}
	})
	return e.unpacked
}

func (e *entry) key() entryKey { return entryKey{e.Mode, e.Root} }

// object is a rendered object.
type object struct {
	APIVersion, Kind, Namespace, Name string
	Data                              string    // its JSON; of those of a root it is in the root's Bodies
	File                              string    // the manifest it comes from, "" where that is not known
	Workload                          *Workload // of kinds that own pods
	Indexed                           bool      // a Job whose pods are numbered
	Init                              []Container
	Scales                            *scaleTarget // of an autoscaler

	bodies     *bodies
	from, size int // of its JSON there
}

// json is "" for an object that was not kept.
func (o *object) json() string {
	if o.bodies == nil {
		return o.Data
	}
	return o.bodies.text(o.from, o.size)
}

// scaleTarget is what an autoscaler scales, as its manifest says.
type scaleTarget struct{ APIVersion, Kind, Name string }

// unkept are kinds the index neither needs nor writes to disk.
var unkept = map[string]bool{"Secret": true, "ConfigMap": true, "SealedSecret": true, "CustomResourceDefinition": true}

// keep turns rendered objects into what the index keeps.
func keep(objects []*unstructured.Unstructured, origins []string) (kept []object, err error) {
	for i, u := range objects {
		if unkept[u.GetKind()] {
			continue
		}
		data, err := json.Marshal(u.Object)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
		o := object{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
		o.Workload, o.Init = workloadOf(u)
		o.Scales = scaleTargetOf(u)
		if i < len(origins) {
			o.File = origins[i]
		}
		o.Indexed = dig(u.Object, "spec", "completionMode") == "Indexed" || dig(u.Object, "spec", "jobTemplate", "spec", "completionMode") == "Indexed"
		if len(data) <= maxObject {
			o.Data = string(data)
		}
		kept = append(kept, o)
	}
	return kept, nil
}

// maxMap is the largest ConfigMap that is looked at for variables, in bytes.
const maxMap = 64 << 10

// keepMaps keeps the ConfigMaps, which variables may come from.
func keepMaps(objects []*unstructured.Unstructured) (kept []object, err error) {
	for _, u := range objects {
		if u.GetKind() != "ConfigMap" {
			continue
		}
		data, err := json.Marshal(u.Object)
		if err != nil {
			return nil, fmt.Errorf("ConfigMap %s: %w", u.GetName(), err)
		}
		if len(data) <= maxMap {
			kept = append(kept, object{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName(), Data: string(data)})
		}
	}
	return kept, nil
}

// templates says where the kinds that own pods keep the pod's manifest.
var templates = map[string][]string{
	"apps/Deployment":        {"spec", "template"},
	"apps/StatefulSet":       {"spec", "template"},
	"apps/DaemonSet":         {"spec", "template"},
	"apps/ReplicaSet":        {"spec", "template"},
	"argoproj.io/Rollout":    {"spec", "template"},
	"batch/Job":              {"spec", "template"},
	"batch/CronJob":          {"spec", "jobTemplate", "spec", "template"},
	"/Pod":                   {},
	"/ReplicationController": {"spec", "template"},
}

// workloadOf reads the workload, nil for a kind that owns no pods, and its
// init containers. Cluster and Root are left to the index.
func workloadOf(u *unstructured.Unstructured) (w *Workload, init []Container) {
	at, owns := templates[GroupOf(u.GetAPIVersion())+"/"+u.GetKind()]
	if !owns || u.GetName() == "" { // a generateName is another one each time
		return nil, nil
	}
	template, ok := dig(u.Object, at...).(map[string]any)
	if !ok {
		return nil, nil // a Rollout that refers to a Deployment's template, or nothing that runs
	}
	spec, _ := template["spec"].(map[string]any)
	w = &Workload{
		Namespace: u.GetNamespace(), Kind: u.GetKind(), Name: u.GetName(), APIVersion: u.GetAPIVersion(),
		Labels:         texts(dig(template, "metadata", "labels")),
		ServiceAccount: text(spec["serviceAccountName"]),
	}
	switch w.Kind {
	case "ReplicationController":
		w.Selector = texts(dig(u.Object, "spec", "selector"))
	case "Pod":
	default:
		w.Selector = texts(dig(u.Object, "spec", "selector", "matchLabels"))
	}
	if w.ServiceAccount == "" {
		w.ServiceAccount = text(spec["serviceAccount"]) // the field's old name, still honoured
	}
	if w.ServiceAccount == "" {
		w.ServiceAccount = "default"
	}
	w.HostNetwork, _ = spec["hostNetwork"].(bool)
	if n, ok := whole(dig(u.Object, "spec", "replicas")); ok {
		w.Replicas = &n
	}
	for _, c := range mappings(spec["initContainers"]) {
		if c["restartPolicy"] == "Always" { // a sidecar: it runs as long as the pod
			w.Containers = append(w.Containers, containerOf(c))
		} else {
			init = append(init, containerOf(c))
		}
	}
	for _, c := range mappings(spec["containers"]) {
		w.Containers = append(w.Containers, containerOf(c))
	}
	return w, init
}

func containerOf(c map[string]any) Container {
	out := Container{Name: text(c["name"]), Image: text(c["image"])}
	for _, p := range mappings(c["ports"]) {
		number, _ := whole(p["containerPort"])
		protocol := text(p["protocol"])
		if protocol == "" {
			protocol = "TCP"
		}
		out.Ports = append(out.Ports, Port{text(p["name"]), number, protocol})
	}
	return out
}

// decodedOnce decodes an object when it is first asked for.
type decodedOnce struct {
	*object
	namespace string // that it is in, if that is not ""
	once      sync.Once
	whole     *unstructured.Unstructured
}

func (d *decodedOnce) unstructured() *unstructured.Unstructured {
	d.once.Do(func() {
		if d.whole = d.decoded(); d.whole != nil && d.namespace != "" {
			d.whole.SetNamespace(d.namespace)
		}
	})
	return d.whole
}

// decoded is an object from its JSON.
func decoded(data string) *unstructured.Unstructured {
	var m map[string]any
	if data == "" || json.Unmarshal([]byte(data), &m) != nil {
		return nil // it was encoded here and its checksum held
	}
	return &unstructured.Unstructured{Object: integers(m).(map[string]any)}
}

// integers gives numbers the types that unstructured objects have.
func integers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, below := range v {
			v[k] = integers(below)
		}
	case []any:
		for i, below := range v {
			v[i] = integers(below)
		}
	case float64:
		if n := int64(v); float64(n) == v {
			return n
		}
	}
	return v
}

// GroupOf is the API group in an apiVersion, "" for Kubernetes' first one.
func GroupOf(apiVersion string) string {
	g, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return ""
	}
	return g
}
