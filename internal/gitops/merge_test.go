package gitops_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/gitops/gittest"
)

// three is a file on both sides of a fork and before it; "-" is no file.
type three struct{ base, ours, theirs string }

// forked serves the files as the branches main, irgit/ours and irgit/theirs.
func forked(t *testing.T, files map[string]three) (r *gitops.Remote, bare string) {
	t.Helper()
	dir, base := t.TempDir(), map[string][]byte{"README.md": []byte("fleet\n")}
	for name, f := range files {
		if f.base != "-" {
			base[name] = []byte(f.base)
		}
	}
	bare, err := gittest.NewRepository(t.Context(), dir, "fleet.git", base)
	require.NoError(t, err)
	server, err := gittest.Serve(t.Context(), dir, gittest.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	r = open(t, gitops.Options{URL: server.URL + "/fleet.git"})
	main, _ := r.Branch("main")
	for branch, side := range map[string]func(three) string{
		"irgit/ours": func(f three) string { return f.ours }, "irgit/theirs": func(f three) string { return f.theirs },
	} {
		s := spec(main, "x")
		s.Changes = nil
		for name, f := range files {
			switch text := side(f); text {
			case f.base:
			case "-":
				s.Changes = append(s.Changes, gitops.Change{Path: name})
			default:
				s.Changes = append(s.Changes, gitops.Change{Path: name, Content: []byte(text)})
			}
		}
		c, err := r.Commit(t.Context(), s)
		require.NoError(t, err)
		require.NoError(t, r.Push(t.Context(), gitops.Update{Branch: branch, New: c.Revision}))
	}
	return r, bare
}

// merge merges the branches both ways with Merge, and with the git program, and
// returns the paths in conflict that each found.
func merge(t *testing.T, r *gitops.Remote, bare string) (ours, theirs []string) {
	t.Helper()
	var trees []*gitops.Tree
	for _, branch := range []string{"main", "irgit/ours", "irgit/theirs"} {
		at, ok := r.Branch(branch)
		require.True(t, ok)
		tree, err := r.Tree(t.Context(), at)
		require.NoError(t, err)
		require.NoError(t, tree.Prefetch(t.Context(), "."))
		trees = append(trees, tree)
	}
	merged, conflicts, err := trees[0].Merge(t.Context(), trees[1], trees[2])
	require.NoError(t, err)
	other, mirrored, err := trees[0].Merge(t.Context(), trees[2], trees[1])
	require.NoError(t, err)
	require.Equal(t, conflicts, mirrored)
	out, err := exec.CommandContext(t.Context(), "git", "--git-dir", bare,
		"merge-tree", "--write-tree", "--name-only", "--no-messages", "irgit/ours", "irgit/theirs").Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.NotEmpty(t, lines[0], "git merge-tree: %v", err)
	if err == nil && merged != nil {
		require.Equal(t, lines[0], merged.Root())
		require.Equal(t, lines[0], other.Root())
	}
	return conflicts, lines[1:]
}

// Merge does what the git program does.
func TestMerge(t *testing.T) {
	clean := map[string]three{
		"unchanged":            {"a\n", "a\n", "a\n"},
		"one side":             {"a\n", "b\n", "a\n"},
		"the same on both":     {"a\n", "b\n", "b\n"},
		"both add the same":    {"-", "a\n", "a\n"},
		"both remove":          {"a\n", "-", "-"},
		"one removes":          {"a\n", "-", "a\n"},
		"a line between":       {"a\nb\nc\n", "x\nb\nc\n", "a\nb\ny\n"},
		"below two comments":   {"- # a\n- # b\n", "- # a\n1\n- # b\n", "- # a\n- # b\n2\n"},
		"no newline":           {"a\nb\nc", "x\na\nb\nc", "a\nb\nd"},
		"carriage returns":     {"a\r\nb\r\nc\r\n", "x\r\na\r\nb\r\nc\r\n", "a\r\nb\r\nc\r\nd\r\n"},
		"the same and another": {"a\nb\nc\n", "x\nb\nc\n", "x\nb\ny\n"},
		"deep/er/one adds":     {"-", "a\n", "-"},
		"deep/er/other adds":   {"-", "-", "b\n"},
		"emptied/by one":       {"a\n", "-", "a\n"},
		"emptied/by the other": {"b\n", "b\n", "-"},
		"dir/gone on one side": {"a\n", "-", "a\n"},
	}
	r, bare := forked(t, clean)
	ours, theirs := merge(t, r, bare)
	require.Empty(t, theirs)
	require.Empty(t, ours)

	conflicts := map[string]three{
		"both add":                {"-", "a\n", "b\n"},
		"both add, one more":      {"-", "a\n", "a\nb\n"},
		"both change":             {"a\n", "b\n", "c\n"},
		"one removes":             {"one\n", "-", "c\n"},
		"dir/removed":             {"two\n", "-", "d\n"},
		"next to each other":      {"a\nb\n", "x\nb\n", "a\ny\n"},
		"both insert at a place":  {"a\nb\n", "a\nx\nb\n", "a\ny\nb\n"},
		"both append":             {"a\n", "a\nx\n", "a\ny\n"},
		"no newline, both append": {"a", "a\nx", "a\ny"},
		"binary":                  {"a\x00\nb\nc\n", "x\x00\nb\nc\n", "a\x00\nb\nz\n"},
	}
	r, bare = forked(t, conflicts)
	ours, theirs = merge(t, r, bare)
	require.Equal(t, slices.Sorted(maps.Keys(conflicts)), theirs)
	require.Equal(t, theirs, ours)

	// Git writes a file and a directory of one name side by side.
	r, bare = forked(t, map[string]three{"x": {"-", "a\n", "-"}, "x/y": {"-", "-", "a\n"}})
	ours, _ = merge(t, r, bare)
	require.Equal(t, []string{"x"}, ours)
}

// What Merge puts together, git puts together alike. Which lines changed is to
// some degree a matter of choice, so that Merge may see a conflict more.
func TestMergeOfManyEdits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	line := func() string { return fmt.Sprintf("%d\n", random.IntN(500)) }
	edited := func(text []string) string {
		text = slices.Clone(text)
		for range 1 + random.IntN(3) {
			i := random.IntN(len(text))
			if text = slices.Insert(text, i, line()); random.IntN(2) == 0 {
				text = slices.Delete(text, i+1, i+2)
			}
		}
		return strings.Join(text, "")
	}
	files := make(map[string]three)
	for i := range 500 {
		var base []string
		for range 4 + random.IntN(12) {
			base = append(base, line())
		}
		files[fmt.Sprintf("%03d", i)] = three{strings.Join(base, ""), edited(base), edited(base)}
	}
	r, bare := forked(t, files)
	ours, theirs := merge(t, r, bare)
	require.Subset(t, ours, theirs)
	require.InDelta(t, len(theirs), len(ours), 10)
	for _, name := range ours {
		delete(files, name)
	}
	require.Greater(t, len(files), 100)
	r, bare = forked(t, files)
	ours, theirs = merge(t, r, bare)
	require.Empty(t, theirs)
	require.Empty(t, ours)
}

func TestMergeKeepsModes(t *testing.T) {
	_, bare := forked(t, map[string]three{"run": {"a\nb\nc\n", "x\nb\nc\n", "a\nb\ny\n"}})
	blob := git(t, bare, "rev-parse", "irgit/ours:run")
	index := "GIT_INDEX_FILE=" + filepath.Join(t.TempDir(), "index")
	plumb := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"--git-dir", bare}, args...)...)
		cmd.Env = append(os.Environ(), index, "GIT_AUTHOR_NAME=x", "GIT_AUTHOR_EMAIL=x@x", "GIT_COMMITTER_NAME=x", "GIT_COMMITTER_EMAIL=x@x")
		out, err := cmd.Output()
		require.NoError(t, err)
		return strings.TrimSpace(string(out))
	}
	plumb("read-tree", "irgit/ours")
	plumb("update-index", "--cacheinfo", "100755,"+blob+",run")
	plumb("update-ref", "refs/heads/irgit/ours", plumb("commit-tree", "-p", "irgit/ours", "-m", "chmod", plumb("write-tree")))
	ours, theirs := merge(t, open(t, gitops.Options{URL: bare}), bare)
	require.Empty(t, theirs)
	require.Empty(t, ours)
}
