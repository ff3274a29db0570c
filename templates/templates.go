// Package templates embeds the built-in action templates.
package templates
