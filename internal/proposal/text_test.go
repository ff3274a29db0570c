package proposal_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/irgit/irgit/internal/gitops"
	"github.com/irgit/irgit/internal/proposal"
)

var update = flag.Bool("update", false, "write the golden files")

// The golden files are there to be read as the reviewer reads them.
func TestGolden(t *testing.T) {
	title, body := proposal.Render(shell())
	for file, got := range map[string]string{
		"terminal-shell.md":  body,
		"terminal-shell.txt": proposal.Terminal(shell()),
		"terminal-shell.msg": title + "\n\n" + proposal.CommitBody(shell()),
	} {
		path := filepath.Join("testdata", file)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), got, "%s: go test ./internal/proposal -update writes it anew", file)
	}
}

func TestFirstScreenAnswers(t *testing.T) {
	_, body := proposal.Render(shell())
	screen := strings.Join(strings.SplitN(body, "\n", 26)[:25], "\n")
	for _, want := range []string{
		"Terminal shell in container", "Deployment `payments/payments`", "`prod-eu`", "nothing else", "`quarantine`", "2026-11-24 03:12 UTC", "close this", "revert the merge", "not isolating",
	} {
		require.Contains(t, screen, want)
	}
	for _, text := range []string{body, proposal.Terminal(shell())} {
		at := -1
		for _, title := range []string{"What happened", "What this changes", "Whom it hits", "Who can still talk to it", "What it does not do", "When it expires", "How to undo it", "The rendered difference", "Evidence", "How to check it"} {
			next := strings.Index(text, title+"\n\n")
			require.Greater(t, next, at, title)
			at = next
		}
	}
}

func TestWhomAndConnections(t *testing.T) {
	d := shell()
	other := d.Hits[0]
	other.Name, other.How, other.HostNetwork, other.Images = "checkout", "shares the selector", true, nil
	for range 4 {
		d.Hits = append(d.Hits, other)
	}
	d.Actions[0].Cuts = "yes"
	_, body := proposal.Render(d)
	require.Contains(t, body, "Deployment `payments/checkout` (2 to 6 pods) and 2 more |")
	require.Contains(t, body, "| Deployment `payments/checkout` | 2 to 6 | shares the selector; its pods use the host's network | not known |")
	require.Contains(t, body, "| **Open connections** | are cut |")
}

func TestSparseDocument(t *testing.T) {
	title, body := proposal.Render(proposal.Document{})
	require.NotEmpty(t, title)
	require.Contains(t, body, "## How to undo it")
	requireInert(t, shapeOf(t, body))
	require.NotContains(t, body, "0001-01-01")
	require.NotEmpty(t, proposal.Terminal(proposal.Document{}))
	_, err := gitops.Message{Subject: title, Body: proposal.CommitBody(proposal.Document{})}.Format()
	require.NoError(t, err)
}

// A plain remote has no pull request to close.
func TestUndoFitsTheForge(t *testing.T) {
	d := shell()
	_, body := proposal.Render(d)
	require.Contains(t, body, "close the pull request")
	require.NotContains(t, body, "--delete")
	require.Contains(t, body, "irgit incident release "+incident)
	d.PlainGit = true
	_, body = proposal.Render(d)
	require.NotContains(t, body, "pull request")
	require.Contains(t, body, "git push origin --delete "+d.Branch)
}

func TestSubject(t *testing.T) {
	for want, c := range map[string][3]string{
		"irgit: contain payments/payments in prod-eu (0d15ea5e)":                   {"payments", "payments", "prod-eu"},
		"irgit: contain node in prod-eu (0d15ea5e)":                                {"", "node", "prod-eu"},
		"irgit: contain checko..ional/gatewa..ers-v2 in produc..west-1 (0d15ea5e)": {"checkout-international", "gateway-for-partners-v2", "production-eu-west-1"},
	} {
		d := shell()
		d.Target.Namespace, d.Target.Name, d.Cluster = c[0], c[1], c[2]
		require.Equal(t, want, proposal.Subject(d))
	}
}

