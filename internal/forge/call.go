package forge

import (
	"context"
	"errors"
	"time"

	"github.com/google/go-github/v66/github"
)

// operation is one kind of request and what it takes.
type operation struct {
	name       string
	permission string // as GitHub's settings call it
	write      bool
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

// call runs one request until it succeeds, cannot succeed, or the next attempt
// would be later than the context allows. A rate limit is waited out.
func (g *GitHub) call(ctx context.Context, o operation, send func(context.Context) (*github.Response, error)) error {
	for attempt := 1; ; attempt++ {
		e := g.attempt(ctx, o, send)
		if e == nil {
			return nil
		}
		pause := backoff(attempt)
		if errors.Is(e, ErrRateLimited) {
			if e.RetryAt.IsZero() {
				e.RetryAt = time.Now().Add(secondaryPause << (attempt - 1))
			}
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
// pace between them.
func (g *GitHub) attempt(ctx context.Context, o operation, send func(context.Context) (*github.Response, error)) *Error {
	if o.write {
		select {
		case g.writing <- struct{}{}:
		case <-ctx.Done():
			return ended(ctx, o.name)
		}
		defer func() { <-g.writing }()
		if err := pauseFor(ctx, o.name, time.Until(g.lastWrite.Add(g.pace))); err != nil {
			return err
		}
		defer func() { g.lastWrite = time.Now() }()
	}
	bounded, cancel := context.WithTimeout(ctx, g.exchange)
	defer cancel()
	response, err := send(bounded)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ended(ctx, o.name)
	case bounded.Err() != nil:
		return g.classify(o, nil, errNoAnswer)
	}
	return g.classify(o, response, err)
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
