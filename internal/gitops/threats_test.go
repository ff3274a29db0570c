package gitops_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

func TestThreatB2SymlinkOnTheWay(t *testing.T) {
	s := serve(t, gittest.Options{})
	work := filepath.Join(t.TempDir(), "work")
	git(t, t.TempDir(), "clone", "-q", s.bare, work)
	require.NoError(t, os.RemoveAll(filepath.Join(work, "incident-response")))
	require.NoError(t, os.Symlink("clusters", filepath.Join(work, "incident-response")))
	git(t, work, "add", "-A")
	git(t, work, "commit", "-q", "-m", "A trap")
	git(t, work, "push", "-q", "origin", "main")

	r := open(t, gitops.Options{URL: s.url})
	base, _ := r.Branch("main")
	_, err := r.Commit(t.Context(), spec(base, "inc-1"))
	require.ErrorContains(t, err, "incident-response is a symlink")
	tree, err := r.Tree(t.Context(), base)
	require.NoError(t, err)
	_, err = tree.ReadFile(t.Context(), "incident-response/prod/apps.yaml")
	require.ErrorContains(t, err, "symlink")
}

func TestThreatB3Paths(t *testing.T) {
	for _, path := range []string{
		"", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/.git/config", "a/.GIT/config", "git~1/x", "a/.g\u200cit/x",
		".gitmodules", "a/.gitattributes", `C:\x`, "a:b", "a/\x00", "a/b.", "a/b ", "a\nb", "a/" + strings.Repeat("x", 256), "a/\xff",
	} {
		require.Error(t, gitops.CheckPath(path), "%q", path)
		_, err := gitops.NewTree(map[string][]byte{path: nil})
		require.Error(t, err, "%q", path)
	}
	require.NoError(t, gitops.CheckPath("incident-response/prod-eu/20261123-payments-0a1b2c3d/incident.yaml"))
}

func TestThreatB4Branches(t *testing.T) {
	for _, branch := range []string{
		"main", "@", "refs/heads/main", "irgit/", "irgit/-x", "irgit/a..b", "irgit/a@{1}", "irgit/a.lock", "irgit/a b", "irgit/a~1", "irgit/a^", "irgit/a:b",
		"irgit/a?", "irgit/a*", "irgit/[a", `irgit/a\b`, "irgit/a\nb", "irgit//a", "irgit/.a", "irgit/a.", "irgit/a/", "irgit/" + strings.Repeat("x", 300),
	} {
		require.Error(t, gitops.CheckBranch(branch), "%q", branch)
	}
	require.NoError(t, gitops.CheckBranch("irgit/20261123-payments-0a1b2c3d"))
	require.NoError(t, gitops.CheckBranch("irgit/release/20261123-payments-0a1b2c3d"))
}

// What CheckBranch takes, git takes too.
func FuzzCheckBranch(f *testing.F) {
	for _, seed := range []string{"irgit/a", "irgit/a.b", "irgit/-", "irgit/a.lock", "irgit/@", "irgit/a/b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if gitops.CheckBranch(name) == nil {
			require.NoError(t, exec.CommandContext(t.Context(), "git", "check-ref-format", "refs/heads/"+name).Run(), "%q", name)
		}
	})
}

// What With writes, git reads the same.
func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"a/b", ".git", "a/.git", "ü/x", "a/./b", "a\\b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		tree, err := gitops.NewTree(map[string][]byte{name: []byte("x")})
		if (err == nil) != (gitops.CheckPath(name) == nil) {
			t.Fatalf("NewTree and CheckPath disagree on %q: %v", name, err)
		}
		if err == nil {
			data, err := tree.ReadFile(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, "x", string(data))
		}
	})
}

func TestThreatB5HostileRefs(t *testing.T) {
	id := strings.Repeat("1", 40)
	pkt := func(s string) string { return hex4(len(s)+4) + s }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, _ = w.Write([]byte(pkt("# service=git-upload-pack\n") + "0000" +
			pkt(id+" refs/heads/../../config\x00shallow filter\n") + pkt(id+" refs/heads/main\n") + "0000"))
	}))
	t.Cleanup(server.Close)
	r, err := gitops.Open(t.Context(), gitops.Options{URL: server.URL})
	require.NoError(t, err)
	require.Equal(t, map[string]gitops.Revision{"main": gitops.Revision(id)}, r.Branches(""))
}

func hex4(n int) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[n>>12&15], digits[n>>8&15], digits[n>>4&15], digits[n&15]})
}

func TestThreatB6Addresses(t *testing.T) {
	for _, address := range []string{
		"", "--upload-pack=touch /tmp/x", "ext::sh -c id", "ssh://-oProxyCommand=x/y", "git@host:-x", "ftp://host/x", "gopher://x", "https://", "/no/such/directory", "http://host\n/x",
	} {
		_, err := gitops.Open(t.Context(), gitops.Options{URL: address})
		require.ErrorContains(t, err, "give an https", "%q", address)
	}
	require.Equal(t, "https://host/x", gitops.RedactURL("https://user:canary@host/x"))
}

