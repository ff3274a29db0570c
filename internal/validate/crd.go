package validate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// definition is what is read of a CustomResourceDefinition.
type definition struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Items      []definition `json:"items"` // of a List, as kubectl get crd -o yaml prints
	Spec       struct {
		Group string `json:"group"`
		Scope string `json:"scope"`
		Names struct {
			Kind string `json:"kind"`
		} `json:"names"`
		Versions []struct {
			Name   string `json:"name"`
			Served bool   `json:"served"`
			Schema struct {
				OpenAPIV3Schema json.RawMessage `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
	} `json:"spec"`
}

// ownGroups are the groups that an API server serves by itself, beside those of
// the embedded schemas and those without a dot: no CustomResourceDefinition
// can be of one of them (k8s.io/kubernetes: pkg/controlplane/instance.go).
var ownGroups = []string{
	"apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "certificates.k8s.io",
	"coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "flowcontrol.apiserver.k8s.io", "internal.apiserver.k8s.io",
	"node.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io",
}

// AddCRD teaches the Validator the kinds of the CustomResourceDefinitions
// (apiextensions.k8s.io/v1) in a file of YAML or JSON documents, or in a List
// as kubectl prints it; other documents are passed over. Call it for every file
// of a fleet's or a user's folder; the definition that comes last counts. It
// reads and compiles at once, about ten megabytes of YAML a second.
//
// A kind that is embedded keeps its embedded schema, so that a fleet cannot
// loosen a check; the definition is asked in addition, so that what the fleet's
// older release does not know is found. A group that an API server serves
// itself is refused. Every version whose schema or rules cannot be used is a
// problem and stays unknown.
func (v *Validator) AddCRD(file string, data []byte) []Problem {
	w := &walk{file: file}
	for _, part := range bytes.Split(append([]byte("\n"), data...), []byte("\n---")) {
		if !bytes.Contains(part, []byte("CustomResourceDefinition")) {
			continue
		}
		var crd definition
		if err := yaml.Unmarshal(part, &crd); err != nil {
			w.problem("is not YAML: " + short(err.Error()))
			continue
		}
		for _, crd := range append(crd.Items, crd) {
			if crd.Kind == "CustomResourceDefinition" {
				v.addCRD(w, &crd)
			}
		}
	}
	return w.problems
}

func (v *Validator) addCRD(w *walk, crd *definition) {
	group := crd.Spec.Group
	if crd.APIVersion != "apiextensions.k8s.io/v1" {
		w.problem(short(crd.APIVersion)+" is not served any more; write the definition for apiextensions.k8s.io/v1", "apiVersion")
		return
	}
	if b := bundleOf(group + "/v1"); !strings.Contains(group, ".") || b == builtins || b == buildFiles || slices.Contains(ownGroups, group) {
		w.problem(short(group)+" is a group whose schemas are built in; take the definition out", "spec", "group")
		return
	}
	for i, version := range crd.Spec.Versions {
		if !version.Served {
			continue
		}
		apiVersion := group + "/" + version.Name
		if err := v.add(w.file, apiVersion, crd.Spec.Names.Kind, crd.Spec.Scope == "Namespaced", version.Schema.OpenAPIV3Schema); err != nil {
			w.problem(fmt.Sprintf("cannot be used: %v", err), "spec", "versions", i, "schema")
		}
	}
}

func (v *Validator) add(file, apiVersion, name string, namespaced bool, schema json.RawMessage) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("%s is no kind", short(name))
	}
	if len(schema) == 0 {
		return fmt.Errorf("%s of %s has no schema", name, apiVersion)
	}
	b := &bundle{name: "crd", nodes: make(map[string]*node)}
	root, err := (&compiler{v: v, bundle: b}).kind(apiVersion, name, schema)
	if err != nil {
		return err
	}
	v.own[apiVersion+"/"+name] = &kind{apiVersion: apiVersion, name: name, namespaced: namespaced, bundle: b.name, file: file, root: root}
	return nil
}
