package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file that merely lies in the working directory, such as one of a clone,
// must not have the environment's secrets sent to a server of its choice.
func TestThreatAFoundFileDoesNotDecideWhereSecretsGo(t *testing.T) {
	t.Chdir(t.TempDir())
	const token, forge = "IRGIT_AUTH_TOKEN=canary-7", "IRGIT_FORGE_TOKEN=canary-8"
	for name, c := range map[string]struct {
		file, key string
		environ   []string
	}{
		"repository":            {"repo: https://evil.example/x\n", "repo", []string{token}},
		"forge":                 {"forge:\n  url: https://evil.example/api\n", "forge.url", []string{token}},
		"forge's repository":    {"forge: {repository: evil/x}\n", "forge.repository", []string{forge, "IRGIT_REPO=https://github.com/acme/fleet"}},
		"dotted":                {"forge.url: https://evil.example/api\n", "forge.url", []string{forge}},
		"another case":          {"REPO: https://evil.example/x\n", "repo", []string{token}},
		"signing passphrase":    {"repo: https://evil.example/x\n", "repo", []string{"IRGIT_SIGNING_PASSPHRASE=canary-9"}},
		"ssh key's passphrase":  {"repo: ssh://evil.example/x\n", "repo", []string{"IRGIT_AUTH_PASSPHRASE=canary-9"}},
		"an app's key":          {"repo: https://evil.example/x\n", "repo", []string{"IRGIT_AUTH_APP_KEY=/etc/irgit/canary.pem"}},
		"override of one alone": {"repo: x\nforge: {url: https://evil.example/api}\n", "forge.url", []string{token, "IRGIT_REPO=https://github.com/acme/fleet"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile("irgit.yaml", []byte(c.file), 0o600))
			for _, command := range []string{"config", "doctor"} {
				code, out, stderr := irgit(t, c.environ, command)
				require.Equal(t, exitUsage, code, stderr)
				require.Contains(t, stderr, "irgit.yaml of the working directory sets "+c.key+", ")
				require.Contains(t, stderr, "irgit: hint: --config irgit.yaml says that you trust the file; or set "+variable(c.key))
				require.NotContains(t, out+stderr, "canary")
				require.NotContains(t, out+stderr, "evil")
			}
			code, _, stderr := irgit(t, c.environ, "config", "--config", "irgit.yaml")
			require.Equal(t, exitOK, code, stderr)
		})
	}
	for name, c := range map[string]struct {
		file          string
		environ, args []string
	}{
		"no secret":          {"repo: https://a.example/x\n", nil, nil},
		"an empty secret":    {"repo: https://a.example/x\n", []string{"IRGIT_AUTH_TOKEN="}, nil},
		"the file's own":     {"repo: https://a.example/x\nauth: {token: canary-7}\n", nil, nil},
		"variable overrides": {"repo: https://a.example/x\n", []string{token, "IRGIT_REPO=https://b.example/x"}, nil},
		"flag overrides":     {"repo: https://a.example/x\n", []string{token}, []string{"--repo", "https://b.example/x"}},
		"no destination":     {"base: main\nforge: {url: \"\", kind: git}\n", []string{token}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile("irgit.yaml", []byte(c.file), 0o600))
			code, out, stderr := irgit(t, c.environ, append([]string{"config"}, c.args...)...)
			require.Equal(t, exitOK, code, stderr)
			require.NotContains(t, out+stderr, "canary")
		})
	}
}

func TestSecretKeysAreThoseOfTheTags(t *testing.T) {
	require.ElementsMatch(t, []string{"auth.token", "auth.passphrase", "signing.passphrase", "forge.token", "auth.app.key"}, secretKeys())
	require.Subset(t, knownKeys(), secretKeys())
}

func TestVariablesOfKubernetesAreIgnored(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, stderr := irgit(t, []string{
		"IRGIT_SERVICE_HOST=10.0.0.1", "IRGIT_SERVICE_PORT=80", "IRGIT_SERVICE_PORT_HTTP=80", "IRGIT_PORT=tcp://10.0.0.1:80",
		"IRGIT_PORT_80_TCP=tcp://10.0.0.1:80", "IRGIT_PORT_80_TCP_PROTO=tcp",
	}, "config")
	require.Equal(t, exitOK, code, stderr)
	code, _, stderr = irgit(t, []string{"IRGIT_PORTAL=x"}, "config")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "IRGIT_AUTH_TOKEN, ")
	require.NotContains(t, stderr, "auth.token")
}
