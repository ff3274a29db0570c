package controllers

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/kustomize"
)

// kustomizationSpec is what irgit reads of a Flux Kustomization's spec
// (kustomize-controller: api/v1/kustomization_types.go), and of the patches
// that v1beta2 has beside it.
type kustomizationSpec struct {
	Path      string          `json:"path"`
	SourceRef sourceReference `json:"sourceRef"`
	DependsOn []struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"dependsOn"`
	KubeConfig *struct {
		SecretRef    *sourceReference `json:"secretRef"`
		ConfigMapRef *sourceReference `json:"configMapRef"`
	} `json:"kubeConfig"`
	Suspend            bool   `json:"suspend"`
	Prune              bool   `json:"prune"`
	ServiceAccountName string `json:"serviceAccountName"`

	TargetNamespace         string           `json:"targetNamespace"`
	NamePrefix              string           `json:"namePrefix"`
	NameSuffix              string           `json:"nameSuffix"`
	Components              []string         `json:"components"`
	IgnoreMissingComponents bool             `json:"ignoreMissingComponents"`
	Patches                 []kustomizePatch `json:"patches"`
	PatchesStrategicMerge   []any            `json:"patchesStrategicMerge"`
	PatchesJSON6902         []any            `json:"patchesJson6902"`
	Images                  []kustomizeImage `json:"images"`
	BuildMetadata           []string         `json:"buildMetadata"`

	CommonMetadata struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"commonMetadata"`
	PostBuild postBuild    `json:"postBuild"`
	Ignore    []ignoreRule `json:"ignore"`
}

type sourceReference struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

type kustomizePatch struct {
	Patch  string             `json:"patch,omitempty"`
	Target *kustomizeSelector `json:"target,omitempty"`
}

type kustomizeSelector struct {
	Group              string `json:"group,omitempty"`
	Version            string `json:"version,omitempty"`
	Kind               string `json:"kind,omitempty"`
	Namespace          string `json:"namespace,omitempty"`
	Name               string `json:"name,omitempty"`
	AnnotationSelector string `json:"annotationSelector,omitempty"`
	LabelSelector      string `json:"labelSelector,omitempty"`
}

type kustomizeImage struct {
	Name    string `json:"name"`
	NewName string `json:"newName,omitempty"`
	NewTag  string `json:"newTag,omitempty"`
	Digest  string `json:"digest,omitempty"`
}

type postBuild struct {
	SubstituteStrategy string            `json:"substituteStrategy"`
	Substitute         map[string]string `json:"substitute"`
	SubstituteFrom     []struct {
		Kind     string `json:"kind"`
		Name     string `json:"name"`
		Optional bool   `json:"optional"`
	} `json:"substituteFrom"`
}

type ignoreRule struct {
	Paths  []string           `json:"paths"`
	Target *kustomizeSelector `json:"target"`
}

// Flux reads a Flux Kustomization. Exactly one of the two answers is not nil,
// unless the repository could not be read.
func Flux(ctx context.Context, env Env, obj *unstructured.Unstructured) (*Sync, *Unknown, error) {
	var spec kustomizationSpec
	if err := decode(obj.Object["spec"], &spec); err != nil {
		return nil, unknownf(obj, "has a spec that Flux refuses: %v", err).with("correct it"), nil
	}
	if u := fluxElsewhere(obj, spec); u != nil {
		return nil, u, nil
	}
	source, u := fluxSource(env, obj, spec.SourceRef)
	if u != nil {
		return nil, u, nil
	}
	s := &Sync{
		Controller: FluxCD, Object: RefOf(obj), Path: cleanPath(spec.Path),
		Build: kustomize.Options{
			Generate: true, Fields: spec.fields(), OptionalComponents: spec.IgnoreMissingComponents,
			Labels: spec.CommonMetadata.Labels, Annotations: spec.CommonMetadata.Annotations, Source: source.view,
		},
		Rules: Rules{
			Prune: spec.Prune, SelfHeal: true, ServiceAccount: spec.ServiceAccountName,
			Suspended: source.suspended, Pinned: source.pinned, Pushed: source.pushed, Ignored: fluxIgnored(spec.Ignore),
		},
	}
	if spec.Suspend {
		s.Rules.Suspended = "spec.suspend is true"
	}
	for _, d := range spec.DependsOn {
		namespace := d.Namespace
		if namespace == "" {
			namespace = obj.GetNamespace()
		}
		s.DependsOn = append(s.DependsOn, namespace+"/"+d.Name)
	}
	var err error
	if s.Build.Substitute, s.Missing, err = variables(env, obj.GetNamespace(), spec.PostBuild); err != nil {
		return nil, unknownf(obj, "%v", err).with("correct spec.postBuild"), nil
	}
	if len(source.view.Copies) == 0 {
		if u, err := missingDir(ctx, env, obj, s.Path); u != nil || err != nil {
			return nil, u, err
		}
	}
	return s, nil, nil
}

