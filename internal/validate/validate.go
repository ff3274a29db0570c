// Package validate says what is wrong with a file that a person or irgit wrote.
package validate

// Problem is one finding: where it is and what is wrong, in words that name
// the way out.
type Problem struct {
	File    string `json:"file"`    // repository path or what the user called it, with line and column where known
	Path    string `json:"path"`    // field path, for example spec.rules[0].from
	Message string `json:"message"` //
}
