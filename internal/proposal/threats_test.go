package proposal_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/proposal"
)

// hostile is the document with text wherever an alert can put it.
func hostile(s string) proposal.Document {
	d := shell()
	d.Rule = proposal.Untrusted(s)
	for i := range d.Evidence {
		d.Evidence[i].Rule = proposal.Untrusted(s)
		for j := range d.Evidence[i].Fields {
			d.Evidence[i].Fields[j] = proposal.Field{Name: proposal.Untrusted(s), Value: proposal.Untrusted(s)}
		}
	}
	return d
}

// harmless is the body without anything hostile, and its shape.
var harmless = sync.OnceValues(func() (string, shape) {
	_, body := proposal.Render(shell())
	return body, shapeOf(panicker{}, body)
})

type panicker struct{}

func (panicker) Helper()                   {}
func (panicker) FailNow()                  { panic("the harmless document is broken") }
func (panicker) Errorf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// requireHarmless holds a body with hostile text in it against one without.
func requireHarmless(t tester, s string) string {
	t.Helper()
	plain, want := harmless()
	title, body := proposal.Render(hostile(s))
	require.Equal(t, proposal.Subject(shell()), title)
	require.Empty(t, obeyed(body), "%q", s)
	got := shapeOf(t, body)
	require.Equal(t, want, got, "%q", s)
	requireInert(t, got)
	require.Equal(t, strings.Count(plain, "\n"), strings.Count(body, "\n"), "%q", s)
	return body
}

func TestHarmlessDocumentIsInert(t *testing.T) {
	_, body := proposal.Render(shell())
	require.Empty(t, obeyed(body))
	requireInert(t, shapeOf(t, body))
}

func TestThreatD1Commands(t *testing.T) {
	for _, s := range []string{
		"\n/close\n", "/hold", "/approve", "/lgtm", "/override x", "x\r/close", "x\u2028/close\u2029", "x\x0b/close\x0c/hold\u0085/lgtm", "\n\n/retitle owned\n",
		"```\n/close", "no", "\ngrumpy\n", "/test all", "  /close",
	} {
		requireHarmless(t, s)
	}
}

func TestThreatD2OtherBots(t *testing.T) {
	for _, s := range []string{
		"atlantis apply", "`atlantis apply`", "@dependabot merge", "@dependabot squash and merge", "@renovate", "bors r+", "\nbors r+\n", "@mergifyio backport", "run apply",
	} {
		requireHarmless(t, s)
	}
}

func TestThreatD3MentionsAndReferences(t *testing.T) {
	for _, s := range []string{
		"@org/everyone", "#1", "fixes #1", "closes: org/repo#1", "GH-1", "org/repo#1", "org/repo@5d41402abc4b2a76b9719d911017c592ae3f1c7d", "5d41402abc4b2a76b9719d911017c592ae3f1c7d",
		"mail me@evil.example", "@kubernetes/sig-node-bugs", "x@y", "##1", "@@a",
	} {
		body := requireHarmless(t, s)
		require.NotRegexp(t, mention, strings.ReplaceAll(body, "@@ ", ""), "not even in code")
	}
}

func TestThreatD4LinksAndImages(t *testing.T) {
	for _, s := range []string{
		"![](https://evil/p.png)", "<img src=https://evil/p.png>", "<picture><source srcset=//evil/p.png></picture>", "https://evil.example/?q=x", "www.evil.example", "WWW.evil.example",
		"ftp://evil.example", "mailto:a@evil.example", "[x](javascript:alert(1))", "[x]: https://evil.example\n[x]", "<https://evil.example>", "![x][y]", "[^1]\n\n[^1]: x",
	} {
		body := requireHarmless(t, s)
		require.NotContains(t, body, "https://evil")
		require.NotContains(t, body, "www.evil")
	}
}

func TestThreatD5Comments(t *testing.T) {
	for _, s := range []string{"<!-- prompt for review bot -->", "<!--\n", "--> <!--", "<?x ?>", "<![CDATA[x]]>", "<!DOCTYPE x>", "&lt;!-- x --&gt;", "[//]: # (hidden)"} {
		body := requireHarmless(t, s)
		require.NotContains(t, body, "<!")
		require.NotContains(t, body, "<?")
	}
}

func TestThreatD6Breakouts(t *testing.T) {
	for _, s := range []string{
		"```", "```\n", "\n```\n</details>\n# owned", strings.Repeat("`", 50), "~~~", "</details>", "</table>", "</summary></details>", "</code></pre>", "|", "a | b |\n|---|", "\\|", "\\", "\\`", "`",
		" ` ", "``x`", "\n\n# owned\n\n", "\n---\n", "\n===\n", "- x\n  - y", "1. x", "> x", "    x", "\t x", "**x**", "_x_", "~~x~~", "$x$", "$$\nx\n$$", "x\\\n", "{% raw %}", "&#96;&#96;&#96;", "",
	} {
		requireHarmless(t, s)
	}
	// The difference holds names of the fleet; its fence holds them all the same.
	d := shell()
	d.Difference += "+  note: |\n+    `````\n```\n/close\n</details>\n<!-- x -->\n# owned\n"
	_, body := proposal.Render(d)
	requireInert(t, shapeOf(t, body))
	_, plain := proposal.Render(shell())
	require.Equal(t, shapeOf(t, plain), shapeOf(t, body))
	require.Contains(t, body, "\n``````diff\n")
	require.NotRegexp(t, `(?m)^/`, body)
}

