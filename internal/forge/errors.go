package forge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// The kinds of failure that a caller branches on, with errors.Is.
var (
	ErrAuthentication = errors.New("the forge does not accept the credentials")
	ErrNotFound       = errors.New("not found, or not permitted") // forges do not tell these apart
	ErrRateLimited    = errors.New("rate limited by the forge")   // Error.RetryAt says until when
	ErrRejected       = errors.New("rejected by the forge")       // the request cannot succeed as it is
	ErrUnreachable    = errors.New("the forge is unreachable")
	ErrNotMergeable   = errors.New("the forge cannot be left to merge") // Message says why
)

// Error is a failure of a forge.
type Error struct {
	Op        string // what was being done: "open the pull request"
	Kind      error  // one of the kinds above, or the cause of a context that ended
	Status    int    // HTTP; 0 when there was no answer
	Message   string // what the forge said, in one clean line
	Hint      string // the way out; may be empty
	Retryable bool   // the same call may succeed later
	RetryAt   time.Time
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Op, e.Kind)
	if e.Message != "" {
		text += ": " + e.Message
	}
	if !e.RetryAt.IsZero() {
		text += "; try again after " + e.RetryAt.UTC().Format(time.RFC3339)
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Temporary says whether err is a failure that may pass by itself.
func Temporary(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Retryable
}

// ended is the failure of a call whose context is over.
func ended(ctx context.Context, op string) *Error {
	return &Error{Op: op, Kind: context.Cause(ctx), Retryable: true}
}

// clean puts what a forge said into one printable line of bounded length.
func clean(s string) string {
	const most = 400
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
