package forgetest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// branch answers for a branch and for the rules of one, by the path below the
// repository; ok is false when it is about something else.
func (g *GitHub) branch(method, below string) (a answer, ok bool) {
	name, ok := strings.CutPrefix(below, "/branches/")
	rules, aboutRules := strings.CutPrefix(below, "/rules/branches/")
	if method != http.MethodGet || !ok && !aboutRules {
		return answer{}, false
	}
	if aboutRules {
		list := []any{}
		for _, kind := range g.o.Rules {
			list = append(list, map[string]any{"type": kind, "ruleset_source_type": "Repository", "ruleset_source": g.o.Owner + "/" + g.o.Name, "ruleset_id": 1})
		}
		if _, there := g.o.Branch(unescaped(rules)); !there {
			list = []any{}
		}
		return answer{status: http.StatusOK, body: list}, true
	}
	name = unescaped(name)
	tip, there := g.o.Branch(name)
	if !there {
		return refuse(http.StatusNotFound, "Branch not found"), true
	}
	self := api + g.path() + "/branches/" + url.PathEscape(name)
	return answer{status: http.StatusOK, body: map[string]any{
		"name": name, "commit": g.commit(tip), "protected": g.o.Protected, "protection": g.protection(),
		"protection_url": self + "/protection",
		"_links":         map[string]any{"self": self, "html": web + "/" + g.o.Owner + "/" + g.o.Name + "/tree/" + url.PathEscape(name)},
	}}, true
}

func unescaped(name string) string {
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

func (g *GitHub) commit(tip string) map[string]any {
	self := api + g.path() + "/commits/" + tip
	who := map[string]any{"name": "octocat", "email": "octocat@example.com", "date": moment(time.Now())}
	return map[string]any{
		"url": self, "sha": tip, "node_id": "C_1", "html_url": web + "/" + g.o.Owner + "/" + g.o.Name + "/commit/" + tip, "comments_url": self + "/comments",
		"author": user("octocat"), "committer": user("octocat"), "parents": []any{},
		"commit": map[string]any{
			"url": self, "author": who, "committer": who, "message": "A commit", "comment_count": 0,
			"tree": map[string]any{"sha": tip, "url": api + g.path() + "/git/trees/" + tip},
		},
	}
}

// protection is what everybody sees of it.
func (g *GitHub) protection() map[string]any {
	p := map[string]any{"enabled": g.o.Protected}
	if len(g.o.Checks) > 0 {
		p["required_status_checks"] = map[string]any{"enforcement_level": "everyone", "contexts": g.o.Checks, "checks": []any{}}
	}
	return p
}
