package gitops_test

import (
	"crypto/ed25519"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

// The whole way over ssh: read, commit, push, with the host's key checked.
func TestSSH(t *testing.T) {
	dir := t.TempDir()
	bare, err := gittest.NewRepository(t.Context(), dir, "fleet.git", fleetFiles)
	require.NoError(t, err)
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	allowed, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("open sesame"))
	require.NoError(t, err)
	server, err := gittest.ServeSSH(t.Context(), dir, allowed)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	known := filepath.Join(dir, "known_hosts")
	require.NoError(t, os.WriteFile(known, []byte(server.KnownHosts+"\n"), 0o600))
	o := gitops.Options{
		URL:  "ssh://git@" + server.Address + "/fleet.git",
		Auth: gitops.Auth{SSHKey: pem.EncodeToMemory(block), Passphrase: []byte("open sesame"), KnownHosts: known},
	}
	r := open(t, o)
	_, base, err := r.Base("")
	require.NoError(t, err)
	tree, err := r.Tree(t.Context(), base)
	require.NoError(t, err)
	entries, err := tree.ReadDir(t.Context(), "")
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	c, err := r.Commit(t.Context(), spec(base, "a"))
	require.NoError(t, err)
	require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/a", New: c.Revision}))
	require.Equal(t, string(c.Revision), git(t, bare, "rev-parse", "irgit/a"))

	other, err := gittest.ServeSSH(t.Context(), dir, allowed) // with another host key
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	o.URL = "ssh://git@" + other.Address + "/fleet.git"
	_, err = gitops.Open(t.Context(), o)
	require.ErrorIs(t, err, gitops.ErrAuthentication)
	require.ErrorContains(t, err, "host")
}
