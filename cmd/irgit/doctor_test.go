package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/irgit/irgit/internal/gitops/gittest"
)

func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	bare, err := gittest.NewRepository(t.Context(), dir, "fleet.git", map[string][]byte{"README.md": []byte("fleet\n")})
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
