package forge

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxBlock caps how long irgit keeps itself from asking: GitHub's primary limit
// starts anew every hour, and an answer that says more is not to stop incident
// response for a day.
const maxBlock = time.Hour

// gate holds requests back while the forge does not want any: carrying on inside
// such a window is what GitHub bans for
// (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api).
type gate struct {
	mu   sync.Mutex
	open time.Time
}

// shut lets nothing through before the time, or before maxBlock is over, and
// returns which of both.
func (g *gate) shut(until time.Time) time.Time {
	if most := time.Now().Add(maxBlock); until.After(most) {
		until = most
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.open) {
		g.open = until
	}
	return until
}

// until is when it opens; a time of the past when it is open.
func (g *gate) until() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// observe reads from an answer whether it was the last that the limit allows,
// and takes that out of it, since SDKs would act on it in ways of their own.
func (g *gate) observe(h http.Header) {
	reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err == nil && h.Get("X-RateLimit-Remaining") == "0" {
		g.shut(time.Unix(reset, 0))
	}
	for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
		h.Del(name)
	}
}

// Budget bounds how many pull requests are opened: a bucket of Burst tokens
// that fills by PerHour. A Reserve of them is only for requests that are Urgent.
// GitHub's documents allow 500 an hour, and field reports are of throttling
// from about ten in a row. The zero value is 5, 30 and 1.
type Budget struct{ Burst, PerHour, Reserve int }

// Unlimited is no bound, for a forge of one's own.
var Unlimited = Budget{Burst: 1 << 20, PerHour: 1 << 20}

func (b Budget) orDefault() Budget {
	if b == (Budget{}) {
		return Budget{Burst: 5, PerHour: 30, Reserve: 1}
	}
	return b
}

// bucket is a budget and what is left of it.
type bucket struct {
	Budget
	mu    sync.Mutex
	level float64
	at    time.Time // of level
}

func newBucket(b Budget) *bucket {
	b = b.orDefault()
	return &bucket{Budget: b, level: float64(b.Burst)}
}

// take spends one token, and waits for it if there is time.
func (b *bucket) take(ctx context.Context, op string, urgent bool) error {
	for {
		wait := b.spend(urgent)
		if wait == 0 {
			return nil
		}
		if !fits(ctx, wait) {
			e := &Error{Op: op, Message: "irgit opens at most " + strconv.Itoa(b.PerHour) + " pull requests an hour, so that the forge does not lock it out"}
			e.limited(time.Now().Add(wait))
			return e
		}
		if err := pauseFor(ctx, op, wait); err != nil {
			return err
		}
	}
}

// spend takes a token, or says how long until there is one.
func (b *bucket) spend(urgent bool) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !b.at.IsZero() {
		b.level = min(float64(b.Burst), b.level+now.Sub(b.at).Hours()*float64(b.PerHour))
	}
	b.at = now
	floor := 1.0
	if !urgent {
		floor += float64(b.Reserve)
	}
	const rounding = 1e-6
	if missing := floor - b.level; missing > rounding {
		return time.Duration(missing/float64(b.PerHour)*float64(time.Hour)) + time.Millisecond
	}
	b.level--
	return 0
}
