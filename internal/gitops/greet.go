package gitops

import (
	"context"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// greeting is what receive-pack says before it takes a push.
type greeting struct {
	session transport.ReceivePackSession
	refs    *packp.AdvRefs
	err     error // then there is no session
}

// PreparePush asks the server in the background for what a push has to know of
// it, so that a Push before stop need not wait for that. Call stop in any
// case: it drops the answer if no Push took it.
//
// The answer may be old when it is used, and decides nothing: the revision
// that a branch must be at comes from the Update, and the server compares it
// when the push arrives. An answer that failed is asked for again by Push. Only
// http is asked: elsewhere the question would hold a connection open.
func (r *Remote) PreparePush(ctx context.Context) (stop func()) {
	if !r.stateless() {
		return func() {}
	}
	ctx, cancel := r.exchange(ctx)
	prepared := make(chan greeting, 1)
	var asking sync.WaitGroup
	asking.Go(func() { prepared <- r.greet(ctx) })
	r.mu.Lock()
	r.prepared = prepared
	r.mu.Unlock()
	return func() {
		cancel()
		asking.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.prepared == prepared {
			r.prepared = nil
		}
	}
}

// greeted is the greeting that was prepared, once, or else one of now.
func (r *Remote) greeted(ctx context.Context) greeting {
	r.mu.Lock()
	prepared := r.prepared
	r.prepared = nil
	r.mu.Unlock()
	if prepared == nil {
		return r.greet(ctx)
	}
	select {
	case g := <-prepared:
		if g.err != nil {
			return r.greet(ctx)
		}
		return g
	case <-ctx.Done():
		return greeting{err: r.classify(ctx, ctx.Err())}
	}
}

// greet opens a session and reads its greeting.
func (r *Remote) greet(ctx context.Context) greeting {
	session, err := r.client.NewReceivePackSession(r.target(), r.auth)
	if err != nil {
		return greeting{err: r.classify(ctx, err)}
	}
	refs, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		_ = session.Close()
		return greeting{err: r.classify(ctx, err)}
	}
	return greeting{session: session, refs: refs}
}