// Names that a cluster may really have must not break a commit.
func TestThreatC7SubjectAndBodyAreAlwaysTaken(t *testing.T) {
	for _, name := range []string{"skip-checks", "argocd-gpg-seal", "co-authored-by", "change-id", "signed-off-by", strings.Repeat("x", 253), "\u00fc", "---", "a b"} {
		d := shell()
		d.Target.Namespace, d.Target.Name, d.Cluster, d.Policy.Name, d.Policy.Description = name, name, name, name, "--- "+name+" \u2014 [skip ci] ---"
		requireTaken(t, d)
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"---", "skip-checks: true", "[skip ci]", "[no", "ci]", "Signed-off-by: x", "change-id", "\n", "\\"}))
		d := shell()
		for _, s := range []*string{
			&d.Target.Namespace, &d.Target.Name, &d.Target.Kind, &d.Cluster, &d.Key, &d.Source, &d.Severity, &d.Policy.Name, &d.Policy.Description, &d.Incident,
			&d.Actions[0].Name, &d.Actions[0].Summary, &d.Actions[2].Skipped, &d.Hits[0].How, &d.Hits[0].Name, &d.Warnings[0], &d.Files[7].Path,
		} {
			*s = strings.Join(rapid.SliceOfN(word, 0, 6).Draw(t, "words"), rapid.SampledFrom([]string{"", " ", "\n"}).Draw(t, "between"))
		}
		requireTaken(t, d)
	})
}

func requireTaken(t require.TestingT, d proposal.Document) {
	trailers := []gitops.Trailer{{Key: gitops.TrailerIncident, Value: incident}}
	text, err := gitops.Message{Subject: proposal.Subject(d), Body: proposal.CommitBody(d), Trailers: trailers}.Format()
	require.NoError(t, err)
	require.Equal(t, trailers, gitops.ParseTrailers(text))
}

// C2: nothing of an alert is in a title or in a commit message.
func TestThreatC2NoAlertTextInCommits(t *testing.T) {
	d := hostile("canary-7d")
	require.NotContains(t, proposal.Subject(d)+proposal.CommitBody(d), "canary")
	require.Equal(t, proposal.CommitBody(shell()), proposal.CommitBody(d))
}

// Whatever is long, a body fits and keeps its sections.
func TestThreatD8EveryLengthFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{1, 30, 400, 1500})
		letter := rapid.SampledFrom([]string{"z", "\u202e", "|", "@", "`", "<", "[x]", " ", "\n"})
		draw := func() string { return strings.Repeat(letter.Draw(t, "letter"), size.Draw(t, "size")) }
		times := func(what string) int { return rapid.SampledFrom([]int{1, 12}).Draw(t, what) }
		few := rapid.IntRange(1, 3).Draw(t, "few")
		d := shell()
		d.Difference, d.Policy.Description, d.Rule, d.Branch, d.Cluster = draw(), draw(), proposal.Untrusted(draw()), draw(), draw()
		for i := range d.Actions {
			a := &d.Actions[i]
			a.Name, a.Summary, a.Undo = draw(), draw(), draw()
			a.DoesNot = slices.Repeat([]string{draw()}, few)
			a.Changes = slices.Repeat([]proposal.ObjectChange{{Object: proposal.Object{Kind: draw(), Name: draw()}, Fields: slices.Repeat([]string{draw()}, few)}}, few)
		}
		d.Actions = slices.Repeat(d.Actions, times("actions"))
		d.Hits = slices.Repeat([]proposal.Workload{{Object: proposal.Object{Name: draw()}, How: draw(), Images: slices.Repeat([]string{draw()}, few)}}, times("hits"))
		d.Warnings, d.Roots = slices.Repeat([]string{draw()}, times("warnings")), slices.Repeat([]string{draw()}, times("roots"))
		d.Traffic.Flows = slices.Repeat([]proposal.Flow{{What: "cut", From: draw(), To: draw(), Why: draw()}}, times("flows"))
		d.Evidence = slices.Repeat([]proposal.Alert{{Fields: slices.Repeat([]proposal.Field{{Name: proposal.Untrusted(draw()), Value: proposal.Untrusted(draw())}}, few)}}, times("alerts"))
		_, body := proposal.Render(d)
		require.LessOrEqual(t, len(body), proposal.MaxBody)
		s := shapeOf(t, body)
		require.Equal(t, []int{10, 6}, []int{s.headings, s.html})
		requireInert(t, s)
	})
}

