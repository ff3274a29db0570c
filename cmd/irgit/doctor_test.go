package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/irgit/irgit/examples"
	"github.com/irgit/irgit/internal/forge/forgetest"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	files, err := examples.Fleet()
	require.NoError(t, err)
	bare, err := gittest.NewRepository(t.Context(), dir, "fleet.git", files)
	require.NoError(t, err)
	server, err := gittest.Serve(t.Context(), dir, gittest.Options{Token: "canary-91"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "test")
	require.NoError(t, err)
	key := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(block), 0o600))

	environ := []string{"IRGIT_REPO=" + server.URL + "/fleet.git", "IRGIT_CACHE=" + filepath.Join(dir, "cache")}
	code, _, stderr := irgit(t, environ, "doctor")
	require.Equal(t, exitAuth, code, stderr)
	require.Contains(t, stderr, "irgit: hint: set auth.token")

	environ = append(environ, "IRGIT_AUTH_TOKEN=canary-91", "IRGIT_SIGNING_FORMAT=ssh", "IRGIT_SIGNING_KEY="+key)
	code, out, stderr := irgit(t, environ, "doctor")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "base        main ")
	require.Contains(t, out, "ssh-ed25519 ")
	require.Contains(t, out, "prod-eu (flux, mesh istio-sidecar, cni kubernetes)\n")
	require.Contains(t, out, "  apps/prod-eu: 4 workloads, hook incident-response/patches/prod-eu/apps\n")
	require.Contains(t, out, "  incident-response/prod-us: applied by Application argocd/irgit-<incident>\n")
	require.Contains(t, out, "protection  not visible")
	require.Contains(t, out, "codeowners  none (a warning): add .github/CODEOWNERS")
	require.NotContains(t, out, "!")
	require.NotContains(t, out+stderr, "canary")
	refs, err := gittest.Git(t.Context(), bare, "for-each-ref", "--format=%(refname)")
	require.NoError(t, err)
	require.Equal(t, "refs/heads/main\n", refs, "doctor writes nothing")

	for name, extra := range map[string]string{
		"no such branch": "IRGIT_BASE=none",
		"no such key":    "IRGIT_SIGNING_KEY=/none",
		"wrong format":   "IRGIT_SIGNING_FORMAT=openpgp",
		"no ssh key":     "IRGIT_AUTH_SSHKEY=/none",
		"no repository":  "IRGIT_REPO=",
	} {
		code, _, stderr := irgit(t, append(environ, extra), "doctor")
		require.Equal(t, exitUsage, code, "%s: %s", name, stderr)
		require.Contains(t, stderr, "irgit: hint: ", name)
	}
}

func TestDoctorOfUnreadyFleets(t *testing.T) {
	const apps = "apps/prod-eu/kustomization.yaml"
	for name, c := range map[string]struct {
		files map[string]string
		want  []string // lines of the output, or of the error where nothing can be read
	}{
		"hook not named": {
			map[string]string{apps: "resources: [../base/payments]\n"},
			[]string{
				"  apps/prod-eu: 2 workloads, no hook\n",
				"  ! " + apps + ": it does not name irgit's hook incident-response/patches/prod-eu/apps in transformers\n    add `transformers: ",
			},
		},
		"root does not build": {
			map[string]string{apps: "resources: [none.yaml]\n"},
			[]string{"  apps/prod-eu: not read, see below\n", "  ! " + apps + ": ", "    repair the root apps/prod-eu: "},
		},
		"root not there": {
			map[string]string{apps: ""},
			[]string{"  ! .irgit.yaml: the root apps/prod-eu is declared and not there: remove it or correct its path\n"},
		},
		"nowhere for new objects": {
			map[string]string{"incident-response/prod-eu/README.md": ""},
			[]string{"  ! incident-response/prod-eu: the directory is not in the base\n    put a README.md there"},
		},
		"no .irgit.yaml":     {map[string]string{".irgit.yaml": ""}, []string{".irgit.yaml: is not there"}},
		"broken .irgit.yaml": {map[string]string{".irgit.yaml": "kind: Fleet\nclusterz: []\n"}, []string{".irgit.yaml: clusterz: "}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, gittest.Options{}, c.files)
			code, out, stderr := irgit(t, nil, "doctor", "--cache", "off", "--repo", f.bare)
			require.Equal(t, exitInvalid, code, out+stderr)
			require.Contains(t, stderr, "irgit: hint: ")
			for _, want := range c.want {
				require.Contains(t, out+stderr, want)
			}
		})
	}
}

