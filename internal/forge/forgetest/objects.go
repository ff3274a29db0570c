package forgetest

import (
	"strconv"
	"strings"
	"time"
)

// The objects carry every field that GitHub's description requires.

const (
	api = "https://api.github.com"
	web = "https://github.com"
)

// urls makes the fields "<name>_url" of an object that lives at base.
func urls(into map[string]any, base string, names ...string) map[string]any {
	for _, name := range names {
		into[name+"_url"] = base + "/" + name
	}
	return into
}

func user(login string) map[string]any {
	u := map[string]any{
		"login": login, "id": id(login), "node_id": "U_" + login, "gravatar_id": "", "type": "User", "site_admin": false,
		"url": api + "/users/" + login, "html_url": web + "/" + login,
	}
	return urls(u, api+"/users/"+login, "avatar", "followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events")
}

// id is a number for a name, always the same one.
func id(name string) int {
	n := 7
	for _, c := range []byte(name) {
		n = (n*31 + int(c)) % 1_000_000_007
	}
	return n
}

func (g *GitHub) path() string { return "/repos/" + g.o.Owner + "/" + g.o.Name }

func (g *GitHub) repository(owner string) map[string]any {
	full := owner + "/" + g.o.Name
	r := map[string]any{
		"id": id(full), "node_id": "R_1", "name": g.o.Name, "full_name": full, "owner": user(owner), "license": nil,
		"private": true, "fork": owner != g.o.Owner, "archived": false, "disabled": false, "description": nil, "homepage": nil, "language": nil,
		"has_issues": true, "has_projects": true, "has_wiki": false, "has_pages": false, "has_downloads": true, "default_branch": "main",
		"url": api + "/repos/" + full, "html_url": web + "/" + full, "mirror_url": nil,
		"git_url": "git://github.com/" + full + ".git", "ssh_url": "git@github.com:" + full + ".git",
		"clone_url": web + "/" + full + ".git", "svn_url": web + "/" + full,
		"pushed_at": moment(time.Now()), "created_at": moment(time.Now()), "updated_at": moment(time.Now()),
	}
	for _, count := range []string{"forks", "forks_count", "stargazers_count", "watchers", "watchers_count", "size", "open_issues", "open_issues_count"} {
		r[count] = 0
	}
	return urls(r, api+"/repos/"+full, "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare",
		"contents", "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags", "hooks",
		"issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges", "milestones", "notifications", "pulls",
		"releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams", "trees")
}

func (g *GitHub) label(name string) map[string]any {
	return map[string]any{
		"id": id(name), "node_id": "L_1", "url": api + g.path() + "/labels/" + strings.ReplaceAll(name, " ", "%20"),
		"name": name, "description": "", "color": "ededed", "default": false,
	}
}

func (g *GitHub) labelList(names []string) []any {
	out := []any{}
	for _, name := range names {
		out = append(out, g.label(name))
	}
	return out
}

func (g *GitHub) team(slug string) map[string]any {
	url := api + "/orgs/" + g.o.Owner + "/teams/" + slug
	t := map[string]any{
		"id": id(slug), "node_id": "T_1", "name": slug, "slug": slug, "description": nil, "permission": "push", "parent": nil, "type": "organization",
		"url": url, "html_url": web + "/orgs/" + g.o.Owner + "/teams/" + slug,
	}
	return urls(t, url, "members", "repositories")
}

func (g *GitHub) review(pr *PullRequest, number int) map[string]any {
	self, page := g.self(pr)
	return map[string]any{
		"id": number + 1, "node_id": "PRR_1", "user": user("octocat"), "body": "", "state": "APPROVED", "author_association": "MEMBER",
		"html_url": page, "pull_request_url": self, "commit_id": g.tip(pr.Head),
		"_links": map[string]any{"html": link(page), "pull_request": link(self)},
	}
}

func link(href string) map[string]any { return map[string]any{"href": href} }

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (g *GitHub) tip(branch string) string {
	revision, _ := g.o.Branch(branch)
	return revision
}

// self is the address of a pull request for programs and for people.
func (g *GitHub) self(pr *PullRequest) (string, string) {
	number := strconv.Itoa(pr.Number)
	return api + g.path() + "/pulls/" + number, web + "/" + g.o.Owner + "/" + g.o.Name + "/pull/" + number
}