// What people and the fleet wrote cannot change the structure either.
func TestWrittenTextKeepsTheStructure(t *testing.T) {
	_, plain := proposal.Render(shell())
	want := shapeOf(t, plain)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"`", "```", "|", "\\", "*", "_", "~~", "[x](y)", "![", "<b>", "<!--", "</details>", "- ", "1. ", "# ", "> ", "=", "\n", "\n\n", "@acme", "#1", "https://x.example", "www.x.example",
			"a@b.example", "$", "&lt;", "[^1]", "- [x] ", "/close", "\u202e", "'",
		}))
		draw := func(s *string) {
			*s = "x" + strings.Join(rapid.SliceOfN(word, 0, 5).Draw(t, "words"), "")
			if rapid.Bool().Draw(t, "cut the x off") {
				*s = (*s)[1:]
			}
		}
		d := shell()
		for _, s := range []*string{
			&d.Cluster, &d.Target.Kind, &d.Target.Namespace, &d.Target.Name, &d.Branch, &d.Base, &d.Severity, &d.Source, &d.Techniques[0],
			&d.Policy.Name, &d.Policy.Tier, &d.Policy.Description, &d.Policy.Why[0], &d.Actions[0].Name, &d.Actions[0].Summary, &d.Actions[0].DoesNot[0],
			&d.Actions[1].Changes[0].Fields[0], &d.Actions[1].Undo, &d.Actions[2].Skipped, &d.Hits[0].Kind, &d.Hits[0].How, &d.Hits[0].Replicas, &d.Hits[0].Images[0], &d.Traffic.Flows[0].From, &d.Traffic.Flows[1].To, &d.Traffic.Flows[0].Why,
			&d.Warnings[0], &d.Roots[0], &d.Files[0].Path, &d.Files[7].Change, &d.Record, &d.BaseRevision, &d.PolicyDigest, &d.Proof,
			&d.Evidence[0].Digest, &d.Evidence[0].Severity, &d.Evidence[0].Source,
		} {
			draw(s)
		}
		d.Actions[2].Skipped = "x" + d.Actions[2].Skipped // "" would mean that it is taken
		_, body := proposal.Render(d)
		require.Equal(t, want, shapeOf(t, body), body)
	})
}

func TestSameDocumentSameBytes(t *testing.T) {
	_, a := proposal.Render(shell())
	d := shell()
	d.First = d.First.In(time.FixedZone("x", 3600))
	_, b := proposal.Render(d)
	require.Equal(t, a, b, "whatever zone the caller's times are in")
}

func TestReleaseIsInertToo(t *testing.T) {
	for _, s := range []string{"x", "", "</details>\n\n/close", "@acme #1 https://x.example `|` <!-- x -->", "[skip ci]", "---"} {
		r := proposal.Release{
			Incident: s, Key: "0d15ea5e", Cluster: s, Target: proposal.Object{Kind: s, Namespace: s, Name: s}, Base: s, History: s,
			Actions: []proposal.Ending{{Name: s, How: s, Hurts: s}}, Files: []proposal.File{{Path: s, Change: s}},
		}
		title, body := proposal.RenderRelease(r)
		require.Empty(t, obeyed(body))
		got := shapeOf(t, body)
		requireInert(t, got)
		require.Equal(t, 3, got.headings)
		_, err := gitops.Message{Subject: title, Body: proposal.ReleaseCommitBody(r)}.Format()
		require.NoError(t, err)
		require.NotContains(t, proposal.ReleaseTerminal(r), "\n/close")
	}
}
