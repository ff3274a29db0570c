package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/e2e/cluster"
	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

const (
	name    = "prod-eu" // the cluster of the example fleet that is run
	patient = 2 * time.Minute
)

// world is the cluster, the fleet repository it reads, and irgit beside it.
type world struct {
	*cluster.Cluster
	metrics *cluster.Metrics

	dir, bare, url string
	irgit          string            // the program
	prepared       string            // main, once irgit init is merged
	files          map[string][]byte // of the fleet before irgit init
}

var (
	once  sync.Once
	only  *world
	setUp error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if only != nil {
		code = only.tearDown(code)
	}
	os.Exit(code)
}

// tearDown ends what the suite started. The folder stays when something failed.
func (w *world) tearDown(code int) int {
	if err := w.Stop(); err != nil {
		fmt.Println(err)
		code = 1
	}
	if code != 0 || setUp != nil {
		fmt.Printf("e2e: logs are in %s\n", filepath.Join(w.dir, "cluster", "logs"))
		return max(code, 1)
	}
	if err := os.RemoveAll(w.dir); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// enter gives a test the world with the fleet as irgit init left it, and puts
// it back afterwards.
func enter(t *testing.T) *world {
	t.Helper()
	programs, irgit := os.Getenv("IRGIT_E2E_PROGRAMS"), os.Getenv("IRGIT_E2E_IRGIT")
	if programs == "" || irgit == "" {
		t.Skip("IRGIT_E2E_PROGRAMS and IRGIT_E2E_IRGIT are not set: run make e2e")
	}
	once.Do(func() { setUp = start(t, programs, irgit) })
	require.NoError(t, setUp)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(only.Diagnose(context.WithoutCancel(t.Context())))
			t.Log("logs: ", filepath.Join(only.dir, "cluster", "logs"))
		}
		only.restore(t)
	})
	return only
}

// start starts everything and waits until Flux has applied the fleet that
// irgit init prepared.
func start(t *testing.T, programs, irgit string) (err error) {
	ctx := context.Background() // longer than the test that happens to be first
	w := &world{irgit: irgit}
	if w.dir, err = os.MkdirTemp("", "irgit-e2e-"); err != nil {
		return err
	}
	only = w
	begin := time.Now()
	w.Cluster, err = cluster.Start(ctx, programs, filepath.Join(w.dir, "cluster"))
	if err != nil {
		return err
	}
	if err := w.InstallFlux(ctx); err != nil {
		return err
	}
	if err := w.RunPods(ctx); err != nil {
		return err
	}
	if w.metrics, err = w.ServeMetrics(ctx); err != nil {
		return err
	}
	t.Logf("control plane and Flux are up after %s", time.Since(begin).Round(time.Millisecond))
	server, err := gittest.Serve(ctx, w.dir, gittest.Options{})
	if err != nil {
		return err
	}
	w.url = server.URL + "/fleet.git"
	if w.files, err = unprepared(w.url); err != nil {
		return err
	}
	if w.bare, err = gittest.NewRepository(ctx, w.dir, "fleet.git", w.files); err != nil {
		return err
	}
	// What `flux bootstrap` does once the repository is there.
	if _, err := w.Kubectl(ctx, string(w.files["clusters/"+name+"/flux-system/gotk-sync.yaml"]), "apply", "--server-side", "-f", "-"); err != nil {
		return err
	}
	w.applied(t, "flux-system", "apps", "infrastructure")
	return w.onboard(t)
}

// unprepared is the example fleet as a platform team has it before it knows
// irgit, with intervals that a test can wait for.
func unprepared(url string) (map[string][]byte, error) {
	all, err := examples.Fleet()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for file, data := range all {
		if strings.HasPrefix(file, "incident-response/") || strings.HasSuffix(file, "/incident-response.yaml") {
			continue
		}
		kept, _, _ := bytes.Cut(data, []byte("transformers:\n"))
		kept = bytes.ReplaceAll(kept, []byte("https://git.example.com/platform/fleet.git"), []byte(url))
		files[file] = bytes.ReplaceAll(kept, []byte("interval: 10m"), []byte("interval: "+interval.String()))
	}
	return files, nil
}

