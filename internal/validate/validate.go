// Package validate checks manifests offline, as an API server would: unknown
// fields, types, required fields, enums, and the CEL rules of CRDs.
//
// [New] gives a Validator over the schemas embedded in the program (the
// built-in kinds and Istio's CRDs, see schemas/README.md for their source and
// licence); it is safe for concurrent use. A kind without a schema is a
// problem, never a pass.
package validate

// Problem is one finding: where it is and what is wrong, in words that name
// the way out.
type Problem struct {
	File    string `json:"file"`    // repository path or what the user called it
	Path    string `json:"path"`    // field path, for example spec.rules[0].from
	Message string `json:"message"` //
}

// Validator holds parsed schemas and compiled rules.
type Validator struct{ _ int }
