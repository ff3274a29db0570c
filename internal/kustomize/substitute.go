package kustomize

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/envsubst/parse"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/yaml"
)

// variable is what Flux takes for the name of one (fluxcd/pkg:
// kustomize/kustomize_varsub.go).
var variable = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// substituteKey, as a label or annotation, says "disabled" on objects that are
// left as they are.
const substituteKey = "kustomize.toolkit.fluxcd.io/substitute"

// substitute replaces variables in the objects as Flux's postBuild does: in
// their YAML, which is then parsed again. A variable that is not there is
// empty.
func (s *session) substitute(rendered resmap.ResMap) error {
	vars := make(map[string]string, len(s.options.Substitute))
	for name, value := range s.options.Substitute {
		if !variable.MatchString(name) {
			return fmt.Errorf("postBuild: %q is no name of a variable, which must match %s", name, variable)
		}
		vars[name] = strings.ReplaceAll(value, "\n", "")
	}
	left := maxBytes // of all objects
	for _, r := range rendered.Resources() {
		err := replaceVariables(r, vars, &left)
		if err == nil {
			_, err = rendered.Replace(r)
		}
		if err != nil {
			return fmt.Errorf("postBuild of %s %s: %w", r.GetKind(), strings.TrimPrefix(r.GetNamespace()+"/"+r.GetName(), "/"), err)
		}
	}
	return nil
}

func replaceVariables(r *resource.Resource, vars map[string]string, left *int) error {
	if r.GetLabels()[substituteKey] == "disabled" || r.GetAnnotations()[substituteKey] == "disabled" {
		return nil
	}
	text, err := r.AsYAML()
	if err != nil {
		return err
	}
	if bytes.Count(text, []byte("$")) > maxVariables {
		return fmt.Errorf("uses variables more than %d times: split it", maxVariables)
	}
	template, err := parse.Parse(string(text))
	if err != nil {
		return err
	}
	if *left -= bound(template.Root, vars, *left); *left <= 0 {
		return fmt.Errorf("with its variables replaced, the root may grow to more than %d MiB", maxBytes>>20)
	}
	replaced, err := eval(string(text), vars)
	if err != nil {
		return err
	}
	if reason := inflated([]byte(replaced)); reason != "" {
		return fmt.Errorf("%s", reason)
	}
	plain, err := yaml.YAMLToJSON([]byte(replaced))
	if err != nil {
		return err
	}
	return r.UnmarshalJSON(plain)
}

// eval has Flux's own library replace variables.
func eval(text string, vars map[string]string) (replaced string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("envsubst gave up: %v", p)
		}
	}()
	return envsubst.Eval(text, func(name string) (string, bool) { return vars[name], true })
}

// bound is what the text of a template may come to in bytes, at most limit+1.
// A replacement within a value (${a//b/c}) can put its text between all bytes
// of the value.
func bound(n parse.Node, vars map[string]string, limit int) int {
	sum := 0
	switch n := n.(type) {
	case *parse.TextNode:
		sum = len(n.Value)
	case *parse.ListNode:
		for _, below := range n.Nodes {
			sum = min(sum+bound(below, vars, limit), limit+1)
		}
	case *parse.FuncNode:
		for _, below := range n.Args {
			sum = min(sum+bound(below, vars, limit), limit+1)
		}
		value := utf8Most * len(vars[n.Param])
		if strings.HasPrefix(n.Name, "/") {
			value = (value + 1) * (sum + 1)
		}
		sum += max(value, lengthDigits)
	}
	return min(sum, limit+1)
}

const (
	maxVariables = 50_000 // of one object: the parser is recursive, and a stack that is full ends the process
	utf8Most     = 3      // a change of case can make of one byte three
	lengthDigits = 20     // ${#a}
)

// adorn puts the sync object's labels and annotations on the objects (Flux:
// spec.commonMetadata).
func (s *session) adorn(objects []*unstructured.Unstructured) {
	over := func(own, set map[string]string) map[string]string {
		if own == nil {
			own = map[string]string{}
		}
		for key, value := range set {
			own[key] = value
		}
		return own
	}
	for _, u := range objects {
		if len(s.options.Labels) > 0 {
			u.SetLabels(over(u.GetLabels(), s.options.Labels))
		}
		if len(s.options.Annotations) > 0 {
			u.SetAnnotations(over(u.GetAnnotations(), s.options.Annotations))
		}
	}
}