// interval is how often Flux looks at what the teams' roots apply.
const interval = 15 * time.Second

// onboard merges what irgit init proposes.
func (w *world) onboard(t *testing.T) error {
	var answer struct{ State, Branch string }
	w.runJSON(t, &answer, nil, "init", "--repo", w.url, "-o", "json")
	if answer.State != "proposed" {
		return fmt.Errorf("irgit init: %s", answer.State)
	}
	w.prepared = w.merge(t, answer.Branch)
	w.applied(t, "flux-system", "apps", "infrastructure", "incident-response")
	w.runJSON(t, &answer, nil, "init", "--repo", w.url, "-o", "json")
	if answer.State != "unchanged" {
		return fmt.Errorf("irgit init for a second time: %s", answer.State)
	}
	return nil
}

// restore puts the fleet back to what irgit init left.
func (w *world) restore(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	branches, err := w.git(ctx, "for-each-ref", "--format=%(refname)", "refs/heads/irgit")
	require.NoError(t, err)
	for _, ref := range strings.Fields(branches) {
		_, err := w.git(ctx, "update-ref", "-d", ref)
		require.NoError(t, err)
	}
	same, err := w.git(ctx, "rev-parse", "main^{tree}", w.prepared+"^{tree}")
	require.NoError(t, err)
	if trees := strings.Fields(same); trees[0] != trees[1] {
		back, err := w.git(ctx, "commit-tree", "-p", "main", "-m", "Restore", w.prepared+"^{tree}")
		require.NoError(t, err)
		_, err = w.git(ctx, "update-ref", "refs/heads/main", back)
		require.NoError(t, err)
	}
	w.applied(t, "flux-system", "apps", "infrastructure", "incident-response")
	eventually(t, w.gone("extra"))
	eventually(t, func(ctx context.Context) string {
		if u, err := w.Get(ctx, "v1", "Namespace", "", "extra"); err != nil || u != nil {
			return fmt.Sprintf("Namespace extra is still there: %v", err)
		}
		return ""
	})
}

func (w *world) git(ctx context.Context, args ...string) (string, error) {
	out, err := gittest.Git(ctx, w.dir, append([]string{"--git-dir", w.bare}, args...)...)
	return strings.TrimSpace(out), err
}

// show is a file of a revision.
func (w *world) show(t *testing.T, revision, file string) []byte {
	t.Helper()
	out, err := gittest.Git(t.Context(), w.dir, "--git-dir", w.bare, "show", revision+":"+file)
	require.NoError(t, err)
	return []byte(out)
}

// commit is a team's commit to main.
func (w *world) commit(t *testing.T, message string, files map[string][]byte) string {
	t.Helper()
	require.NoError(t, gittest.Commit(t.Context(), w.bare, "main", message+"\n", files))
	return w.main(t)
}

func (w *world) main(t *testing.T) string {
	t.Helper()
	revision, err := w.git(context.WithoutCancel(t.Context()), "rev-parse", "main")
	require.NoError(t, err)
	return revision
}

// merges says whether a branch merges without a person's help.
func (w *world) merges(t *testing.T, branch string) bool {
	t.Helper()
	_, err := w.git(t.Context(), "merge-tree", "--write-tree", "main", branch)
	return err == nil
}

// merge merges a branch as the reviewer's forge does.
func (w *world) merge(t *testing.T, branch string) string {
	t.Helper()
	ctx := t.Context()
	tree, err := w.git(ctx, "merge-tree", "--write-tree", "main", branch)
	require.NoError(t, err, "%s does not merge", branch)
	merged, err := w.git(ctx, "commit-tree", "-p", "main", "-p", branch, "-m", "Merge "+branch, tree)
	require.NoError(t, err)
	_, err = w.git(ctx, "update-ref", "refs/heads/main", merged)
	require.NoError(t, err)
	return merged
}

