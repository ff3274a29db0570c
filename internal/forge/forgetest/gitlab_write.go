package forgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

func (g *GitLab) create(body []byte) answer {
	var in struct {
		Title, Description string
		Source             string `json:"source_branch"`
		Target             string `json:"target_branch"`
	}
	if json.Unmarshal(body, &in) != nil || in.Title == "" {
		return answer{status: http.StatusBadRequest, body: map[string]any{"error": "title is missing"}}
	}
	for field, branch := range map[string]string{"source_branch": in.Source, "target_branch": in.Target} {
		if _, ok := g.o.Branch(branch); !ok {
			return said(http.StatusBadRequest, map[string]any{field: []string{"does not exist"}})
		}
	}
	for _, pr := range g.pulls {
		if !pr.Closed && !pr.Fork && pr.Head == in.Source && pr.Base == in.Target {
			return said(http.StatusConflict, []string{fmt.Sprintf("Another open merge request already exists for this source branch: !%d", pr.Number)})
		}
	}
	pr := g.add(PullRequest{Title: in.Title, Body: in.Description, Head: in.Source, Base: in.Target, Author: g.o.User})
	return answer{status: http.StatusCreated, body: g.mergeRequest(pr)}
}

func (g *GitLab) update(pr *PullRequest, body []byte) answer {
	var in struct {
		Title, Description *string
		Target             *string `json:"target_branch"`
		Event              string  `json:"state_event"`
		AddLabels          string  `json:"add_labels"`
		Reviewers          *[]int  `json:"reviewer_ids"`
		Assignees          *[]int  `json:"assignee_ids"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return answer{status: http.StatusBadRequest, body: map[string]any{"error": err.Error()}}
	}
	for field, value := range map[*string]*string{&pr.Title: in.Title, &pr.Body: in.Description, &pr.Base: in.Target} {
		if value != nil {
			*field = *value
		}
	}
	switch in.Event {
	case "close":
		pr.Closed = true
	case "reopen":
		pr.Closed = false
	}
	if in.AddLabels != "" { // those that the project lacks are made
		labels := strings.Split(in.AddLabels, ",")
		pr.Labels, g.labels = union(pr.Labels, labels), union(g.labels, labels)
	}
	if in.Reviewers != nil {
		pr.Reviewers = g.known(*in.Reviewers)
		if g.o.OneReviewer && len(pr.Reviewers) > 1 {
			pr.Reviewers = pr.Reviewers[:1]
		}
	}
	if in.Assignees != nil {
		pr.Assignees = g.known(*in.Assignees)
	}
	return answer{status: http.StatusOK, body: g.mergeRequest(pr)}
}

// known are the names of ids; GitLab passes over others.
func (g *GitLab) known(ids []int) (names []string) {
	for _, wanted := range ids {
		for _, name := range g.o.People {
			if id(name) == wanted {
				names = append(names, name)
			}
		}
	}
	return names
}

// merge is the endpoint that merges, or will once the pipeline has succeeded.
func (g *GitLab) merge(pr *PullRequest, body []byte) answer {
	var in struct {
		SHA  string
		Auto bool `json:"auto_merge"`
	}
	tip, _ := g.o.Branch(pr.Head)
	switch {
	case json.Unmarshal(body, &in) != nil:
		return answer{status: http.StatusBadRequest, body: map[string]any{"error": "Problems parsing JSON"}}
	case g.o.NoMerge:
		return said(http.StatusUnauthorized, "401 Unauthorized")
	case in.SHA != "" && in.SHA != tip:
		return said(http.StatusConflict, "SHA does not match HEAD of source branch: "+tip)
	case pr.Closed || !pr.Passed && !in.Auto:
		return said(http.StatusMethodNotAllowed, "405 Method Not Allowed")
	case pr.Passed:
		pr.Closed, pr.Merged = true, true
	default:
		pr.AutoMerge = true
	}
	return answer{status: http.StatusOK, body: g.mergeRequest(pr)}
}
