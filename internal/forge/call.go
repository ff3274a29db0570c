package forge

import (
	"context"
	"errors"
	"time"
)

// operation is one kind of request and what it takes.
type operation struct {
	name  string
	needs string // what the credential must allow, in the forge's own words: "permission contents: read"
	write bool
	// once: sending it again after a lost answer could do it twice. The caller
	// looks first whether it was done.
	once bool
}

const (
	attempts = 4
	// patience bounds one wait when the context has no deadline.
	patience = 2 * time.Minute
	// secondaryPause is GitHub's advice where an answer does not say how long.
	secondaryPause = time.Minute
)

// caller sends the requests of one repository, writes one after the other.
type caller struct {
	repo     Repository
	secrets  *secrets
	gate     *gate
	pace     time.Duration
	exchange time.Duration

	writing   chan struct{} // holds one token while a write is under way
	lastWrite time.Time     // guarded by writing
}

// call runs one request until it succeeds, cannot succeed, or the next attempt
// would be later than the context allows. A rate limit is waited out.
func (c *caller) call(ctx context.Context, o operation, send func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		e := c.attempt(ctx, o, send)
		if e == nil {
			return nil
		}
		pause := backoff(attempt)
		if errors.Is(e, ErrRateLimited) {
			if e.RetryAt.IsZero() {
				e.RetryAt = time.Now().Add(secondaryPause << (attempt - 1))
			}
			e.RetryAt = c.gate.shut(e.RetryAt)
			pause = max(time.Until(e.RetryAt), backoff(attempt))
		}
		again := e.Retryable && attempt < attempts && (!o.once || errors.Is(e, ErrRateLimited))
		if !again || !fits(ctx, pause) {
			return e
		}
		if err := pauseFor(ctx, o.name, pause); err != nil {
			return err
		}
	}
}

// attempt sends the request once. Writes go out one after the other, with the
// pace between them, and nothing goes out while the gate is shut.
func (c *caller) attempt(ctx context.Context, o operation, send func(context.Context) error) *Error {
	if o.write {
		select {
		case c.writing <- struct{}{}:
		case <-ctx.Done():
			return ended(ctx, o.name)
		}
		defer func() { <-c.writing }()
		if err := pauseFor(ctx, o.name, time.Until(c.lastWrite.Add(c.pace))); err != nil {
			return err
		}
		defer func() { c.lastWrite = time.Now() }()
	}
	if until := c.gate.until(); time.Now().Before(until) {
		if !fits(ctx, time.Until(until)) {
			e := &Error{Op: o.name + " in " + c.repo.String(), Message: "it said so to an earlier request"}
			e.limited(until)
			return e
		}
		if err := pauseFor(ctx, o.name, time.Until(until)); err != nil {
			return err
		}
	}
	bounded, cancel := context.WithTimeout(ctx, c.exchange)
	defer cancel()
	err := send(bounded)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ended(ctx, o.name)
	case bounded.Err() != nil:
		err = errNoAnswer
	}
	return c.classify(o, err)
}

func backoff(attempt int) time.Duration { return time.Second << (attempt - 1) }

// fits says whether there is time for a pause and a request after it.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	if !ok {
		return pause <= patience
	}
	return time.Now().Add(pause).Before(deadline)
}

func pauseFor(ctx context.Context, op string, d time.Duration) *Error {
	if ctx.Err() != nil {
		return ended(ctx, op)
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx, op)
	}
}
