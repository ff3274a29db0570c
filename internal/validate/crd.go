package validate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// AddCRD teaches the Validator the kinds of the CustomResourceDefinitions in a
// file of YAML or JSON documents; other documents are passed over. A kind of a
// group that is embedded is refused, so that a fleet cannot loosen a check. Every
// version whose schema or rules cannot be used is a problem and stays unknown.
func (v *Validator) AddCRD(file string, data []byte) []Problem {
	w := &walk{file: file}
	for _, part := range bytes.Split(append([]byte("\n"), data...), []byte("\n---")) {
		var crd struct {
			Kind string `json:"kind"`
			Spec struct {
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
		if err := yaml.Unmarshal(part, &crd); err != nil {
			w.problem("is not YAML: " + short(err.Error()))
			continue
		}
		if crd.Kind != "CustomResourceDefinition" {
			continue
		}
		if group := crd.Spec.Group; !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io") || bundleOf(group) != builtins {
			w.problem(short(group)+" is a group whose schemas are built in", "spec", "group")
			continue
		}
		for i, version := range crd.Spec.Versions {
			if !version.Served {
				continue
			}
			apiVersion := crd.Spec.Group + "/" + version.Name
			if err := v.add(apiVersion, crd.Spec.Names.Kind, crd.Spec.Scope == "Namespaced", version.Schema.OpenAPIV3Schema); err != nil {
				w.problem(fmt.Sprintf("cannot be used: %v", err), "spec", "versions", i, "schema")
			}
		}
	}
	return w.problems
}

func (v *Validator) add(apiVersion, name string, namespaced bool, schema json.RawMessage) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(schema) == 0 {
		return fmt.Errorf("%s of %s has no schema", name, apiVersion)
	}
	b := &bundle{name: "crd", nodes: make(map[string]*node)}
	root, err := (&compiler{v: v, bundle: b}).kind(apiVersion+"/"+name, schema)
	if err != nil {
		return err
	}
	v.kinds[apiVersion+"/"+name] = &kind{apiVersion: apiVersion, name: name, namespaced: namespaced, bundle: b.name, root: root}
	return nil
}
