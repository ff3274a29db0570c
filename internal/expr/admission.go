package expr

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
)

// AdmissionRequest is what the API server tells the expressions of a
// ValidatingAdmissionPolicy about a request
// (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/).
type AdmissionRequest struct {
	Kind        GroupVersionKind     `json:"kind"`
	Resource    GroupVersionResource `json:"resource"`
	SubResource string               `json:"subResource"`
	Name        string               `json:"name"`
	Namespace   string               `json:"namespace"`
	Operation   string               `json:"operation"` // CREATE, UPDATE, DELETE, CONNECT
	UserInfo    UserInfo             `json:"userInfo"`
	DryRun      bool                 `json:"dryRun"`
}

// GroupVersionKind is a kind of a request.
type GroupVersionKind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

// GroupVersionResource is a resource of a request.
type GroupVersionResource struct {
	Group    string `json:"group"`
	Version  string `json:"version"`
	Resource string `json:"resource"`
}

// UserInfo is who a request is by.
type UserInfo struct {
	Username string   `json:"username"`
	UID      string   `json:"uid"`
	Groups   []string `json:"groups"`
}

// AdmissionEnv declares object, oldObject and request, for the expressions
// of a ValidatingAdmissionPolicy. It offers less than an API server does, and
// nothing that one of Kubernetes 1.30 lacks (k8s.io/apiserver:
// pkg/cel/environment/base.go, pkg/admission/plugin/cel/compile.go), so that
// what compiles here compiles there. Conditions must be a bool for certain, as
// the server demands. It is made once.
var AdmissionEnv = sync.OnceValues(func() (*Env, error) {
	e, err := newEnv(Vars{"object": nil, "oldObject": nil, "request": AdmissionRequest{}},
		cel.HomogeneousAggregateLiterals(), cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(),
		ext.Strings(ext.StringsVersion(2)), ext.Sets(),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(), cel.ValidateHomogeneousAggregateLiterals()),
	)
	if err != nil {
		return nil, err
	}
	e.certain = true
	return e, nil
})

// Text compiles an expression that must be a string.
func (e *Env) Text(source string) (*Program, error) {
	return e.typed(source, cel.StringType, "a string")
}

// typed compiles an expression of a type, or of any where that is enough.
func (e *Env) typed(source string, want *cel.Type, what string) (*Program, error) {
	p, kind, err := e.compile(source)
	if err != nil {
		return nil, err
	}
	if !kind.IsExactType(want) && (e.certain || !kind.IsExactType(cel.DynType)) {
		return nil, &Error{Expr: source, Message: fmt.Sprintf("it is a %s, and must be %s", kind, what)}
	}
	return p, nil
}
