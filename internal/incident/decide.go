package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/fleet"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/validate"
)

// decision is an alert that a containment is to answer.
type decision struct {
	outcome  *Outcome
	alert    alert.Alert
	cluster  fleet.Cluster
	target   fleet.Workload
	evidence string
	doubts   []string
	plan     policy.Plan
	key      string
	state    State // once the record has been asked
	again    bool  // there is no alert: the incident is looked at once more
}

// AlertFile stands in problems for the input, whose name an Engine is not told.
const AlertFile = "alert"

// decide finds out what an alert asks for. It fills the outcome and returns
// nil when that is nothing.
func (s *session) decide(ctx context.Context, item alert.Item, o *Outcome) (*decision, error) {
	o.Where, o.Alert = item.Where, item.Alert
	switch {
	case item.Problem != "":
		o.refuse(Invalid, "the alert cannot be understood: "+item.Problem)
		o.Problems = []validate.Problem{{File: AlertFile, Path: item.Where, Message: item.Problem}}
		return nil, nil
	case item.Ignored != "":
		o.State, o.Reason = Unmatched, item.Ignored
		return nil, nil
	}
	a := *item.Alert
	cluster, why := s.clusterOf(a)
	if why != "" {
		// Without a cluster nothing can be targeted; say first whether anything would be.
		d, err := s.o.Policies.Match(ctx, a, nil, fleet.Cluster{})
		if err != nil {
			return nil, err
		}
		o.Decision = &d
		if !answered(d) {
			o.State, o.Reason = Unmatched, d.Reason
			return nil, nil
		}
		o.refuse(Unresolved, why)
		return nil, nil
	}
	ix, err := s.index(ctx, cluster.Name)
	if err != nil {
		return nil, err
	}
	found := ix.Resolve(query(a))
	d, err := s.o.Policies.Match(ctx, a, found.Workload, cluster)
	if err != nil {
		return nil, err
	}
	o.Decision = &d
	switch {
	case !answered(d), found.Workload != nil && d.Plan == nil:
		o.State, o.Reason = Unmatched, d.Reason
		return nil, nil
	case found.Workload == nil:
		o.refuse(Unresolved, found.Reason)
		if found.State != fleet.Ambiguous { // whose reason lists them
			o.Reason += candidates(found.Candidates)
		}
		if o.Problems = s.findings(ix); len(o.Problems) > 0 {
			o.Fault, o.Reason = Invalid, o.Reason+"; but a part of the cluster could not be read, see the problems"
		}
		return nil, nil
	}
	target := *found.Workload
	if refusals := policy.CheckTarget(ix, target, a); len(refusals) > 0 {
		o.refuse(Guardrail, sentences(refusals))
		return nil, nil
	}
	plan := *d.Plan
	if found.Evidence == fleet.EvidencePod && plan.Approval.Mode == policy.AutoMerge {
		plan.Approval.Mode = policy.Propose
		plan.Why = append(slices.Clone(plan.Why), "a person has to approve: only the pod's name says which workload it is")
	}
	return &decision{
		outcome: o, alert: a, cluster: cluster, target: target, evidence: found.Evidence, doubts: found.Doubts,
		plan: plan, key: keyOf(cluster.Name, target, plan.Policy),
	}, nil
}

// clusterOf finds the cluster of an alert. It never defaults to the only one.
func (s *session) clusterOf(a alert.Alert) (c fleet.Cluster, why string) {
	named := a.Subject.Cluster
	if named == "" {
		if s.o.Cluster == "" {
			return c, "the alert does not say which cluster it is from: name the cluster in the sensor's configuration, or give --cluster"
		}
		named = s.o.Cluster
	}
	c, ok := s.fleet.Cluster(named)
	if !ok {
		return c, "the alert is from a cluster that .irgit.yaml does not declare: add its name to the cluster's aliases"
	}
	if given, known := s.fleet.Cluster(s.o.Cluster); known && given.Name != c.Name {
		return c, fmt.Sprintf("the alert is from cluster %s, and only alerts of cluster %s were asked for", c.Name, given.Name)
	}
	return c, ""
}

func query(a alert.Alert) fleet.Query {
	return fleet.Query{
		Namespace: a.Subject.Namespace, Pod: a.Subject.Pod, Kind: a.Subject.Workload.Kind, Name: a.Subject.Workload.Name,
		Container: a.Subject.Container, Image: a.Subject.Image,
	}
}

// answered reports whether any policy matched.
func answered(d policy.Decision) bool {
	return slices.ContainsFunc(d.Considered, func(c policy.Consideration) bool { return c.Used })
}

func (o *Outcome) refuse(f Fault, reason string) {
	o.State, o.Fault, o.Reason = Refused, f, reason
}

const maxCandidates = 5 // in a sentence

func candidates(all []fleet.Workload) string {
	if len(all) == 0 {
		return ""
	}
	var names []string
	for _, w := range all[:min(len(all), maxCandidates)] {
		names = append(names, w.String())
	}
	if more := len(all) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return "; it may be " + strings.Join(names, ", ")
}

func sentences(refusals []policy.Refusal) string {
	var out []string
	for _, r := range refusals {
		out = append(out, fmt.Sprintf("%s (guardrail %s)", r.Reason, r.Guardrail))
	}
	return strings.Join(slices.Compact(out), "; ")
}

// findings are what irgit could not take into account of the cluster: the
// answer "not in the fleet" may be owed to one of them.
func (s *session) findings(ix *fleet.Index) (problems []validate.Problem) {
	for _, f := range ix.Findings() {
		problems = append(problems, validate.Problem{File: f.File, Path: f.Root, Message: f.Message})
	}
	return problems
}
