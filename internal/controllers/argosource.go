package controllers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/irgit/irgit/internal/gitops"
)

// applicationSource is one source of an Application.
type applicationSource struct {
	RepoURL        string           `json:"repoURL,omitempty"`
	Path           string           `json:"path,omitempty"`
	TargetRevision string           `json:"targetRevision,omitempty"`
	Chart          string           `json:"chart,omitempty"`
	Ref            string           `json:"ref,omitempty"`
	Helm           map[string]any   `json:"helm,omitempty"`
	Plugin         map[string]any   `json:"plugin,omitempty"`
	Kustomize      *kustomizeSource `json:"kustomize,omitempty"`
	Directory      *directorySource `json:"directory,omitempty"`
}

type directorySource struct {
	Recurse                bool           `json:"recurse,omitempty"`
	Include                string         `json:"include,omitempty"`
	Exclude                string         `json:"exclude,omitempty"`
	Jsonnet                map[string]any `json:"jsonnet,omitempty"`
	DisableExtensionFilter bool           `json:"disableExtensionFilter,omitempty"`
}

type kustomizeSource struct {
	NamePrefix              string            `json:"namePrefix,omitempty"`
	NameSuffix              string            `json:"nameSuffix,omitempty"`
	Namespace               string            `json:"namespace,omitempty"`
	Version                 string            `json:"version,omitempty"`
	Images                  []string          `json:"images,omitempty"`
	Replicas                []replicas        `json:"replicas,omitempty"`
	Patches                 []argoPatch       `json:"patches,omitempty"`
	Components              []string          `json:"components,omitempty"`
	IgnoreMissingComponents bool              `json:"ignoreMissingComponents,omitempty"`
	CommonLabels            map[string]string `json:"commonLabels,omitempty"`
	LabelWithoutSelector    bool              `json:"labelWithoutSelector,omitempty"`
	LabelIncludeTemplates   bool              `json:"labelIncludeTemplates,omitempty"`
	CommonAnnotations       map[string]string `json:"commonAnnotations,omitempty"`
	AnnotationsEnvsubst     bool              `json:"commonAnnotationsEnvsubst,omitempty"`
	KubeVersion             string            `json:"kubeVersion,omitempty"`
	APIVersions             []string          `json:"apiVersions,omitempty"`
}

type replicas struct {
	Name  string `json:"name"`
	Count any    `json:"count"` // a number or its text
}

type argoPatch struct {
	Path    string             `json:"path,omitempty"`
	Patch   string             `json:"patch,omitempty"`
	Target  *kustomizeSelector `json:"target,omitempty"`
	Options map[string]bool    `json:"options,omitempty"`
}

// overridden is a source with what the directory's .argocd-source.yaml and
// .argocd-source-<application>.yaml say otherwise: merge patches of its tool's
// parameters (argo-cd: mergeSourceParameters in reposerver/repository).
func (a application) overridden(ctx context.Context, source applicationSource) (applicationSource, *Unknown, error) {
	merged := source
	for _, name := range []string{".argocd-source.yaml", ".argocd-source-" + a.obj.GetName() + ".yaml"} {
		file := path.Join(source.Path, name)
		e, ok, err := entryAt(ctx, a.env.Tree, file)
		if err != nil {
			return source, nil, err
		}
		if !ok || e.Mode == gitops.Dir {
			continue
		}
		data, err := a.env.Tree.ReadFile(ctx, file)
		if gone(ctx, err) != nil {
			return source, nil, err
		}
		if err == nil {
			merged, err = merged.patched(data)
		}
		if err != nil {
			return source, unknownf(a.obj, "has its source changed by %s, which Argo CD refuses: %v", file, err).with("correct the file"), nil
		}
	}
	merged.RepoURL, merged.Path, merged.TargetRevision = source.RepoURL, source.Path, source.TargetRevision
	merged.Chart, merged.Ref = source.Chart, source.Ref
	return merged, nil, nil
}

func (s applicationSource) patched(data []byte) (out applicationSource, err error) {
	var plain, patch any
	if err := decode(s, &plain); err != nil {
		return s, err
	}
	if err := readYAML(data, &patch); err != nil {
		return s, err
	}
	err = decode(mergePatch(plain, patch), &out)
	return out, err
}

// mergePatch is RFC 7386.
func mergePatch(into, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if m, ok := into.(map[string]any); ok {
		out = m
	}
	for key, value := range changes {
		if value == nil {
			delete(out, key)
			continue
		}
		out[key] = mergePatch(out[key], value)
	}
	return out
}

// tools are those that a source names. One that only has zero values counts for
// none (argo-cd: NormalizeSource in util/argo).
func (s applicationSource) tools() (out []string) {
	if k := s.Kustomize; k != nil && (k.NamePrefix != "" || k.NameSuffix != "" || k.Version != "" || k.Namespace != "" || k.KubeVersion != "" ||
		k.IgnoreMissingComponents || len(k.Images)+len(k.Replicas)+len(k.CommonLabels)+len(k.CommonAnnotations)+len(k.Patches)+len(k.Components)+len(k.APIVersions) > 0) {
		out = append(out, "kustomize")
	}
	if len(s.Helm) > 0 {
		out = append(out, "helm")
	}
	if d := s.Directory; d != nil && (d.Recurse || d.DisableExtensionFilter || d.Include != "" || d.Exclude != "" || len(d.Jsonnet) > 0) {
		out = append(out, "directory")
	}
	if s.Plugin != nil {
		out = append(out, "plugin")
	}
	return out
}