func TestThreatD7ForgedState(t *testing.T) {
	for _, s := range []string{"- [x] approve", "\n- [x] approve", "* [ ] merge", "[x] approve"} {
		requireHarmless(t, s)
	}
	// Nothing of irgit's reads a body: it writes no marker either.
	_, body := proposal.Render(shell())
	require.NotContains(t, body, "irgit:")
}

func TestThreatD8Length(t *testing.T) {
	long := strings.Repeat("+  key: value, and so on until nobody reads it\n", 2000)
	for name, c := range map[string]struct {
		change         func(*proposal.Document)
		diffCut, evCut bool
	}{
		"difference": {func(d *proposal.Document) { d.Difference = long }, true, false},
		"evidence": {func(d *proposal.Document) {
			for range 300 {
				d.Evidence = append(d.Evidence, d.Evidence[0])
			}
		}, false, true},
		"both": {func(d *proposal.Document) {
			d.Difference = long
			for range 300 {
				d.Evidence = append(d.Evidence, d.Evidence[0])
			}
		}, true, true},
		"backticks": {func(d *proposal.Document) { d.Difference = long + strings.Repeat("`", 4000) + "\n" + long }, true, false},
		"every list": {func(d *proposal.Document) {
			for range 1000 {
				d.Hits, d.Warnings, d.Files = append(d.Hits, d.Hits[0]), append(d.Warnings, long), append(d.Files, d.Files[0])
				d.Roots, d.Policy.Why = append(d.Roots, long), append(d.Policy.Why, long)
			}
			d.Difference = long
		}, true, false},
	} {
		d := shell()
		c.change(&d)
		_, body := proposal.Render(d)
		require.LessOrEqual(t, len(body), proposal.MaxBody, name)
		require.Greater(t, len(body), 40_000, "%s: no more is cut than has to be", name)
		require.Equal(t, c.diffCut, strings.Contains(body, "The files are whole on the branch"), name)
		require.Equal(t, c.evCut, strings.Contains(body, "The whole is in the record"), name)
		s := shapeOf(t, body)
		requireInert(t, s)
		require.Equal(t, 6, s.html, name)
		require.Contains(t, body, "## How to check it", name)
	}
}

func TestThreatD9HiddenAndForeignLetters(t *testing.T) {
	for _, s := range []string{"p\u0430yments", "a\u202eb", "a\u2066b\u2069", "a\u200bb", "a\u00adb", "\ufeff", "\U000e0041", "a\x00b", "\xff\xfe", "日本", "a\u0301", "\u3164", "\u2800"} {
		body := requireHarmless(t, s)
		requireASCII(t, body)
	}
	require.Contains(t, requireHarmless(t, "p\u0430y\u202e"), `p\u{430}y\u{202e}`)
	d := shell()
	d.Target.Namespace = "p\u0430yments\u202e"
	title, _ := proposal.Render(d)
	require.Equal(t, `irgit: contain p\u{430}yments\u{202e}/payments in prod-eu (0d15ea5e)`, title)
}

func requireASCII(t tester, s string) {
	t.Helper()
	for _, r := range s {
		require.True(t, r == '\n' || r >= ' ' && r <= '~', "%q", r)
	}
}

// C3, C4: a squash merge takes titles and bodies into a commit message.
func TestThreatC3C4CommandsForCI(t *testing.T) {
	for _, s := range []string{
		"argocd-gpg-seal: x", "ArgoCD-GPG-Seal", "[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[Actions Skip]", "[[skip ci]]", "[skip  ci]", "skip-checks: true", "***NO_CI***",
		"Signed-off-by: x", "\nCo-authored-by: x <x@y>", "Change-Id: I1", "Reviewed-by: ciso", "Acked-by: x", "[skip\nci]",
	} {
		requireHarmless(t, s)
		d := shell()
		d.Policy.Description, d.Warnings[0], d.Actions[0].Summary, d.Difference = s, s, s, "+ "+s+"\n"
		_, body := proposal.Render(d)
		require.Empty(t, obeyed(body), s)
	}
}

func TestThreatE1Terminal(t *testing.T) {
	for _, s := range []string{"\x1b]0;x\x07\x1b[2J", "\x9b2J", "\u009b2J", "a\rb", "a\bb", "\x7f", "\u202e", "\u2028", "x\nirgit: error: y"} {
		d := hostile(s)
		d.Policy.Description, d.Warnings[0], d.Actions[0].Summary, d.Hits[0].Name, d.Cluster, d.Difference = s, s, s, s, s, "+"+s+"\n"
		out := proposal.Terminal(d)
		for _, r := range out {
			require.True(t, r == '\n' || unicode.IsPrint(r), "%q shows %q", s, r)
		}
		require.NotContains(t, out, "\nirgit: error")
	}
	require.Contains(t, proposal.Terminal(hostile("\x1b]0;x\x07")), `\u{1b}]0;x\u{7}`)
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"x", "\n/close\n", "```\n</details>", "| a |", "<!-- x", "@a #1 https://x www.x", "\u202e\xff", "[x]: y", "\\`", "[skip ci]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		body := requireHarmless(t, s)
		requireASCII(t, body)
		requireASCII(t, proposal.Terminal(hostile(s)))
	})
}
