package proposal_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// bots are what programs that watch pull requests look for in their text. The
// first part is Prow's own expressions (kubernetes-sigs/prow, pkg/plugins and
// pkg/pjutil), which see the raw text and know nothing of code blocks.
var bots = compile(
	`(?m)^/([^\s]+)[\t ]*([^\n\r]*)`,
	`(?m)^/(?:re)?test\b`,
	`(?m)^/(area|committee|kind|language|priority|sig|triage|wg)\s*(.*?)\s*$`,
	`(?m)^/label\s*(.*?)\s*$`,
	`(?m)^/milestone\s+(.+?)\s*$`,
	`(?m)^/ok-to-test\s*$`,
	`(?m)^/project\s(.*?)$`,
	`(?m)@kubernetes/sig-([\w-]*)-(misc|test-failures|bugs|feature-requests|proposals|pr-reviews|api-reviews)`,
	`(?mi)^(no|grumpy)\s*$`,
	`(?mi)^/(remove-)?lifecycle (active|frozen|stale|rotten)\s*$`,
	`(?mi)^/(remove-hold|hold\s+cancel|unhold)(\s.*)?$`,
	`(?mi)^/(remove-lgtm|lgtm cancel)\s*$`,
	`(?mi)^/(un)?assign(( @?[-\w]+?)*)\s*$`,
	`(?mi)^/(un)?cc(( +@?[-/\w]+?)*)\s*$`,
	`(?mi)^/approve`,
	`(?mi)^/close\s*$`,
	`(?mi)^/hold(\s.*)?$`,
	`(?mi)^/lgtm(?: no-issue)?\s*$`,
	`(?mi)^/link-issue\s+(.+)$`,
	`(?mi)^/override( ([^\r\n]+))?[\r\n]?$`,
	`(?mi)^/reopen\s*$`,
	`(?mi)^/retitle\s*(.*)$`,
	`(?mi)^/skip\s*$`,
	`(?mi)^/transfer(?:-issue)?(?: +(.*))?$`,
	`(?mi)^/verify-owners\s*$`,
	`(?mi)^signed-off-by:`,
	`((?i)(clos(?:e[sd]?))|(fix(?:(es|ed)?))|(resolv(?:e[sd]?)))[\s:]+(\w+/\w+)?#(\d+)`,
	// Dependabot, Renovate, Mergify and bors take a mention or a checkbox.
	`(?i)@dependabot\s+(rebase|recreate|merge|squash and merge|cancel merge|reopen|close|ignore|show)`,
	`(?i)@(renovate|mergifyio|mergify|bors)\b`,
	`(?m)^\s*- \[[xX ]\] `,
	`(?mi)^bors\s+(r[+-=]|merge|try|delegate)`,
	// Atlantis reads a whole comment; the first word of the body decides.
	`(?i)^\W*(atlantis|run|terraform)\s+(plan|apply|unlock|approve_policies|import|state)`,
	// GitHub, GitLab and Jenkins on what a squash merge carries into a commit.
	`(?i)\[((skip|no)[^\w\n]+(ci|actions)|(ci|actions)[^\w\n]+skip)\]|skip-checks:|\*\*\*NO_CI\*\*\*`,
	`(?i)argocd-gpg-seal|co-authored-by:|signed-off-by:|change-id:|reviewed-by:|acked-by:`,
	// Markers that bots hide and find again.
	`<!--`, `(?i)irgit:state`,
)

func compile(all ...string) (out []*regexp.Regexp) {
	for _, s := range all {
		out = append(out, regexp.MustCompile(s))
	}
	return out
}

// obeyed lists the expressions that find something.
func obeyed(body string) (out []string) {
	for _, re := range bots {
		if found := re.FindString(body); found != "" {
			out = append(out, re.String()+" finds "+found)
		}
	}
	return out
}

// shape is what a text is made of once it is rendered as GitHub does.
type shape struct {
	headings, blocks, html, tables, rows                           int
	links, images, rawHTML, tasks, mentions, references, emphasise int
}

var (
	mention   = regexp.MustCompile(`(?:^|[^\w])@\w`)
	reference = regexp.MustCompile(`#\d|(?i:\bgh-\d)|\b[0-9a-f]{40}\b|(?i)\bwww\.|://|[\w.+-]@[\w-]+\.\w`)
	ownHTML   = regexp.MustCompile(`^(<details>\n<summary>[A-Za-z0-9: ]+</summary>\n|</details>\n)$`)
)

// tester is what testing and rapid have in common.
type tester interface {
	require.TestingT
	Helper()
}

func shapeOf(t tester, body string) (s shape) {
	t.Helper()
	source := []byte(body)
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote)).Parser().Parse(text.NewReader(source))
	var prose strings.Builder // what GitHub's filters see: all but code
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if n.Type() == ast.TypeBlock {
				prose.WriteString("\n")
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			s.headings++
		case *ast.FencedCodeBlock:
			s.blocks++
		case *ast.CodeBlock, *east.FootnoteLink, *east.Strikethrough:
			require.Fail(t, "irgit writes no such block", "%T", n)
		case *ast.HTMLBlock:
			s.html++
			html := string(n.Lines().Value(source))
			require.Regexp(t, ownHTML, html)
		case *east.Table:
			s.tables++
		case *east.TableRow:
			s.rows++
		case *ast.Link, *ast.AutoLink:
			s.links++
		case *ast.Image:
			s.images++
		case *ast.RawHTML:
			s.rawHTML++
		case *east.TaskCheckBox:
			s.tasks++
		case *ast.Emphasis:
			s.emphasise++
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			prose.Write(n.Value(source))
		case *ast.String:
			prose.Write(n.Value)
		}
		return ast.WalkContinue, nil
	})
	require.NoError(t, err)
	// goldmark keeps entities in its text; GitHub's filters come after them.
	seen := strings.NewReplacer("&#8203;", "\u200b", "&amp;", "&", "&lt;", "<", "&gt;", ">", "&vert;", "|").Replace(prose.String())
	s.mentions = len(mention.FindAllString(seen, -1))
	s.references = len(reference.FindAllString(seen, -1))
	return s
}

// inertShape is a shape in which nothing acts.
func requireInert(t tester, s shape) {
	t.Helper()
	s.headings, s.blocks, s.html, s.tables, s.rows, s.emphasise = 0, 0, 0, 0, 0, 0
	require.Equal(t, shape{}, s)
}

// The oracle sees what it is there for.
func TestOracle(t *testing.T) {
	for text, want := range map[string]shape{
		"see https://evil.example and www.evil.example, me@evil.example": {links: 3},
		"![x](https://evil.example/p.png)":                               {images: 1},
		"a <b>x</b>":                                                     {rawHTML: 2},
		"- [x] approve":                                                  {tasks: 1},
		"hi @acme/everyone, fixes #1":                                    {mentions: 1, references: 1},
		"`@acme #1 https://evil.example`":                                {},
		"# x\n\n```\ny\n```\n":                                           {headings: 1, blocks: 1},
	} {
		require.Equal(t, want, shapeOf(t, text), text)
	}
	for _, text := range []string{
		"x\n/close\n", "/hold", "x\n/approve no-issue\n", "/lgtm", "/override x", "atlantis apply", "`atlantis apply -d .`", "@dependabot merge", "fixes #1",
		"- [x] approve", "<!-- rebase-all -->", "[Skip CI]", "[ci-skip]", "Argocd-gpg-seal: x", "@kubernetes/sig-node-bugs", "bors r+",
	} {
		require.NotEmpty(t, obeyed(text), text)
	}
}
