package validate

import (
	"fmt"
	"strconv"
)

// The rules below are those of KEDA's admission webhooks and of its operator
// (github.com/kedacore/keda: apis/keda/v1alpha1, scaledobject_webhook.go).

const (
	kedaPaused   = "autoscaling.keda.sh/paused"
	kedaReplicas = "autoscaling.keda.sh/paused-replicas"
)

func checkScaledObject(w *walk, obj map[string]any) {
	const longest = 63 // the value of a label, and the autoscaler's name with its prefix
	meta, _ := obj["metadata"].(map[string]any)
	spec, _ := obj["spec"].(map[string]any)
	advanced, _ := spec["advanced"].(map[string]any)
	autoscaler, _ := advanced["horizontalPodAutoscalerConfig"].(map[string]any)
	name, _ := meta["name"].(string)
	called, _ := autoscaler["name"].(string)
	if len(name) > longest || called == "" && len("keda-hpa-"+name) > longest {
		w.problem(fmt.Sprintf("must have at most %d characters, as the autoscaler keda-hpa-… is named after it; or set spec.advanced.horizontalPodAutoscalerConfig.name", longest-len("keda-hpa-")), "metadata", "name")
	}
	least, _ := spec["minReplicaCount"].(int64)
	if idle, ok := spec["idleReplicaCount"].(int64); ok && idle >= least {
		w.problem(fmt.Sprintf("%d must be less than minReplicaCount %d", idle, least), "spec", "idleReplicaCount")
	}
	byResources := true
	triggers, _ := spec["triggers"].([]any)
	for _, t := range triggers {
		trigger, _ := t.(map[string]any)
		byResources = byResources && (trigger["type"] == "cpu" || trigger["type"] == "memory")
	}
	if byResources && len(triggers) > 0 && least == 0 {
		w.problem("must be at least 1: cpu and memory alone cannot scale from zero", "spec", "minReplicaCount")
	}
	w.kedaTriggers(triggers)
	w.kedaPause(meta)
}

func checkScaledJob(w *walk, obj map[string]any) {
	meta, _ := obj["metadata"].(map[string]any)
	spec, _ := obj["spec"].(map[string]any)
	triggers, _ := spec["triggers"].([]any)
	w.kedaTriggers(triggers)
	w.kedaPause(meta)
}

func (w *walk) kedaTriggers(triggers []any) {
	names := make(map[string]bool, len(triggers))
	for i, t := range triggers {
		trigger, _ := t.(map[string]any)
		name, _ := trigger["name"].(string)
		if name != "" && names[name] {
			w.problem(short(name)+" is the name of an earlier trigger", "spec", "triggers", i, "name")
		}
		names[name] = true
		kind, _ := trigger["type"].(string)
		if cached, _ := trigger["useCachedMetrics"].(bool); cached && (kind == "cpu" || kind == "memory" || kind == "cron") {
			w.problem("is not offered for "+kind, "spec", "triggers", i, "useCachedMetrics")
		}
	}
}

// kedaPause checks the annotations that pause. KEDA takes any value of a switch
// but a false one for true, and paused-replicas pauses whatever its value.
func (w *walk) kedaPause(meta map[string]any) {
	annotations, _ := meta["annotations"].(map[string]any)
	for _, key := range []string{kedaPaused, kedaPaused + "-scale-in", kedaPaused + "-scale-out"} {
		if value, ok := annotations[key].(string); ok {
			if _, err := strconv.ParseBool(value); err != nil {
				w.problem(short(value)+` is neither "true" nor "false", and KEDA takes it for true`, "metadata", "annotations", key)
			}
		}
	}
	replicas, ok := annotations[kedaReplicas].(string)
	if !ok {
		return
	}
	if n, err := strconv.ParseInt(replicas, 10, 32); err != nil || n < 0 {
		w.problem(short(replicas)+` is no number of replicas; write for example "3"`, "metadata", "annotations", kedaReplicas)
	}
}
