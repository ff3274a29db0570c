package controllers

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/irgit/irgit/internal/kustomize"
)

// applicationSpec is what irgit reads of an Application's spec (argo-cd:
// pkg/apis/application/v1alpha1/types.go).
type applicationSpec struct {
	Project     string              `json:"project"`
	Source      *applicationSource  `json:"source"`
	Sources     []applicationSource `json:"sources"`
	Hydrator    any                 `json:"sourceHydrator"`
	Destination struct {
		Name      string `json:"name"`
		Server    string `json:"server"`
		Namespace string `json:"namespace"`
	} `json:"destination"`
	SyncPolicy struct {
		Automated *struct {
			Enabled  *bool `json:"enabled"`
			Prune    bool  `json:"prune"`
			SelfHeal bool  `json:"selfHeal"`
		} `json:"automated"`
		SyncOptions []string `json:"syncOptions"`
	} `json:"syncPolicy"`
	IgnoreDifferences []struct {
		Group        string   `json:"group"`
		Kind         string   `json:"kind"`
		Namespace    string   `json:"namespace"`
		Name         string   `json:"name"`
		JSONPointers []string `json:"jsonPointers"`
		JQ           []string `json:"jqPathExpressions"`
		Managers     []string `json:"managedFieldsManagers"`
	} `json:"ignoreDifferences"`
}

// application is an Application on its way to its Syncs.
type application struct {
	env  Env
	obj  *unstructured.Unstructured
	spec applicationSpec
}

// Application reads an Argo CD Application: one Sync for each of its sources
// that is a directory of this repository, one Unknown for each that is not. A
// source that only lends values to another (ref) is neither.
func Application(ctx context.Context, env Env, obj *unstructured.Unstructured) ([]Sync, []Unknown, error) {
	a := application{env: env, obj: obj}
	if err := decode(obj.Object["spec"], &a.spec); err != nil {
		return nil, []Unknown{*unknownf(obj, "has a spec that Argo CD refuses: %v", err).with("correct it")}, nil
	}
	if u := a.elsewhere(); u != nil {
		return nil, []Unknown{*u}, nil
	}
	sources := a.spec.Sources
	if len(sources) == 0 && a.spec.Source != nil {
		sources = []applicationSource{*a.spec.Source}
	}
	if len(sources) == 0 {
		return nil, []Unknown{*unknownf(obj, "has no source").with("set spec.source")}, nil
	}
	var syncs []Sync
	var unknowns []Unknown
	rules := a.rules()
	for i, source := range sources {
		if len(a.spec.Sources) > 0 && source.Ref != "" && source.Path == "" && source.Chart == "" {
			continue
		}
		s := &Sync{
			Controller: ArgoCD, Object: RefOf(obj), SourceIndex: i, Namespace: a.spec.Destination.Namespace, Rules: rules,
			Destination: Destination{Name: a.spec.Destination.Name, Server: a.spec.Destination.Server},
		}
		u, err := a.sync(ctx, source, s)
		switch {
		case err != nil:
			return nil, nil, err
		case u != nil:
			unknowns = append(unknowns, *u)
		default:
			syncs = append(syncs, *s)
		}
	}
	return syncs, unknowns, nil
}

// elsewhere says why none of the Application's sources can be told.
func (a application) elsewhere() *Unknown {
	if a.spec.Hydrator != nil {
		return unknownf(a.obj, "is hydrated: what a promoter writes to another branch is applied, not what is in this one").
			with("declare the root in .irgit.yaml")
	}
	d := a.spec.Destination
	for _, text := range []string{d.Name, d.Server, d.Namespace, a.spec.Project} {
		if strings.Contains(text, "{{") {
			return unknownf(a.obj, "has a template in %q that nothing fills in", text).with("declare the root in .irgit.yaml")
		}
	}
	return nil
}

var commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// sync reads one source into s, or says why it is not a directory of this
// repository.
func (a application) sync(ctx context.Context, source applicationSource, s *Sync) (*Unknown, error) {
	revision := strings.TrimPrefix(source.TargetRevision, "refs/heads/")
	switch {
	case source.Chart != "":
		return unknownf(a.obj, "renders the Helm chart %s of a chart repository", source.Chart).with(seeChart), nil
	case strings.Contains(source.RepoURL+source.Path+revision, "{{"):
		return unknownf(a.obj, "has a template in its source that nothing fills in").with("declare the root in .irgit.yaml"), nil
	case strings.HasPrefix(source.RepoURL, "oci://") && !a.env.Own(source.RepoURL):
		return unknownf(a.obj, "is an OCI artifact in a registry").with("declare the root in .irgit.yaml if the artifact is made of this repository"), nil
	case !a.env.Own(source.RepoURL):
		return unknownf(a.obj, "is in another repository").with("run irgit on that repository too"), nil
	case source.Path == "":
		return unknownf(a.obj, "has a source without path").with("set its path"), nil
	case path.IsAbs(source.Path):
		return unknownf(a.obj, "has the path %s, and Argo CD takes only relative ones", source.Path).with("correct it"), nil
	case revision == "" || revision == "HEAD" || revision == a.env.Branch:
	case commitID.MatchString(revision):
		s.Rules.Pinned = "its source stays at commit " + revision
	case a.env.Branch != "":
		return unknownf(a.obj, "follows %s, not the branch %s that is read here", revision, a.env.Branch).with("run irgit on that branch too"), nil
	}
	if path.Clean(source.Path) == ".." || strings.HasPrefix(path.Clean(source.Path), "../") {
		return unknownf(a.obj, "has the path %s, which leaves the repository", source.Path).with("correct it"), nil
	}
	s.Path = path.Clean(source.Path)
	if u, err := missingDir(ctx, a.env, a.obj, s.Path); u != nil || err != nil {
		return u, err
	}
	return a.build(ctx, source, s)
}

