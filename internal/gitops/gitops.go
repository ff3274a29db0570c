// Package gitops reads a fleet repository and writes containment commits to
// it without a work tree and without a clone.
//
// [Open] takes hold of a remote (http(s)://, ssh://, or a local path) and
// reads its refs once; [Remote.Tree] is an immutable view of one commit whose
// trees and blobs are fetched when they are first read; [Remote.Commit] grafts
// changed files onto a base commit (only the trees along the changed paths are
// rebuilt; every other entry keeps its bytes); [Remote.Push] sends just the
// new objects and moves refs by compare-and-swap.
//
// Invariants:
//   - A commit is a function of its [CommitSpec]: equal specs give equal ids.
//   - Entry names are validated on the way in and on the way out; symlinks and
//     submodules are never followed.
//   - Bytes and time of every exchange with the server are bounded.
//   - A Remote and its Trees are safe for concurrent use; a Remote is made per
//     job and not kept.
package gitops

import (
	"errors"
	"time"
)

// Revision is a commit id in 40 hex digits; "" is no commit.
type Revision string

// Mode is the kind of a tree entry.
type Mode uint8

// The entry kinds that irgit tells apart.
const (
	File Mode = iota
	Executable
	Dir
	Symlink
	Submodule
)

// Entry is one name in a directory.
type Entry struct {
	Name string
	Mode Mode
	Hash string // hex id of the blob or tree
}

// Change is one file to write or, with a nil Content, to delete. Path is
// slash-separated and relative to the root of the repository.
type Change struct {
	Path    string
	Content []byte
}

// CommitSpec is everything a commit's id depends on.
type CommitSpec struct {
	Parent    Revision // the commit whose tree is changed
	Continues Revision // "", or a branch's tip that goes on with it: then the first of two parents, Parent the second
	Changes   []Change
	Message   string    // validated: no NUL, ends with one newline
	Author    Signature // committer is the same
	Signer    Signer    // nil: unsigned
}

// Signature is a name, an address and a time (whole seconds, UTC).
type Signature struct {
	Name, Email string
	When        time.Time
}

// Signer signs the bytes of a commit object. The result is the armored text
// for the gpgsig header. Equal bytes must give equal signatures.
type Signer interface {
	Sign(payload []byte, when time.Time) (armored string, err error)
	// Public returns the line that verifies it: an OpenSSH allowed_signers
	// line, or an armored OpenPGP public key.
	Public() string
}

// Errors a caller branches on.
var (
	ErrNotFound       = errors.New("not found")                // a path or ref that is not there
	ErrAuthentication = errors.New("authentication failed")    // credentials absent or refused
	ErrUnreachable    = errors.New("remote is unreachable")    // may succeed later
	ErrMoved          = errors.New("ref moved meanwhile")      // compare-and-swap lost: read again
	ErrRejected       = errors.New("remote rejected the push") // a hook or a rule said no; the text is in RejectedError
	ErrTooLarge       = errors.New("exceeds the limit")        // the server sent more than is allowed
)
