package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/render"
)

// placed is what became of one action for all workloads.
type placed struct {
	Proved   map[string]int // by kind of placement
	Unplaced map[string]int // refused, by reason
	Unproved map[string]int // rendered and refused by the proof, by reason
	Unfit    map[string]int // the action is not for such a workload, by reason
	Wrong    []string       // irgit says that it is proved, and it is not so
	Crashed  []string
	Judged   int // proved and looked at from outside
	OnDisk   int // of these, the ones that were built on disk, too
	Details  []string
	Took     time.Duration

	mu sync.Mutex
}

func placeAll(ctx context.Context, c clone, l *loaded) (map[string]*placed, error) {
	catalogue, err := templates()
	if err != nil {
		return nil, err
	}
	j := &judge{clone: c, loaded: l, catalogue: catalogue}
	out := map[string]*placed{}
	for _, action := range []string{"freeze-scale", "freeze-rollout"} {
		p := &placed{Proved: map[string]int{}, Unplaced: map[string]int{}, Unproved: map[string]int{}, Unfit: map[string]int{}}
		start := time.Now()
		var proved []attempt
		for _, ix := range l.indexes {
			some, err := p.cluster(ctx, catalogue.Trials(ix, l.fleet.Tree()), ix, action)
			if err != nil {
				return nil, err
			}
			proved = append(proved, some...)
		}
		p.Took = time.Since(start)
		if err := j.judge(ctx, p, proved); err != nil {
			return nil, err
		}
		out[action] = p
	}
	return out, nil
}

func templates() (*render.Catalogue, error) {
	sources, err := render.Sources()
	if err != nil {
		return nil, err
	}
	catalogue, problems := render.Load(sources)
	if len(problems) > 0 {
		return nil, fmt.Errorf("templates: %v", problems)
	}
	return catalogue, nil
}

// attempt is an action on a workload that was proved.
type attempt struct {
	action string
	ix     *fleet.Index
	target fleet.Workload
	ways   []string
	bundle *render.Bundle // of the judge
	after  *gitops.Tree
}

func (a attempt) String() string {
	return fmt.Sprintf("%s %s: %s in root %s", a.action, a.ix.Cluster().Name, a.target, a.target.Root)
}

// cluster tries an action on every workload, and returns what was proved in
// the order of the workloads.
func (p *placed) cluster(ctx context.Context, trials *render.Trials, ix *fleet.Index, action string) (proved []attempt, err error) {
	all := ix.Workloads()
	attempts := make([]attempt, len(all))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, w := range all {
		attempts[i] = attempt{action: action, ix: ix, target: w}
		g.Go(func() error { return p.try(ctx, trials, &attempts[i]) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(attempts, func(a attempt) bool { return len(a.ways) == 0 }), nil
}

// try counts the outcome of one trial.
func (p *placed) try(ctx context.Context, trials *render.Trials, a *attempt) error {
	defer func() {
		if crash := recover(); crash != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.Crashed = append(p.Crashed, fmt.Sprintf("%s: %v\n%s", a, crash, debug.Stack()))
		}
	}()
	t, err := trials.Try(ctx, a.target, policy.Action{Name: a.action})
	if err != nil {
		return fmt.Errorf("%s: %w", a, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	reason := group(t.Reason)
	switch t.Verdict {
	case render.Proved:
		a.ways = t.Ways
		p.Proved[strings.Join(t.Ways, "+")]++
		return nil
	case render.Unfit:
		p.Unfit[reason]++
		return nil
	case render.Unplaced:
		p.Unplaced[reason]++
	default:
		p.Unproved[reason]++
	}
	p.Details = append(p.Details, fmt.Sprintf("%s: %s %s: %s", a, t.Verdict, strings.Join(t.Ways, "+"), oneText(t.Reason)))
	return nil
}
