// Package e2e holds irgit's claims against a real API server and real Flux:
// alert, branch, merge, applied, release, pruned, with the program as a user
// runs it and the git program as the reviewer's forge. `make e2e` runs it;
// e2e/build builds what it needs. See package cluster for what is not real.
package e2e
