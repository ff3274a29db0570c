package controllers

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Obstacle is something between a change in Git and the cluster.
type Obstacle struct {
	Reason   string // half a sentence about the sync object
	Step     string // the way out, "" when there is none
	Blocking bool   // it does stop the change; otherwise it may, or delays it
}

// Obstacles lists what could stop a change of an object on its way: of the
// fields at paths such as spec.replicas or spec.template.spec.containers[0], or
// of something in it when there are none. An object without namespace is one of
// the cluster.
func (r Rules) Obstacles(group, kind, namespace, name string, fields []string) (out []Obstacle) {
	add := func(blocking bool, step, format string, args ...any) {
		out = append(out, Obstacle{Reason: fmt.Sprintf(format, args...), Step: step, Blocking: blocking})
	}
	if r.Suspended != "" {
		add(true, "resume it", "applies nothing now: %s", r.Suspended)
	}
	if r.Manual != "" {
		add(true, "sync it by hand after the merge", "waits for somebody to sync it: %s", r.Manual)
	}
	if r.Pinned != "" {
		add(true, "move what it follows after the merge", "gets no new commit: %s", r.Pinned)
	}
	if r.Pushed != "" {
		add(false, "see to it that the merge is pushed", "gets a commit only indirectly: %s", r.Pushed)
	}
	if p := r.Project; p != nil {
		out = append(out, p.obstacles(group, kind, namespace, name)...)
	} else if r.ProjectName != "" && r.ProjectName != "default" {
		add(false, "", "is of AppProject %s, which is not in this repository, so what it permits is unknown", r.ProjectName)
	}
	for _, f := range r.Ignored {
		if f.about(group, kind, namespace, name) {
			out = append(out, f.obstacles(fields)...)
		}
	}
	for _, w := range r.Windows {
		add(false, "widen the window, or sync by hand where it permits that", "has a sync window: %s", w)
	}
	for _, c := range r.Cautions {
		add(false, c.Step, "%s", c.Reason)
	}
	if r.ServiceAccount != "" {
		add(false, "", "acts as ServiceAccount %s, which must be allowed to change %s", r.ServiceAccount, describe(group, kind))
	}
	return out
}

func describe(group, kind string) string {
	if group == "" {
		return kind
	}
	return kind + "." + group
}

// obstacles of a project are those of argo-cd's IsResourcePermitted
// (pkg/apis/application/v1alpha1/app_project_types.go).
func (p Project) obstacles(group, kind, namespace, name string) (out []Obstacle) {
	what, allow, deny, lists := "objects in namespaces", p.NamespaceAllow, p.NamespaceDeny, "namespaceResource"
	if namespace == "" {
		what, allow, deny, lists = "objects of the cluster", p.ClusterAllow, p.ClusterDeny, "clusterResource"
	}
	add := func(blocking bool, step, format string, args ...any) {
		out = append(out, Obstacle{Reason: "is of AppProject " + p.Name + ", which " + fmt.Sprintf(format, args...), Step: step, Blocking: blocking})
	}
	if !anyOf(allow, group, kind, name) && (namespace == "" || !p.AllowsAllNamespaced) {
		add(true, "add it to spec."+lists+"Whitelist", "permits no %s among %s", describe(group, kind), what)
	}
	if anyOf(deny, group, kind, name) {
		add(true, "take it out of spec."+lists+"Blacklist", "forbids %s", describe(group, kind))
	}
	if namespace != "" {
		if permitted, sure := p.permits(namespace); !permitted {
			add(sure, "add it to spec.destinations", "does not permit namespace %s as a destination", namespace)
		}
	}
	return out
}

func anyOf(entries []GroupKind, group, kind, name string) bool {
	for _, e := range entries {
		if listed(e.Group, group) && listed(e.Kind, kind) && (e.Name == "" || listed(e.Name, name)) {
			return true
		}
	}
	return false
}

// listed matches a pattern in the lists of an AppProject (filepath.Match).
func listed(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return ok && err == nil
}

