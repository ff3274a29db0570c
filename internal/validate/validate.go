// Package validate says what is wrong with a file that a person or irgit
// wrote, and checks Kubernetes objects offline as an API server would.
//
// [New] gives a [Validator] over the schemas embedded in the program (see
// schemas/README.md for their sources); [Validator.AddCRD] teaches it the kinds of
// a fleet's or a user's own CustomResourceDefinitions; [Validator.Object] is the
// one way in.
// One walk over an object's schema finds unknown fields, wrong types, missing
// fields, limits, formats and enums; the CEL rules of CRDs run through
// internal/expr; names, labels, selectors and the limits that the published
// OpenAPI leaves out are checked by the rules of Kubernetes' own admission. An
// object that an API server stores and its controller then leaves out, or takes
// for something else, is refused by that controller's rules: Istio, Cilium,
// Calico, KEDA, Argo Rollouts, Argo CD. Rules over a change (oldSelf) have no
// meaning here and are left out, and the shape of status is not asked. Null in a
// custom kind, which a server takes for absent, is refused.
//
// Every problem is reported, ordered by path. A kind without a schema is a
// problem, never a pass. A Validator is safe for concurrent use; schemas are
// unpacked when their group is first met, and compiled when their kind is.
package validate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/irgit/irgit/internal/expr"
)

// Problem is one finding: where it is and what is wrong, in words that name
// the way out.
type Problem struct {
	File    string `json:"file"`    // repository path or what the user called it, with line and column where known
	Path    string `json:"path"`    // field path, for example spec.rules[0].from
	Message string `json:"message"` //
}

// Validator holds schemas and compiled rules.
type Validator struct {
	env     *expr.Env
	bundles map[string]*bundle // by file name

	mu       sync.RWMutex             // guards what follows, and compiling
	kinds    map[string]*kind         // embedded, by apiVersion/kind
	own      map[string]*kind         // of AddCRD, likewise
	programs map[string]*expr.Program // CRD rules by source: Istio repeats a few hundredfold
}

// kind is a compiled kind.
type kind struct {
	apiVersion, name string
	namespaced       bool
	bundle           string // where its schema came from
	file             string // of AddCRD
	root             *node
}

// builtin tells whether the API server decodes the kind into Go types, for
// which null is the same as absent.
func (k *kind) builtin() bool { return k.bundle == builtins }

// buildFile tells whether the kind is a build file, which no API server sees.
func (k *kind) buildFile() bool { return k.bundle == buildFiles }

// New makes a Validator; it reads no schema yet.
func New() (*Validator, error) {
	env, err := expr.NewEnv(expr.Vars{"self": nil})
	if err != nil {
		return nil, fmt.Errorf("prepare schema rules: %w", err)
	}
	v := &Validator{
		env: env, kinds: make(map[string]*kind), own: make(map[string]*kind),
		programs: make(map[string]*expr.Program), bundles: make(map[string]*bundle),
	}
	for name := range bundleNames {
		v.bundles[name] = &bundle{name: name}
	}
	return v, nil
}

// Known tells whether there is a schema for the kind.
func (v *Validator) Known(apiVersion, kind string) bool {
	schemas, err := v.schemas(apiVersion, kind)
	return err == nil && len(schemas) > 0
}

// Object checks one object, given as plain data (what decoding JSON or YAML
// yields), and returns every problem ordered by path. The object is not
// changed. file only goes into the problems.
func (v *Validator) Object(file string, obj map[string]any) []Problem {
	w := &walk{file: file}
	apiVersion, _ := obj["apiVersion"].(string)
	name, _ := obj["kind"].(string)
	if apiVersion == "" {
		w.problem("is missing; every object needs apiVersion and kind", "apiVersion")
	}
	if name == "" {
		w.problem("is missing; every object needs apiVersion and kind", "kind")
	}
	if apiVersion == "" || name == "" {
		return w.problems
	}
	schemas, err := v.schemas(apiVersion, name)
	if err != nil {
		w.problem(err.Error(), "kind")
		return w.problems
	}
	if len(schemas) == 0 {
		w.problem(v.unknown(apiVersion, name), "kind")
	}
	for _, k := range schemas {
		if len(w.problems) == 0 {
			w.whole(k, obj)
		}
	}
	return w.problems
}

// whole checks an object by one schema.
func (w *walk) whole(k *kind, obj map[string]any) {
	w.kind, w.failed = k, false
	settled, _ := settle(k.root, obj, 0)
	obj, _ = settled.(map[string]any)
	w.value(k.root, obj)
	w.names(obj)
	if len(w.problems) == 0 {
		secondOpinion(w, obj)
	}
	slices.SortStableFunc(w.problems, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
	if k.file != "" {
		for i := range w.problems {
			w.problems[i].Message += ", by the definition in " + strings.Trim(short(k.file), `"`)
		}
	}
}

// schemas gives the schemas that an object of the kind must pass, in order: the
// embedded one and that of AddCRD; none when there is no schema.
func (v *Validator) schemas(apiVersion, name string) ([]*kind, error) {
	if strings.Contains(name, "/") { // else "apps" and "v1/Deployment" would be a key as well
		return nil, nil
	}
	embedded, err := v.kind(apiVersion, name)
	if err != nil {
		return nil, err
	}
	v.mu.RLock()
	own := v.own[apiVersion+"/"+name]
	v.mu.RUnlock()
	return slices.DeleteFunc([]*kind{embedded, own}, func(k *kind) bool { return k == nil }), nil
}

// kind compiles an embedded kind on first use; nil when there is none.
func (v *Validator) kind(apiVersion, name string) (*kind, error) {
	key := apiVersion + "/" + name
	v.mu.RLock()
	k, ok := v.kinds[key]
	v.mu.RUnlock()
	if ok {
		return k, nil
	}
	b := v.bundles[bundleOf(apiVersion)]
	if b == nil {
		return nil, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if k, ok := v.kinds[key]; ok {
		return k, nil
	}
	if err := b.load(); err != nil {
		return nil, err
	}
	raw, ok := b.Kinds[key]
	if !ok {
		return nil, nil // not remembered: the names come from outside and are without end
	}
	root, err := (&compiler{v: v, bundle: b}).kind(apiVersion, name, raw.Schema)
	if err != nil {
		return nil, err
	}
	k = &kind{apiVersion: apiVersion, name: name, namespaced: raw.Namespaced, bundle: b.name, root: root}
	v.kinds[key] = k
	return k, nil
}

// unknown words the refusal of a kind without a schema.
func (v *Validator) unknown(apiVersion, name string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all, versions []string
	for _, b := range v.bundles {
		if b.load() != nil {
			continue
		}
		for key := range b.Kinds {
			i := strings.LastIndexByte(key, '/')
			all = append(all, key[i+1:])
			if key[i+1:] == name {
				versions = append(versions, key[:i])
			}
		}
	}
	for key := range v.own {
		if i := strings.LastIndexByte(key, '/'); key[i+1:] == name {
			versions = append(versions, key[:i])
		}
	}
	if len(versions) > 0 {
		slices.Sort(versions)
		return fmt.Sprintf("there is no %s in %s; use apiVersion %s", name, short(apiVersion), strings.Join(slices.Compact(versions), " or "))
	}
	if near := Nearest(name, all); near != "" {
		return fmt.Sprintf("unknown kind %s in %s; did you mean %s?", short(name), short(apiVersion), near)
	}
	return fmt.Sprintf("no schema for kind %s of %s, so it cannot be checked and is refused", short(name), short(apiVersion))
}
