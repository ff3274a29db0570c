// Package forge opens and updates proposals: pull requests where there is a
// forge, the branch itself on a plain remote.
//
// Every operation is idempotent: the branch name is the key, an existing pull
// request is adopted, and a closed unmerged one is a veto that is left alone.
package forge
