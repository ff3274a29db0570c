package validate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// operations are those of JSON Patch, RFC 6902.
var operations = []string{"add", "remove", "replace", "move", "copy", "test"}

// checkPatchTransformer checks what kustomize would only find when building:
// the patch itself and the regular expressions of its target.
func checkPatchTransformer(w *walk, obj map[string]any) {
	if meta, _ := obj["metadata"].(map[string]any); meta["name"] == nil {
		w.problem("is required; two transformers of one name do not build", "metadata", "name")
	}
	patch, _ := obj["patch"].(string)
	path, _ := obj["path"].(string)
	if (patch == "") == (path == "") {
		w.problem("must be set, or path instead of it, and not both", "patch")
	}
	target, _ := obj["target"].(map[string]any)
	for _, field := range []string{"group", "version", "kind", "name", "namespace"} {
		if text, _ := target[field].(string); text != "" {
			if _, err := regexp.Compile("^(?:" + text + ")$"); err != nil {
				w.problem("is not a regular expression: "+short(err.Error()), "target", field)
			}
		}
	}
	if patch == "" {
		return
	}
	var content any
	if err := yaml.UnmarshalStrict([]byte(patch), &content); err != nil {
		w.problem("is not YAML: "+short(err.Error()), "patch")
		return
	}
	switch content := content.(type) {
	case []any:
		if len(target) == 0 {
			w.problem("is required for a JSON patch: it says which objects are meant", "target")
		}
		if len(content) == 0 {
			w.problem("must not be an empty list of operations", "patch")
		}
		for i, o := range content {
			w.operation(o, i)
		}
	case map[string]any:
		if len(content) == 0 {
			w.problem("must not be empty", "patch")
		}
	default:
		w.problem("must be an object to merge, or a list of JSON patch operations", "patch")
	}
}

func (w *walk) operation(o any, i int) {
	m, ok := o.(map[string]any)
	if !ok {
		w.problem("must be a map with op and path", "patch", i)
		return
	}
	op, _ := m["op"].(string)
	if !slices.Contains(operations, op) {
		w.problem(fmt.Sprintf("%s is not one of %s", short(op), strings.Join(operations, ", ")), "patch", i, "op")
	}
	if path, _ := m["path"].(string); !strings.HasPrefix(path, "/") {
		w.problem("must start with /", "patch", i, "path")
	}
	if _, has := m["value"]; !has && (op == "add" || op == "replace" || op == "test") {
		w.problem("is required for "+op, "patch", i, "value")
	}
	for key := range m {
		if !slices.Contains([]string{"op", "path", "value", "from"}, key) {
			w.problem("unknown field; allowed here: op, path, value, from", "patch", i, key)
		}
	}
}