func TestDoctorTakesARootWithoutWorkloads(t *testing.T) {
	f := newFleet(t, gittest.Options{}, map[string]string{"apps/prod-eu/kustomization.yaml": "resources: [../base/web/namespace.yaml]\n"})
	code, out, stderr := irgit(t, nil, "doctor", "--cache", "off", "--repo", f.bare)
	require.Equal(t, exitOK, code, out+stderr)
	require.Contains(t, out, "  apps/prod-eu: no workloads\n")
	require.Contains(t, out, "signing     off (a warning)")
}

func TestLoginErrorsNameTheKey(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("SSH_KNOWN_HOSTS", "")
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "test", []byte("canary-open"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("locked", pem.EncodeToMemory(block), 0o600))
	require.NoError(t, os.WriteFile("known", nil, 0o600))
	remote := "IRGIT_REPO=ssh://git@127.0.0.1:1/fleet.git"
	for name, c := range map[string]struct {
		environ []string
		code    int
		message string
		hint    string
	}{
		"no passphrase":    {[]string{"IRGIT_AUTH_SSHKEY=locked"}, exitUsage, "auth.sshKey locked: the ssh key needs a passphrase", "auth.passphrase (IRGIT_AUTH_PASSPHRASE)"},
		"wrong passphrase": {[]string{"IRGIT_AUTH_SSHKEY=locked", "IRGIT_AUTH_PASSPHRASE=canary-no"}, exitUsage, "auth.sshKey locked: the passphrase of the ssh key is wrong", "auth.passphrase"},
		"no private key":   {[]string{"IRGIT_AUTH_SSHKEY=known"}, exitUsage, "auth.sshKey known: the ssh key is not a private key", "auth.sshKey (IRGIT_AUTH_SSHKEY)"},
		"no agent":         {[]string{"IRGIT_AUTH_KNOWNHOSTS=known"}, exitAuth, "no ssh agent is running", "auth.sshKey (IRGIT_AUTH_SSHKEY)"},
		"no known_hosts":   {[]string{"IRGIT_AUTH_SSHKEY=locked", "IRGIT_AUTH_PASSPHRASE=canary-open"}, exitAuth, "no known_hosts file", "auth.knownHosts"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, stderr := irgit(t, append(c.environ, remote), "doctor")
			require.Equal(t, c.code, code, stderr)
			require.Contains(t, stderr, c.message)
			require.Regexp(t, `(?m)^irgit: hint: .*`+regexp.QuoteMeta(c.hint), stderr)
			require.NotContains(t, out+stderr, "canary")
		})
	}
}

func TestDoctorNamesGitsOwnWayOut(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
	code, _, stderr := irgit(t, nil, "doctor", "--cache", "off", "--repo", f.bare)
	require.Equal(t, exitError, code, stderr)
	require.Contains(t, stderr, "git config --global --add safe.directory "+f.bare)
}

func TestDoctorLooksAtTheBaseBranch(t *testing.T) {
	for want, o := range map[string]forgetest.Options{
		"protection  none\n  ! main: whoever may push": {},
		"protection  on; whether it asks":              {Protected: true},
		"protection  a rule set asks for pull":         {Rules: []string{"pull_request"}},
	} {
		fake := forgetest.New(o)
		require.NoError(t, fake.Start(t.Context()))
		t.Cleanup(func() { require.NoError(t, fake.Stop()) })
		f := newFleet(t, gittest.Options{}, map[string]string{"docs/CODEOWNERS": "* @acme/security\n"})
		environ := []string{"IRGIT_FORGE_KIND=github", "IRGIT_FORGE_URL=" + fake.URL, "IRGIT_FORGE_TOKEN=t", "IRGIT_FORGE_REPOSITORY=acme/fleet"}
		code, out, stderr := irgit(t, environ, "doctor", "--cache", cache, "--repo", f.url)
		require.Contains(t, out, want, stderr)
		require.Contains(t, out, "codeowners  docs/CODEOWNERS\n")
		if strings.Contains(want, "!") {
			require.Equal(t, exitInvalid, code)
		} else {
			require.Equal(t, exitOK, code, out+stderr)
		}
	}
}
