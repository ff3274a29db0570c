package controllers

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// transformed are the parameters that a generator yields, with the template
// that they are for.
type transformed struct {
	params   []parameters
	template map[string]any
}

// kinds of generators, in the order in which Argo CD reads them from one entry,
// with why irgit cannot follow those that it does not.
var kinds = []struct{ name, reason string }{
	{"list", ""},
	{"clusters", ""},
	{"git", ""},
	{"scmProvider", "asks a forge for its repositories (scmProvider)"},
	{"clusterDecisionResource", "asks an object in the cluster for clusters (clusterDecisionResource)"},
	{"pullRequest", "asks a forge for its pull requests (pullRequest)"},
	{"matrix", ""},
	{"merge", ""},
	{"plugin", "asks a service for parameters (plugin)"},
}

// transform reads one entry of a list of generators (argo-cd: Transform in
// applicationset/generators). outer are the parameters of the other generator
// of a matrix. What is found goes with an error about the rest.
func (g *generation) transform(ctx context.Context, raw, template map[string]any, outer parameters, depth int) (out []transformed, err error) {
	var chosen selector
	if err := decode(raw["selector"], &chosen); err != nil {
		return nil, problemf("correct it", "has a selector that Argo CD refuses: %v", err)
	}
	filled := any(raw)
	if len(outer) > 0 {
		if filled, err = g.interpolated(raw, outer); err != nil {
			return nil, err
		}
	}
	some := false
	for _, kind := range kinds {
		if raw[kind.name] == nil {
			continue
		}
		some = true
		if kind.reason != "" {
			return out, problemf(declare, "%s", kind.reason)
		}
		found, err := g.params(ctx, kind.name, filled.(map[string]any)[kind.name], depth)
		if err != nil {
			return out, err
		}
		if raw["selector"] != nil {
			found = slices.DeleteFunc(found, func(p parameters) bool { return !chosen.matches(flattened(p)) })
		}
		own, _, _ := unstructured.NestedMap(raw, kind.name, "template")
		out = append(out, transformed{found, filledUp(own, template)})
	}
	if !some {
		if len(raw) == 0 {
			return nil, problemf("correct it", "has an empty generator")
		}
		return nil, problemf("correct it", "has a generator that irgit does not know (%s)", strings.Join(keysOf(raw), ", "))
	}
	return out, nil
}

// interpolated is the second generator of a matrix with the parameters of the
// first. Its values keep what only its own parameters can fill in.
func (g *generation) interpolated(raw map[string]any, outer parameters) (any, error) {
	out := map[string]any{}
	for _, name := range keysOf(raw) {
		below, ok := raw[name].(map[string]any)
		values, has := below["values"].(map[string]any)
		if has = has && ok && name != "list"; has {
			below = copyOf(below).(map[string]any)
			delete(below, "values")
		}
		part := raw[name]
		if ok {
			part = below
		}
		filled, err := g.renderer.deep(part, outer, 0)
		if err != nil {
			return nil, err
		}
		if has {
			filled.(map[string]any)["values"] = g.resolved(values, outer)
		}
		out[name] = filled
	}
	return out, nil
}

func (g *generation) resolved(values map[string]any, outer parameters) map[string]any {
	out := map[string]any{}
	for _, key := range keysOf(values) {
		out[key] = values[key]
		text, ok := values[key].(string)
		if !ok {
			continue
		}
		if !g.spec.GoTemplate {
			if filled, err := g.renderer.fill(text, outer); err == nil {
				out[key] = filled
			}
		} else if filled, err := g.renderer.fillGo(text, outer, []string{"missingkey=error"}); err == nil {
			out[key] = filled
		}
	}
	return out
}

func (g *generation) params(ctx context.Context, kind string, raw any, depth int) ([]parameters, error) {
	switch kind {
	case "list":
		return decoded(raw, g.list)
	case "clusters":
		return decoded(raw, g.clusters)
	case "git":
		return decoded(raw, func(spec gitGenerator) ([]parameters, error) { return g.git(ctx, spec) })
	case "matrix":
		return decoded(raw, func(spec nestedGenerators) ([]parameters, error) { return g.matrix(ctx, spec, depth) })
	}
	return decoded(raw, func(spec nestedGenerators) ([]parameters, error) { return g.merge(ctx, spec, depth) })
}

