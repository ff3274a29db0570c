package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/policy"
	"github.com/irgit/irgit/policies"
)

func TestPolicyCommands(t *testing.T) {
	code, out, stderr := irgit(t, nil, "policy", "list")
	require.Equal(t, exitOK, code, stderr)
	require.Regexp(t, `(?m)^backdoored-sshd +[a-z]+ +[a-z-]+`, out)
	code, out, stderr = irgit(t, nil, "policy", "lint")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "no problems")
	code, out, stderr = irgit(t, nil, "policy", "test")
	require.Equal(t, exitOK, code, stderr)
	require.Regexp(t, `[1-9][0-9]* passed, 0 failed`, out)
}

func TestPolicyProblemsNameTheirPlace(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte("apiVersion: irgit.dev/v1alpha1\nkind: ResponsePolicy\nmetadata:\n  name: bad\nspec:\n  tierr: watch\n"), 0o600))
	code, _, stderr := irgit(t, nil, "policy", "lint", "--policies", dir)
	require.Equal(t, exitInvalid, code, stderr)
	require.Contains(t, stderr, "bad.yaml:6:3: spec.tierr: ")
	require.Contains(t, stderr, "irgit: hint: ")
	none := filepath.Join(dir, "none")
	for _, flag := range []string{"--policies", "--templates"} {
		code, _, stderr = irgit(t, nil, "policy", "lint", flag, none)
		require.Equal(t, exitUsage, code, stderr)
		require.Contains(t, stderr, none)
	}
	code, _, stderr = irgit(t, nil, "policy", "lnt")
	require.Equal(t, exitUsage, code, stderr)
}

func TestPolicyTestsOfAFolder(t *testing.T) {
	builtIn, err := policies.FS.ReadFile("execution.yaml")
	require.NoError(t, err)
	require.Contains(t, string(builtIn), "name: terminal-shell\n")
	_, out, _ := irgit(t, nil, "policy", "test")
	before, _, _ := strings.Cut(out, " passed")

	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	write("own.yaml", `apiVersion: irgit.dev/v1alpha1
kind: ResponsePolicy
metadata:
  name: terminal-shell
spec:
  description: our shells are noisy
  tier: freeze
  match:
    rules: [Terminal shell in container]
  response:
    - action: freeze-rollout
`)
	write("own_test.yaml", `apiVersion: irgit.dev/v1alpha1
kind: ResponsePolicyTest
metadata:
  name: own
spec:
  cases:
    - name: a shell
      alert: {source: falco, rule: Terminal shell in container}
      target: {namespace: shop, kind: Deployment, name: web}
      want: {policy: terminal-shell, actions: [freeze-rollout]}
`)
	code, out, stderr := irgit(t, nil, "policy", "test", "--policies", dir)
	require.Equal(t, exitOK, code, out+stderr)
	require.Contains(t, out, "0 failed ("+before+" built-in tests, 1 of "+dir+")")
	code, out, stderr = irgit(t, nil, "policy", "lint", "--policies", dir)
	require.Equal(t, exitOK, code, out+stderr)
	require.Contains(t, out, ", 1 of them of "+dir+", no problems")

	write("own.yaml", "")
	code, out, _ = irgit(t, nil, "policy", "test", "--policies", dir)
	require.Equal(t, exitInvalid, code, out)
	require.Contains(t, out, "FAIL "+filepath.Join(dir, "own_test.yaml"))
}

func TestUnknownActionsMentionTemplates(t *testing.T) {
	preview := filepath.Join(t.TempDir(), "preview.yaml")
	require.NoError(t, os.WriteFile(preview, []byte(`apiVersion: irgit.dev/v1alpha1
kind: ActionPreview
action: my-own
fleet: none
target: {cluster: prod-eu, namespace: payments, kind: Deployment, name: payments}
`), 0o600))
	for want, args := range map[int][]string{exitInvalid: {"render", preview}, exitUsage: {"actions", "show", "my-own"}} {
		code, _, stderr := irgit(t, nil, args...)
		require.Equal(t, want, code, stderr)
		require.Contains(t, stderr, `there is no action "my-own"`)
		require.Contains(t, stderr, "--templates")
	}
}

// The policy that the README shows has every field, and must be one.
func TestThePolicyOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(readme), "```yaml\napiVersion: irgit.dev/v1alpha1\nkind: ResponsePolicy\n")
	require.True(t, found)
	text, _, _ := strings.Cut(after, "```")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "readme.yaml"), []byte("apiVersion: irgit.dev/v1alpha1\nkind: ResponsePolicy\n"+text), 0o600))
	code, out, stderr := irgit(t, nil, "policy", "lint", "--policies", dir)
	require.Equal(t, exitOK, code, out+stderr)
	for _, of := range []reflect.Type{
		reflect.TypeFor[policy.Spec](), reflect.TypeFor[policy.Match](), reflect.TypeFor[policy.Action](),
		reflect.TypeFor[policy.Approval](), reflect.TypeFor[policy.Guardrails](),
	} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			require.Contains(t, text, name+":", "a field that the README does not show")
		}
	}
}
