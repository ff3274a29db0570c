package main

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/kustomize"
	"github.com/irgit/irgit/internal/validate"
)

// hitsOptions are whose hits are asked for.
type hitsOptions struct {
	fleetOptions
	selector, namespace, file, target string
}

func newFleetHitsCommand(environ []string) *cobra.Command {
	o := &hitsOptions{}
	c := &cobra.Command{
		Use:   "hits (-l SELECTOR -n NAMESPACE | -f FILE)",
		Short: "List the workloads that a selector or policy hits, and the policies that select them already",
		Long: `hits lists the workloads whose pods a label selector would select, or the
policies of a manifest file: NetworkPolicies, and Istio's AuthorizationPolicies,
PeerAuthentications and others with a selector or targetRefs. For each it lists
the policies of the fleet that select it already. With --target, whatever is hit
beside the target is collateral.`,
		Example: "  irgit fleet hits -l app=payments -n payments --target deployment/payments\n  irgit fleet hits -f quarantine.yaml --cluster prod-eu",
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd, environ) },
	}
	o.flags(c)
	c.Flags().StringVarP(&o.selector, "selector", "l", "", "label selector of pods, as kubectl takes it")
	c.Flags().StringVarP(&o.namespace, "namespace", "n", "", "namespace of the selector, and of the file's objects that have none")
	c.Flags().StringVarP(&o.file, "file", "f", "", "manifest file with policies, or - for standard input")
	c.Flags().StringVar(&o.target, "target", "", "KIND/NAME of the workload that is meant to be hit")
	return c
}

// hitRow is a workload that is hit, in JSON.
type hitRow struct {
	Cluster     string      `json:"cluster"`
	Namespace   string      `json:"namespace"`
	Kind        string      `json:"kind"`
	Name        string      `json:"name"`
	Root        string      `json:"root"`
	By          string      `json:"by"`         // the selector, or kind and name of the file's policy
	SelectedBy  []policyRow `json:"selectedBy"` // policies of the fleet that select it already
	Collateral  *bool       `json:"collateral"` // null where no target was given
	HostNetwork bool        `json:"hostNetwork"`
	Files       []string    `json:"files"`
}

// policyRow is a policy of the fleet in JSON.
type policyRow struct {
	objectRow
	File string `json:"file"`
}

// selecting is an object with a selection, and what it is called in answers.
type selecting struct {
	name   string
	object *unstructured.Unstructured
}

func (o *hitsOptions) run(cmd *cobra.Command, environ []string) error {
	all, err := o.policies(cmd)
	if err != nil {
		return err
	}
	var target wanted
	if o.target != "" {
		if err := target.parse(o.target); err != nil {
			return err
		}
	}
	v, err := o.open(cmd, environ)
	if err != nil {
		return err
	}
	if err := v.exists(target, all); err != nil {
		return err
	}
	v.emptyNamespaces(all)
	rows, untold := v.hits(all, target)
	v.incomplete(v.findings())
	if err := v.print(rows, tableOf(rows)); err != nil {
		return err
	}
	return untold
}

func tableOf(rows []hitRow) *table {
	t := &table{columns: []column{{"CLUSTER", 1}, {"NAMESPACE", 0}, {"WORKLOAD", 0}, {"COLLATERAL", 0}, {"HIT BY", 1}, {"SELECTED ALREADY BY", 1}, {"FROM", 1}}}
	for _, r := range rows {
		t.add(r.Cluster, r.Namespace, r.Kind+"/"+r.Name, r.collateral(), r.By, r.already(), r.Files[0])
	}
	return t
}

// policies are the objects whose hits are asked for.
func (o *hitsOptions) policies(cmd *cobra.Command) ([]selecting, error) {
	switch given := cmd.Flags().Changed("selector"); {
	case given == (o.file != ""):
		return nil, usageError{errors.New("whose hits are asked for is not said"), "give either -l SELECTOR and -n NAMESPACE, or -f FILE"}
	case given && o.namespace == "":
		return nil, usageError{errors.New("a selector selects within a namespace"), "give it with -n"}
	case given:
		return o.ofSelector()
	}
	return o.ofFile(cmd)
}

// ofSelector makes a selector one of a NetworkPolicy.
func (o *hitsOptions) ofSelector() ([]selecting, error) {
	selector, err := metav1.ParseToLabelSelector(o.selector)
	if err != nil {
		return nil, usageError{fmt.Errorf("-l: %w", err), "write it as kubectl takes it: app=payments,tier!=cache"}
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(selector)
	if err != nil {
		return nil, fmt.Errorf("-l: %w", err)
	}
	return []selecting{{o.selector, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
		"metadata": map[string]any{"name": "selector", "namespace": o.namespace},
		"spec":     map[string]any{"podSelector": fields},
	}}}}, nil
}

