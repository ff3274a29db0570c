// Package render turns a plan into files and proves what they change.
//
// [Load] compiles action templates once; [Catalogue.Render] evaluates one
// action for one target; [Assemble] lays the results out as the files of one
// incident; [Prove] builds every touched root before and after and accepts
// exactly the planned difference.
//
// Templates are YAML first: only string leaves hold expressions, so a value
// can never become a key, a document or a kind, whatever an attacker wrote.
package render