// fluxElsewhere says why a Kustomization is not about a directory that can be
// named, or not about the cluster that it lives in.
func fluxElsewhere(obj *unstructured.Unstructured, spec kustomizationSpec) *Unknown {
	if k := spec.KubeConfig; k != nil {
		of := "a kubeconfig"
		switch {
		case k.SecretRef != nil:
			of = "the kubeconfig in Secret " + k.SecretRef.Name
		case k.ConfigMapRef != nil:
			of = "the kubeconfig in ConfigMap " + k.ConfigMapRef.Name
		}
		return unknownf(obj, "applies to another cluster, which %s names", of).with("declare that cluster and its roots in .irgit.yaml")
	}
	for _, text := range []string{spec.Path, spec.SourceRef.Name, spec.SourceRef.Namespace} {
		if strings.Contains(text, "${") {
			return unknownf(obj, "has a variable in %q that nothing replaces", text).
				with("let what applies this Kustomization substitute it, or declare the root in .irgit.yaml").waiting()
		}
	}
	for _, c := range spec.Components {
		if !localPath(c) {
			return unknownf(obj, "has the component %q, and Flux takes only relative paths", c).with("correct spec.components")
		}
	}
	return nil
}

// localPath reports whether a component is a relative path and no address
// (fluxcd/pkg: IsLocalRelativePath in kustomize/kustomize_generator.go).
func localPath(name string) bool {
	lower := strings.ToLower(name)
	for _, p := range []string{"git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/"} {
		if len(p) < len(name) && strings.HasPrefix(lower, p) {
			return false
		}
	}
	return !path.IsAbs(name) && !path.IsAbs(strings.TrimPrefix(lower, "file://"))
}

// fields are what Flux's generator sets on the root's kustomization.
func (s kustomizationSpec) fields() map[string]any {
	fields := map[string]any{}
	for key, value := range map[string]string{"namespace": s.TargetNamespace, "namePrefix": s.NamePrefix, "nameSuffix": s.NameSuffix} {
		if value != "" {
			fields[key] = value
		}
	}
	for key, values := range map[string][]any{
		"components": list(s.Components), "patches": list(s.Patches), "images": list(s.Images), "buildMetadata": list(s.BuildMetadata),
		"patchesStrategicMerge": s.PatchesStrategicMerge, "patchesJson6902": s.PatchesJSON6902,
	} {
		if len(values) > 0 {
			fields[key] = values
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return fields
}

// variables are those of postBuild: what comes later in substituteFrom wins,
// and literal ones win over all (fluxcd/pkg: kustomize/kustomize_varsub.go).
// nil: nothing is substituted.
func variables(env Env, namespace string, p postBuild) (vars map[string]string, missing []string, err error) {
	vars = map[string]string{}
	some := p.SubstituteStrategy == "Always"
	for _, from := range p.SubstituteFrom {
		if from.Kind != "Secret" && from.Kind != "ConfigMap" {
			return nil, nil, fmt.Errorf("takes variables from a %q, and Flux takes them from a ConfigMap or a Secret", from.Kind)
		}
		name := fmt.Sprintf("%s %s/%s", from.Kind, namespace, from.Name)
		var found *unstructured.Unstructured
		if from.Kind == "ConfigMap" {
			found = env.Find(from.Kind, namespace, from.Name)
		}
		if found == nil {
			some = some || !from.Optional
			missing = append(missing, name)
			continue
		}
		data, _, err := unstructured.NestedStringMap(found.Object, "data")
		if err != nil {
			return nil, nil, fmt.Errorf("takes variables from %s, in which data is no map of texts", name)
		}
		for key, value := range data {
			if strings.HasPrefix(value, sopsValue) {
				missing = append(missing, name+", key "+key)
				continue
			}
			vars[key] = value
		}
	}
	for key, value := range p.Substitute {
		vars[key] = value
	}
	if len(vars) == 0 && !some {
		vars = nil
	}
	slices.Sort(missing)
	return vars, missing, nil
}

// sopsValue is how a value starts that SOPS encrypted.
const sopsValue = "ENC[AES256_GCM,"

// fluxIgnored are the fields that Flux neither compares nor applies.
func fluxIgnored(rules []ignoreRule) (out []IgnoredField) {
	for _, r := range rules {
		f := IgnoredField{Pointers: r.Paths, Respected: true, Regexp: true}
		if t := r.Target; t != nil {
			f.Group, f.Kind, f.Namespace, f.Name = t.Group, t.Kind, t.Namespace, t.Name
		}
		out = append(out, f)
	}
	return out
}
