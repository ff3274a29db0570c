package validate

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/irgit/irgit/internal/expr"
)

// The rules below are those of Kubernetes' validation of admission policies
// (k8s.io/kubernetes: pkg/apis/admissionregistration/validation), which the
// OpenAPI does not carry. Expressions are compiled as far as every server since
// 1.30 can; one that needs more is refused.

func checkAdmissionPolicy(w *walk, spec map[string]any) {
	constraints, _ := spec["matchConstraints"].(map[string]any)
	if rules, _ := constraints["resourceRules"].([]any); len(rules) == 0 {
		w.problem("is required: without a rule the policy matches nothing", "matchConstraints", "resourceRules")
	}
	validations, _ := spec["validations"].([]any)
	annotations, _ := spec["auditAnnotations"].([]any)
	if len(validations)+len(annotations) == 0 {
		w.problem("is required: the policy would ask nothing", "validations")
	}
	const most = 64
	if conditions, _ := spec["matchConditions"].([]any); len(conditions) > most {
		w.problem(fmt.Sprintf("must have at most %d items, has %d", most, len(conditions)), "matchConditions")
	}
	if spec["paramKind"] != nil {
		w.problem("has parameters, which irgit cannot check: write the values into the expressions", "paramKind")
	}
}

func checkMatchCondition(w *walk, condition map[string]any) {
	name, _ := condition["name"].(string)
	if said := validation.IsQualifiedName(name); len(said) > 0 {
		w.problem(fmt.Sprintf("%s is not a valid name: %s", short(name), said[0]), "name")
	}
	w.expression((*expr.Env).Condition, condition, "expression")
}

func checkValidation(w *walk, rule map[string]any) {
	w.expression((*expr.Env).Condition, rule, "expression")
	if rule["messageExpression"] != nil {
		w.expression((*expr.Env).Text, rule, "messageExpression")
	}
	source, _ := rule["expression"].(string)
	switch message, has := rule["message"].(string); {
	case has && strings.TrimSpace(message) == "":
		w.problem("must not be empty", "message")
	case strings.ContainsAny(strings.TrimSpace(message), "\r\n"):
		w.problem("must not contain line breaks", "message")
	case !has && strings.ContainsAny(strings.TrimSpace(source), "\r\n"):
		w.problem("is required: the expression has line breaks", "message")
	}
}

func checkAdmissionVariable(w *walk, variable map[string]any) {
	w.expression((*expr.Env).Value, variable, "expression")
}

// expression compiles a field that holds one.
func (w *walk) expression(compile func(*expr.Env, string) (*expr.Program, error), m map[string]any, field string) {
	source, _ := m[field].(string)
	if strings.TrimSpace(source) == "" {
		w.problem("must not be empty", field)
		return
	}
	env, err := expr.AdmissionEnv()
	if err == nil {
		_, err = compile(env, source)
	}
	if err != nil {
		w.problem("does not compile: "+err.Error(), field)
	}
}

func checkResourceRule(w *walk, rule map[string]any) {
	for _, field := range []string{"apiGroups", "apiVersions", "operations", "resources"} {
		list, _ := rule[field].([]any)
		switch {
		case len(list) == 0:
			w.problem("is required", field)
		case len(list) > 1 && field != "resources" && slices.Contains(list, any("*")):
			w.problem("must not name others beside *", field)
		case slices.Contains(list, any("")) && field != "apiGroups":
			w.problem("must not hold an empty text", field)
		}
	}
	names, _ := rule["resourceNames"].([]any)
	for i, n := range names {
		name, _ := n.(string)
		if name == "." || name == ".." || strings.ContainsAny(name, "/%") {
			w.problem(fmt.Sprintf("%s is not a name", short(name)), "resourceNames", i)
		}
		if slices.Index(names, n) < i {
			w.problem("stands twice", "resourceNames", i)
		}
	}
}

func checkAdmissionBinding(w *walk, spec map[string]any) {
	name, _ := spec["policyName"].(string)
	if said := validation.IsDNS1123Subdomain(name); len(said) > 0 {
		w.problem(fmt.Sprintf("%s is not a valid name: %s", short(name), said[0]), "policyName")
	}
	actions, _ := spec["validationActions"].([]any)
	if len(actions) == 0 {
		w.problem("is required: say Deny, Warn or Audit", "validationActions")
	}
	if slices.Contains(actions, any("Deny")) && slices.Contains(actions, any("Warn")) {
		w.problem("must not hold both Deny and Warn", "validationActions")
	}
}
