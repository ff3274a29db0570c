package forgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func (g *GitHub) create(body []byte) answer {
	var in struct {
		Title, Head, Base, Body string
		Draft                   bool
	}
	if json.Unmarshal(body, &in) != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	for field, branch := range map[string]string{"head": in.Head, "base": in.Base} {
		if _, ok := g.o.Branch(branch); !ok {
			return invalid(field, "")
		}
	}
	for _, pr := range g.pulls {
		if !pr.Closed && !pr.Fork && pr.Head == in.Head && pr.Base == in.Base {
			return invalid("head", fmt.Sprintf("A pull request already exists for %s:%s.", g.o.Owner, in.Head))
		}
	}
	if in.Draft && g.o.NoDrafts {
		return refuse(http.StatusUnprocessableEntity, "Draft pull requests are not supported in this repository.")
	}
	if len(in.Body) > 65536 {
		return invalid("body", "body is too long (maximum is 65536 characters)")
	}
	pr := g.add(PullRequest{Title: in.Title, Body: in.Body, Head: in.Head, Base: in.Base, Draft: in.Draft, Author: g.o.User})
	return answer{status: http.StatusCreated, body: g.full(pr)}
}

func (g *GitHub) edit(pr *PullRequest, body []byte) answer {
	var in struct{ Title, Body, Base, State *string }
	if json.Unmarshal(body, &in) != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if in.Base != nil {
		if _, ok := g.o.Branch(*in.Base); !ok {
			return invalid("base", "")
		}
		pr.Base = *in.Base
	}
	if in.Title != nil {
		pr.Title = *in.Title
	}
	if in.Body != nil {
		pr.Body = *in.Body
	}
	if in.State != nil {
		pr.Closed = *in.State == "closed"
	}
	return answer{status: http.StatusOK, body: g.full(pr)}
}

func (g *GitHub) request(pr *PullRequest, body []byte) answer {
	var in struct {
		Reviewers []string
		Teams     []string `json:"team_reviewers"`
	}
	if json.Unmarshal(body, &in) != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	for _, who := range in.Reviewers {
		if who == pr.Author {
			return refuse(http.StatusUnprocessableEntity, "Review cannot be requested from pull request author.")
		}
		if !slices.Contains(g.o.Collaborators, who) {
			return refuse(http.StatusUnprocessableEntity, "Reviews may only be requested from collaborators.")
		}
	}
	for _, team := range in.Teams {
		if !slices.Contains(g.o.Teams, team) {
			return refuse(http.StatusUnprocessableEntity, "Reviews may only be requested from collaborators.")
		}
	}
	pr.Reviewers, pr.Teams = union(pr.Reviewers, in.Reviewers), union(pr.Teams, in.Teams)
	return answer{status: http.StatusCreated, body: g.simple(pr)}
}

func (g *GitHub) addLabels(pr *PullRequest, body []byte) answer {
	var in struct{ Labels []string }
	if json.Unmarshal(body, &in) != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	pr.Labels, g.labels = union(pr.Labels, in.Labels), union(g.labels, in.Labels)
	return answer{status: http.StatusOK, body: g.labelList(pr.Labels)}
}

func (g *GitHub) createLabel(body []byte) answer {
	var in struct{ Name, Color, Description string }
	if json.Unmarshal(body, &in) != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if slices.ContainsFunc(g.labels, func(l string) bool { return strings.EqualFold(l, in.Name) }) {
		return answer{status: http.StatusUnprocessableEntity, body: map[string]any{
			"message": "Validation Failed", "documentation_url": documentation,
			"errors": []any{map[string]any{"resource": "Label", "code": "already_exists", "field": "name"}},
		}}
	}
	g.labels = append(g.labels, in.Name)
	return answer{status: http.StatusCreated, body: g.label(in.Name)}
}

func union(have, more []string) []string {
	for _, s := range more {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, s) }) {
			have = append(have, s)
		}
	}
	return have
}
