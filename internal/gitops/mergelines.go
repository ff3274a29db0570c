package gitops

import (
	"slices"

	"github.com/aymanbagabas/go-udiff/lcs"
)

// hunk replaces the lines [from, to) of a text.
type hunk struct {
	from, to int
	lines    []string

	// Where lines repeat, a hunk can be written at several places, and each
	// diff program has its own choice: [low, high) spans them all.
	low, high int
}

func (h hunk) equal(o hunk) bool {
	return h.from == o.from && h.to == o.to && slices.Equal(h.lines, o.lines)
}

func hunks(base, changed []string) (out []hunk) {
	for _, d := range lcs.DiffLines(base, changed) {
		h := hunk{from: d.Start, to: d.End, lines: changed[d.ReplStart:d.ReplEnd], low: d.Start, high: d.End}
		for _, group := range [][]string{h.lines, base[h.from:h.to]} {
			h.slide(base, group)
		}
		out = append(out, h)
	}
	return out
}

// slide widens a hunk by as far as its lines can move past their like.
func (h *hunk) slide(base, group []string) {
	n := len(group)
	if n == 0 {
		return
	}
	for i := 0; h.from-i > 0 && base[h.from-i-1] == group[n-1-i%n]; i++ {
		h.low = min(h.low, h.from-i-1)
	}
	for i := 0; h.to+i < len(base) && base[h.to+i] == group[i%n]; i++ {
		h.high = max(h.high, h.to+i+1)
	}
}

// mergeLines makes the changes of both texts; ok is false where two that are
// not the same have no unchanged line between them, as in git's xdl_merge.
func mergeLines(base, ours, theirs []string) (merged []string, ok bool) {
	x, y := hunks(base, ours), hunks(base, theirs)
	at := 0
	for len(x)+len(y) > 0 {
		var h hunk
		switch {
		case len(y) == 0 || len(x) > 0 && x[0].high < y[0].low:
			h, x = x[0], x[1:]
		case len(x) == 0 || y[0].high < x[0].low:
			h, y = y[0], y[1:]
		case x[0].equal(y[0]):
			h, x, y = x[0], x[1:], y[1:]
		default:
			return nil, false
		}
		merged = append(append(merged, base[at:h.from]...), h.lines...)
		at = h.to
	}
	return append(merged, base[at:]...), true
}
