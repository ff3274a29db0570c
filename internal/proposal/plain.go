package proposal

import (
	"strings"
	"unicode/utf8"
)

// plainWriter writes for a terminal. Every line of a section is indented, so
// that only titles stand at the margin.
type plainWriter struct{ strings.Builder }

const width = 100 // characters of a line that is wrapped

func (t *plainWriter) sections(all []section) {
	for i, s := range all {
		if i > 0 {
			t.WriteString("\n")
		}
		if s.title != "" {
			t.WriteString(s.title + "\n\n")
		}
		t.blocks(s.blocks)
	}
}

func (t *plainWriter) blocks(all []block) {
	for i, x := range all {
		if i > 0 {
			t.WriteString("\n")
		}
		switch x := x.(type) {
		case paragraph:
			t.wrap("  ", "  ", bare(x))
		case list:
			for _, i := range x {
				t.wrap("  - ", "    ", bare(i.text))
				for _, below := range i.below {
					t.wrap("    - ", "      ", bare(below))
				}
			}
		case table:
			t.table(x)
		case code:
			for line := range strings.Lines(x.text) {
				t.WriteString("    " + line)
			}
		case fold:
			t.WriteString("  " + x.title + "\n\n")
			t.blocks(x.blocks)
		}
	}
}

// table aligns all columns but the last one, which is wrapped.
func (t *plainWriter) table(x table) {
	var rows [][]string
	if strings.Join(x.head, "") != "" {
		rows = append(rows, x.head)
	}
	for _, row := range x.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = bare(cell)
		}
		rows = append(rows, cells)
	}
	widths := make([]int, len(x.head))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		first := "  "
		for i, cell := range row[:len(row)-1] {
			first += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
		}
		t.wrap(first, strings.Repeat(" ", utf8.RuneCountInString(first)), row[len(row)-1])
	}
}

func (t *plainWriter) wrap(first, others, text string) {
	for _, line := range wrap(text, width-utf8.RuneCountInString(others)) {
		t.WriteString(strings.TrimRight(first+line, " ") + "\n")
		first = others
	}
}

// wrap breaks text at spaces; a longer word stays whole.
func wrap(text string, most int) []string {
	var lines []string
	line, length := "", 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		if line != "" && length+1+n > most {
			lines = append(lines, line)
			line, length = "", 0
		}
		if line != "" {
			line, length = line+" ", length+1
		}
		line, length = line+word, length+n
	}
	return append(lines, line)
}

func bare(parts []part) string {
	var b strings.Builder
	for _, x := range parts {
		switch x.kind {
		case own, strong:
			b.WriteString(x.text)
		case written:
			b.WriteString(printable(x.text))
		case named:
			b.WriteString(disarm(visible(x.text)))
		case hostile:
			b.WriteString(`"` + cut(disarm(visible(x.text)), inlineMost) + `"`)
		}
	}
	return b.String()
}
