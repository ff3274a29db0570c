package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
)

type nestedGenerators struct {
	Generators []map[string]any `json:"generators"`
	MergeKeys  []string         `json:"mergeKeys"`
}

const maxNesting = 2 // generators in generators, as Argo CD permits

func (g *generation) child(ctx context.Context, raw map[string]any, outer parameters, depth int) ([]parameters, error) {
	if depth >= maxNesting {
		return nil, problemf("correct it", "nests generators deeper than Argo CD permits")
	}
	found, err := g.transform(ctx, raw, nil, outer, depth+1)
	switch {
	case err != nil:
		return nil, err
	case len(found) != 1:
		return nil, problemf("correct it", "has an entry with several generators within another generator")
	}
	return found[0].params, nil
}

// matrix combines each set of the first generator with each that the second
// one makes of it.
func (g *generation) matrix(ctx context.Context, spec nestedGenerators, depth int) (out []parameters, err error) {
	if len(spec.Generators) != 2 {
		return nil, problemf("correct it", "has a matrix of %d generators, and Argo CD takes two", len(spec.Generators))
	}
	first, err := g.child(ctx, spec.Generators[0], nil, depth)
	if err != nil {
		return nil, err
	}
	for _, a := range first {
		second, err := g.child(ctx, spec.Generators[1], a, depth)
		if err != nil {
			return nil, err
		}
		for _, b := range second {
			both, err := g.combined(a, b)
			if err != nil {
				return nil, err
			}
			out = append(out, both)
		}
		if out, err = g.counted(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (g *generation) combined(a, b parameters) (parameters, error) {
	if err := g.renderer.spend(sizeOf(a) + sizeOf(b)); err != nil {
		return nil, err
	}
	if g.spec.GoTemplate {
		return overlaid(copyOf(b), a).(parameters), nil
	}
	out := parameters{}
	for key, value := range a {
		out[key] = fmt.Sprint(value)
	}
	for key, value := range b {
		if old, ok := out[key]; ok && old != fmt.Sprint(value) {
			return nil, problemf("set goTemplate, or a pathParamPrefix", "has a matrix whose generators do not agree on %s", key)
		}
		out[key] = fmt.Sprint(value)
	}
	return out, nil
}

// merge overrides the sets of the first generator by those of the others that
// have the same values for the keys.
func (g *generation) merge(ctx context.Context, spec nestedGenerators, depth int) (out []parameters, err error) {
	if len(spec.Generators) < 2 || len(spec.MergeKeys) == 0 {
		return nil, problemf("correct it", "has a merge generator with too few generators or keys")
	}
	var merged map[string]parameters
	for i, raw := range spec.Generators {
		found, err := g.child(ctx, raw, nil, depth)
		if err != nil {
			return nil, err
		}
		sets, err := keyed(spec.MergeKeys, found)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			merged = sets
			continue
		}
		for key, set := range merged {
			override, ok := sets[key]
			if !ok {
				continue
			}
			if err := g.renderer.spend(sizeOf(set) + sizeOf(override)); err != nil {
				return nil, err
			}
			if g.spec.GoTemplate {
				merged[key] = overlaid(copyOf(set), override).(parameters)
			} else {
				merged[key] = maps.Clone(set)
				maps.Copy(merged[key], override)
			}
		}
	}
	for _, key := range sortedKeys(merged) {
		out = append(out, merged[key])
	}
	return out, nil
}

func keyed(keys []string, sets []parameters) (map[string]parameters, error) {
	out := map[string]parameters{}
	for _, set := range sets {
		of := map[string]any{}
		for _, key := range keys {
			of[key] = set[key]
		}
		data, err := json.Marshal(of)
		if err != nil {
			return nil, problemf("", "has a merge generator whose keys are no plain values")
		}
		if _, ok := out[string(data)]; ok {
			return nil, problemf("correct it", "has a merge generator with more than one set of parameters for %s", data)
		}
		out[string(data)] = set
	}
	return out, nil
}
