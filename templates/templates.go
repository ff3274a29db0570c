// Package templates embeds the built-in action templates. internal/render reads
// them; the format is described there and shown by `irgit actions show`.
package templates

import "embed"

// FS holds one action template per file.
//
//go:embed *.yaml
var FS embed.FS
