package main

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/validate"
)

// kinds are the short names that people are used to.
var kinds = map[string]string{
	"deploy": "Deployment", "sts": "StatefulSet", "ds": "DaemonSet", "rs": "ReplicaSet", "rc": "ReplicationController", "cj": "CronJob", "po": "Pod",
	"hpa": "HorizontalPodAutoscaler", "pdb": "PodDisruptionBudget", "svc": "Service", "ns": "Namespace", "sa": "ServiceAccount", "ing": "Ingress",
	"netpol": "NetworkPolicy", "pvc": "PersistentVolumeClaim", "ks": "Kustomization", "hr": "HelmRelease", "app": "Application", "appset": "ApplicationSet",
}

// wanted is an object as a person names it.
type wanted struct{ kind, group, name, namespace, root string }

func (w *wanted) flags(c *cobra.Command) {
	c.Flags().StringVarP(&w.namespace, "namespace", "n", "", "the object's namespace")
	c.Flags().StringVar(&w.root, "root", "", "the root that renders the object, where several do")
}

// parse reads KIND/NAME or, as kubectl has it, KIND.GROUP/NAME.
func (w *wanted) parse(word string) error {
	kind, name, ok := strings.Cut(word, "/")
	if !ok || kind == "" || name == "" || strings.Contains(name, "/") {
		return usageError{fmt.Errorf("%q is not an object", word), "write KIND/NAME, such as deployment/payments"}
	}
	w.kind, w.group, _ = strings.Cut(kind, ".")
	w.name = name
	if full, short := kinds[strings.ToLower(w.kind)]; short {
		w.kind = full
	}
	return nil
}

// among are the objects in one cluster that are meant.
func (w *wanted) among(ix *fleet.Index, namespace string) []fleet.ObjectRef {
	return slices.DeleteFunc(ix.Find(w.kind, namespace, w.name), func(r fleet.ObjectRef) bool {
		return w.root != "" && r.Root != w.root || w.group != "" && groupOf(r) != w.group
	})
}

// groupOf is an object's API group, core for the one without a name.
func groupOf(r fleet.ObjectRef) string {
	group, _, ok := strings.Cut(r.APIVersion, "/")
	if !ok {
		return "core"
	}
	return group
}

// placed is an object in its cluster.
type placed struct {
	index *fleet.Index
	ref   fleet.ObjectRef
}

// find finds the one object that is meant. None is an invalidError with what
// is near, several are a usageError with the flag that decides.
func (v *view) find(w *wanted) (placed, error) {
	var all []placed
	for _, ix := range v.indexes {
		for _, ref := range w.among(ix, w.namespace) {
			all = append(all, placed{ix, ref})
		}
	}
	switch len(all) {
	case 0:
		return placed{}, v.absent(w)
	case 1:
		return all[0], nil
	}
	const most = 20
	lines := []string{fmt.Sprintf("%s/%s may be any of %d:", w.kind, w.name, len(all))}
	for i, p := range all {
		if i == most {
			lines = append(lines, fmt.Sprintf("  and %d more", len(all)-most))
			break
		}
		lines = append(lines, fmt.Sprintf("  %s: %s.%s %s, rendered by %s", p.index.Cluster().Name, p.ref.Kind, groupOf(p.ref), path.Join(p.ref.Namespace, p.ref.Name), p.ref.Root))
	}
	return placed{}, usageError{errors.New(strings.Join(lines, "\n")), deciding(all)}
}

// deciding names the flag that tells candidates apart.
func deciding(all []placed) string {
	differ := func(of func(placed) string) bool {
		return slices.ContainsFunc(all, func(p placed) bool { return of(p) != of(all[0]) })
	}
	switch {
	case differ(func(p placed) string { return p.index.Cluster().Name }):
		return "--cluster says which of them"
	case differ(func(p placed) string { return p.ref.Namespace }):
		return "-n says which of them"
	case differ(func(p placed) string { return p.ref.Root }):
		return "--root says which of them; one of the roots must own it"
	}
	return "write KIND.GROUP/NAME to say which of them"
}

// absent is the error for an object that nothing renders.
func (v *view) absent(w *wanted) error {
	var hints []string
	for _, hint := range []string{v.near(w), v.installer(w)} {
		if hint != "" {
			hints = append(hints, hint)
		}
	}
	if len(hints) == 0 {
		hints = append(hints, "`irgit fleet workloads` lists what runs")
	}
	if findings := v.findings(); findings > 0 {
		hints = append(hints, count(findings, "finding")+" may hide it: `irgit fleet unknowns`")
	}
	where := "no cluster"
	if len(v.indexes) == 1 {
		where = "no root of " + v.indexes[0].Cluster().Name
	}
	return invalidError{fmt.Errorf("%s renders %s %s", where, w.kind, path.Join(w.namespace, w.name)), strings.Join(hints, "; ")}
}

