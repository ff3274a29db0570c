package onboard_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/forge"
	"github.com/irgit/irgit/internal/forge/forgetest"
	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
	"github.com/irgit/irgit/internal/onboard"
)

// world is a fleet repository behind real smart HTTP.
type world struct {
	t       *testing.T
	bare    string
	options onboard.Options
}

func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	all := map[string][]byte{}
	for name, text := range files {
		all[name] = []byte(text)
	}
	dir := t.TempDir()
	bare, err := gittest.NewRepository(t.Context(), dir, "fleet.git", all)
	require.NoError(t, err)
	server, err := gittest.Serve(t.Context(), dir, gittest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return &world{t, bare, onboard.Options{
		Git: gitops.Options{URL: server.URL + "/fleet.git", CacheDir: t.TempDir()}, CacheDir: t.TempDir(), Forge: forge.Git{},
		Author: gitops.Signature{Name: "irgit", Email: "irgit@example.com"},
	}}
}

func (w *world) propose() *onboard.Outcome {
	w.t.Helper()
	out, err := onboard.Propose(w.t.Context(), w.options)
	require.NoError(w.t, err)
	return out
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	out, err := gittest.Git(w.t.Context(), w.bare, append([]string{"--git-dir", w.bare, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	require.NoError(w.t, err)
	return strings.TrimSpace(out)
}

// commit puts a commit on top of a branch, with the tree of another.
func (w *world) commit(branch, parent, treeOf string) {
	w.t.Helper()
	w.git("update-ref", "refs/heads/"+branch, w.git("commit-tree", "-p", parent, "-m", "A person's", treeOf+"^{tree}"))
}

func TestProposeTwiceChangesNothing(t *testing.T) {
	w := newWorld(t, stripped(t))
	w.options.DryRun = true
	dry := w.propose()
	require.Equal(t, onboard.Proposed, dry.State)
	require.Equal(t, "refs/heads/main", w.git("for-each-ref", "--format=%(refname)"), "a dry run writes nothing")
	w.options.DryRun = false

	first := w.propose()
	require.Equal(t, onboard.Proposed, first.State)
	require.Equal(t, dry.Revision, first.Revision, "the same base gives the same commit")
	require.Equal(t, string(first.Revision), w.git("rev-parse", "irgit/init"))
	require.Equal(t, w.git("show", "-s", "--format=%at", "main"), w.git("show", "-s", "--format=%at", "irgit/init"))
	w.git("fsck", "--strict")
	require.Contains(t, w.git("show", "-s", "--format=%B", "irgit/init"), "Irgit-Action: init sha256:")

	second := w.propose()
	require.Equal(t, onboard.Unchanged, second.State)
	require.Equal(t, "the branch is there, with the same content", second.Reason)

	// The base moves on without touching it.
	w.commit("main", "main", "main")
	require.Equal(t, "the branch is there, with the same content, made from an earlier main", w.propose().Reason)

	w.git("update-ref", "refs/heads/main", string(first.Revision))
	merged := w.propose()
	require.Equal(t, onboard.Unchanged, merged.State)
	require.Equal(t, "nothing is missing in main", merged.Reason)
	require.Empty(t, merged.Setup.Changes)
}

// What is merged may be there for ever; new needs replace it.
func TestProposeTakesASpentBranch(t *testing.T) {
	w := newWorld(t, fluxFleet())
	first := w.propose()
	w.git("update-ref", "refs/heads/main", string(first.Revision))
	w.git("update-ref", "refs/heads/lost", w.git("commit-tree", "-p", "main", "-m", "Lose the hook", w.git("rev-parse", string(first.Revision)+"^")+"^{tree}"))
	w.git("update-ref", "refs/heads/main", "refs/heads/lost")
	out := w.propose()
	require.Equal(t, onboard.Proposed, out.State)
	require.NotEqual(t, first.Revision, out.Revision)
	require.Equal(t, string(out.Revision), w.git("rev-parse", "irgit/init"))
}

func TestProposeLeavesAPersonsBranch(t *testing.T) {
	w := newWorld(t, fluxFleet())
	w.commit("irgit/init", "main", "main")
	before := w.git("for-each-ref")
	if merged := w.git("merge-base", "main", "irgit/init"); merged == "" {
		t.Fatal("no merge base")
	}
	_, err := onboard.Propose(t.Context(), w.options)
	var refused *onboard.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Reason, "is not irgit's")
	require.Equal(t, before, w.git("for-each-ref"))

	// A commit of a person on top of irgit's is theirs, too.
	w.git("update-ref", "-d", "refs/heads/irgit/init")
	w.propose()
	w.commit("irgit/init", "irgit/init", "irgit/init")
	_, err = onboard.Propose(t.Context(), w.options)
	require.ErrorAs(t, err, &refused)
}

// A trailer alone does not make a commit irgit's.
func TestProposeLooksAtWhatABranchChanges(t *testing.T) {
	w := newWorld(t, fluxFleet())
	w.propose()
	message := w.git("show", "-s", "--format=%B", "irgit/init")
	w.git("update-ref", "refs/heads/irgit/init", w.git("commit-tree", "-p", "main", "-m", message, "main^{tree}"))
	_, err := onboard.Propose(t.Context(), w.options)
	var refused *onboard.RefusedError
	require.ErrorAs(t, err, &refused)
}

func TestProposeSaysThatAnEarlierProposalIsOpen(t *testing.T) {
	w := newWorld(t, fluxFleet())
	first := w.propose()
	w.options.NoHooks = true
	out := w.propose()
	require.Equal(t, onboard.Unchanged, out.State)
	require.Contains(t, out.Reason, "with an earlier proposal: merge it, or delete it")
	require.Equal(t, string(first.Revision), w.git("rev-parse", "irgit/init"))
}

func TestProposeOpensAPullRequest(t *testing.T) {
	fake := forgetest.New(forgetest.Options{})
	require.NoError(t, fake.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, fake.Stop()) })
	w := newWorld(t, stripped(t))
	var err error
	w.options.Forge, err = forge.NewGitHub(forge.Options{
		Repository: forge.Repository{Host: "github.com", Owner: "acme", Name: "fleet"}, API: fake.URL, Token: "t", Pace: 1,
	})
	require.NoError(t, err)
	out := w.propose()
	require.Equal(t, 1, out.PullRequest.Number)
	opened := fake.PullRequests()[0]
	require.Equal(t, "irgit/init", opened.Head)
	require.Equal(t, "irgit: prepare the fleet for containment", opened.Title)
	for _, want := range []string{"**Nothing that is rendered today changes.** 8 roots", "`incident-response/prod-us`, 2 new hooks", "Fill in `.irgit.yaml`", "kubectl apply"} {
		require.Contains(t, opened.Body, want)
	}
	require.Equal(t, onboard.Unchanged, w.propose().State)
	require.Len(t, fake.PullRequests(), 1)

	fake.Close(1)
	vetoed := w.propose()
	require.Equal(t, onboard.Vetoed, vetoed.State)
	require.Len(t, fake.PullRequests(), 1)
}
