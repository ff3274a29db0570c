package forgetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

func (g *GitHub) addComment(pr *PullRequest, body []byte) answer {
	var in struct{ Body string }
	if json.Unmarshal(body, &in) != nil || in.Body == "" {
		return refuse(http.StatusUnprocessableEntity, "Validation Failed")
	}
	pr.Comments = append(pr.Comments, in.Body)
	return answer{status: http.StatusCreated, body: g.comment(pr, len(pr.Comments)-1)}
}

// addAssignees leaves out whom it does not know, as GitHub does.
func (g *GitHub) addAssignees(pr *PullRequest, body []byte) answer {
	var in struct{ Assignees []string }
	if json.Unmarshal(body, &in) != nil {
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	for _, who := range in.Assignees {
		if slices.Contains(g.o.Collaborators, who) {
			pr.Assignees = union(pr.Assignees, []string{who})
		}
	}
	return answer{status: http.StatusCreated, body: g.issue(pr)}
}

func (g *GitHub) merge(pr *PullRequest, body []byte) answer {
	var in struct{ SHA string }
	switch {
	case json.Unmarshal(body, &in) != nil:
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	case in.SHA != "" && in.SHA != g.tip(pr.Head):
		return refuse(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	case pr.Closed || !pr.Passed:
		return refuse(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	}
	pr.Closed, pr.Merged = true, true
	return answer{status: http.StatusOK, body: map[string]any{"sha": g.tip(pr.Head), "merged": true, "message": "Pull Request successfully merged"}}
}

// graphql knows one mutation, enablePullRequestAutoMerge.
func (g *GitHub) graphql(body []byte) answer {
	var in struct {
		Query     string
		Variables struct{ Pull, Head, Method string }
	}
	errors := func(message string) answer {
		return answer{status: http.StatusOK, body: map[string]any{"data": nil, "errors": []any{map[string]any{"type": "UNPROCESSABLE", "message": message}}}}
	}
	if json.Unmarshal(body, &in) != nil || !strings.Contains(in.Query, "enablePullRequestAutoMerge(input: {") {
		return errors("Parse error")
	}
	at := slices.IndexFunc(g.pulls, func(pr *PullRequest) bool { return node(pr) == in.Variables.Pull })
	if at < 0 {
		return errors("Could not resolve to a node with the global id of '" + in.Variables.Pull + "'")
	}
	pr := g.pulls[at]
	switch {
	case g.o.NoAutoMerge:
		return errors("Auto merge is not allowed for this repository")
	case g.o.Squash != (in.Variables.Method == "SQUASH"):
		return errors("Merge method is not allowed on this repository")
	case in.Variables.Head != g.tip(pr.Head):
		return errors("Head branch was modified. Review and try the merge again.")
	case pr.Passed:
		return errors("Pull request Pull request is in clean status")
	}
	pr.AutoMerge = true
	return answer{status: http.StatusOK, body: map[string]any{"data": map[string]any{"enablePullRequestAutoMerge": map[string]any{"clientMutationId": nil}}}}
}
