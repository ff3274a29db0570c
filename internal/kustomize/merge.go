package kustomize

import (
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// merged is a root's kustomization as its controller leaves it before the
// build: own is the file's content, or nil when the root has none and
// resources stands in its place.
//
// Flux reads the file loosely and writes all of it anew, whether it sets
// something or not (fluxcd/pkg: kustomize/kustomize_generator.go). Argo CD runs
// `kustomize edit` for each thing that it sets (argo-cd:
// util/kustomize/kustomize.go).
func (s *session) merged(own []byte, resources []string) ([]byte, error) {
	flux, generated := s.options.Generate, own == nil
	if !flux && !generated && len(s.options.Fields) == 0 {
		return s.tracked(own), nil
	}
	k := types.Kustomization{TypeMeta: types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind}}
	var err error
	switch {
	case generated && len(resources) == 0:
		k.Namespace = "_placeholder" // Flux's, since the library refuses a kustomization without any field
	case generated:
		k.Resources = resources
	case flux:
		if err = yaml.Unmarshal(own, &k); len(k.Resources) == 0 {
			k.BuildMetadata = []string{types.OriginAnnotations} // for the same reason
		}
	default:
		if err = k.Unmarshal(own); err == nil {
			k.FixKustomization()
		}
	}
	if err != nil {
		return nil, err
	}
	fields, err := s.fields()
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := through(k, &doc); err != nil {
		return nil, err
	}
	for key, value := range fields {
		doc[key] = combine(key, doc[key], value, flux)
	}
	data, err := yaml.Marshal(doc)
	return s.tracked(data), err
}

// fields are Options.Fields as plain JSON, without components that may be
// passed over.
func (s *session) fields() (map[string]any, error) {
	var fields map[string]any
	if err := through(s.options.Fields, &fields); err != nil {
		return nil, fmt.Errorf("fields that the sync object sets: %w", err)
	}
	if list, ok := fields["components"].([]any); ok && s.options.OptionalComponents {
		fields["components"] = slices.DeleteFunc(list, func(v any) bool {
			name, ok := v.(string)
			return ok && !s.Exists(mount(path.Join(s.root, name)))
		})
	}
	return fields, nil
}

// combine is the value of one field of a kustomization when a sync object sets
// it too.
func combine(key string, own, set any, flux bool) any {
	list, listed := set.([]any)
	if !listed {
		return overlay(own, set)
	}
	mine, _ := own.([]any)
	switch {
	case key == "images" && flux:
		return eachNamed(mine, list, fluxImage)
	case key == "images":
		return sorted(eachNamed(mine, list, argoImage))
	case key == "replicas":
		return sorted(eachNamed(mine, list, func(_, set map[string]any) {}))
	case key == "labels":
		return labelled(mine, list)
	case key == "buildMetadata":
		return list
	case key == "components" && !flux: // `kustomize edit add component`
		list = slices.DeleteFunc(slices.Clone(list), func(v any) bool { return slices.Contains(mine, v) })
	case key == "patchesStrategicMerge", key == "patchesJson6902":
		list = inText(list)
	}
	return slices.Concat(mine, list)
}

// overlay sets the keys of maps one by one, and everything else as it is.
func overlay(own, set any) any {
	below, ok := own.(map[string]any)
	above, too := set.(map[string]any)
	if !ok || !too {
		return set
	}
	for key, value := range above {
		below[key] = value
	}
	return below
}

// eachNamed puts the entries of set over those of the same name in own. keep
// takes over into an entry of set what stays of the own one.
func eachNamed(own, set []any, keep func(own, set map[string]any)) []any {
	out := slices.Clone(own)
	for _, v := range set {
		entry, _ := v.(map[string]any)
		at := slices.IndexFunc(out, func(v any) bool {
			m, _ := v.(map[string]any)
			return entry != nil && reflect.DeepEqual(m["name"], entry["name"])
		})
		old := map[string]any{}
		if at >= 0 {
			old, _ = out[at].(map[string]any)
		}
		if entry != nil {
			keep(old, entry)
		}
		if at >= 0 {
			out[at] = v
		} else {
			out = append(out, v)
		}
	}
	return out
}

// fluxImage keeps what is not set; tag and digest are one choice.
func fluxImage(own, set map[string]any) {
	keep := func(fields ...string) {
		for _, f := range fields {
			if value, ok := own[f]; ok && empty(set[f]) {
				set[f] = value
			}
		}
	}
	keep("newName")
	if empty(set["newTag"]) && empty(set["digest"]) {
		keep("newTag", "digest")
	}
}

// argoImage keeps nothing but what is set to "*" (kustomize edit set image).
func argoImage(own, set map[string]any) {
	for _, f := range []string{"newName", "newTag", "digest"} {
		if set[f] == "*" {
			set[f] = own[f]
		}
		if empty(set[f]) {
			delete(set, f)
		}
	}
}

func empty(v any) bool { return v == nil || v == "" }

func sorted(entries []any) []any {
	name := func(v any) string {
		m, _ := v.(map[string]any)
		n, _ := m["name"].(string)
		return n
	}
	slices.SortStableFunc(entries, func(a, b any) int { return strings.Compare(name(a), name(b)) })
	return entries
}

// labelled adds labels to the first entry with the same settings, as
// `kustomize edit add label --without-selector` does.
func labelled(own, set []any) []any {
	same := func(a, b map[string]any) bool {
		on := func(m map[string]any, f string) bool { return m[f] == true }
		return on(a, "includeSelectors") == on(b, "includeSelectors") && on(a, "includeTemplates") == on(b, "includeTemplates")
	}
	out := slices.Clone(own)
	for _, v := range set {
		entry, _ := v.(map[string]any)
		at := slices.IndexFunc(out, func(v any) bool {
			m, _ := v.(map[string]any)
			return m != nil && entry != nil && same(m, entry)
		})
		if at < 0 {
			out = append(out, v)
			continue
		}
		m := out[at].(map[string]any)
		m["pairs"] = overlay(m["pairs"], entry["pairs"])
	}
	return out
}

// inText writes patches that are values as the texts that the library takes.
func inText(patches []any) []any {
	out := make([]any, len(patches))
	for i, p := range patches {
		out[i] = p
		m, _ := p.(map[string]any)
		switch operations, _ := m["patch"].([]any); {
		case operations != nil:
			m["patch"] = asJSON(operations)
		case m != nil && m["kind"] != nil:
			out[i] = asJSON(m)
		}
	}
	return out
}

func asJSON(v any) string {
	data, _ := json.Marshal(v) // it came from JSON
	return string(data)
}

func through(from, to any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, to)
}