// discovered is the tool that Argo CD takes by the files of a directory. It
// walks them by name, so the last one decides (argo-cd: util/app/discovery).
func (a application) discovered(ctx context.Context, dir string) (tool string, err error) {
	entries, err := a.env.Tree.ReadDir(ctx, dir)
	if err != nil {
		return "", fmt.Errorf("read directory %s: %w", dir, err)
	}
	tool, last := "directory", ""
	for _, e := range entries {
		found := ""
		switch {
		case e.Mode == gitops.Dir || e.Mode == gitops.Submodule || e.Name < last:
		case strings.HasSuffix(e.Name, "Chart.yaml"):
			found = "helm"
		case e.Name == "kustomization.yaml" || e.Name == "kustomization.yml" || e.Name == "Kustomization":
			found = "kustomize"
		}
		if found != "" {
			tool, last = found, e.Name
		}
	}
	return tool, nil
}

// kustomizeFields are what Argo CD's repo server sets by `kustomize edit`
// (argo-cd: util/kustomize/kustomize.go), as fields of a kustomization.
func (s applicationSource) kustomizeFields(variable func(string) string) (map[string]any, error) {
	k := s.Kustomize
	if k == nil {
		return nil, nil
	}
	fields := map[string]any{}
	for key, value := range map[string]string{"namePrefix": k.NamePrefix, "nameSuffix": k.NameSuffix, "namespace": k.Namespace} {
		if value != "" {
			fields[key] = value
		}
	}
	images, err := imagesOf(k.Images, variable)
	if err != nil {
		return nil, err
	}
	counts, err := countsOf(k.Replicas)
	if err != nil {
		return nil, err
	}
	for key, values := range map[string][]any{
		"images": images, "replicas": counts, "patches": list(k.Patches), "components": list(k.Components),
	} {
		if len(values) > 0 {
			fields[key] = values
		}
	}
	if labels := expanded(k.CommonLabels, variable); len(labels) > 0 && k.LabelWithoutSelector {
		fields["labels"] = []any{map[string]any{"pairs": labels, "includeTemplates": k.LabelIncludeTemplates}}
	} else if len(labels) > 0 {
		fields["commonLabels"] = labels
	}
	annotations := expanded(k.CommonAnnotations, nil)
	if k.AnnotationsEnvsubst {
		annotations = expanded(k.CommonAnnotations, variable)
	}
	if len(annotations) > 0 {
		fields["commonAnnotations"] = annotations
	}
	if len(fields) == 0 {
		return nil, nil
	}
	return fields, nil
}

func expanded(in map[string]string, variable func(string) string) map[string]any {
	out := map[string]any{}
	for key, value := range in {
		if variable != nil {
			value = os.Expand(value, variable)
		}
		out[key] = value
	}
	return out
}

func countsOf(in []replicas) (out []any, err error) {
	for _, r := range in {
		count, err := strconv.ParseInt(strings.TrimSpace(fmt.Sprint(r.Count)), 10, 32)
		if err != nil || r.Name == "" {
			return nil, fmt.Errorf("sets replicas %q of %q, which is no number", fmt.Sprint(r.Count), r.Name)
		}
		out = append(out, map[string]any{"name": r.Name, "count": count})
	}
	return out, nil
}

var imageTag = regexp.MustCompile(`^(.*):([a-zA-Z0-9._-]*|\*)$`)

// imagesOf reads images as `kustomize edit set image` does: name=new:tag,
// name=new@digest, name:tag, name@digest (kustomize: edit/set/setimage.go).
func imagesOf(in []string, variable func(string) string) (out []any, err error) {
	for _, text := range in {
		name, rest, renamed := strings.Cut(os.Expand(text, variable), "=")
		if !renamed {
			name, rest = "", name
		}
		image := kustomizeImage{Name: name}
		var digested bool
		if rest, image.Digest, digested = strings.Cut(rest, "@"); digested && image.Digest == "" {
			return nil, fmt.Errorf("sets the image %q, which ends in @", text)
		}
		if m := imageTag.FindStringSubmatch(rest); m != nil {
			rest, image.NewTag = m[1], m[2]
		} else if !digested && !renamed {
			return nil, fmt.Errorf("sets the image %q without a tag or digest", text)
		}
		if renamed {
			image.NewName = rest
		} else {
			image.Name = rest
		}
		out = append(out, image)
	}
	return out, nil
}

// gone is err if it says that the repository could not be asked.
func gone(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, gitops.ErrUnreachable) || errors.Is(err, gitops.ErrAuthentication) {
		return err
	}
	return nil
}
