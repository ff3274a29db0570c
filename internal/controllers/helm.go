package controllers

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/irgit/irgit/internal/kustomize"
)

// HelmGroup is the API group of a Flux HelmRelease.
const HelmGroup = "helm.toolkit.fluxcd.io"

// helmReleaseSpec is what irgit reads of a HelmRelease's spec (helm-controller:
// api/v2/helmrelease_types.go), and of the patches that v2beta2 has beside it.
type helmReleaseSpec struct {
	KubeConfig *struct {
		SecretRef    *sourceReference `json:"secretRef"`
		ConfigMapRef *sourceReference `json:"configMapRef"`
	} `json:"kubeConfig"`
	Suspend         bool   `json:"suspend"`
	TargetNamespace string `json:"targetNamespace"`
	DependsOn       []struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"dependsOn"`
	ServiceAccountName string `json:"serviceAccountName"`
	CommonMetadata     struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"commonMetadata"`
	PostRenderers []struct {
		Kustomize *postRenderer `json:"kustomize"`
	} `json:"postRenderers"`
	DriftDetection struct {
		Mode string `json:"mode"`
	} `json:"driftDetection"`
	Upgrade helmUpgrade `json:"upgrade"`
	Test    struct {
		Enable         bool `json:"enable"`
		IgnoreFailures bool `json:"ignoreFailures"`
	} `json:"test"`
}

type postRenderer struct {
	Patches               []kustomizePatch `json:"patches"`
	Images                []kustomizeImage `json:"images"`
	PatchesStrategicMerge []any            `json:"patchesStrategicMerge"`
	PatchesJSON6902       []any            `json:"patchesJson6902"`
}

type helmUpgrade struct {
	DisableHooks bool `json:"disableHooks"`
	Strategy     struct {
		Name string `json:"name"`
	} `json:"strategy"`
	Remediation struct {
		Retries              int    `json:"retries"`
		RemediateLastFailure *bool  `json:"remediateLastFailure"`
		Strategy             string `json:"strategy"`
	} `json:"remediation"`
}

// Helm reads a Flux HelmRelease whose chart renders to what the team keeps in
// the directory rendered, as `helm template` prints it: helm-controller's
// post-renderers are run over that, and nothing is inflated. Exactly one of the
// two answers is not nil, unless the repository could not be read.
func Helm(ctx context.Context, env Env, obj *unstructured.Unstructured, rendered string) (*Sync, *Unknown, error) {
	var spec helmReleaseSpec
	if err := decode(obj.Object["spec"], &spec); err != nil {
		return nil, unknownf(obj, "has a spec that Flux refuses: %v", err).with("correct it"), nil
	}
	if k := spec.KubeConfig; k != nil {
		return nil, unknownf(obj, "installs into another cluster, which a kubeconfig names").with("declare the directory as a root of that cluster in .irgit.yaml"), nil
	}
	passes, u := spec.passes(obj)
	if u != nil {
		return nil, u, nil
	}
	if u, err := missingDir(ctx, env, obj, rendered); u != nil || err != nil {
		return nil, u, err
	}
	s := &Sync{
		Controller: FluxCD, Object: RefOf(obj), Path: rendered, Namespace: cmp.Or(spec.TargetNamespace, obj.GetNamespace()),
		Build: kustomize.Options{Generate: true, Fields: passes, Labels: map[string]string{}, Annotations: spec.CommonMetadata.Annotations},
		Rules: Rules{
			Prune: true, SelfHeal: spec.DriftDetection.Mode == "enabled", ServiceAccount: spec.ServiceAccountName,
			Effect: spec.effect(), Cautions: spec.cautions(obj),
		},
	}
	// The labels of its origin win over common ones (helm-controller: internal/postrender/build.go).
	for key, value := range spec.CommonMetadata.Labels {
		s.Build.Labels[key] = value
	}
	s.Build.Labels[HelmGroup+"/name"], s.Build.Labels[HelmGroup+"/namespace"] = obj.GetName(), obj.GetNamespace()
	if spec.Suspend {
		s.Rules.Suspended = "spec.suspend is true"
	}
	for _, d := range spec.DependsOn {
		s.DependsOn = append(s.DependsOn, cmp.Or(d.Namespace, obj.GetNamespace())+"/"+d.Name)
	}
	return s, nil, nil
}

// InstallsChart reports whether what a sync object applies is what a chart
// renders, so that it stands in no file that a controller reads.
func (s Sync) InstallsChart() bool {
	return s.Object.Kind == "HelmRelease" && strings.HasPrefix(s.Object.APIVersion, HelmGroup+"/")
}

