// Package conformance holds irgit against a real Gitea server: what tests with
// fakes assume about a forge, a forge says here itself. make conformance builds
// the server (tools/gitea) and runs it, on loopback and in a temporary folder.
//
// What is not real: the server runs with SQLite, without TLS, actions, mail and
// its web assets, and nobody clicks in a browser; people are users who talk to
// the API.
package conformance
