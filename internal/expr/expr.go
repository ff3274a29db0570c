// Package expr is irgit's only door to CEL: response policies match with it,
// action templates write values with it, and the rules inside CRDs
// (x-kubernetes-validations) are evaluated by it.
//
// An [Env] is made once per set of variables and is safe for concurrent use;
// a [Program] is one compiled expression. Evaluation has no side effects, no
// clock and no I/O, and is bounded by a cost limit.
package expr

import "context"

// Env declares the variables that expressions may use.
type Env struct{ _ int }

// Program is a compiled expression, safe for concurrent use.
type Program struct{ _ int }

// Error is a compile or evaluation error with its position in the expression.
type Error struct {
	Expr    string
	Line    int // from 1
	Column  int // from 1
	Message string
}

// Vars maps a variable's name to its Go value or, in NewEnv, to a zero value
// whose Go type declares it: structs are typed by their json tags, so that a
// misspelt field is a compile error.
type Vars map[string]any

// Leaf is a compiled YAML string leaf that may hold ${…}: see CompileLeaf.
type Leaf struct{ _ int }

var _ = context.Background
