package forgetest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const documentation = "https://docs.github.com/rest"

type answer struct {
	status int
	body   any
	header map[string]string
}

func refuse(status int, message string) answer {
	return answer{status: status, body: map[string]any{"message": message, "documentation_url": documentation}}
}

// invalid is a 422 about one field; a message makes it a custom one.
func invalid(field, message string) answer {
	e := map[string]any{"resource": "PullRequest", "field": field, "code": "invalid"}
	if message != "" {
		e["code"], e["message"] = "custom", message
	}
	return answer{status: http.StatusUnprocessableEntity, body: map[string]any{
		"message": "Validation Failed", "documentation_url": documentation, "errors": []any{e},
	}}
}

func (g *GitHub) serve(r *http.Request, path string, body []byte) answer {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if a, ok := g.app(r.Method, path, token, body); ok {
		return a
	}
	if !g.admits(token) {
		return refuse(http.StatusUnauthorized, "Bad credentials")
	}
	if r.Method == http.MethodPost && path == "/graphql" {
		return g.graphql(body)
	}
	rest, ok := strings.CutPrefix(path, "/repos/"+g.o.Owner+"/"+g.o.Name)
	if !ok {
		return refuse(http.StatusNotFound, "Not Found")
	}
	if a, ok := g.branch(r.Method, rest); ok {
		return a
	}
	if r.Method == http.MethodGet && rest == "" {
		return answer{status: http.StatusOK, body: g.settings()}
	}
	segments := strings.Split(strings.TrimPrefix(rest, "/"), "/")
	route := r.Method + " " + segments[0]
	var pr *PullRequest
	if len(segments) > 1 {
		n, err := strconv.Atoi(segments[1])
		if err != nil || n < 1 || n > len(g.pulls) {
			return refuse(http.StatusNotFound, "Not Found")
		}
		pr = g.pulls[n-1]
		route += "/#" + strings.TrimPrefix("/"+strings.Join(segments[2:], "/"), "/")
	}
	switch route {
	case "GET pulls":
		return g.list(r)
	case "POST pulls":
		return g.create(body)
	case "GET pulls/#":
		return answer{status: http.StatusOK, body: g.full(pr)}
	case "PATCH pulls/#":
		return g.edit(pr, body)
	case "GET pulls/#reviews":
		return page(r, pr.Reviews, func(i int) any { return g.review(pr, i) })
	case "POST pulls/#requested_reviewers":
		return g.request(pr, body)
	case "PUT pulls/#merge":
		return g.merge(pr, body)
	case "POST issues/#assignees":
		return g.addAssignees(pr, body)
	case "GET issues/#comments":
		return page(r, len(pr.Comments), func(i int) any { return g.comment(pr, i) })
	case "POST issues/#comments":
		return g.addComment(pr, body)
	case "POST issues/#labels":
		return g.addLabels(pr, body)
	case "GET labels":
		return page(r, len(g.labels), func(i int) any { return g.label(g.labels[i]) })
	case "POST labels":
		return g.createLabel(body)
	}
	return refuse(http.StatusNotFound, "Not Found")
}

// list filters by head only if the filter has the form owner:branch, as GitHub
// does.
func (g *GitHub) list(r *http.Request) answer {
	query := r.URL.Query()
	owner, branch, filtered := strings.Cut(query.Get("head"), ":")
	var found []*PullRequest
	for _, pr := range slices.Backward(g.pulls) {
		state := "open"
		if pr.Closed {
			state = "closed"
		}
		wanted := query.Get("state")
		if wanted == "" {
			wanted = "open"
		}
		if (wanted == "all" || wanted == state) && (!filtered || owner == g.o.Owner && branch == pr.Head) {
			found = append(found, pr)
		}
	}
	return page(r, len(found), func(i int) any { return g.simple(found[i]) })
}

// page cuts a list as GitHub does and links to the next part.
func page(r *http.Request, count int, item func(int) any) answer {
	query := r.URL.Query()
	number := func(key string, otherwise int) int {
		if n, err := strconv.Atoi(query.Get(key)); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	size, at := min(number("per_page", 30), 100), number("page", 1)
	items := []any{}
	for i := (at - 1) * size; i < min(at*size, count); i++ {
		items = append(items, item(i))
	}
	a := answer{status: http.StatusOK, body: items}
	if at*size < count {
		query.Set("page", strconv.Itoa(at+1))
		next := *r.URL
		next.RawQuery = query.Encode()
		a.header = map[string]string{"Link": fmt.Sprintf(`<%s>; rel="next"`, next.String())}
	}
	return a
}
