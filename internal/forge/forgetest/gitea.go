package forgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// GiteaOptions say what the repository is like.
type GiteaOptions struct {
	Token     string   // that a request must carry; "" accepts any
	People    []string // who can review
	OrgLabels []string // of the organisation that owns the repository
	Checks    []string // that a protected main requires
}

// Gitea is acme/fleet there, with every branch that is asked for. It knows what
// make conformance has seen a real server answer.
type Gitea struct {
	*base
	o    GiteaOptions
	Gone []string // branches that were deleted
}

// NewGitea makes a repository.
func NewGitea(o GiteaOptions) *Gitea {
	g := &Gitea{base: newBase("/api/v1", nil), o: o}
	g.answer = g.serve
	return g
}

func (g *Gitea) serve(r *http.Request, path string, body []byte) answer {
	if got := r.Header.Get("Authorization"); got == "" || g.o.Token != "" && got != "Bearer "+g.o.Token {
		return said(http.StatusUnauthorized, "invalid username, password or token")
	}
	if path == "/orgs/acme/labels" {
		return page(limit(r), len(g.o.OrgLabels), func(i int) any { return giteaLabel(g.o.OrgLabels[i]) })
	}
	segments := strings.Split(strings.TrimPrefix(path, "/repos/acme/fleet"), "/")
	route := r.Method + " " + strings.Join(segments[1:min(2, len(segments))], "")
	var pr *PullRequest
	if len(segments) > 2 && segments[1] != "branches" {
		n, err := strconv.Atoi(segments[2])
		if err != nil || n < 1 || n > len(g.pulls) {
			return said(http.StatusNotFound, "The target couldn't be found.")
		}
		pr, route = g.pulls[n-1], route+"/#"+strings.Join(segments[3:], "/")
	}
	switch route {
	case "GET ":
		return answer{status: http.StatusOK, body: map[string]any{"id": 1, "name": "fleet", "allow_merge_commits": true}}
	case "GET branches":
		return answer{status: http.StatusOK, body: map[string]any{"name": segments[2], "protected": len(g.o.Checks) > 0, "enable_status_check": len(g.o.Checks) > 0, "status_check_contexts": g.o.Checks}}
	case "GET pulls":
		return g.list(r)
	case "POST pulls":
		return g.create(body)
	case "GET labels":
		return page(limit(r), len(g.labels), func(i int) any { return giteaLabel(g.labels[i]) })
	case "POST labels":
		return g.createLabel(body)
	case "GET pulls/#reviews":
		return page(limit(r), pr.Reviews, func(i int) any { return map[string]any{"id": i, "state": "APPROVED"} })
	case "GET issues/#comments":
		return page(limit(r), len(pr.Comments), func(i int) any { return map[string]any{"id": i, "body": pr.Comments[i]} })
	}
	return g.write(route, pr, body)
}

// write serves what changes a pull request.
func (g *Gitea) write(route string, pr *PullRequest, body []byte) answer {
	var in struct {
		Title, Base, State string
		Body               *string
		Assignees          []string
		Labels             []int
		Reviewers          []string
		Head               string `json:"head_commit_id"`
	}
	if pr == nil || len(body) > 0 && json.Unmarshal(body, &in) != nil {
		return said(http.StatusNotFound, "The target couldn't be found.")
	}
	switch route {
	case "GET pulls/#":
	case "PATCH pulls/#":
		for field, value := range map[*string]string{&pr.Title: in.Title, &pr.Base: in.Base} {
			if value != "" {
				*field = value
			}
		}
		if in.Body != nil {
			pr.Body = *in.Body
		}
		pr.Closed = pr.Merged || in.State == "closed" || pr.Closed && in.State != "open"
		pr.Assignees = union(pr.Assignees, in.Assignees)
		return answer{status: http.StatusCreated, body: g.pull(pr)}
	case "POST pulls/#requested_reviewers":
		for _, who := range in.Reviewers {
			if !slices.Contains(g.o.People, who) {
				return said(http.StatusNotFound, "User '"+who+"' not exist")
			}
		}
		pr.Reviewers = union(pr.Reviewers, in.Reviewers)
		return answer{status: http.StatusCreated, body: []any{}}
	case "POST pulls/#merge":
		switch {
		case in.Head != Revision(pr.Head):
			return said(http.StatusConflict, "head out of date")
		case !pr.Passed:
			return said(http.StatusMethodNotAllowed, "Not all required status checks successful")
		}
		pr.Closed, pr.Merged = true, true
	case "POST issues/#comments":
		pr.Comments = append(pr.Comments, *in.Body)
		return answer{status: http.StatusCreated, body: map[string]any{"id": len(pr.Comments), "body": *in.Body}}
	case "POST issues/#labels":
		for _, name := range slices.Concat(g.labels, g.o.OrgLabels) {
			if slices.Contains(in.Labels, id(name)) {
				pr.Labels = union(pr.Labels, []string{name})
			}
		}
		return answer{status: http.StatusOK, body: giteaLabels(pr.Labels)}
	default:
		return said(http.StatusNotFound, "The target couldn't be found.")
	}
	return answer{status: http.StatusOK, body: g.pull(pr)}
}

