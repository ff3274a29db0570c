package validate

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The rules below are those of Kubernetes' validation of workloads and pods,
// which the OpenAPI does not carry.

// checkWorkload checks that the selector selects the template's pods and that
// the pods are of the kind that is restarted.
func checkWorkload(w *walk, spec map[string]any) {
	selector, _ := spec["selector"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	meta, _ := template["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	matchLabels, _ := selector["matchLabels"].(map[string]any)
	expressions, _ := selector["matchExpressions"].([]any)
	if selector != nil && len(matchLabels)+len(expressions) == 0 {
		w.problem("must not be empty; name the template's labels", "selector")
	}
	for key, value := range matchLabels {
		if labels[key] != value {
			w.problem(fmt.Sprintf("must carry %s: %v, which the selector asks for", key, value), "template", "metadata", "labels")
			break
		}
	}
	pod, _ := template["spec"].(map[string]any)
	if got, ok := pod["restartPolicy"].(string); ok && got != "Always" {
		w.problem("must be Always here, or left out", "template", "spec", "restartPolicy")
	}
}

func checkRecreate(w *walk, spec map[string]any) {
	strategy, _ := spec["strategy"].(map[string]any)
	rolling, _ := strategy["rollingUpdate"].(map[string]any)
	if strategy["type"] == "Recreate" && strategy["rollingUpdate"] != nil {
		w.problem("cannot be set when type is Recreate", "strategy", "rollingUpdate")
	}
	w.countOrPercent(rolling["maxSurge"], math.MaxUint16, "strategy", "rollingUpdate", "maxSurge")
	w.countOrPercent(rolling["maxUnavailable"], 100, "strategy", "rollingUpdate", "maxUnavailable")
}

func checkJob(w *walk, spec map[string]any) {
	template, _ := spec["template"].(map[string]any)
	pod, _ := template["spec"].(map[string]any)
	if got := pod["restartPolicy"]; got != "OnFailure" && got != "Never" {
		w.problem("must be OnFailure or Never in a job", "template", "spec", "restartPolicy")
	}
	for _, field := range []string{"parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"} {
		if n, ok := spec[field].(int64); ok && n < 0 {
			w.problem("must not be negative", field)
		}
	}
}

var cron = regexp.MustCompile(`^(@(annually|yearly|monthly|weekly|daily|midnight|hourly)|@every [0-9hms.]+|[0-9A-Za-z*/,?-]+( +[0-9A-Za-z*/,?-]+){4})$`)

func checkSchedule(w *walk, spec map[string]any) {
	if schedule, _ := spec["schedule"].(string); !cron.MatchString(strings.TrimSpace(schedule)) {
		w.problem(short(schedule)+` is not a schedule; write five fields ("0 3 * * *") or @daily; the time zone goes into timeZone`, "schedule")
	}
}

func checkPod(w *walk, pod map[string]any) {
	if containers, _ := pod["containers"].([]any); len(containers) == 0 {
		w.problem("must list at least one container", "containers")
	}
	if pod["ephemeralContainers"] != nil {
		w.problem("cannot be declared: an API server takes them for a running pod only, through the pod's own subresource", "ephemeralContainers")
	}
	w.labels(pod["nodeSelector"], "nodeSelector")
	volumes := w.named(pod, nil, "volumes")
	seen := w.named(pod, nil, "containers")
	w.named(pod, seen, "initContainers")
	if w.kind.name == "StatefulSet" {
		return // its volumeClaimTemplates are volumes as well
	}
	for _, field := range []string{"containers", "initContainers"} {
		list, _ := pod[field].([]any)
		for i, c := range list {
			container, _ := c.(map[string]any)
			mounts, _ := container["volumeMounts"].([]any)
			for j, m := range mounts {
				mount, _ := m.(map[string]any)
				if name, _ := mount["name"].(string); !slices.Contains(volumes, name) {
					w.problem(fmt.Sprintf("there is no volume %s in this pod", short(name)), field, i, "volumeMounts", j, "name")
				}
			}
		}
	}
}

// named checks that the names in a list are DNS labels and differ, also from
// those in taken, and returns them.
func (w *walk) named(pod map[string]any, taken []string, field string) []string {
	list, _ := pod[field].([]any)
	names := slices.Clone(taken)
	for i, item := range list {
		m, _ := item.(map[string]any)
		name, _ := m["name"].(string)
		if said := validation.IsDNS1123Label(name); len(said) > 0 {
			w.problem(fmt.Sprintf("%s is not a valid name: %s", short(name), said[0]), field, i, "name")
		} else if slices.Contains(names, name) {
			w.problem(short(name)+" is taken by an earlier one in this pod", field, i, "name")
		}
		names = append(names, name)
	}
	return names
}

func checkContainer(w *walk, container map[string]any) {
	if image, _ := container["image"].(string); image == "" || strings.TrimSpace(image) != image {
		w.problem("must name an image, without spaces around it", "image")
	}
	ports, _ := container["ports"].([]any)
	for i, p := range ports {
		port, _ := p.(map[string]any)
		if name, _ := port["name"].(string); name != "" {
			if said := validation.IsValidPortName(name); len(said) > 0 {
				w.problem(fmt.Sprintf("%s is not a port's name: %s", short(name), said[0]), "ports", i, "name")
			}
		}
	}
	resources, _ := container["resources"].(map[string]any)
	requests, _ := resources["requests"].(map[string]any)
	limits, _ := resources["limits"].(map[string]any)
	for name, request := range requests {
		limit, ok := limits[name]
		if !ok {
			continue
		}
		asked, err := resource.ParseQuantity(fmt.Sprint(request))
		if err != nil {
			continue
		}
		allowed, err := resource.ParseQuantity(fmt.Sprint(limit))
		if err == nil && asked.Cmp(allowed) > 0 {
			w.problem(fmt.Sprintf("%v is more than the limit %v", request, limit), "resources", "requests", name)
		}
	}
}

func checkPolicyRule(w *walk, rule map[string]any) {
	if verbs, _ := rule["verbs"].([]any); len(verbs) == 0 {
		w.problem("must name at least one verb", "verbs")
	}
	urls, _ := rule["nonResourceURLs"].([]any)
	if len(urls) > 0 {
		return
	}
	for _, field := range []string{"apiGroups", "resources"} {
		if list, _ := rule[field].([]any); len(list) == 0 {
			w.problem(`must not be empty; the core group is ""`, field)
		}
	}
}

func checkSubject(w *walk, subject map[string]any) {
	group, _ := subject["apiGroup"].(string)
	namespace, _ := subject["namespace"].(string)
	switch subject["kind"] {
	case "ServiceAccount":
		if group != "" {
			w.problem("must be left out for a ServiceAccount", "apiGroup")
		}
		if namespace == "" {
			w.problem("is required for a ServiceAccount", "namespace")
		}
	case "User", "Group":
		if group != "" && group != "rbac.authorization.k8s.io" {
			w.problem("must be rbac.authorization.k8s.io", "apiGroup")
		}
	}
}