func decoded[T any](raw any, then func(T) ([]parameters, error)) ([]parameters, error) {
	var spec T
	if err := decode(raw, &spec); err != nil {
		return nil, problemf("correct it", "has a generator that Argo CD refuses: %v", err)
	}
	return then(spec)
}

type listGenerator struct {
	Elements     []map[string]any `json:"elements"`
	ElementsYAML string           `json:"elementsYaml"`
}

func (g *generation) list(spec listGenerator) (out []parameters, err error) {
	for _, element := range spec.Elements {
		if g.spec.GoTemplate {
			out = append(out, element)
			continue
		}
		params := parameters{}
		for key, value := range element {
			texts := map[string]any{key: value}
			if below, ok := value.(map[string]any); ok && key == "values" {
				texts = map[string]any{}
				for k, v := range below {
					texts["values."+k] = v
				}
			}
			for k, v := range texts {
				if _, ok := v.(string); !ok {
					return nil, problemf("make it a text, or set goTemplate", "has a list generator with %s, which is no text", k)
				}
				params[k] = v
			}
		}
		out = append(out, params)
	}
	if spec.ElementsYAML != "" {
		var more []parameters
		if err := readYAML([]byte(spec.ElementsYAML), &more); err != nil {
			return nil, problemf("correct it", "has elementsYaml that is no list of objects: %v", err)
		}
		out = append(out, more...)
	}
	return g.counted(out)
}

type clusterGenerator struct {
	Selector selector          `json:"selector"`
	Values   map[string]string `json:"values"`
	FlatList bool              `json:"flatList"`
}

// clusters yields the known clusters, and the one that Argo CD itself runs in
// unless labels are asked for, of which that has none.
func (g *generation) clusters(spec clusterGenerator) (out []parameters, err error) {
	if len(g.env.Clusters) == 0 {
		g.note(problemf("declare clusters with labels in .irgit.yaml", "makes an Application for each cluster that Argo CD knows, and none is declared"))
	}
	known := slices.SortedFunc(slices.Values(g.env.Clusters), func(a, b ClusterSecret) int { return cmp.Compare(a.Name, b.Name) })
	local := spec.Selector.empty()
	for _, c := range known {
		local = local && c.Server != inClusterServer
		labels := map[string]string{}
		for key, value := range c.Labels {
			labels[key] = value
		}
		labels["argocd.argoproj.io/secret-type"] = "cluster"
		if spec.Selector.matches(labels) {
			out = append(out, g.cluster(c, labels))
		}
	}
	if local {
		out = append(out, parameters{"name": inClusterName, "nameNormalized": inClusterName, "server": inClusterServer, "project": ""})
	}
	for _, p := range out {
		if err := g.addValues(spec.Values, p); err != nil {
			return nil, err
		}
	}
	if spec.FlatList {
		return []parameters{{"clusters": out}}, nil
	}
	return g.counted(out)
}

func (g *generation) cluster(c ClusterSecret, labels map[string]string) parameters {
	p := parameters{"name": c.Name, "nameNormalized": normalize(c.Name), "server": cmp.Or(c.Server, "https://"+c.Name+unknownServer), "project": ""}
	if g.spec.GoTemplate {
		p["metadata"] = map[string]any{"labels": labels}
		return p
	}
	for key, value := range labels {
		p["metadata.labels."+key] = value
	}
	return p
}

// unknownServer ends the address that stands for that of a cluster of which
// only the name is known (RFC 2606).
const unknownServer = ".cluster.invalid"

// named gives an Application that would go to such an address the name instead.
func named(app *unstructured.Unstructured) {
	server, _, _ := unstructured.NestedString(app.Object, "spec", "destination", "server")
	name, ok := strings.CutSuffix(strings.TrimPrefix(server, "https://"), unknownServer)
	if !ok {
		return
	}
	destination, _, _ := unstructured.NestedFieldNoCopy(app.Object, "spec", "destination")
	if d, ok := destination.(map[string]any); ok {
		d["name"] = name
		delete(d, "server")
	}
}

// counted refuses more sets of parameters than there may be Applications.
func (g *generation) counted(sets []parameters) ([]parameters, error) {
	if len(sets) > maxApplications {
		return nil, problemf("", "makes more than %d sets of parameters", maxApplications)
	}
	return sets, nil
}