// limit gives Gitea's name of the size of a page GitHub's.
func limit(r *http.Request) *http.Request {
	out := r.Clone(r.Context())
	query := out.URL.Query()
	query.Set("per_page", query.Get("limit"))
	out.URL.RawQuery = query.Encode()
	return out
}

func (g *Gitea) list(r *http.Request) answer {
	var found []*PullRequest
	for _, pr := range slices.Backward(g.pulls) {
		if state := r.URL.Query().Get("state"); state == "all" || pr.Closed == (state == "closed") {
			found = append(found, pr)
		}
	}
	return page(limit(r), len(found), func(i int) any { return g.pull(found[i]) })
}

func (g *Gitea) create(body []byte) answer {
	var in struct{ Title, Head, Base, Body string }
	if json.Unmarshal(body, &in) != nil {
		return said(http.StatusUnprocessableEntity, "bad JSON")
	}
	for _, pr := range g.pulls {
		if !pr.Closed && !pr.Fork && pr.Head == in.Head && pr.Base == in.Base {
			return said(http.StatusConflict, fmt.Sprintf("pull request already exists for these targets [issue_id: %d]", pr.Number))
		}
	}
	pr := g.add(PullRequest{Title: in.Title, Body: in.Body, Head: in.Head, Base: in.Base, Author: "irgit-bot"})
	return answer{status: http.StatusCreated, body: g.pull(pr)}
}

func (g *Gitea) createLabel(body []byte) answer {
	var in struct{ Name, Color string }
	if json.Unmarshal(body, &in) != nil || !strings.HasPrefix(in.Color, "#") {
		return said(http.StatusUnprocessableEntity, "bad label")
	}
	g.labels = append(g.labels, in.Name)
	return answer{status: http.StatusCreated, body: giteaLabel(in.Name)}
}

func giteaLabel(name string) map[string]any { return map[string]any{"id": id(name), "name": name} }

func giteaLabels(names []string) []any {
	out := []any{}
	for _, name := range names {
		out = append(out, giteaLabel(name))
	}
	return out
}

func logins(names []string) []any {
	out := []any{}
	for _, name := range names {
		out = append(out, map[string]any{"login": name})
	}
	return out
}

// pull is a pull request. When its branch is gone its ref is another one, and
// its label stays.
func (g *Gitea) pull(pr *PullRequest) map[string]any {
	ref, repo, state := pr.Head, 1, "open"
	if slices.Contains(g.Gone, pr.Head) {
		ref = fmt.Sprintf("refs/pull/%d/head", pr.Number)
	}
	if pr.Fork {
		repo = 2
	}
	if pr.Closed {
		state = "closed"
	}
	return map[string]any{
		"id": 1000 + pr.Number, "number": pr.Number, "title": pr.Title, "body": pr.Body, "state": state, "merged": pr.Merged,
		"draft": strings.HasPrefix(pr.Title, "WIP:"), "user": map[string]any{"login": pr.Author}, "labels": giteaLabels(pr.Labels),
		"assignees": logins(pr.Assignees), "requested_reviewers": logins(pr.Reviewers), "requested_reviewers_teams": []any{},
		"html_url": "https://codeberg.org/acme/fleet/pulls/" + strconv.Itoa(pr.Number),
		"head":     map[string]any{"label": pr.Head, "ref": ref, "sha": Revision(pr.Head), "repo_id": repo},
		"base":     map[string]any{"label": pr.Base, "ref": pr.Base, "sha": Revision(pr.Base), "repo_id": 1},
	}
}
