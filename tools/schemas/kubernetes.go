package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

var kubernetes = module{"k8s.io/kubernetes", "v1.36.3", "h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o="}

// groups are the built-in groups that fleets and irgit's own manifests use.
var groups = []string{"", "admissionregistration.k8s.io", "apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io"}

// fromKubernetes takes the stable kinds of groups, and all that they refer to,
// from the OpenAPI description that Kubernetes publishes.
func fromKubernetes() (*bundle, error) {
	const file = "api/openapi-spec/swagger.json"
	text, err := kubernetes.open(file)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Definitions map[string]map[string]any             `json:"definitions"`
		Paths       map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	scope, err := scopes(doc.Paths)
	if err != nil {
		return nil, err
	}
	b := &bundle{
		Sources: []string{kubernetes.String() + " " + file}, Licence: "Apache-2.0",
		Kinds: map[string]kind{}, Definitions: map[string]any{},
	}
	for name, def := range doc.Definitions {
		gvks, _ := def["x-kubernetes-group-version-kind"].([]any)
		if len(gvks) != 1 { // more than one: DeleteOptions and the like
			continue
		}
		gvk := gvks[0].(map[string]any)
		group, version, kindName := gvk["group"].(string), gvk["version"].(string), gvk["kind"].(string)
		key := gvkKey(group, version, kindName)
		namespaced, created := scope[key]
		if !slices.Contains(groups, group) || strings.ContainsAny(strings.TrimPrefix(version, "v"), "ab") || !created {
			continue
		}
		b.Kinds[key] = kind{Namespaced: namespaced, Schema: map[string]any{"$ref": name}}
		if err := closure(name, doc.Definitions, b.Definitions); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func gvkKey(group, version, kind string) string {
	return strings.TrimPrefix(group+"/", "/") + version + "/" + kind
}

// scopes tells which kinds can be created, and whether in a namespace.
func scopes(paths map[string]map[string]json.RawMessage) (map[string]bool, error) {
	out := map[string]bool{}
	for path, methods := range paths {
		post, ok := methods["post"]
		if !ok || strings.Contains(path, "{name}/") { // subresources: binding, eviction, token
			continue
		}
		var op struct {
			GVK struct{ Group, Version, Kind string } `json:"x-kubernetes-group-version-kind"`
		}
		if err := json.Unmarshal(post, &op); err != nil {
			return nil, fmt.Errorf("read path %s: %w", path, err)
		}
		key := gvkKey(op.GVK.Group, op.GVK.Version, op.GVK.Kind)
		out[key] = out[key] || strings.Contains(path, "/namespaces/{namespace}/")
	}
	return out, nil
}

// closure copies a definition and everything below it.
func closure(name string, from map[string]map[string]any, to map[string]any) error {
	if _, done := to[name]; done {
		return nil
	}
	def, ok := from[name]
	if !ok {
		return fmt.Errorf("definition %s does not exist", name)
	}
	stripped := strip(def, false)
	to[name] = stripped
	var walk func(v any) error
	walk = func(v any) error {
		switch v := v.(type) {
		case map[string]any:
			for k, sub := range v {
				if ref, isText := sub.(string); k == "$ref" && isText {
					if err := closure(ref, from, to); err != nil {
						return err
					}
				} else if err := walk(sub); err != nil {
					return err
				}
			}
		case []any:
			for _, sub := range v {
				if err := walk(sub); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk(stripped)
}