// permits reports whether a namespace is a permitted destination. sure is false
// when that hangs on a name or address of the cluster that is not known.
func (p Project) permits(namespace string) (permitted, sure bool) {
	sure = true
	for _, d := range p.Destinations {
		byName := p.Destination.Name != "" && matchesOrNot(d.Name, p.Destination.Name)
		byServer := p.Destination.Server != "" && matchesOrNot(d.Server, p.Destination.Server)
		here := matchesOrNot(d.Namespace, namespace)
		denies := func(pattern string) bool { return strings.HasPrefix(pattern, "!") }
		switch {
		case (byName || byServer) && here:
			permitted = true
		case !byName && denies(d.Name), !byServer && denies(d.Server) && here, !here && denies(d.Namespace) && byServer:
			return false, sure
		case here && (p.Destination.Name == "" && d.Name != "" || p.Destination.Server == "" && d.Server != ""):
			sure = false
		}
	}
	return permitted, sure
}

// about reports whether an entry is about an object.
func (f IgnoredField) about(group, kind, namespace, name string) bool {
	if f.Regexp {
		return matchesWhole(f.Group, group) && matchesWhole(f.Kind, kind) && matchesWhole(f.Namespace, namespace) && matchesWhole(f.Name, name)
	}
	return matches(f.Group, group) && matches(f.Kind, kind) &&
		(f.Namespace == "" || f.Namespace == namespace) && (f.Name == "" || f.Name == name)
}

func (f IgnoredField) obstacles(fields []string) (out []Obstacle) {
	for _, ignored := range f.Pointers {
		out = append(out, f.obstacle(ignored, pointer(ignored), true, fields)...)
	}
	for _, ignored := range f.JQ {
		at, whole := jqPath(ignored)
		out = append(out, f.obstacle(ignored, at, whole, fields)...)
	}
	if len(f.Managers) > 0 {
		out = append(out, Obstacle{
			Reason: fmt.Sprintf("ignores fields that %s set in the cluster", strings.Join(f.Managers, ", ")),
			Step:   "look whether they own the field (kubectl get --show-managed-fields)",
		})
	}
	return out
}

// obstacle of one ignored path. whole is false when it is only known to lie at
// or below at.
func (f IgnoredField) obstacle(ignored string, at []string, whole bool, fields []string) []Obstacle {
	found, blocking := len(fields) == 0, false
	for _, field := range fields {
		segments := fieldPath(field)
		switch {
		case under(segments, at):
			found, blocking = true, blocking || whole
		case under(at, segments):
			found = true
		}
	}
	if !found {
		return nil
	}
	o := Obstacle{Reason: fmt.Sprintf("ignores differences at %s, so a change of that alone starts no sync", ignored), Step: "take it out of the ignored differences"}
	if f.Respected {
		o.Reason, o.Blocking = fmt.Sprintf("ignores %s and never applies it", ignored), blocking
	}
	return []Obstacle{o}
}

// under reports whether a path is another one, or lies below it. In an ignored
// path * stands for any entry.
func under(at, above []string) bool {
	if len(above) > len(at) {
		return false
	}
	for i, segment := range above {
		if segment != at[i] && segment != "*" && at[i] != "*" {
			return false
		}
	}
	return true
}

// pointer takes a JSON pointer apart (RFC 6901).
func pointer(text string) []string {
	parts := strings.Split(strings.TrimPrefix(text, "/"), "/")
	for i, p := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(p)
	}
	return parts
}

var (
	fieldStep = regexp.MustCompile(`^\.?(?:([^.\[\]"]+)|\["([^"]*)"\]|\[([0-9*]*)\])`)
	jqStep    = regexp.MustCompile(`^(?:\.?\["([^"\\]*)"\]|\."([^"\\]*)"|\.([A-Za-z_][A-Za-z0-9_]*)|\.?\[([0-9]*)\])\??`)
)

// fieldPath takes a path such as spec.containers[0].image apart.
func fieldPath(text string) (out []string) {
	for text != "" {
		m := fieldStep.FindStringSubmatch(text)
		if m == nil {
			return append(out, text)
		}
		out = append(out, cmp.Or(m[1], m[2], m[3], "*"))
		text = text[len(m[0]):]
	}
	return out
}

// jqPath is the plain beginning of a jq expression; whole reports whether there
// is no more to it.
func jqPath(text string) (out []string, whole bool) {
	text = strings.TrimSpace(text)
	for {
		m := jqStep.FindStringSubmatch(text)
		if m == nil {
			return out, text == ""
		}
		out = append(out, cmp.Or(m[1], m[2], m[3], m[4], "*"))
		text = text[len(m[0]):]
	}
}
