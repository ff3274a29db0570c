package controllers

import (
	"fmt"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/kustomize"
)

// source is what a Flux Kustomization gets of the repository.
type source struct {
	view      kustomize.Source
	suspended string
	pinned    string
	pushed    string
}

// sourceSpec is what irgit reads of a GitRepository, an OCIRepository or a
// Bucket (source-controller: api/v1).
type sourceSpec struct {
	URL            string   `json:"url"`
	Ignore         *string  `json:"ignore"`
	SparseCheckout []string `json:"sparseCheckout"`
	Include        []any    `json:"include"`
	Suspend        bool     `json:"suspend"`
	Ref            struct {
		Branch string `json:"branch"`
		Tag    string `json:"tag"`
		SemVer string `json:"semver"`
		Name   string `json:"name"`
		Commit string `json:"commit"`
	} `json:"ref"`
}

// fluxSource finds what a Kustomization's sourceRef stands for.
func fluxSource(env Env, obj *unstructured.Unstructured, ref sourceReference) (source, *Unknown) {
	if ref.Namespace == "" {
		ref.Namespace = obj.GetNamespace()
	}
	switch ref.Kind {
	case "GitRepository", "OCIRepository", "Bucket":
		return repositorySource(env, obj, ref)
	case "ExternalArtifact":
		return artifactSource(env, obj, ref)
	}
	return source{}, unknownf(obj, "has a source of kind %q, which Flux does not know", ref.Kind).with("correct spec.sourceRef.kind")
}

// repositorySource is a source that source-controller fetches.
func repositorySource(env Env, obj *unstructured.Unstructured, ref sourceReference) (s source, u *Unknown) {
	name := ref.Kind + " " + path.Join(ref.Namespace, ref.Name)
	known := env.Sources[ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}]
	repository := env.Find(ref.Kind, ref.Namespace, ref.Name)
	var spec sourceSpec
	switch {
	case repository == nil && !known:
		return s, unknownf(obj, "has %s for its source, which is not in this repository", name).
			with("declare the root in .irgit.yaml if that source is this repository").waiting()
	case repository != nil:
		if err := decode(repository.Object["spec"], &spec); err != nil {
			return s, unknownf(obj, "has %s for its source, whose spec Flux refuses: %v", name, err).with("correct it")
		}
		if !known && !env.Own(spec.URL) {
			return s, notOwn(obj, ref.Kind, name, spec)
		}
	}
	if len(spec.Include) > 0 {
		return s, unknownf(obj, "has %s for its source, which puts files of other repositories into it (spec.include)", name).
			with("declare the root in .irgit.yaml")
	}
	s.view = kustomize.Source{Ignores: true}
	if spec.Ignore != nil {
		s.view.Ignore = *spec.Ignore
	}
	for _, dir := range spec.SparseCheckout {
		s.view.Sparse = append(s.view.Sparse, cleanPath(dir))
	}
	if spec.Suspend {
		s.suspended = name + ", its source, is suspended"
	}
	switch ref.Kind {
	case "OCIRepository":
		s.pushed = name + ", its source, is an artifact that something has to push"
	case "Bucket":
		s.pushed = name + ", its source, is a bucket that something has to fill"
	default:
		s.pinned = spec.pinned(name)
	}
	return s, nil
}

func notOwn(obj *unstructured.Unstructured, kind, name string, spec sourceSpec) *Unknown {
	switch kind {
	case "OCIRepository":
		return unknownf(obj, "is an OCI artifact: %s has its content in a registry", name).
			with("declare the root in .irgit.yaml if the artifact is made of this repository")
	case "Bucket":
		return unknownf(obj, "is a bucket: %s has its content in a store of objects", name).
			with("declare the root in .irgit.yaml if the bucket is filled from this repository")
	}
	if strings.Contains(spec.URL, "${") {
		return unknownf(obj, "has %s for its source, with a variable in its URL that nothing replaces", name).waiting()
	}
	return unknownf(obj, "is in another repository: %s has its content elsewhere", name).with("run irgit on that repository too")
}

