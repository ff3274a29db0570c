package render

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/expr"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/strict"
)

// incidentForm is what an incident's id looks like: day, slug, key. It becomes
// part of paths and names, so nothing else gets in (THREATS B1).
var incidentForm = regexp.MustCompile(`^\d{8}-[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?-[0-9a-f]{8}$`)

// IsIncident reports whether name has the form of an incident's id:
// <yyyymmdd>-<slug of at most 30>-<8 hex digits>.
func IsIncident(name string) bool { return incidentForm.MatchString(name) }

// Render writes the files that contain the target. An optional action that
// does not fit is skipped, with the reason in its step; a required one is a
// *NotFittingError, in which Unwrap gives a *fleet.HookError where that is the
// reason. Output that must not be written is a *RefusedError. Any other error
// is of the repository or the context.
func (c *Catalogue) Render(ctx context.Context, r Request) (*Bundle, error) {
	if !incidentForm.MatchString(r.Incident) {
		return nil, fmt.Errorf("render: %q is not the id of an incident: want <yyyymmdd>-<slug>-<key>", r.Incident)
	}
	target, ok := rendered(r.Index, r.Target)
	if !ok {
		return nil, fmt.Errorf("render incident %s: the target is not a workload that cluster %s renders", r.Incident, r.Index.Cluster().Name)
	}
	b := &bundler{
		catalogue: c, request: r, target: target, vars: variables(r, target), bundle: &Bundle{},
		places: map[string]*placement{}, draft: draft{contents: map[string][]byte{}},
	}
	for _, a := range r.Actions {
		if err := b.add(ctx, a); err != nil {
			return nil, err
		}
	}
	if err := b.finish(ctx); err != nil {
		return nil, err
	}
	return b.bundle, nil
}

// rendered finds the workload as the index has it, so that nothing about it
// comes from the caller.
func rendered(ix *fleet.Index, w fleet.Workload) (fleet.Workload, bool) {
	all := ix.Workloads()
	i := slices.IndexFunc(all, func(o fleet.Workload) bool { return o.Ref() == w.Ref() })
	if i < 0 {
		return fleet.Workload{}, false
	}
	return all[i], true
}

// bundler collects what the actions of one request render.
type bundler struct {
	catalogue *Catalogue
	request   Request
	target    fleet.Workload
	vars      expr.Vars
	bundle    *Bundle
	places    map[string]*placement // by the hook's directory
	draft     draft
	open      []Edit // of the cluster's open incidents, nil when nobody asked
	states    map[string]fleet.RootState
	said      []string // warnings about roots, each of which is said once
	size      int
}

type file struct {
	name string // within its directory
	data []byte
}

func (b *bundler) add(ctx context.Context, a policy.Action) error {
	t := b.catalogue.templates[a.Name]
	if t == nil {
		return fmt.Errorf("render incident %s: unknown action %q%s", b.request.Incident, a.Name, strict.Suggest(a.Name, b.catalogue.Names()))
	}
	if wrong := b.catalogue.CheckParameters(a.Name, a.Parameters); len(wrong) > 0 {
		return fmt.Errorf("render action %s: %s", a.Name, strings.Join(wrong, "; "))
	}
	step := Step{Action: a.Name, Digest: t.action.Digest, Optional: a.Optional}
	step.Parameters, _ = t.fill(a.Parameters)
	vars := maps.Clone(b.vars)
	vars["params"] = step.Parameters
	err := b.run(ctx, t, vars, &step)
	var misfit *NotFittingError
	if errors.As(err, &misfit) && a.Optional {
		b.bundle.Steps = append(b.bundle.Steps, Step{
			Action: a.Name, Digest: step.Digest, Parameters: step.Parameters, Optional: true, Skipped: misfit.Reason,
		})
		return nil
	}
	if err != nil {
		return err
	}
	b.charted(&step)
	b.bundle.Steps = append(b.bundle.Steps, step)
	return nil
}
