// Package policies embeds the built-in response policies and their tests.
package policies