// pinned says what has to move before a commit reaches the cluster.
func (s sourceSpec) pinned(name string) string {
	r := s.Ref
	switch {
	case r.Commit != "":
		return fmt.Sprintf("%s, its source, stays at commit %s", name, r.Commit)
	case r.Name != "" && !strings.HasPrefix(r.Name, "refs/heads/"):
		return fmt.Sprintf("%s, its source, follows %s, no branch", name, r.Name)
	case r.SemVer != "" && r.Name == "":
		return fmt.Sprintf("%s, its source, follows tags in the range %s", name, r.SemVer)
	case r.Tag != "" && r.Name == "":
		return fmt.Sprintf("%s, its source, stays at tag %s", name, r.Tag)
	}
	return ""
}

// generatorSpec is what irgit reads of an ArtifactGenerator (source-watcher:
// api/v1beta1/artifactgenerator_types.go).
type generatorSpec struct {
	Sources []struct {
		Alias string `json:"alias"`
		sourceReference
	} `json:"sources"`
	PathPattern string `json:"pathPattern"`
	Artifacts   []struct {
		Name string          `json:"name"`
		Copy []copyOperation `json:"copy"`
	} `json:"artifacts"`
}

type copyOperation struct {
	From     string   `json:"from"`
	To       string   `json:"to"`
	Exclude  []string `json:"exclude"`
	Strategy string   `json:"strategy"`
}

// artifactSource is an artifact that source-watcher makes of other sources.
func artifactSource(env Env, obj *unstructured.Unstructured, ref sourceReference) (source, *Unknown) {
	var all []*unstructured.Unstructured
	if env.All != nil {
		all = env.All("ArtifactGenerator")
	}
	for _, g := range all {
		var spec generatorSpec
		if g.GetNamespace() != ref.Namespace || decode(g.Object["spec"], &spec) != nil {
			continue
		}
		for _, a := range spec.Artifacts {
			if a.Name == ref.Name && spec.PathPattern == "" {
				return spec.artifact(env, obj, g, a.Copy)
			}
		}
	}
	for _, g := range all {
		if pattern, ok, _ := unstructured.NestedString(g.Object, "spec", "pathPattern"); ok && pattern != "" && g.GetNamespace() == ref.Namespace {
			return source{}, unknownf(obj, "has the artifact %s for its source, which an ArtifactGenerator with a pathPattern may make (%s)", ref.Name, g.GetName()).
				with("declare the root in .irgit.yaml")
		}
	}
	return source{}, unknownf(obj, "has the artifact %s for its source, which no ArtifactGenerator in this repository makes", path.Join(ref.Namespace, ref.Name)).
		with("declare the root in .irgit.yaml").waiting()
}

// artifact reads copy operations that take from one repository.
func (spec generatorSpec) artifact(env Env, obj, generator *unstructured.Unstructured, copies []copyOperation) (s source, u *Unknown) {
	from := func(format string, args ...any) *Unknown {
		return unknownf(obj, "is made by ArtifactGenerator %s, which %s", path.Join(generator.GetNamespace(), generator.GetName()), fmt.Sprintf(format, args...)).
			with("declare the root in .irgit.yaml")
	}
	alias := ""
	for i, c := range copies {
		name, pattern, ok := strings.Cut(strings.TrimPrefix(c.From, "@"), "/")
		to, okTo := strings.CutPrefix(c.To, "@artifact/")
		switch {
		case !ok || !okTo:
			return s, from("has a copy from %q to %q that source-watcher refuses", c.From, c.To)
		case c.Strategy != "" && c.Strategy != "Overwrite":
			return s, from("copies by the strategy %s", c.Strategy)
		case i > 0 && name != alias:
			return s, from("puts several sources together")
		}
		alias = name
		s.view.Copies = append(s.view.Copies, kustomize.Copy{From: pattern, To: to, Exclude: c.Exclude})
	}
	for _, src := range spec.Sources {
		if src.Alias != alias {
			continue
		}
		if src.Namespace == "" {
			src.Namespace = generator.GetNamespace()
		}
		if src.Kind != "GitRepository" && src.Kind != "OCIRepository" && src.Kind != "Bucket" {
			return s, from("takes from a %s", src.Kind)
		}
		repository, u := repositorySource(env, obj, src.sourceReference)
		repository.view.Copies = s.view.Copies
		return repository, u
	}
	return s, from("copies from the source %q, which it does not name", alias)
}
