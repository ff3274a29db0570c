package forgetest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// GitLabOptions say what the project is like. The zero value is acme/fleet with
// every branch that is asked for.
type GitLabOptions struct {
	Project     string   // path with namespace
	Token       string   // that a request must carry; "" accepts any
	User        string   // whom the token belongs to
	People      []string // who is there
	OneReviewer bool     // as the free edition has it
	Protected   bool     // every branch
	Pipeline    bool     // has to succeed before a merge
	NoMerge     bool     // the token's owner may not

	// Branch finds the tip of a branch; nil makes one up for every name.
	Branch func(name string) (revision string, ok bool)
}

// GitLab is a project there, by the documents of its REST API
// (docs.gitlab.com/api/merge_requests, /api/notes, /api/branches, /api/users).
type GitLab struct {
	*base
	o GitLabOptions
}

// NewGitLab makes a project.
func NewGitLab(o GitLabOptions) *GitLab {
	if o.Project == "" {
		o.Project = "acme/fleet"
	}
	if o.User == "" {
		o.User = "irgit-bot"
	}
	if o.Branch == nil {
		o.Branch = func(name string) (string, bool) { return Revision(name), true }
	}
	g := &GitLab{base: newBase("/api/v4", nil), o: o}
	g.answer = g.serve
	return g
}

func said(status int, message any) answer {
	return answer{status: status, body: map[string]any{"message": message}}
}

func (g *GitLab) serve(r *http.Request, path string, body []byte) answer {
	if got := r.Header.Get("Authorization"); got == "" || g.o.Token != "" && got != "Bearer "+g.o.Token {
		return said(http.StatusUnauthorized, "401 Unauthorized")
	}
	if path == "/users" {
		return g.users(r)
	}
	rest, ok := strings.CutPrefix(path, "/projects/"+url.PathEscape(g.o.Project))
	if !ok {
		return said(http.StatusNotFound, "404 Project Not Found")
	}
	if name, ok := strings.CutPrefix(rest, "/repository/branches/"); ok && r.Method == http.MethodGet {
		return g.branch(unescaped(name))
	}
	if rest == "" && r.Method == http.MethodGet {
		return answer{status: http.StatusOK, body: map[string]any{"id": 1, "path_with_namespace": g.o.Project, "only_allow_merge_if_pipeline_succeeds": g.o.Pipeline}}
	}
	segments := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	route := r.Method + " " + segments[0]
	var pr *PullRequest
	if len(segments) > 1 {
		n, err := strconv.Atoi(segments[1])
		if err != nil || n < 1 || n > len(g.pulls) {
			return said(http.StatusNotFound, "404 Not found")
		}
		pr, route = g.pulls[n-1], route+"/#"+strings.Join(segments[2:], "/")
	}
	switch route {
	case "GET merge_requests":
		return g.list(r)
	case "POST merge_requests":
		return g.create(body)
	case "GET merge_requests/#":
		return answer{status: http.StatusOK, body: g.mergeRequest(pr)}
	case "PUT merge_requests/#":
		return g.update(pr, body)
	case "PUT merge_requests/#merge":
		return g.merge(pr, body)
	case "GET merge_requests/#notes":
		return gitlabPage(r, len(pr.Comments), func(i int) any { return g.note(pr, i) })
	case "POST merge_requests/#notes":
		return g.addNote(pr, body)
	}
	return said(http.StatusNotFound, "404 Not found")
}

func (g *GitLab) branch(name string) answer {
	tip, ok := g.o.Branch(name)
	if !ok {
		return said(http.StatusNotFound, "404 Branch Not Found")
	}
	return answer{status: http.StatusOK, body: map[string]any{"name": name, "protected": g.o.Protected, "commit": map[string]any{"id": tip}}}
}

func (g *GitLab) users(r *http.Request) answer {
	found := []any{}
	for _, name := range g.o.People {
		if strings.EqualFold(name, r.URL.Query().Get("username")) {
			found = append(found, person(name))
		}
	}
	return answer{status: http.StatusOK, body: found}
}

func person(name string) map[string]any {
	return map[string]any{"id": id(name), "username": name, "name": name, "state": "active", "web_url": "https://gitlab.com/" + name}
}

func people(names []string) []any {
	out := []any{}
	for _, name := range names {
		out = append(out, person(name))
	}
	return out
}

// list filters by source branch and state; newest first.
func (g *GitLab) list(r *http.Request) answer {
	branch := r.URL.Query().Get("source_branch")
	var found []*PullRequest
	for _, pr := range slices.Backward(g.pulls) {
		if branch == "" || pr.Head == branch {
			found = append(found, pr)
		}
	}
	return gitlabPage(r, len(found), func(i int) any { return g.mergeRequest(found[i]) })
}

// gitlabPage says the next page as GitLab's offset pagination does.
func gitlabPage(r *http.Request, count int, item func(int) any) answer {
	a := page(r, count, item)
	if _, more := a.header["Link"]; more {
		at, _ := strconv.Atoi(r.URL.Query().Get("page"))
		a.header = map[string]string{"X-Next-Page": strconv.Itoa(max(at, 1) + 1)}
	}
	return a
}

func (g *GitLab) mergeRequest(pr *PullRequest) map[string]any {
	tip, _ := g.o.Branch(pr.Head)
	state := "opened"
	switch {
	case pr.Merged:
		state = "merged"
	case pr.Closed:
		state = "closed"
	}
	source := 1
	if pr.Fork {
		source = 2
	}
	labels := pr.Labels
	if labels == nil {
		labels = []string{}
	}
	return map[string]any{
		"id": 1000 + pr.Number, "iid": pr.Number, "project_id": 1, "source_project_id": source, "target_project_id": 1,
		"title": pr.Title, "description": pr.Body, "state": state, "draft": strings.HasPrefix(pr.Title, "Draft: "),
		"source_branch": pr.Head, "target_branch": pr.Base, "sha": tip, "labels": labels, "author": person(pr.Author),
		"assignees": people(pr.Assignees), "reviewers": people(pr.Reviewers), "created_at": pr.created.UTC().Format(time.RFC3339),
		"merge_when_pipeline_succeeds": pr.AutoMerge, "user_notes_count": len(pr.Comments),
		"web_url": "https://gitlab.com/" + g.o.Project + "/-/merge_requests/" + strconv.Itoa(pr.Number),
	}
}

func (g *GitLab) note(pr *PullRequest, i int) map[string]any {
	return map[string]any{"id": pr.Number*1000 + i, "body": pr.Comments[i], "author": person(g.o.User), "system": false}
}

func (g *GitLab) addNote(pr *PullRequest, body []byte) answer {
	var in struct{ Body string }
	if json.Unmarshal(body, &in) != nil || in.Body == "" {
		return answer{status: http.StatusBadRequest, body: map[string]any{"error": "body is missing"}}
	}
	pr.Comments = append(pr.Comments, in.Body)
	return answer{status: http.StatusCreated, body: g.note(pr, len(pr.Comments)-1)}
}
