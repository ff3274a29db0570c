// Package kustomize builds kustomization roots straight from a git tree, and
// is the only package that knows the kustomize library.
//
// [Build] is the place to start. It is a guard as much as a build: nothing of
// the repository is executed, nothing is fetched, nothing outside the tree is
// read, YAML that would grow without bound is refused before it is parsed, and
// a panic of the library becomes an error. The library keeps global state, so
// builds that could touch it run one at a time; Build may be called from any
// goroutine.
package kustomize
