package forge_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
)

func TestNothingIsSentWhileTheForgeAsksToWait(t *testing.T) {
	bubble("after a refusal", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		start := time.Now()
		b.Fail(forgetest.Fault{Method: "POST", Path: "/pulls", Status: 429, Header: map[string]string{"Retry-After": "90"}})
		done := make(chan error)
		go func() {
			_, err := b.forge.Propose(t.Context(), request())
			done <- err
		}()
		time.Sleep(time.Second)
		_, err := b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
		require.NoError(t, <-done)
		for _, r := range b.Requests()[2:] {
			require.GreaterOrEqual(t, r.At.Sub(start), 90*time.Second)
		}
	})
	bubble("after the last request that the limit allows", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		reset := time.Now().Add(100 * time.Second)
		b.Fail(forgetest.Fault{Method: "GET", Status: 200, Raw: "[]", Header: map[string]string{
			"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(reset.Unix()),
		}})
		_, err := b.forge.Propose(t.Context(), request())
		require.NoError(t, err)
		require.False(t, b.Requests()[1].At.Before(reset))
	})
	bubble("for an hour at most, whatever it says", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		b.Fail(forgetest.Fault{Method: "GET", Status: 429, Header: map[string]string{"Retry-After": "864000"}})
		_, err := b.forge.Find(t.Context(), branch)
		require.ErrorIs(t, err, forge.ErrRateLimited)
		var e *forge.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, time.Hour, time.Until(e.RetryAt))
		_, err = b.forge.Find(t.Context(), branch)
		require.ErrorContains(t, err, "it said so to an earlier request; try again after")
		require.Len(t, b.lines(), 1, "and nothing is sent meanwhile")
		time.Sleep(time.Hour)
		_, err = b.forge.Find(t.Context(), branch)
		require.NoError(t, err)
	})
}

// proposals opens n pull requests of their own branches, each within a time.
func (b bench) proposals(t *testing.T, n int, within time.Duration, urgent bool) (opened int, last error) {
	t.Helper()
	for i := range n {
		r := request()
		r.Branch, r.Urgent = fmt.Sprintf("irgit/%t-%d-%d", urgent, len(b.PullRequests()), i), urgent
		ctx, cancel := context.WithTimeout(t.Context(), within)
		_, err := b.forge.Propose(ctx, r)
		cancel()
		if err == nil {
			opened++
		} else {
			last = err
		}
	}
	return opened, last
}

func TestPullRequestsAreOpenedWithinTheBudget(t *testing.T) {
	bubble("a reserve is for what is urgent", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		opened, err := b.proposals(t, 10, 10*time.Second, false)
		require.Equal(t, 4, opened)
		require.ErrorIs(t, err, forge.ErrRateLimited)
		require.ErrorContains(t, err, "irgit opens at most 30 pull requests an hour")
		require.True(t, forge.Temporary(err))
		opened, _ = b.proposals(t, 3, 10*time.Second, true)
		require.Equal(t, 1, opened)
	})
	bubble("who has time waits", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		start := time.Now()
		opened, err := b.proposals(t, 34, time.Hour, false)
		require.NoError(t, err)
		require.Equal(t, 34, opened)
		require.InDelta(t, time.Hour, time.Since(start), float64(3*time.Minute))
	})
	bubble("an update costs nothing of it", t, func(t *testing.T) {
		b := newBench(t, forgetest.Options{})
		for i := range 20 {
			r := request()
			r.Body = fmt.Sprint(i)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err := b.forge.Propose(ctx, r)
			cancel()
			require.NoError(t, err)
		}
	})
}