// simple is a pull request as lists show it.
func (g *GitHub) simple(pr *PullRequest) map[string]any {
	self, page := g.self(pr)
	issue := api + g.path() + "/issues/" + strconv.Itoa(pr.Number)
	owner, state := g.o.Owner, "open"
	if pr.Fork {
		owner = pr.Author
	}
	out := map[string]any{
		"id": 1000 + pr.Number, "node_id": node(pr), "number": pr.Number, "locked": false, "title": pr.Title, "body": pr.Body, "draft": pr.Draft,
		"user": user(pr.Author), "labels": g.labelList(pr.Labels), "milestone": nil, "assignee": nil, "auto_merge": nil,
		"author_association": "MEMBER", "created_at": moment(pr.created), "updated_at": moment(pr.created),
		"closed_at": nil, "merged_at": nil, "merge_commit_sha": nil,
		"url": self, "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch", "issue_url": issue,
		"commits_url": self + "/commits", "review_comments_url": self + "/comments", "review_comment_url": self + "/comments{/number}",
		"comments_url": issue + "/comments", "statuses_url": api + g.path() + "/statuses/" + g.tip(pr.Head),
		"head": map[string]any{"label": owner + ":" + pr.Head, "ref": pr.Head, "sha": g.tip(pr.Head), "user": user(owner), "repo": g.repository(owner)},
		"base": map[string]any{"label": g.o.Owner + ":" + pr.Base, "ref": pr.Base, "sha": g.tip(pr.Base), "user": user(g.o.Owner), "repo": g.repository(g.o.Owner)},
		"_links": map[string]any{
			"self": link(self), "html": link(page), "issue": link(issue), "comments": link(issue + "/comments"), "commits": link(self + "/commits"),
			"statuses": link(self + "/statuses"), "review_comments": link(self + "/comments"), "review_comment": link(self + "/comments{/number}"),
		},
	}
	if pr.Closed {
		state, out["closed_at"] = "closed", moment(pr.created)
	}
	if pr.Merged {
		out["merged_at"] = moment(pr.created)
	}
	out["state"] = state
	reviewers, teams, assignees := []any{}, []any{}, []any{}
	for _, login := range pr.Assignees {
		assignees = append(assignees, user(login))
	}
	out["assignees"] = assignees
	for _, login := range pr.Reviewers {
		reviewers = append(reviewers, user(login))
	}
	for _, slug := range pr.Teams {
		teams = append(teams, g.team(slug))
	}
	out["requested_reviewers"], out["requested_teams"] = reviewers, teams
	return out
}

// full is a pull request by itself.
func (g *GitHub) full(pr *PullRequest) map[string]any {
	out := g.simple(pr)
	for _, count := range []string{"additions", "deletions", "changed_files", "commits", "comments", "review_comments"} {
		out[count] = 1
	}
	out["merged"], out["merged_by"], out["mergeable"], out["mergeable_state"], out["maintainer_can_modify"] = pr.Merged, nil, nil, "unknown", false
	return out
}

// settings are the repository by itself.
func (g *GitHub) settings() map[string]any {
	r := g.repository(g.o.Owner)
	r["has_discussions"], r["network_count"], r["subscribers_count"] = false, 0, 0
	r["allow_merge_commit"], r["allow_squash_merge"], r["allow_rebase_merge"], r["allow_auto_merge"] = !g.o.Squash, true, false, !g.o.NoAutoMerge
	return r
}

// issue is a pull request as its issue.
func (g *GitHub) issue(pr *PullRequest) map[string]any {
	out := g.simple(pr)
	self := api + g.path() + "/issues/" + strconv.Itoa(pr.Number)
	out["url"], out["comments"], out["repository_url"] = self, len(pr.Comments), api+g.path()
	delete(out, "_links")
	return urls(out, self, "labels", "comments", "events")
}

func (g *GitHub) comment(pr *PullRequest, i int) map[string]any {
	_, page := g.self(pr)
	number := strconv.Itoa(pr.Number*1000 + i)
	return map[string]any{
		"id": pr.Number*1000 + i, "node_id": "IC_1", "user": user(g.o.User), "body": pr.Comments[i], "author_association": "MEMBER",
		"url": api + g.path() + "/issues/comments/" + number, "html_url": page + "#issuecomment-" + number,
		"issue_url": api + g.path() + "/issues/" + strconv.Itoa(pr.Number), "created_at": moment(pr.created), "updated_at": moment(pr.created),
	}
}

// node is the id of a pull request for GraphQL.
func node(pr *PullRequest) string { return "PR_" + strconv.Itoa(pr.Number) }
