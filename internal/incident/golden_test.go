package incident_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/incident"
	"github.com/irgit/irgit/internal/proposal"
)

var update = flag.Bool("update", false, "write what is proposed into testdata")

// A golden file holds an alert, a policy and, below fleet/, files that differ
// from the example fleet's; and what becomes of them: every file of the commit,
// its message, the proof and the pull request. It is the specification of an
// action, from the alert to the reviewer.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(names), 5, "one for each action")
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			require.NoError(t, err)
			given, got := map[string]string{}, &txtar.Archive{Comment: archive.Comment}
			alert, policyText := "", ""
			for _, f := range archive.Files {
				file, ofFleet := strings.CutPrefix(f.Name, "fleet/")
				switch {
				case f.Name == "alert.json":
					alert = string(f.Data)
				case f.Name == "policy.yaml":
					policyText = string(f.Data)
				case ofFleet:
					given[file] = string(f.Data)
				default:
					continue
				}
				got.Files = append(got.Files, f)
			}
			w := newWorld(t, given)
			w.options.Policies = builtIn(t, w.options.Actions, policyText)
			w.options.Version = "golden"
			o := w.respond(alert)[0]
			add := func(name, text string) {
				if text = strings.TrimRight(text, "\n"); text != "" {
					text += "\n"
				}
				got.Files = append(got.Files, txtar.File{Name: "want/" + name, Data: []byte(text)})
			}
			add("state.txt", fmt.Sprintf("%s: %s", o.State, o.Reason))
			if o.State == incident.Proposed {
				proof, err := json.MarshalIndent(o.Proof, "", "  ")
				require.NoError(t, err)
				title, body := proposal.Render(*o.Document)
				add("proof.json", string(proof))
				add("commit.txt", w.git("log", "-1", "--format=%B", o.Incident.Branch))
				add("pull-request.md", "# "+title+"\n\n"+body)
				for _, f := range o.Files {
					add(f.Path, w.git("show", o.Incident.Branch+":"+f.Path))
				}
			}
			if *update {
				require.NoError(t, os.WriteFile(name, txtar.Format(got), 0o600))
				return
			}
			require.Len(t, got.Files, len(archive.Files), "go test ./internal/incident -run Golden -update writes it anew")
			for i, f := range archive.Files {
				require.Equal(t, f.Name, got.Files[i].Name)
				require.Equal(t, string(f.Data), string(got.Files[i].Data), f.Name)
			}
		})
	}
}
