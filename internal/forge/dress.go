package forge

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// The look of a label that irgit has to make.
const (
	labelColour      = "b60205"
	labelDescription = "Incident response"
)

// dress adds labels, assigns people and asks for reviewers. The proposal stands
// without them, so that a failure here is a warning.
func (p proposer) dress(ctx context.Context, f *found, r Request, result Result) Result {
	warn := func(what string, err error) {
		result.Warnings = append(result.Warnings, what+": "+err.Error())
	}
	if missing := without(r.Labels, f.Labels); len(missing) > 0 {
		labels, err := p.api.label(ctx, f, missing)
		if err != nil {
			warn("not all labels are set", err)
		} else {
			f.Labels = labels
			slices.Sort(f.Labels)
		}
	}
	if missing := without(r.Assignees, f.Assignees); len(missing) > 0 {
		if err := p.api.assign(ctx, f, missing); err != nil {
			warn("nobody was assigned", err)
		}
	}
	users, teams, err := p.unasked(ctx, f, r, result.Change == Opened)
	if err != nil {
		warn("no reviewer was asked", err)
	}
	if result.Change == Opened {
		for _, u := range r.Reviewers {
			if same(u, f.Author) {
				result.Warnings = append(result.Warnings, clean(u)+" opened the pull request and cannot review it")
			}
		}
	}
	if len(users)+len(teams) > 0 {
		for _, err := range p.api.ask(ctx, f, users, teams) {
			warn("a reviewer was not asked", err)
		}
	}
	result.PullRequest = f.PullRequest
	return result
}

// unasked says whom to ask: nobody twice. Of a pull request that was there,
// reviewers are only wanted if nobody was ever asked and nobody has reviewed,
// which is what a crash right after opening leaves behind.
func (p proposer) unasked(ctx context.Context, f *found, r Request, opened bool) (users, teams []string, err error) {
	users = without(r.Reviewers, []string{f.Author})
	for _, team := range r.Teams {
		teams = append(teams, team[strings.LastIndex(team, "/")+1:])
	}
	teams = without(teams, nil)
	if len(users)+len(teams) == 0 || opened {
		return users, teams, nil
	}
	if f.Asked {
		return nil, nil, nil
	}
	if reviewed, err := p.api.reviewed(ctx, f); reviewed || err != nil {
		return nil, nil, err
	}
	return users, teams, nil
}

// askEach requests reviews together; when the forge refuses that with one of
// the statuses, because of one name, it asks each alone.
func askEach(send func(what string, users, teams []string) error, users, teams []string, refused ...int) []error {
	err := send(strings.Join(slices.Concat(users, teams), ", "), users, teams)
	var e *Error
	if err == nil {
		return nil
	}
	if !errors.As(err, &e) || !slices.Contains(refused, e.Status) || len(users)+len(teams) == 1 {
		return []error{err}
	}
	var failed []error
	for _, u := range users {
		if err := send(u, []string{u}, nil); err != nil {
			failed = append(failed, err)
		}
	}
	for _, t := range teams {
		if err := send("the team "+t, nil, []string{t}); err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// same compares as forges do: names of labels, people and teams are the same
// in upper and lower case.
func same(a, b string) bool { return strings.EqualFold(a, b) }

// without returns what is in want and not in have, each once, in order.
func without(want, have []string) []string {
	var out []string
	for _, w := range want {
		in := func(list []string) bool { return slices.ContainsFunc(list, func(s string) bool { return same(s, w) }) }
		if w != "" && !in(have) && !in(out) {
			out = append(out, w)
		}
	}
	return out
}
