package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge/forgetest"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

func TestRespondAsAGitHubApp(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "app.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600))
	hub := forgetest.New(forgetest.Options{App: forgetest.App{ID: "1234", Installation: 77, Key: &key.PublicKey}})
	require.NoError(t, hub.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, hub.Stop()) })
	f := newFleet(t, gittest.Options{Token: "ghs_canary1"}, nil) // the first token that the app is given
	code, out, stderr := irgit(t, []string{
		"IRGIT_REPO=" + f.url, "IRGIT_CACHE=" + cache, "IRGIT_FORGE_URL=" + hub.URL, "IRGIT_FORGE_REPOSITORY=acme/fleet",
		"IRGIT_AUTH_APP_ID=1234", "IRGIT_AUTH_APP_INSTALLATION=77", "IRGIT_AUTH_APP_KEY=" + file,
	}, "respond", "--alert", f.file("a.json", terminalShell(t)))
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "https://github.com/acme/fleet/pull/1")
	require.Len(t, hub.PullRequests(), 1)
	require.NotContains(t, out+stderr, "canary")
	logins := 0
	for _, r := range hub.Requests() {
		if strings.HasSuffix(r.Path, "/access_tokens") {
			logins++
		}
	}
	require.Equal(t, 1, logins, "git and the API share a token")
}

func TestForgeConfigurationSaysWhatIsWrong(t *testing.T) {
	alert := filepath.Join(t.TempDir(), "a.json")
	require.NoError(t, os.WriteFile(alert, []byte(terminalShell(t)), 0o600))
	t.Chdir(filepath.Dir(alert))
	const repo = "IRGIT_REPO=https://github.com/acme/fleet"
	app := []string{repo, "IRGIT_AUTH_APP_ID=1", "IRGIT_AUTH_APP_INSTALLATION=2", "IRGIT_AUTH_APP_KEY=irgit.yaml"}
	require.NoError(t, os.WriteFile("irgit.yaml", []byte("base: main\n"), 0o600))
	for name, c := range map[string]struct {
		environ    []string
		want, hint string
	}{
		"kind":             {[]string{repo, "IRGIT_FORGE_KIND=bitbucket"}, `forge.kind: "bitbucket" is not known`, "use one of auto, github, gitlab, gitea, git"},
		"token":            {[]string{repo}, "forge.token is not set", "set IRGIT_FORGE_TOKEN"},
		"repository":       {[]string{repo, "IRGIT_FORGE_REPOSITORY=fleet", "IRGIT_FORGE_TOKEN=canary"}, `forge.repository: "fleet" is not owner/name`, "owner/name"},
		"half of an app":   {app[:3], "auth.app.key is not set", "needs auth.app.id, auth.app.installation and auth.app.key"},
		"installation":     {append(app[:3:3], app[3], "IRGIT_AUTH_APP_INSTALLATION=x"), `auth.app.installation: "x" is not a number`, "the number at the end"},
		"app and token":    {append(app[:4:4], "IRGIT_AUTH_TOKEN=canary"), "auth.app and a token are both set", "the app gets its own"},
		"app without hub":  {append(app[:4:4], "IRGIT_FORGE_KIND=git"), "auth.app is set, and the forge is git", "only GitHub has apps"},
		"no such key file": {append(app[:3:3], "IRGIT_AUTH_APP_KEY=absent.pem"), "auth.app.key: open absent.pem", "private key that GitHub generated"},
		"app on GitLab":    {append(app[1:4:4], "IRGIT_REPO=https://gitlab.com/acme/fleet"), "auth.app is set, and the forge is gitlab", "only GitHub has apps"},
		"token on GitLab":  {[]string{"IRGIT_REPO=git@gitlab.com:acme/platform/fleet.git"}, "the forge (gitlab) takes pull requests from known users only", "set IRGIT_FORGE_TOKEN"},
		"groups on Gitea":  {[]string{"IRGIT_REPO=https://codeberg.org/acme/sub/fleet", "IRGIT_FORGE_TOKEN=canary"}, `"acme/sub/fleet" is not owner/name`, "see forge.*"},
		"plain http":       {[]string{"IRGIT_REPO=https://git.example.com/acme/fleet", "IRGIT_FORGE_KIND=gitea", "IRGIT_FORGE_URL=http://git.example.com", "IRGIT_FORGE_TOKEN=canary"}, "the address of the API is not https", "see forge.*"},
		"no key":           {app, "the app's key is not PEM", "auth.app in the README"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, stderr := irgit(t, c.environ, "respond", "--alert", alert)
			require.Equal(t, exitUsage, code, stderr)
			require.Contains(t, stderr, c.want)
			require.Contains(t, stderr, c.hint)
			require.NotContains(t, out+stderr, "canary")
		})
	}
}

func TestForgeKindByAddress(t *testing.T) {
	for repo, want := range map[string]string{
		"https://github.com/acme/fleet": "github", "git@gitlab.com:acme/platform/fleet.git": "gitlab", "https://codeberg.org/acme/fleet.git": "gitea",
		"https://gitea.com/acme/fleet": "gitea", "https://acme.ghe.com/acme/fleet": "github", "https://git.example.com/acme/fleet": "git", "/srv/fleet.git": "git",
	} {
		c := Config{Repo: repo, Forge: ForgeConfig{Kind: "auto"}}
		require.Equal(t, want, c.forgeKind(), repo)
	}
	c := Config{Repo: "https://git.example.com/acme/fleet", Forge: ForgeConfig{Kind: "auto", URL: "https://git.example.com/api/v3"}}
	require.Equal(t, "github", c.forgeKind())
	c.Forge.Kind = "gitlab"
	require.Equal(t, "gitlab", c.forgeKind())
}