func (o *hitsOptions) ofFile(cmd *cobra.Command) (all []selecting, err error) {
	var data []byte
	if o.file == "-" {
		data, err = io.ReadAll(io.LimitReader(interruptible(cmd.Context(), cmd.InOrStdin()), maxInput))
	} else {
		data, err = readFile(o.file)
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("read policies: %w", err), "-f takes a file, or - for standard input"}
	}
	objects, err := kustomize.Manifests(o.file, data)
	if err == nil && len(objects) == 0 {
		err = fmt.Errorf("%s: holds no object", o.file)
	}
	if err != nil {
		return nil, invalidError{fmt.Errorf("read policies: %w", err), "give manifests of policies, as kubectl apply takes them"}
	}
	for _, u := range objects {
		if u.GetNamespace() == "" && o.namespace == "" {
			return nil, usageError{fmt.Errorf("%s: %s %s has no namespace", o.file, u.GetKind(), u.GetName()), "give it with -n"}
		}
		if u.GetNamespace() == "" {
			u.SetNamespace(o.namespace)
		}
		all = append(all, selecting{u.GetKind() + " " + u.GetName(), u})
	}
	return all, nil
}

// exists refuses a target that no cluster renders where the policies are.
func (v *view) exists(target wanted, all []selecting) error {
	if target.name == "" {
		return nil
	}
	for _, s := range all {
		target.namespace = s.object.GetNamespace()
		for _, ix := range v.indexes {
			if len(target.among(ix, target.namespace)) > 0 {
				return nil
			}
		}
	}
	return v.absent(&target)
}

// emptyNamespaces says where no workload is, for such a name may be misspelt.
func (v *view) emptyNamespaces(all []selecting) {
	var known, asked []string
	for _, ix := range v.indexes {
		known = append(known, namesOf(ix.Namespaces())...)
	}
	for _, s := range all {
		if n := s.object.GetNamespace(); !slices.Contains(known, n) && !slices.Contains(asked, n) {
			asked = append(asked, n)
			words := ""
			if near := validate.Nearest(n, known); near != "" {
				words = fmt.Sprintf("; did you mean %q?", near)
			}
			v.note("no root renders anything that runs in the namespace %q%s", n, words)
		}
	}
}

// hits asks every cluster. The error names the clusters that cannot tell.
func (v *view) hits(all []selecting, target wanted) (rows []hitRow, untold error) {
	rows = []hitRow{}
	var reasons []string
	for _, ix := range v.indexes {
		roots := rootsOf(ix)
		for _, s := range all {
			hit, err := ix.Hits(s.object)
			if err != nil {
				reasons = append(reasons, ix.Cluster().Name+": "+err.Error())
				continue
			}
			for _, w := range hit {
				row := hitRow{w.Cluster, w.Namespace, w.Kind, w.Name, w.Root, s.name, alreadyOf(ix, w), nil, w.HostNetwork, filesOf(w, roots[w.Root])}
				if target.name != "" {
					beside := w.Name != target.name || !strings.EqualFold(w.Kind, target.kind) || w.Namespace != s.object.GetNamespace()
					row.Collateral = &beside
				}
				rows = append(rows, row)
			}
		}
	}
	if len(reasons) > 0 {
		untold = invalidError{errors.New(strings.Join(reasons, "\n")), "what cannot be told from manifests may hit anything; --cluster asks one cluster alone"}
	}
	return rows, untold
}

func alreadyOf(ix *fleet.Index, w fleet.Workload) []policyRow {
	rows := []policyRow{}
	for _, ref := range ix.Selecting(w) {
		row := policyRow{objectRow{ref.APIVersion, ref.Kind, ref.Namespace, ref.Name}, ref.Root}
		if o, ok := ix.Owner(ref); ok && len(o.Files) > 0 {
			row.File = o.Files[0]
		}
		rows = append(rows, row)
	}
	return rows
}

func (r hitRow) collateral() string {
	if r.Collateral == nil {
		return ""
	}
	return yes(*r.Collateral)
}

func (r hitRow) already() string {
	names := make([]string, len(r.SelectedBy))
	for i, p := range r.SelectedBy {
		if names[i] = p.Kind + " " + p.Name; p.Namespace != r.Namespace {
			names[i] = p.Kind + " " + path.Join(p.Namespace, p.Name) // of the mesh's root namespace
		}
	}
	return strings.Join(names, ", ")
}
