// Package policies embeds the built-in response policies, one file per ATT&CK
// tactic, and the tests that lie beside them.
//
// A file x.yaml holds policies, x_test.yaml their tests. A fleet overrides a
// policy by one of the same name in its own folder, or switches it off there
// with spec.disabled.
package policies

import "embed"

// FS holds the policy files and their tests, all at its top.
//
//go:embed *.yaml
var FS embed.FS
