package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// cache is what the runs share that do not say otherwise, as a user's do.
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

func irgit(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, environ, &out, &err)
	return code, out.String(), err.String()
}

func TestDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	code, out, stderr := irgit(t, nil, "demo")
	require.Equal(t, exitOK, code, stderr)
	for _, want := range []string{
		"proposed",
		"the same alert again: unchanged",
		"Contain Deployment payments/payments in prod-eu?",
		"+      selectPolicy: Disabled",
		"git fsck --strict: nothing to complain about",
		"spec.paused: absent → true",
		"The fleet is as before the incident, byte for byte",
	} {
		require.Contains(t, out, want)
	}
	require.Regexp(t, regexp.MustCompile(`A\tincident-response/history/2026/20261123-payments-[0-9a-f]{8}\.yaml`), out)
}

func TestConfigPrecedenceAndRedaction(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "irgit.yaml"), []byte("repo: https://from.file/x\nbase: release\nauth:\n  token: canary-file\n"), 0o600))
	code, out, stderr := irgit(t, []string{"IRGIT_REPO=https://from.env/x", "PATH=/bin"}, "config", "--base", "trunk")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "repo: https://from.env/x")
	require.Contains(t, out, "base: trunk")
	require.Contains(t, out, "token: (set)")
	require.NotContains(t, out, "canary")
}

func TestMistakesAreUsageErrors(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	bad := filepath.Join(dir, "bad.yaml")
	require.NoError(t, os.WriteFile(bad, []byte("repo: x\nrepoo: y\n"), 0o600))
	broken := filepath.Join(dir, "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("repo: [x\n"), 0o600))
	for name, c := range map[string]struct {
		environ []string
		args    []string
		want    string
	}{
		"unknown key":        {nil, []string{"config", "--config", bad}, "repoo"},
		"broken file":        {nil, []string{"config", "--config", broken}, "broken.yaml"},
		"absent file":        {nil, []string{"config", "--config", "none.yaml"}, "none.yaml"},
		"unknown variable":   {[]string{"IRGIT_REPOO=x"}, []string{"config"}, "IRGIT_REPOO"},
		"unknown flag":       {nil, []string{"config", "--frob"}, "--frob"},
		"argument":           {nil, []string{"version", "x"}, `"x"`},
		"key without format": {[]string{"IRGIT_SIGNING_KEY=k"}, []string{"config"}, "signing"},
		"unknown format":     {[]string{"IRGIT_SIGNING_FORMAT=x509"}, []string{"config"}, "x509"},
		"unknown command":    {nil, []string{"respont"}, "respont"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, stderr := irgit(t, c.environ, c.args...)
			require.Equal(t, exitUsage, code, stderr)
			require.Empty(t, out)
			require.Contains(t, stderr, "irgit: error: ")
			require.Contains(t, stderr, "irgit: hint: ")
			require.Contains(t, stderr, c.want)
		})
	}
}
