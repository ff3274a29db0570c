package proposal

import "strings"

// markdownWriter writes GitHub's Markdown.
type markdownWriter struct {
	strings.Builder
	most int // characters of one written text or name
}

const (
	inlineMost = 160 // characters of untrusted text in a line
	empty      = "(empty)"
)

func (m *markdownWriter) sections(all []section) {
	for _, s := range all {
		if s.title != "" {
			m.WriteString("## " + s.title + "\n\n")
		}
		m.blocks(s.blocks)
	}
}

func (m *markdownWriter) blocks(all []block) {
	for _, x := range all {
		switch x := x.(type) {
		case paragraph:
			m.WriteString(m.inline(x) + "\n\n")
		case list:
			for _, i := range x {
				m.WriteString("- " + m.inline(i.text) + "\n")
				for _, below := range i.below {
					m.WriteString("  - " + m.inline(below) + "\n")
				}
			}
			m.WriteString("\n")
		case table:
			m.table(x)
		case code:
			m.code(x)
		case fold:
			m.WriteString("<details>\n<summary>" + x.title + "</summary>\n\n")
			m.blocks(x.blocks)
			m.WriteString("</details>\n\n")
		}
	}
}

func (m *markdownWriter) table(t table) {
	m.WriteString("| " + strings.Join(t.head, " | ") + " |\n|" + strings.Repeat("---|", len(t.head)) + "\n")
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = m.inline(cell)
		}
		m.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	m.WriteString("\n")
}

// code writes a block whose fence is longer than every run of backticks in it.
func (m *markdownWriter) code(c code) {
	fence := "```"
	for strings.Contains(c.text, fence) {
		fence += "`"
	}
	m.WriteString(fence + c.language + "\n" + c.text + fence + "\n\n")
}

func (m *markdownWriter) inline(parts []part) string {
	var b strings.Builder
	for _, x := range parts {
		switch x.kind {
		case own:
			b.WriteString(x.text)
		case strong:
			b.WriteString("**" + x.text + "**")
		case written:
			b.WriteString(said(cut(x.text, m.most)))
		case named:
			b.WriteString(span(disarm(cut(visible(x.text), m.most))))
		case hostile:
			b.WriteString(span(inert(cut(x.text, inlineMost))))
		}
	}
	if strings.TrimSpace(b.String()) == "" {
		return empty // a list item of nothing would make a heading of the line above
	}
	return b.String()
}