// passes are spec.postRenderers. helm-controller runs one kustomization after
// the other over what the chart renders, each with its patches before its
// images (internal/postrender/kustomize.go); transformers run one after the
// other, and after all else of a kustomization.
func (s helmReleaseSpec) passes(obj *unstructured.Unstructured) (map[string]any, *Unknown) {
	var all []any
	add := func(kind string, fields map[string]any) *Unknown {
		fields["apiVersion"], fields["kind"] = "builtin", kind
		fields["metadata"] = map[string]any{"name": fmt.Sprintf("post-renderer-%04d", len(all))}
		text, err := json.Marshal(fields)
		if err != nil {
			return unknownf(obj, "has a post-renderer that cannot be read: %v", err)
		}
		all = append(all, string(text)+"\n") // the end of the line tells it from a path
		return nil
	}
	for i, p := range s.PostRenderers {
		if p.Kustomize == nil {
			continue
		}
		if len(p.Kustomize.PatchesStrategicMerge)+len(p.Kustomize.PatchesJSON6902) > 0 {
			return nil, unknownf(obj, "has patchesStrategicMerge or patchesJson6902 in spec.postRenderers[%d], which helm-controller takes no more", i).
				with("write them as patches")
		}
		for j, patch := range p.Kustomize.Patches {
			if renames(patch.Patch) {
				return nil, unknownf(obj, "has a patch in spec.postRenderers[%d].kustomize.patches[%d] that changes what an object is called, which irgit does not follow", i, j).
					with("keep the objects in the directory as they are called in the cluster, and leave the patch out")
			}
			fields := map[string]any{"patch": patch.Patch}
			if patch.Target != nil {
				fields["target"] = patch.Target
			}
			if u := add("PatchTransformer", fields); u != nil {
				return nil, u
			}
		}
		for _, image := range p.Kustomize.Images {
			if u := add("ImageTagTransformer", map[string]any{"imageTag": image, "fieldSpecs": imageFields}); u != nil {
				return nil, u
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return map[string]any{"transformers": all}, nil
}

// imageFields are those that `images:` of a kustomization looks at (kustomize:
// internal/konfig/builtinpluginconsts/images.go).
var imageFields = []any{
	map[string]any{"path": "spec/containers[]/image", "create": true},
	map[string]any{"path": "spec/initContainers[]/image", "create": true},
	map[string]any{"path": "spec/volumes[]/image/reference", "create": true},
	map[string]any{"path": "spec/template/spec/containers[]/image", "create": true},
	map[string]any{"path": "spec/template/spec/initContainers[]/image", "create": true},
	map[string]any{"path": "spec/template/spec/volumes[]/image/reference", "create": true},
}

// renames reports whether a patch is a list of operations of which one changes
// an object's identity: within one build it would still be known by its old one.
func renames(patch string) bool {
	var operations []struct{ Op, Path string }
	if yaml.Unmarshal([]byte(patch), &operations) != nil {
		return false // a strategic merge, which keeps it
	}
	identity := []string{"", "/apiVersion", "/kind", "/metadata", "/metadata/name", "/metadata/namespace"}
	for _, o := range operations {
		if o.Op != "test" && slices.Contains(identity, o.Path) {
			return true
		}
	}
	return false
}

// effect says what follows from a change of spec.postRenderers (helm-controller:
// internal/reconcile/state.go, docs/spec/v2/helmreleases.md). A paused
// Deployment is not waited for (internal/action/wait.go), so that it holds no
// upgrade up.
func (s helmReleaseSpec) effect() string {
	out := "helm-controller upgrades the release for it, by the chart as it is at that time: "
	if !s.Upgrade.DisableHooks {
		out += "the chart's hooks run, and "
	}
	out += "what the chart makes anew each time it is rendered changes as well"
	if s.DriftDetection.Mode != "enabled" {
		out += "; what somebody then changes in the cluster is not put back, since spec.driftDetection.mode is not enabled"
	}
	return out
}

// cautions are what may take the upgrade back, or keep it from happening
// (helm-controller: api/v2/helmrelease_types.go, internal/reconcile/atomic_release.go).
func (s helmReleaseSpec) cautions(obj *unstructured.Unstructured) (out []Caution) {
	r := s.Upgrade.Remediation
	remediates := s.Upgrade.Strategy.Name != "RetryOnFailure" && (r.Retries != 0 || r.RemediateLastFailure != nil && *r.RemediateLastFailure)
	fails := "an upgrade that fails, since an object of the release is not ready in time or a hook fails,"
	if s.Test.Enable && !s.Test.IgnoreFailures {
		fails = "an upgrade that fails, since an object of the release is not ready in time or a hook or a test fails,"
	}
	switch {
	case remediates && r.Strategy == "uninstall":
		out = append(out, Caution{
			"answers " + fails + " by uninstalling the release, with all that is to be looked at", "set spec.upgrade.remediation.strategy to rollback, or retries to 0, for as long as the incident is open",
		})
	case remediates:
		out = append(out, Caution{
			"answers " + fails + " by rolling the release back, and the patch with it", "watch the upgrade, or set spec.upgrade.remediation.retries to 0 for as long as the incident is open",
		})
	}
	if version := strings.TrimPrefix(obj.GetAPIVersion(), HelmGroup+"/"); strings.HasPrefix(version, "v2beta") {
		out = append(out, Caution{
			"is of " + version + ": a helm-controller older than 1.0 does not upgrade a release when its post-renderers alone change", "see whether the release was upgraded after the merge",
		})
	}
	return out
}