// installer names a HelmRelease whose chart may hold the object, since Git does
// not tell what a chart renders; "" when none is known.
func (v *view) installer(w *wanted) string {
	for _, ix := range v.indexes {
		namespaces := []string{w.namespace}
		if w.namespace == "" {
			namespaces = namesOf(ix.Namespaces())
		}
		for _, namespace := range namespaces {
			release, ok := ix.Release(namespace, w.name)
			if !ok {
				continue
			}
			name := fmt.Sprintf("HelmRelease %s/%s in %s (%s) may install it: ", release.Namespace, release.Name, ix.Cluster().Name, release.File)
			if release.Rendered != "" {
				return name + "nothing of what is kept of its chart in " + release.Rendered + " is it"
			}
			name += "what its chart renders is not in Git"
			if ix.Cluster().GitOps == "flux" {
				name += ", unless " + fleet.ConfigFile + " says in clusters[].releases where it is kept"
			}
			return name
		}
	}
	return ""
}

func namesOf(namespaces []fleet.Namespace) []string {
	names := make([]string, len(namespaces))
	for i, n := range namespaces {
		names[i] = n.Name
	}
	return names
}

// near says where the object is, or which one may be meant; "" when neither is
// known.
func (v *view) near(w *wanted) string {
	var names []string
	anywhere := *w
	anywhere.root = ""
	for _, ix := range v.indexes {
		for _, ref := range anywhere.among(ix, "") {
			return fmt.Sprintf("cluster %s has %s %s, rendered by %s", ix.Cluster().Name, ref.Kind, path.Join(ref.Namespace, ref.Name), ref.Root)
		}
		for _, found := range ix.Workloads() {
			if strings.EqualFold(found.Kind, w.kind) && (w.namespace == "" || found.Namespace == w.namespace) {
				names = append(names, found.Name)
			}
		}
	}
	if near := validate.Nearest(w.name, names); near != "" {
		return fmt.Sprintf("did you mean %s/%s?", w.kind, near)
	}
	return ""
}

// objectRow names an object in JSON.
type objectRow struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
}

// ownerAnswer is what owner prints as JSON.
type ownerAnswer struct {
	Cluster string          `json:"cluster"`
	Object  objectRow       `json:"object"`
	Root    string          `json:"root"`
	Sync    *fleet.SyncRef  `json:"sync"`  // null where no sync object applies the root
	Chain   []fleet.SyncRef `json:"chain"` // what applies the sync object, up to the bootstrap
	Files   []string        `json:"files"`
}

func newFleetOwnerCommand(environ []string) *cobra.Command {
	return asking(environ, &cobra.Command{
		Use:     "owner KIND/NAME",
		Short:   "Say what renders an object and what applies that",
		Example: "  irgit fleet owner deployment/payments -n payments --cluster prod-eu",
	}, func(_ *cobra.Command, v *view, p placed) error {
		a, err := ownerOf(p)
		if err != nil {
			return err
		}
		v.incomplete(p.findings())
		return v.print(a, a.table(strings.Join(v.saying(p.index.Cluster()), ", ")))
	})
}

func ownerOf(p placed) (ownerAnswer, error) {
	o, ok := p.index.Owner(p.ref)
	if !ok {
		return ownerAnswer{}, fmt.Errorf("owner of %s %s: cluster %s has no root %s", p.ref.Kind, p.ref.Name, p.index.Cluster().Name, p.ref.Root)
	}
	return ownerAnswer{
		p.index.Cluster().Name, objectRow{p.ref.APIVersion, p.ref.Kind, p.ref.Namespace, p.ref.Name}, o.Root, o.Sync, orEmpty(o.Chain), orEmpty(o.Files),
	}, nil
}

// table says it in rows; from is where the cluster is told of.
func (a ownerAnswer) table(from string) *table {
	t := &table{columns: []column{{"WHAT", 0}, {"WHICH", 1}, {"FROM", 1}}}
	t.add("object", a.Object.Kind+" "+path.Join(a.Object.Namespace, a.Object.Name), strings.Join(a.Files, ", "))
	t.add("cluster", a.Cluster, from)
	t.add("rendered by", a.Root, a.Root)
	if a.Sync == nil {
		t.add("applied by", "not known", from)
	} else {
		t.add("applied by", a.Sync.String(), a.Sync.File)
	}
	for _, s := range a.Chain {
		t.add("and that by", s.String(), s.File)
	}
	return t
}

// findings counts those about the object's root.
func (p placed) findings() (n int) {
	for _, f := range p.index.Findings() {
		if f.Root == p.ref.Root {
			n++
		}
	}
	return n
}

// asking completes a command about one object, KIND/NAME.
func asking(environ []string, c *cobra.Command, answer func(*cobra.Command, *view, placed) error) *cobra.Command {
	o, w := &fleetOptions{}, &wanted{}
	c.Args = oneArgument("an object, KIND/NAME,")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := w.parse(args[0]); err != nil {
			return err
		}
		v, err := o.open(cmd, environ)
		if err != nil {
			return err
		}
		p, err := v.find(w)
		if err != nil {
			return err
		}
		return answer(cmd, v, p)
	}
	o.flags(c)
	w.flags(c)
	return c
}
