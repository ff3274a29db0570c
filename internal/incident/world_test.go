package incident_test

import (
	"crypto/ed25519"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/alert"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/internal/redact"
	"github.com/irgit/irgit/internal/render"
	"github.com/irgit/irgit/policies"
)

// world is a fleet repository behind real smart HTTP.
type world struct {
	t         testing.TB
	dir, bare string
	options   incident.Options
}

// newWorld serves the example fleet with the files added; nil removes one.
func newWorld(t testing.TB, files map[string]string) *world {
	t.Helper()
	fleet, err := examples.Fleet()
	require.NoError(t, err)
	for name, content := range files {
		if fleet[name] = []byte(content); content == "" {
			delete(fleet, name)
		}
	}
	w := &world{t: t, dir: t.TempDir()}
	w.bare, err = gittest.NewRepository(t.Context(), w.dir, "fleet.git", fleet)
	require.NoError(t, err)
	server, err := gittest.Serve(t.Context(), w.dir, gittest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	w.options = options(t)
	w.options.Git.URL = server.URL + "/fleet.git"
	w.cacheIn(cache)
	return w
}

// cache is what the worlds share, as the incidents of one machine do.
var cache string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "irgit-test-")
	if err != nil {
		panic(err)
	}
	cache = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

func (w *world) cacheIn(dir string) { w.options.Git.CacheDir, w.options.CacheDir = dir, dir }

// catalogue is compiled once, as engines of one process share it.
var catalogue = sync.OnceValues(func() (*render.Catalogue, error) {
	sources, err := render.Sources()
	if err != nil {
		return nil, err
	}
	actions, problems := render.Load(sources)
	if len(problems) != 0 {
		return nil, fmt.Errorf("the catalogue has problems: %v", problems)
	}
	return actions, nil
})

// options are those of a user with the built-in policies and a key that is
// always the same.
func options(t testing.TB) incident.Options {
	t.Helper()
	actions, err := catalogue()
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), "irgit test")
	require.NoError(t, err)
	signer, err := gitops.SSHSigner(pem.EncodeToMemory(block), nil)
	require.NoError(t, err)
	return incident.Options{
		Policies: builtIn(t, actions), Actions: actions, Redactor: redact.New([]byte("a key of some length")),
		Author: incident.Author{Name: "irgit", Email: "irgit@example.com"}, Signer: signer, Version: "test",
		Now: func() time.Time { return time.Date(2026, 11, 23, 3, 30, 0, 0, time.UTC) },
	}
}

// builtIn are the built-in policies and, above them, more.
func builtIn(t testing.TB, actions policy.Actions, more ...string) *policy.Set {
	t.Helper()
	files, _, err := policy.ReadFS(policies.FS, "built-in", "built-in")
	require.NoError(t, err)
	for i, text := range more {
		files = append(files, policy.Source{Name: fmt.Sprintf("test-%d.yaml", i), Data: []byte(text), Origin: "test"})
	}
	set, problems := policy.Load(files, actions)
	require.Empty(t, problems)
	return set
}

// respond answers an input with a fresh engine, as a new process would.
func (w *world) respond(input string) []*incident.Outcome {
	w.t.Helper()
	outcomes, err := w.try(input)
	require.NoError(w.t, err)
	return outcomes
}

func (w *world) try(input string) ([]*incident.Outcome, error) {
	w.t.Helper()
	items, err := alert.Decode([]byte(input), alert.Options{Redactor: w.options.Redactor})
	require.NoError(w.t, err)
	engine, err := incident.New(w.options)
	require.NoError(w.t, err)
	return engine.Respond(w.t.Context(), items)
}

func (w *world) release(id string) *incident.Outcome {
	w.t.Helper()
	engine, err := incident.New(w.options)
	require.NoError(w.t, err)
	o, err := engine.Release(w.t.Context(), id)
	require.NoError(w.t, err)
	return o
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	out, err := gittest.Git(w.t.Context(), w.dir, append([]string{"--git-dir", w.bare}, args...)...)
	require.NoError(w.t, err)
	return strings.TrimRight(out, "\n")
}

// merge merges branches into main, one after the other, with the git program;
// a conflict fails.
func (w *world) merge(branches ...string) {
	w.t.Helper()
	head := "main"
	for _, branch := range branches {
		tree := w.git("merge-tree", "--write-tree", head, branch)
		head = w.git("commit-tree", "-p", head, "-p", branch, "-m", "Merge "+branch, tree)
	}
	w.git("update-ref", "refs/heads/main", head)
}

// refs are all refs, to see that nothing was written.
func (w *world) refs() string { return w.git("for-each-ref", "--format=%(refname) %(objectname)") }

// falco is an alert as Falco posts it, about a pod of a cluster.
type falco struct {
	rule, cluster, namespace, pod string
	at                            time.Time
	fields                        map[string]any
}

var night = time.Date(2026, 11, 23, 3, 12, 7, 482915337, time.UTC)

func (f falco) String() string {
	fields := map[string]any{"container.id": "9f6c1c1a2b7e"}
	for name, value := range map[string]string{"cluster": f.cluster, "k8s.ns.name": f.namespace, "k8s.pod.name": f.pod} {
		if value != "" {
			fields[name] = value
		}
	}
	for name, value := range f.fields {
		fields[name] = value
	}
	rule, at := f.rule, f.at
	if rule == "" {
		rule = "Terminal shell in container"
	}
	if at.IsZero() {
		at = night
	}
	data, err := json.Marshal(map[string]any{
		"rule": rule, "priority": "Notice", "source": "syscall", "time": at.Format(time.RFC3339Nano), "output": "a shell", "tags": []string{"T1059"}, "output_fields": fields,
	})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// shell is a terminal in the payments pod of prod-eu.
func shell() falco {
	return falco{cluster: "prod-eu", namespace: "payments", pod: "payments-6d4cf56db6-x2x9p"}
}

func (w *world) clone() string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "clone")
	_, err := gittest.Git(w.t.Context(), w.dir, "clone", "-q", w.bare, dir)
	require.NoError(w.t, err)
	return dir
}
