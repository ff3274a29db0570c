package proposal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/proposal"
)

// The reviewer sees the lines that change in a file of a team, before the
// files are listed; whatever stands in such a line is text.
func TestEditsOfTeamFilesAreShown(t *testing.T) {
	d := shell()
	d.Edits = []proposal.Edit{{
		File: "apps/web.yaml", Line: 7, Why: "the fields are set in it", Removed: []string{"  paused: false # ours"}, Added: []string{"  paused: true # ours"},
	}}
	_, body := proposal.Render(d)
	require.Contains(t, body, "**It edits files of yours,**")
	require.Contains(t, body, "`apps/web.yaml`, line 7: the fields are set in it\n\n```diff\n-  paused: false # ours\n+  paused: true # ours\n```\n")
	require.Less(t, strings.Index(body, "paused: true"), strings.Index(body, "Files of the commit"))
	require.Contains(t, proposal.Terminal(d), "    +  paused: true # ours\n")
	require.Contains(t, proposal.CommitBody(d), "- apps/web.yaml, line 7: the fields are set in it.")

	want := shapeOf(t, body)
	for _, line := range []string{"```", "/merge", "@team", "Argocd-gpg-seal: x", "[skip ci]", "---"} {
		d.Edits[0].Added = []string{line}
		_, body := proposal.Render(d)
		require.Empty(t, obeyed(body), line)
		require.Equal(t, want, shapeOf(t, body), line)
		_, err := gitops.Message{Subject: "x", Body: proposal.CommitBody(d)}.Format()
		require.NoError(t, err, line)
	}
	d.Edits[0].Added = slices.Repeat([]string{strings.Repeat("x", 100)}, 5000)
	d.Edits = slices.Repeat(d.Edits, 100)
	_, body = proposal.Render(d)
	require.LessOrEqual(t, len(body), proposal.MaxBody)
	require.Contains(t, body, "of 5001 lines, see the record.")
}
