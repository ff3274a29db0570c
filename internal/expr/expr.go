// Package expr is irgit's only door to CEL: response policies match with it,
// action templates write values with it, and the rules inside CRDs are
// evaluated by it.
//
// [NewEnv] declares the variables; [Env.Condition], [Env.Value] and [Env.Leaf]
// compile. Everything compiled is immutable and safe for concurrent use.
// Evaluation has no side effects, no clock and no I/O, stops when its context
// does, and is bounded by a cost limit, so a hostile value can make it fail
// but not hang.
package expr

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

const (
	// costLimit is far above what a real policy or template needs (tens to
	// thousands) and stops a comprehension over comprehensions in milliseconds.
	costLimit = 1_000_000

	maxSource = 16 << 10 // bytes of one expression
)

// Vars maps variables to values; in NewEnv, to values whose Go types declare
// them. A struct is typed by its json tags, so that a misspelt field is a
// compile error; nil declares a variable of any type.
type Vars map[string]any

// Env knows the variables of a kind of expression.
type Env struct {
	env     *cel.Env
	certain bool // a value of unknown type is no condition
}

// Program is one compiled expression.
type Program struct {
	source  string
	program cel.Program
}

// Error is an expression that does not compile or evaluate.
type Error struct {
	Expr         string
	Line, Column int // from 1; 0 when the place is not known
	Message      string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("expression %q: %s", e.Expr, e.Message)
	}
	return fmt.Sprintf("expression %q, line %d, column %d: %s", e.Expr, e.Line, e.Column, e.Message)
}

// NewEnv declares variables.
func NewEnv(declarations Vars) (*Env, error) {
	return newEnv(declarations, cel.OptionalTypes(), ext.Strings(), ext.Lists(), ext.Sets(), names())
}

func newEnv(declarations Vars, options ...cel.EnvOption) (*Env, error) {
	var natives []any
	for name, value := range declarations {
		kind, err := celType(value)
		if err != nil {
			return nil, fmt.Errorf("declare %s: %w", name, err)
		}
		if t := reflect.TypeOf(value); t != nil && t.Kind() == reflect.Struct {
			natives = append(natives, t)
		}
		options = append(options, cel.Variable(name, kind))
	}
	if len(natives) > 0 {
		natives = append(natives, ext.ParseStructTag("json"))
		options = append(options, ext.NativeTypes(natives...))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("declare variables: %w", err)
	}
	return &Env{env: env}, nil
}

func celType(value any) (*cel.Type, error) {
	t := reflect.TypeOf(value)
	if t == nil {
		return cel.DynType, nil
	}
	switch t.Kind() {
	case reflect.String:
		return cel.StringType, nil
	case reflect.Bool:
		return cel.BoolType, nil
	case reflect.Int, reflect.Int64:
		return cel.IntType, nil
	case reflect.Float64:
		return cel.DoubleType, nil
	case reflect.Map:
		return cel.MapType(cel.StringType, cel.DynType), nil
	case reflect.Slice:
		return cel.ListType(cel.DynType), nil
	case reflect.Struct:
		return cel.ObjectType(t.String()), nil
	}
	return nil, fmt.Errorf("a %s cannot be a variable", t)
}

// Condition compiles an expression that must be a bool.
func (e *Env) Condition(source string) (*Program, error) {
	return e.typed(source, cel.BoolType, "a bool")
}

// Value compiles an expression of any type.
func (e *Env) Value(source string) (*Program, error) {
	p, _, err := e.compile(source)
	return p, err
}

func (e *Env) compile(source string) (*Program, *cel.Type, error) {
	if len(source) > maxSource {
		return nil, nil, &Error{Expr: source[:40] + "…", Message: fmt.Sprintf("it is longer than %d bytes", maxSource)}
	}
	ast, issues := e.env.Compile(source)
	if err := issues.Err(); err != nil {
		first := issues.Errors()[0]
		return nil, nil, &Error{Expr: source, Line: first.Location.Line(), Column: first.Location.Column() + 1, Message: first.Message}
	}
	program, err := e.env.Program(ast, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(100))
	if err != nil {
		return nil, nil, &Error{Expr: source, Message: err.Error()}
	}
	return &Program{source, program}, ast.OutputType(), nil
}

// Eval gives the value as plain Go data: nil, bool, int64, float64, string,
// []any and map[string]any. Any other result is an error.
func (p *Program) Eval(ctx context.Context, vars Vars) (any, error) {
	value, present, err := p.eval(ctx, vars)
	if err == nil && !present {
		return nil, nil
	}
	return value, err
}

// True evaluates a condition.
func (p *Program) True(ctx context.Context, vars Vars) (bool, error) {
	value, err := p.Eval(ctx, vars)
	if err != nil {
		return false, err
	}
	yes, ok := value.(bool)
	if !ok {
		return false, &Error{Expr: p.source, Message: fmt.Sprintf("it gave a %T, and a condition must be a bool", value)}
	}
	return yes, nil
}

// eval reports present=false for optional.none().
func (p *Program) eval(ctx context.Context, vars Vars) (value any, present bool, err error) {
	out, _, err := p.program.ContextEval(ctx, map[string]any(vars))
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		return nil, false, &Error{Expr: p.source, Message: err.Error()}
	}
	if optional, ok := out.(*types.Optional); ok {
		if !optional.HasValue() {
			return nil, false, nil
		}
		out = optional.GetValue()
	}
	value, err = plain(out, 0)
	if err != nil {
		return nil, false, &Error{Expr: p.source, Message: err.Error()}
	}
	return value, true, nil
}

const maxDepth = 64

// plain turns a CEL value into what JSON and YAML can say.
func plain(v ref.Val, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errors.New("the value is nested too deeply")
	}
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		if uint64(v) > 1<<63-1 {
			return nil, errors.New("the number is too large")
		}
		return int64(v), nil //nolint:gosec // checked above
	case types.Double:
		return float64(v), nil
	case types.String:
		return string(v), nil
	}
	if list, ok := v.Value().([]ref.Val); ok {
		return plainList(list, depth)
	}
	switch v.Type() {
	case types.ListType:
		native, err := v.ConvertToNative(reflect.TypeFor[[]ref.Val]())
		if err != nil {
			return nil, err
		}
		return plainList(native.([]ref.Val), depth)
	case types.MapType:
		native, err := v.ConvertToNative(reflect.TypeFor[map[ref.Val]ref.Val]())
		if err != nil {
			return nil, err
		}
		out := make(map[string]any)
		for key, value := range native.(map[ref.Val]ref.Val) {
			name, ok := key.(types.String)
			if !ok {
				return nil, errors.New("a map has a key that is not a string")
			}
			if out[string(name)], err = plain(value, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("a %s cannot be written", v.Type().TypeName())
}

func plainList(list []ref.Val, depth int) (any, error) {
	out := make([]any, len(list))
	for i, item := range list {
		var err error
		if out[i], err = plain(item, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}
