package conformance_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/redact"
	"github.com/irgit/irgit/internal/render"
	"github.com/irgit/irgit/policies"
)

const (
	fleet = "/repos/acme/fleet"
	pulls = fleet + "/pulls"
	check = "validate"
)

// shellPolicy asks people about a shell.
const shellPolicy = `apiVersion: irgit.dev/v1alpha1
kind: ResponsePolicy
metadata:
  name: terminal-shell
spec:
  description: A shell in a container is looked at by people.
  tier: isolate
  match:
    rules: [Terminal shell in container]
  response:
    - action: quarantine
    - action: freeze-rollout
      optional: true
  approval:
    mode: propose
    reviewers: [alice, nobody]
    teams: [responders]
    labels: [incident, prod]
  expiry: 24h
`

// world is a fleet on a real server, and irgit's view of it.
type world struct {
	*server
	remote  string // as root
	dir     string // a clone
	forge   *forge.Gitea
	options incident.Options
	revert  string // the tree of main at the beginning
}

// newWorld makes an organisation whose fleet irgit may write to, but for main.
func newWorld(t *testing.T, transport http.RoundTripper) *world {
	t.Helper()
	w := &world{server: startGitea(t), dir: filepath.Join(t.TempDir(), "clone")}
	w.as("root", "POST", "/orgs", map[string]any{"username": "acme"})
	w.as("root", "POST", "/orgs/acme/repos", map[string]any{"name": "fleet", "default_branch": "main"})
	w.as("root", "POST", "/orgs/acme/labels", map[string]any{"name": "Prod", "color": "#00aabb"})
	for _, user := range []string{"alice", "irgit-bot"} {
		w.as("root", "PUT", fleet+"/collaborators/"+user, map[string]any{"permission": "write"})
	}
	team := w.as("root", "POST", "/orgs/acme/teams", map[string]any{"name": "responders", "permission": "write", "units": []string{"repo.code", "repo.pulls", "repo.issues"}})
	w.as("root", "PUT", fmt.Sprintf("/teams/%.0f/members/alice", team["id"]), nil)
	w.as("root", "PUT", fmt.Sprintf("/teams/%.0f%s", team["id"], fleet), nil)

	files, err := examples.Fleet()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(w.dir, 0o755))
	for name, content := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(w.dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(w.dir, name), content, 0o644))
	}
	w.remote = w.address("root")
	w.git("init", "-q", "-b", "main")
	w.git("add", "-A")
	w.git("commit", "-qm", "The fleet")
	w.git("push", "-q", w.remote, "main")
	w.revert = w.git("rev-parse", "HEAD^{tree}")
	// Pushes are worked on after they are answered; an empty repository has no pull requests.
	require.Eventually(t, func() bool { return w.as("root", "GET", fleet, nil)["empty"] == false }, time.Minute, 100*time.Millisecond)
	w.as("root", "POST", fleet+"/branch_protections", map[string]any{
		"rule_name": "main", "enable_push": false, "required_approvals": 1, "enable_status_check": true, "status_check_contexts": []string{check},
	})

	w.forge, err = forge.NewGitea(forge.Options{
		Repository: forge.Repository{Host: strings.TrimPrefix(w.URL, "http://"), Owner: "acme", Name: "fleet"}, API: w.URL,
		Token: w.tokens["irgit-bot"], Transport: transport, Pace: time.Nanosecond, Budget: forge.Unlimited,
	})
	require.NoError(t, err)
	w.options = engineOptions(t)
	w.options.Git = gitops.Options{URL: w.URL + "/acme/fleet.git", Auth: gitops.Auth{Token: w.tokens["irgit-bot"]}, CacheDir: t.TempDir()}
	w.options.Forge = w.forge
	return w
}

func engineOptions(t *testing.T) incident.Options {
	t.Helper()
	sources, err := render.Sources()
	require.NoError(t, err)
	actions, problems := render.Load(sources)
	require.Empty(t, problems)
	files, _, err := policy.ReadFS(policies.FS, "built-in", "built-in")
	require.NoError(t, err)
	files = append(files, policy.Source{Name: "conformance.yaml", Data: []byte(shellPolicy), Origin: "conformance"})
	set, problems := policy.Load(files, actions)
	require.Empty(t, problems)
	return incident.Options{
		Policies: set, Actions: actions, Redactor: redact.New([]byte("a key of some length")), Version: "conformance",
		Author: incident.Author{Name: "irgit", Email: "irgit@example.com"},
		Now:    func() time.Time { return time.Date(2026, 11, 23, 3, 30, 0, 0, time.UTC) },
	}
}

// address is the repository's with a user's token in it, for the git program.
func (w *world) address(user string) string {
	return strings.Replace(w.URL, "://", "://"+user+":"+w.tokens[user]+"@", 1) + "/acme/fleet.git"
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	out, err := gittest.Git(w.t.Context(), w.dir, args...)
	require.NoError(w.t, err)
	return strings.TrimSpace(out)
}

// respond answers a shell in a pod of prod-eu, some minutes into the night.
func (w *world) respond(namespace, pod string, minute int) *incident.Outcome {
	w.t.Helper()
	text := fmt.Sprintf(`{"rule":"Terminal shell in container","priority":"Notice","source":"syscall","time":"2026-11-23T03:%02d:07Z","output":"a shell","output_fields":
		{"cluster":"prod-eu","k8s.ns.name":%q,"k8s.pod.name":%q,"container.id":"9f6c1c1a2b7e"}}`, minute, namespace, pod)
	items, err := alert.Decode([]byte(text), alert.Options{Redactor: w.options.Redactor})
	require.NoError(w.t, err)
	outcomes, err := w.engine().Respond(w.t.Context(), items)
	require.NoError(w.t, err)
	return outcomes[0]
}

func (w *world) engine() *incident.Engine {
	w.t.Helper()
	engine, err := incident.New(w.options)
	require.NoError(w.t, err)
	return engine
}

func (w *world) payments(minute int) *incident.Outcome {
	w.t.Helper()
	return w.respond("payments", "payments-6d4cf56db6-x2x9p", minute)
}

// count counts pull requests of any state.
func (w *world) count() int {
	w.t.Helper()
	_, text := w.try("root", "GET", pulls+"?state=all", nil)
	return strings.Count(text, `"diff_url"`)
}

func names(list any, field string) (out []string) {
	items, _ := list.([]any)
	for _, item := range items {
		out = append(out, fmt.Sprint(item.(map[string]any)[field]))
	}
	return out
}