func TestThreatB7EndlessAnswer(t *testing.T) {
	chunk := make([]byte, 1<<20)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, _ = w.Write([]byte(hex4(30) + "# service=git-upload-pack\n0000"))
		for r.Context().Err() == nil {
			if _, err := w.Write(append([]byte("fff0"), chunk[:0xfff0-4]...)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := gitops.Open(t.Context(), gitops.Options{URL: server.URL, Limits: gitops.Limits{MaxPack: 8 << 20}})
	runtime.ReadMemStats(&after)
	require.Error(t, err)
	require.Less(t, after.Sys-before.Sys, uint64(256<<20))
}

func TestThreatB8Case(t *testing.T) {
	tree, err := gitops.NewTree(fleetFiles)
	require.NoError(t, err)
	_, err = tree.With(t.Context(), gitops.Change{Path: "Apps/x", Content: []byte("x")})
	require.ErrorContains(t, err, "differs only in case")
}

// Untouched entries keep odd modes of old repositories byte for byte.
func TestOddModesSurvive(t *testing.T) {
	s := serve(t, gittest.Options{})
	blob := git(t, s.bare, "rev-parse", "main:README.md")
	list := "100664 blob " + blob + "\told.sh\n"
	cmd := exec.CommandContext(t.Context(), "git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally")
	cmd.Dir = s.bare
	raw := "100664 old.sh\x00" + string(unhex(blob))
	cmd.Stdin = strings.NewReader(raw)
	out, err := cmd.Output()
	require.NoError(t, err, list)
	odd := git(t, s.bare, "commit-tree", "-m", "old", strings.TrimSpace(string(out)))
	git(t, s.bare, "update-ref", "refs/heads/main", odd)
	r := open(t, gitops.Options{URL: s.url})
	base, _ := r.Branch("main")
	c, err := r.Commit(t.Context(), spec(base, "inc-1"))
	require.NoError(t, err)
	require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: "irgit/x", New: c.Revision}))
	bytes, err := exec.CommandContext(t.Context(), "git", "--git-dir", s.bare, "cat-file", "tree", c.Tree).Output()
	require.NoError(t, err)
	require.Contains(t, string(bytes), raw)
}

func unhex(s string) []byte {
	out := make([]byte, len(s)/2)
	for i := range out {
		out[i] = byte(strings.IndexByte("0123456789abcdef", s[2*i])<<4 | strings.IndexByte("0123456789abcdef", s[2*i+1]))
	}
	return out
}

func message(body string) gitops.Message {
	return gitops.Message{Subject: "irgit: contain payments", Body: body, Trailers: []gitops.Trailer{{Key: gitops.TrailerIncident, Value: "20261123-payments-0a1b2c3d"}}}
}

func TestThreatC1ToC7Messages(t *testing.T) {
	for threat, m := range map[string]gitops.Message{
		"C1 foreign trailer in a value": {Subject: "x", Trailers: []gitops.Trailer{{Key: gitops.TrailerIncident, Value: "x\nReviewed-by: ciso@corp"}}},
		"C1 foreign key":                {Subject: "x", Trailers: []gitops.Trailer{{Key: "Reviewed-by", Value: "ciso@corp"}}},
		"C2 divider":                    message("a\n---\nb"),
		"C3 seal":                       message("Argocd-GPG-seal: x"),
		"C4 skip ci":                    message("see [Skip CI] here"),
		"C4 skip checks":                message("skip-checks: true"),
		"C5 sign-off":                   message("Signed-off-by: ciso"),
		"C5 change id":                  message("Change-Id: I1"),
		"C7 NUL":                        message("a\x00b"),
		"C7 not ASCII":                  message("ü"),
		"C7 long subject":               {Subject: strings.Repeat("x", 73)},
		"C7 newline in subject":         {Subject: "a\nb"},
	} {
		_, err := m.Format()
		require.Error(t, err, threat)
	}
}

// C6: git finds exactly irgit's trailers, with and without the divider rule.
func TestThreatC6TrailersParseBack(t *testing.T) {
	m := message("A paragraph.\n\nKey: value that is not a trailer\nnor this.")
	m.Trailers = append(m.Trailers, gitops.Trailer{Key: gitops.TrailerAction, Value: "quarantine"})
	text, err := m.Format()
	require.NoError(t, err)
	require.Equal(t, m.Trailers, gitops.ParseTrailers(text))
	for _, args := range [][]string{{"--parse"}, {"--parse", "--no-divider"}} {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"interpret-trailers"}, args...)...)
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Equal(t, "Irgit-Incident: 20261123-payments-0a1b2c3d\nIrgit-Action: quarantine\n", string(out))
	}
	require.Empty(t, gitops.ParseTrailers("subject\n\nfree text\nKey: value\n"))
}

func TestThreatC7Author(t *testing.T) {
	s := serve(t, gittest.Options{})
	r := open(t, gitops.Options{URL: s.url})
	base, _ := r.Branch("main")
	for _, name := range []string{"", "a\nb", "a <x>", " a"} {
		sp := spec(base, "inc-1")
		sp.Author.Name = name
		_, err := r.Commit(t.Context(), sp)
		require.ErrorContains(t, err, "author")
	}
}

// I3: a redirect to another host must not carry the credentials along.
func TestThreatI3CrossHostRedirect(t *testing.T) {
	seen := make(chan string, 8)
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		http.NotFound(w, r)
	}))
	t.Cleanup(thief.Close)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(thief.URL, "127.0.0.1", "localhost", 1)+r.URL.String(), http.StatusFound)
	}))
	t.Cleanup(front.Close)
	_, err := gitops.Open(t.Context(), gitops.Options{URL: front.URL + "/fleet.git", Auth: gitops.Auth{Token: "canary-7d"}})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "canary")
	close(seen)
	for header := range seen {
		require.Empty(t, header)
	}
}
