package render

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/kustomize"
	"github.com/irgit/irgit/internal/policy"
)

// Verdicts of a trial.
const (
	Proved   = "proved"   // the files can be written, and do exactly what they should
	Unfit    = "unfit"    // the action is not for this workload
	Unplaced = "unplaced" // no patch can get into the cluster
	Unproved = "unproved" // it would not do exactly what it should
)

// Trial is what would become of one action on one workload.
type Trial struct {
	Verdict string   `json:"verdict"`
	Ways    []string `json:"ways,omitempty"`   // of its patches into the cluster, as fleet.Placement.How, each once
	Reason  string   `json:"reason,omitempty"` // why it is not proved
}

// Trials tries actions on workloads of a cluster, under the id of an incident
// that does not exist. It writes nothing, keeps what the roots build to, and is
// safe for concurrent use: a whole fleet can be tried with one.
type Trials struct {
	catalogue *Catalogue
	index     *fleet.Index
	tree      *gitops.Tree
	known     builds
}

// Trials makes trials on a tree; ix is of that tree.
func (c *Catalogue) Trials(ix *fleet.Index, tree *gitops.Tree) *Trials {
	return &Trials{catalogue: c, index: ix, tree: tree}
}

// Try says whether an action on a workload can be placed and proved, or why
// not. An error is of the repository or the context.
func (t *Trials) Try(ctx context.Context, w fleet.Workload, a policy.Action) (Trial, error) {
	r := Request{
		Incident: previewIncident, Expires: previewExpires, Target: w, Index: t.index, Tree: t.tree, Actions: []policy.Action{a},
	}
	b, err := t.catalogue.Render(ctx, r)
	if err != nil {
		return judged(err)
	}
	trial := Trial{Verdict: Proved}
	for _, p := range b.Patches {
		if !slices.Contains(trial.Ways, p.Place.How) {
			trial.Ways = append(trial.Ways, p.Place.How)
		}
	}
	after, err := t.tree.With(ctx, b.Changes...)
	if err != nil && ctx.Err() == nil {
		return Trial{Verdict: Unplaced, Ways: trial.Ways, Reason: err.Error()}, nil
	}
	if err != nil {
		return Trial{}, err
	}
	if _, err := prove(ctx, t.tree, after, r, b, &t.known); err != nil {
		no, err := judged(err)
		no.Ways = trial.Ways
		return no, err
	}
	return trial, nil
}

// judged sorts what stands against an action.
func judged(err error) (Trial, error) {
	var hook *fleet.HookError
	var unfit *NotFittingError
	var refused *RefusedError
	var unproved *ProofError
	var broken *kustomize.Error
	no := Trial{Reason: err.Error()}
	switch {
	case errors.As(err, &hook):
		no.Verdict = Unplaced
	case errors.As(err, &unfit):
		no.Verdict = Unfit
	case errors.As(err, &refused), errors.As(err, &unproved), errors.As(err, &broken):
		no.Verdict = Unproved
	default:
		return Trial{}, fmt.Errorf("try: %w", err)
	}
	return no, nil
}

// previewExpires is when the incident that does not exist ends.
var previewExpires = time.Date(2006, 1, 3, 0, 0, 0, 0, time.UTC)
