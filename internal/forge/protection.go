package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/go-github/v66/github"
)

// Protection is what the forge asks of a merge into a branch.
type Protection struct {
	Protected bool // by branch protection or by a rule set
	Reviewed  bool // a rule set asks for a pull request; protection alone does not tell
}

// Protection looks at a branch; it takes no more than reading. What protection
// asks in detail only administrators see.
func (g *GitHub) Protection(ctx context.Context, branch string) (Protection, error) {
	var p Protection
	var found struct {
		Protected bool `json:"protected"`
	}
	if err := g.get(ctx, operation{name: "look at branch " + branch, permission: "contents: read"}, "branches/"+url.PathEscape(branch), &found); err != nil {
		return p, err
	}
	var rules []struct {
		Type string `json:"type"`
	}
	// Older GitHub Enterprise Servers have no rule sets.
	err := g.get(ctx, operation{name: "look at the rules of branch " + branch, permission: "metadata: read"}, "rules/branches/"+url.PathEscape(branch)+"?per_page=100", &rules)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return p, err
	}
	p.Protected = found.Protected || len(rules) > 0
	for _, r := range rules {
		p.Reviewed = p.Reviewed || r.Type == "pull_request"
	}
	return p, nil
}

// get reads what lies below the repository.
func (g *GitHub) get(ctx context.Context, o operation, below string, into any) error {
	return g.call(ctx, o, func(ctx context.Context) (*github.Response, error) {
		request, err := g.client.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/%s", g.repo.Owner, g.repo.Name, below), nil)
		if err != nil {
			return nil, err
		}
		return g.client.Do(ctx, request, into)
	})
}
