package incident

import (
	"context"
	"fmt"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
)

// Explanation is how an alert is understood and what every policy says of it.
type Explanation struct {
	Where    string           `json:"where,omitempty"`
	Alert    *alert.Alert     `json:"alert"`
	NotTaken string           `json:"notTaken,omitempty"` // why no policy was asked
	Target   string           `json:"target,omitempty"`   // Kind namespace/name, "" when it is not known
	Why      string           `json:"why"`                // how the target was found, or why not
	Refusals []policy.Refusal `json:"refusals,omitempty"` // of the floor, against this target
	Decision *policy.Decision `json:"decision,omitempty"`
}

// Explain shows for every alert what Respond would decide, with the reason of
// every policy. It writes nothing.
func (e *Engine) Explain(ctx context.Context, items []alert.Item) ([]Explanation, error) {
	s, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Explanation, len(items))
	for i, item := range items {
		x := &all[i]
		x.Where, x.Alert, x.NotTaken = item.Where, item.Alert, item.Problem+item.Ignored
		if item.Alert == nil || x.NotTaken != "" {
			continue
		}
		if err := s.explain(ctx, *item.Alert, x); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *session) explain(ctx context.Context, a alert.Alert, x *Explanation) error {
	cluster, why := s.clusterOf(a)
	var target *fleet.Workload
	if x.Why = why; why == "" {
		ix, err := s.index(ctx, cluster.Name)
		if err != nil {
			return err
		}
		found := ix.Resolve(query(a))
		x.Why, target = found.Reason, found.Workload
		if target != nil {
			x.Target = target.String() + " in " + cluster.Name
			x.Refusals = policy.CheckTarget(ix, *target, a)
		}
	}
	d, err := s.o.Policies.Explain(ctx, a, target, cluster)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	x.Decision = &d
	return nil
}
