package validate

import (
	"fmt"
	"strconv"
	"strings"
)

// The rules below are those of Kubernetes' validation of autoscalers and
// disruption budgets, which the OpenAPI does not carry.

func checkAutoscaler(w *walk, spec map[string]any) {
	least := int64(1)
	most, _ := spec["maxReplicas"].(int64)
	if v, ok := spec["minReplicas"].(int64); ok {
		if least = v; least < 1 {
			w.problem("must be at least 1; scaling to zero is an alpha feature of Kubernetes", "minReplicas")
		}
	}
	if most < 1 {
		w.problem("must be at least 1", "maxReplicas")
	} else if most < least {
		w.problem(fmt.Sprintf("%d is less than minReplicas %d", most, least), "maxReplicas")
	}
	target, _ := spec["scaleTargetRef"].(map[string]any)
	for _, field := range []string{"kind", "name"} {
		if target[field] == "" {
			w.problem("must not be empty", "scaleTargetRef", field)
		}
	}
}

func checkScalingRules(w *walk, rules map[string]any) {
	const longest = 3600
	if s, ok := rules["stabilizationWindowSeconds"].(int64); ok && (s < 0 || s > longest) {
		w.problem(fmt.Sprintf("must lie between 0 and %d", longest), "stabilizationWindowSeconds")
	}
	if policies, ok := rules["policies"].([]any); ok && len(policies) == 0 {
		w.problem("must not be an empty list; leave it out for the defaults", "policies")
	}
}

func checkScalingPolicy(w *walk, policy map[string]any) {
	const longest = 1800
	if v, _ := policy["value"].(int64); v <= 0 {
		w.problem("must be greater than zero; to stop scaling set selectPolicy: Disabled", "value")
	}
	if s, _ := policy["periodSeconds"].(int64); s <= 0 || s > longest {
		w.problem(fmt.Sprintf("must lie between 1 and %d", longest), "periodSeconds")
	}
}

func checkDisruptionBudget(w *walk, spec map[string]any) {
	if spec["minAvailable"] != nil && spec["maxUnavailable"] != nil {
		w.problem("cannot be set together with maxUnavailable", "minAvailable")
	}
	for _, field := range []string{"minAvailable", "maxUnavailable"} {
		w.countOrPercent(spec[field], 100, field)
	}
}

// countOrPercent checks an int-or-string that must be a count or "n%" with n up
// to most.
func (w *walk) countOrPercent(v any, most uint64, below ...any) {
	switch v := v.(type) {
	case int64:
		if v < 0 {
			w.problem("must not be negative", below...)
		}
	case string:
		number, isPercent := strings.CutSuffix(v, "%")
		n, err := strconv.ParseUint(number, 10, 16)
		if !isPercent || err != nil || n > most {
			w.problem(fmt.Sprintf("%s is neither a number nor a percentage up to %d%%", short(v), most), below...)
		}
	}
}