const seeChart = "render the chart into the repository, or declare what it makes in .irgit.yaml"

// build says how the directory is built.
func (a application) build(ctx context.Context, source applicationSource, s *Sync) (*Unknown, error) {
	source, u, err := a.overridden(ctx, source)
	if u != nil || err != nil {
		return u, err
	}
	tools := source.tools()
	if len(tools) == 0 {
		tool, err := a.discovered(ctx, s.Path)
		if err != nil {
			return nil, err
		}
		tools = []string{tool}
	}
	switch {
	case len(tools) > 1:
		return unknownf(a.obj, "has a source with %s, and Argo CD takes one of them", strings.Join(tools, " and ")).with("leave one"), nil
	case tools[0] == "helm":
		return unknownf(a.obj, "renders the Helm chart in %s", s.Path).with(seeChart), nil
	case tools[0] == "plugin":
		return unknownf(a.obj, "renders %s by a plugin of the cluster", s.Path).with("declare what it makes in .irgit.yaml"), nil
	case tools[0] == "kustomize":
		if s.Build.Fields, err = source.kustomizeFields(a.variables(source)); err != nil {
			return unknownf(a.obj, "%v", err).with("correct spec.source.kustomize"), nil
		}
		s.Build.OptionalComponents = source.Kustomize != nil && source.Kustomize.IgnoreMissingComponents
		return nil, nil
	}
	d := source.Directory
	if d == nil {
		d = &directorySource{}
	}
	if d.DisableExtensionFilter {
		return unknownf(a.obj, "applies every file of %s, whatever its name", s.Path).with("leave out disableExtensionFilter"), nil
	}
	s.Build.Directory = &kustomize.Directory{Recurse: d.Recurse, Include: d.Include, Exclude: d.Exclude}
	return nil, nil
}

// rules are what the Application and its AppProject say about syncing it.
func (a application) rules() Rules {
	r := Rules{ProjectName: a.spec.Project}
	if r.ProjectName == "" {
		r.ProjectName = "default"
	}
	if a.obj.GetAnnotations()["argocd.argoproj.io/skip-reconcile"] == "true" {
		r.Suspended = "the annotation argocd.argoproj.io/skip-reconcile is true"
	}
	switch automated := a.spec.SyncPolicy.Automated; {
	case automated == nil:
		r.Manual = "spec.syncPolicy.automated is not set"
	case automated.Enabled != nil && !*automated.Enabled:
		r.Manual = "spec.syncPolicy.automated.enabled is false"
	default:
		r.Prune, r.SelfHeal = automated.Prune, automated.SelfHeal
	}
	respected := slices.ContainsFunc(a.spec.SyncPolicy.SyncOptions, func(o string) bool {
		return strings.TrimSpace(o) == "RespectIgnoreDifferences=true"
	})
	for _, d := range a.spec.IgnoreDifferences {
		r.Ignored = append(r.Ignored, IgnoredField{
			Group: d.Group, Kind: d.Kind, Namespace: d.Namespace, Name: d.Name,
			Pointers: d.JSONPointers, JQ: d.JQ, Managers: d.Managers, Respected: respected,
		})
	}
	a.project(&r)
	return r
}

// variables are what Argo CD puts for $ARGOCD_APP_… in labels, annotations and
// images, without the revision, which is not known before the merge.
func (a application) variables(source applicationSource) func(string) string {
	values := map[string]string{
		"$": "$", "ARGOCD_APP_NAME": a.obj.GetName(), "ARGOCD_APP_NAMESPACE": a.spec.Destination.Namespace,
		"ARGOCD_APP_PROJECT_NAME": a.spec.Project, "ARGOCD_APP_SOURCE_REPO_URL": source.RepoURL,
		"ARGOCD_APP_SOURCE_PATH": source.Path, "ARGOCD_APP_SOURCE_TARGET_REVISION": source.TargetRevision,
	}
	return func(name string) string {
		if strings.HasPrefix(name, "ARGOCD_APP_REVISION") {
			return fmt.Sprintf("${%s}", name)
		}
		return values[name]
	}
}
