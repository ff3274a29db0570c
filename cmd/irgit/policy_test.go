package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
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
	code, _, stderr = irgit(t, nil, "policy", "lint", "--policies", filepath.Join(dir, "none"))
	require.Equal(t, exitUsage, code, stderr)
	code, _, stderr = irgit(t, nil, "policy", "lnt")
	require.Equal(t, exitUsage, code, stderr)
}
