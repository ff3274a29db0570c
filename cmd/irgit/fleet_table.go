package main

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// table is rows of cells in columns, and headings, which are rows of one cell.
// A line is at most tableWidth runes long as long as wrapping columns make room
// for those that do not wrap.
type table struct {
	columns []column
	rows    [][]string
}

// column has a header and, where its cells may go on below because the table
// would be too wide, a weight in what is left by those that may not.
type column struct {
	header string
	weight int
}

const (
	tableWidth = 120
	columnGap  = 2
	leastWidth = 20 // of a wrapping column
)

// add takes a row. Its texts come from the repository, so that what could
// speak to a terminal is escaped.
func (t *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		if row[i] = visible(cell); cell == "" {
			row[i] = "-"
		}
	}
	t.rows = append(t.rows, row)
}

// heading takes words over the rows below.
func (t *table) heading(words string) { t.rows = append(t.rows, []string{visible(words)}) }

// visible escapes what no terminal should get.
func visible(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	quoted := strconv.QuoteToGraphic(strings.Join(strings.Fields(s), " "))
	return quoted[1 : len(quoted)-1]
}

func (t *table) print(w io.Writer) error {
	header := make([]string, len(t.columns))
	for i, c := range t.columns {
		header[i] = c.header
	}
	widths := t.widths()
	var out strings.Builder
	for _, row := range append([][]string{header}, t.rows...) {
		writeRow(&out, row, widths)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// writeRow writes a row on as many lines as its longest cell needs.
func writeRow(out *strings.Builder, row []string, widths []int) {
	if len(row) == 1 {
		widths = []int{tableWidth}
	}
	cells, lines := make([][]string, len(row)), 0
	for i, cell := range row {
		cells[i] = wrap(cell, widths[i])
		lines = max(lines, len(cells[i]))
	}
	for at := range lines {
		var line strings.Builder
		for i, parts := range cells {
			part := ""
			if at < len(parts) {
				part = parts[at]
			}
			line.WriteString(part)
			line.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(part))+columnGap))
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// widths gives every column what it needs, and those that wrap their share of
// what is left where that is too much.
func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	var wrapping []int
	left, weights := tableWidth-columnGap*(len(t.columns)-1), 0
	for i, c := range t.columns {
		widths[i] = utf8.RuneCountInString(c.header)
		for _, row := range t.rows {
			if len(row) == 1 {
				continue
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		if c.weight > 0 {
			wrapping, weights = append(wrapping, i), weights+c.weight
		} else {
			left -= widths[i]
		}
	}
	slices.SortStableFunc(wrapping, func(a, b int) int { return widths[a]*t.columns[b].weight - widths[b]*t.columns[a].weight })
	for _, i := range wrapping {
		weight := t.columns[i].weight
		widths[i] = min(widths[i], max(leastWidth, left*weight/weights))
		left, weights = left-widths[i], weights-weight
	}
	return widths
}

// wrap cuts text into lines of at most width runes: at a space, behind a slash
// or dash where there is none, otherwise anywhere.
func wrap(text string, width int) (lines []string) {
	rest := []rune(text)
	for len(rest) > width {
		cut := cmp.Or(lastCut(rest[:width+1], ' '), lastCut(rest[:width], '/'), lastCut(rest[:width], '-'), width)
		lines = append(lines, strings.TrimRight(string(rest[:cut]), " "))
		rest = []rune(strings.TrimLeft(string(rest[cut:]), " "))
	}
	return append(lines, string(rest))
}

// lastCut is the place behind the last such rune that leaves a line of some
// length, 0 when there is none.
func lastCut(line []rune, at rune) int {
	for i := len(line); i > len(line)/3; i-- {
		if line[i-1] == at {
			return i
		}
	}
	return 0
}
