package forge

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// Protection is what the forge asks of a merge into a branch.
type Protection struct {
	Protected bool     // by branch protection or by a rule set
	Reviewed  bool     // a review or a pull request is asked for; where only administrators see that, false
	Checks    []string // that are required, as far as can be seen
}

// Protection looks at a branch; it takes no more than reading. What protection
// asks in detail only administrators see.
func (g *GitHub) Protection(ctx context.Context, branch string) (Protection, error) {
	var p Protection
	var branches struct {
		Protected  bool `json:"protected"`
		Protection struct {
			Checks struct {
				Contexts []string `json:"contexts"`
			} `json:"required_status_checks"`
		} `json:"protection"`
	}
	o := operation{name: "look at branch " + branch, needs: "permission contents: read"}
	if err := g.send(ctx, o, http.MethodGet, "branches/"+url.PathEscape(branch), nil, &branches); err != nil {
		return p, err
	}
	var rules []struct {
		Type       string `json:"type"`
		Parameters struct {
			Checks []struct {
				Context string `json:"context"`
			} `json:"required_status_checks"`
		} `json:"parameters"`
	}
	o = operation{name: "look at the rules of branch " + branch, needs: "permission metadata: read"}
	// Older GitHub Enterprise Servers have no rule sets.
	err := g.send(ctx, o, http.MethodGet, "rules/branches/"+url.PathEscape(branch)+"?per_page=100", nil, &rules)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return p, err
	}
	p.Protected, p.Checks = branches.Protected || len(rules) > 0, branches.Protection.Checks.Contexts
	for _, r := range rules {
		p.Reviewed = p.Reviewed || r.Type == "pull_request"
		for _, c := range r.Parameters.Checks {
			p.Checks = append(p.Checks, c.Context)
		}
	}
	return p, nil
}