// exit runs irgit and returns its exit code.
func (w *world) exit(t *testing.T, stdin []byte, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), w.irgit, args...)
	var out, errText bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errText
	cmd.Dir = w.dir
	cmd.Env = []string{"HOME=" + w.dir, "PATH=" + os.Getenv("PATH")}
	_ = cmd.Run() // the code tells
	return out.String(), errText.String(), cmd.ProcessState.ExitCode()
}

// runJSON runs irgit and decodes the first object that it prints.
func (w *world) runJSON(t *testing.T, into any, stdin []byte, args ...string) {
	t.Helper()
	out, errText, code := w.exit(t, stdin, args...)
	require.Zero(t, code, "irgit %v: %s%s", args, out, errText)
	require.NoError(t, json.NewDecoder(strings.NewReader(out)).Decode(into))
}

// policies writes one policy for each rule: the actions, as YAML list items.
func (w *world) policies(t *testing.T, responses map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for rule, response := range responses {
		text := fmt.Sprintf(policy, rule, strings.ReplaceAll(strings.TrimSpace(response), "\n", "\n  "))
		require.NoError(t, os.WriteFile(filepath.Join(dir, rule+".yaml"), []byte(text), 0o600))
	}
	return dir
}

const policy = `apiVersion: irgit.dev/v1alpha1
kind: ResponsePolicy
metadata:
  name: e2e-%s
spec:
  description: What the end-to-end suite asks for.
  tier: isolate
  match:
    sources: [falco]
    rules: [e2e %[1]s]
  response:
  %[2]s
  expiry: 24h
`

// alert is what Falco posts about a pod.
func alert(rule, namespace, pod string) []byte {
	data, err := json.Marshal(map[string]any{
		"time": time.Now().UTC().Format(time.RFC3339Nano), "rule": "e2e " + rule, "priority": "Critical", "source": "syscall",
		"output": "the end-to-end suite was here", "tags": []string{"T1059"},
		"output_fields": map[string]any{"cluster": name, "k8s.ns.name": namespace, "k8s.pod.name": pod},
	})
	if err != nil {
		panic(err) // plain values
	}
	return data
}

// answer is what irgit respond prints of an alert.
type answer struct {
	State, Reason string
	Incident      struct{ ID, Branch, Target, Revision string }
	Files         []struct{ Path, Change string }
	Problems      []struct{ File, Path, Message string }

	code int
}

// respond answers an alert about a pod, and says how long that took.
func (w *world) respond(t *testing.T, policies, rule, namespace, pod string, flags ...string) (a answer) {
	t.Helper()
	start := time.Now()
	args := append([]string{"respond", "--repo", w.url, "--alert", "-", "--policies", policies, "-o", "json"}, flags...)
	out, errText, code := w.exit(t, alert(rule, namespace, pod), args...)
	require.NoError(t, json.NewDecoder(strings.NewReader(out)).Decode(&a), "irgit %v: exit %d: %s", args, code, errText)
	t.Logf("%-40s alert → %s %s", rule+" on "+namespace+"/"+pod, a.State, time.Since(start).Round(time.Millisecond))
	a.code = code
	return a
}

// propose is respond, where a proposal is what must come of it.
func (w *world) propose(t *testing.T, policies, rule, namespace, pod string, flags ...string) answer {
	t.Helper()
	a := w.respond(t, policies, rule, namespace, pod, flags...)
	require.Equal(t, "proposed", a.State, "%s on %s: %s %v", rule, pod, a.Reason, a.Problems)
	return a
}

// release merges what irgit proposes to take an incident back.
func (w *world) release(t *testing.T, id string) {
	t.Helper()
	var a answer
	w.runJSON(t, &a, nil, "incident", "release", id, "--repo", w.url, "-o", "json")
	require.Equal(t, "proposed", a.State, a.Reason)
	w.merge(t, a.Incident.Branch)
}
