package validate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// checkRollout follows the validation of Argo Rollouts' controller, which stops
// a Rollout that breaks it (github.com/argoproj/argo-rollouts:
// pkg/apis/rollouts/validation).
func checkRollout(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	if spec["workloadRef"] == nil {
		for _, field := range []string{"selector", "template"} {
			if spec[field] == nil {
				w.problem("is required, or workloadRef", "spec", field)
			}
		}
		if spec["selector"] != nil && spec["template"] != nil {
			w.under("spec", func() { checkWorkload(w, spec) })
		}
	} else if spec["template"] != nil {
		w.problem("cannot stand beside workloadRef", "spec", "template")
	}
	strategy, _ := spec["strategy"].(map[string]any)
	blueGreen, isBlueGreen := strategy["blueGreen"].(map[string]any)
	canary, isCanary := strategy["canary"].(map[string]any)
	switch {
	case isBlueGreen == isCanary:
		w.problem("must hold one of canary and blueGreen", "spec", "strategy")
	case isBlueGreen:
		if blueGreen["activeService"] == blueGreen["previewService"] {
			w.problem("must be another Service than previewService", "spec", "strategy", "blueGreen", "activeService")
		}
	default:
		w.under("spec", func() { w.canary(canary, "strategy", "canary") })
	}
}

var canarySteps = []string{"experiment", "pause", "setWeight", "analysis", "setCanaryScale", "setHeaderRoute", "setMirrorRoute", "plugin"}

func (w *walk) canary(canary map[string]any, at ...any) {
	if stable, _ := canary["stableService"].(string); stable != "" && canary["canaryService"] == stable {
		w.problem("must be another Service than canaryService", below(at, "stableService")...)
	}
	steps, _ := canary["steps"].([]any)
	for i, s := range steps {
		step, _ := s.(map[string]any)
		kinds := 0
		for _, kind := range canarySteps {
			if step[kind] != nil {
				kinds++
			}
		}
		if kinds != 1 {
			w.problem("must hold exactly one of "+strings.Join(canarySteps, ", "), below(at, "steps", i)...)
		}
		routing, _ := canary["trafficRouting"].(map[string]any)
		if weight, ok := step["setWeight"].(int64); ok && (weight < 0 || weight > 100 && routing["maxTrafficWeight"] == nil) {
			w.problem(fmt.Sprintf("%d is not between 0 and 100", weight), below(at, "steps", i, "setWeight")...)
		}
		if step["setCanaryScale"] != nil && routing == nil {
			w.problem("needs trafficRouting", below(at, "steps", i, "setCanaryScale")...)
		}
	}
}

// checkApplication follows what Argo CD asks of an Application before it syncs
// (github.com/argoproj/argo-cd: util/argo, ValidatePermissions and ValidateDestination).
func checkApplication(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	sources, _ := spec["sources"].([]any)
	if spec["source"] == nil && len(sources) == 0 && spec["sourceHydrator"] == nil {
		w.problem("is required, or sources", "spec", "source")
	}
	if source, ok := spec["source"].(map[string]any); ok {
		w.applicationSource(source, "spec", "source")
	}
	for i, s := range sources {
		source, _ := s.(map[string]any)
		w.applicationSource(source, "spec", "sources", i)
	}
	destination, _ := spec["destination"].(map[string]any)
	name, _ := destination["name"].(string)
	server, _ := destination["server"].(string)
	if name != "" && server != "" {
		w.problem("cannot stand beside server; name the cluster by one of them", "spec", "destination", "name")
	}
	if name == "" && server == "" {
		w.problem("is required, or name", "spec", "destination", "server")
	}
}

func (w *walk) applicationSource(source map[string]any, at ...any) {
	if url, _ := source["repoURL"].(string); url == "" {
		w.problem("must not be empty", below(at, "repoURL")...)
	}
	text := func(field string) string { s, _ := source[field].(string); return s }
	if text("path") == "" && text("chart") == "" && text("ref") == "" {
		w.problem("is required, or chart", below(at, "path")...)
	}
	if text("chart") != "" && text("targetRevision") == "" {
		w.problem("is required: it is the version of the chart", below(at, "targetRevision")...)
	}
}

// checkAppProject follows Argo CD's ValidateProject
// (github.com/argoproj/argo-cd: pkg/apis/application/v1alpha1/app_project_types.go).
func checkAppProject(w *walk, obj map[string]any) {
	spec, _ := obj["spec"].(map[string]any)
	destinations, _ := spec["destinations"].([]any)
	var seen []string
	for i, d := range destinations {
		destination, _ := d.(map[string]any)
		for _, field := range []string{"name", "server", "namespace"} {
			if destination[field] == "!*" {
				w.problem("forbids everything; leave the item out", "spec", "destinations", i, field)
			}
		}
		cluster, _ := destination["server"].(string)
		if cluster == "" {
			cluster, _ = destination["name"].(string)
		}
		key := fmt.Sprintf("%s/%v", cluster, destination["namespace"])
		if slices.Contains(seen, key) {
			w.problem("stands twice", "spec", "destinations", i)
		}
		seen = append(seen, key)
	}
	repos, _ := spec["sourceRepos"].([]any)
	for i, repo := range repos {
		if repo == "!*" {
			w.problem("forbids everything; leave the item out", "spec", "sourceRepos", i)
		}
		if slices.Index(repos, repo) < i {
			w.problem("stands twice", "spec", "sourceRepos", i)
		}
	}
	windows, _ := spec["syncWindows"].([]any)
	for i, s := range windows {
		if window, ok := s.(map[string]any); ok {
			w.syncWindow(window, "spec", "syncWindows", i)
		}
	}
}

// fiveFields is a schedule of a sync window, which takes no @daily.
var fiveFields = regexp.MustCompile(`^[0-9A-Za-z*/,?-]+( +[0-9A-Za-z*/,?-]+){4}$`)

func (w *walk) syncWindow(window map[string]any, at ...any) {
	if kind := window["kind"]; kind != "allow" && kind != "deny" {
		w.problem("must be allow or deny", below(at, "kind")...)
	}
	if schedule, _ := window["schedule"].(string); !fiveFields.MatchString(schedule) {
		w.problem(short(schedule)+` is not a schedule; write five fields ("0 3 * * *")`, below(at, "schedule")...)
	}
	duration, _ := window["duration"].(string)
	if _, err := time.ParseDuration(duration); err != nil {
		w.problem(short(duration)+" is not a duration; write 1h or 30m", below(at, "duration")...)
	}
	for _, field := range []string{"applications", "namespaces", "clusters"} {
		if list, _ := window[field].([]any); len(list) > 0 {
			return
		}
	}
	w.problem("must name applications, namespaces or clusters", at...)
}
