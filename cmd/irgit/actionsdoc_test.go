package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/render"
)

var update = flag.Bool("update", false, "write docs/actions.md")

const actionsPage = "../../docs/actions.md"

// The page about actions says what the templates say.
func TestActionsPage(t *testing.T) {
	sources, err := render.Sources()
	require.NoError(t, err)
	catalogue, problems := render.Load(sources)
	require.Empty(t, problems)
	var doc actionDoc
	doc.catalogue(catalogue.Actions())
	for _, name := range catalogue.Names() {
		require.Contains(t, doc.String(), "\n### "+name+"\n", "an action of a tactic that the page does not know")
	}
	if *update {
		require.NoError(t, os.WriteFile(actionsPage, []byte(doc.String()), 0o600))
	}
	page, err := os.ReadFile(actionsPage)
	require.NoError(t, err)
	require.Equal(t, doc.String(), string(page), "go test ./cmd/irgit -run ActionsPage -update writes it")
}

func TestActionsShow(t *testing.T) {
	code, out, stderr := irgit(t, nil, "actions", "show", "quarantine")
	require.Equal(t, exitOK, code, stderr)
	page, err := os.ReadFile(actionsPage)
	require.NoError(t, err)
	body, _, _ := strings.Cut(strings.TrimPrefix(out, "# quarantine\n"), "Template: ")
	require.Contains(t, string(page), "### quarantine\n"+body)
	require.Contains(t, out, "Template: built-in/quarantine.yaml:1:1, sha256:")
	code, _, stderr = irgit(t, nil, "actions", "show", "quarantin")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "known are ")
}

// The guide names all that an expression sees.
func TestGuideToActionsNamesWhatExpressionsSee(t *testing.T) {
	page, err := os.ReadFile("../../docs/write-an-action.md")
	require.NoError(t, err)
	for _, name := range render.Variables() {
		require.Contains(t, string(page), "`"+name+"`")
	}
	for _, name := range render.PatchSets() {
		require.Contains(t, string(page), "\n| `"+name+"` |")
	}
}

// What the guide tells to write is taken, and does what it says.
func TestGuideToActionsWorks(t *testing.T) {
	page, err := os.ReadFile("../../docs/write-an-action.md")
	require.NoError(t, err)
	blocks := strings.Split(string(page), "```yaml\n")
	require.Len(t, blocks, 3)
	dir := t.TempDir()
	for i, name := range []string{"hold-egress.yaml", "try.yaml"} {
		text, _, _ := strings.Cut(blocks[i+1], "```")
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name[:3]), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name[:3], name), []byte(strings.Replace(text, "examples/fleet", "../../examples/fleet", 1)), 0o600))
	}
	code, out, stderr := irgit(t, nil, "actions", "show", "hold-egress", "--templates", filepath.Join(dir, "hol"))
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "Let the workload's pods talk to one network only.")
	code, out, stderr = irgit(t, nil, "render", filepath.Join(dir, "try", "try.yaml"), "--templates", filepath.Join(dir, "hol"))
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "+++ NetworkPolicy payments/irgit-20060102-preview-00000000-egress")
	require.Contains(t, out, `+            cidr: "10.20.0.0/16"`)
}
