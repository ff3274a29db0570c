package edit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// roundTrip makes the edit if it is not refused, judges the result by a parse
// of its own, and takes it back from the file and from a file with more lines.
func roundTrip(t require.TestingT, w want, text string) {
	e, err := w.plan(text)
	if err != nil {
		refused(t, err)
		return
	}
	after, err := e.Apply([]byte(text))
	require.NoError(t, err)
	judge(t, w, []byte(text), after)
	back, err := e.Revert(after)
	require.NoError(t, err)
	require.Equal(t, text, string(back))
	again, err := w.plan(string(after))
	require.NoError(t, err)
	require.Empty(t, again.Changes)
	if back, err = e.Revert(append([]byte("# more\n"), after...)); err == nil {
		require.Equal(t, "# more\n"+text, string(back))
	} else {
		refused(t, err)
	}
}

// judge compares plain data before and after, which no code of this package
// reads.
func judge(t require.TestingT, w want, before, after []byte) {
	was, okBefore := decodeAll(before)
	is, okAfter := decodeAll(after)
	if !okBefore || !okAfter { // what no Go value holds, as a mapping as key
		return
	}
	require.Len(t, is, len(was))
	path := strings.Fields(w.path)
	var value any
	text, err := json.Marshal(w.value)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &value))
	for i := range was {
		if was[i] != nil { // the selector of these tests is the only document
			was[i] = with(was[i], path, value, w.list)
		}
	}
	wanted, err := yaml.Marshal(was)
	require.NoError(t, err)
	got, err := yaml.Marshal(is)
	require.NoError(t, err)
	require.Equal(t, string(wanted), string(got))
}

func decodeAll(data []byte) (docs []any, ok bool) {
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var v any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return docs, true
		}
		if err != nil {
			return nil, false
		}
		docs = append(docs, v)
	}
}

func with(node any, path []string, value any, list bool) any {
	if len(path) == 0 {
		if !list {
			return value
		}
		items, _ := node.([]any)
		for _, item := range items {
			if s, ok := item.(string); ok && s == value {
				return items
			}
		}
		return append(items, value)
	}
	m, ok := node.(map[string]any)
	if !ok {
		m = make(map[string]any)
		if other, ok := node.(map[any]any); ok {
			other[path[0]] = with(other[path[0]], path[1:], value, list)
			return other
		}
	}
	m[path[0]] = with(m[path[0]], path[1:], value, list)
	return m
}

var fuzzed = []want{transformers, paused, onDelete, noScaleUp, {path: "spec patches", list: true, value: map[string]any{"patch": "- a\n\n  b\n", "target": map[string]any{"kind": "x"}}}}

func FuzzEdit(f *testing.F) {
	for _, c := range edits {
		f.Add(c.before)
	}
	f.Add("? a\n: b\nspec: !x\n  a: >2\n    b\n # c\n")
	f.Add("a: &a [*a]\n---\n...\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range fuzzed {
			roundTrip(t, w, text)
		}
	})
}

// Whatever the record and the file, taking an edit back ends in a text or a
// refusal.
func FuzzRevert(f *testing.F) {
	for _, c := range edits {
		e, err := c.want.plan(c.before)
		require.NoError(f, err)
		record, err := json.Marshal(e)
		require.NoError(f, err)
		f.Add(record, c.after+"# more\n")
	}
	f.Fuzz(func(t *testing.T, record []byte, text string) {
		var e Edit
		if json.Unmarshal(record, &e) != nil {
			return
		}
		if _, err := e.Revert([]byte(text)); err != nil {
			var r *Refusal
			require.ErrorAs(t, err, &r)
		}
	})
}

// A writer draws a file of YAML in one of many hands, with the fields of the
// tests now and then.
type writer struct {
	*rapid.T
	step, dash int
	out        strings.Builder
}

func (w *writer) line(indent int, text string) {
	if rapid.IntRange(0, 9).Draw(w.T, "comment") == 0 {
		w.out.WriteString(strings.Repeat(" ", rapid.IntRange(0, 6).Draw(w.T, "column")) + "# c\n")
	}
	if rapid.IntRange(0, 15).Draw(w.T, "empty") == 0 {
		w.out.WriteString("\n")
	}
	w.out.WriteString(strings.Repeat(" ", indent) + text + rapid.SampledFrom([]string{"", "", " # c", "  "}).Draw(w.T, "end") + "\n")
}

func (w *writer) mapping(indent, depth int, lead string) {
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"spec", "a", "'b'", "patches", "paused", "updateStrategy", "type", "behavior", "scaleUp", "transformers", "selectPolicy"}), 1, 5, rapid.ID[string]).Draw(w.T, "keys")
	if depth == 0 {
		keys = append([]string{"kind"}, keys...)
	}
	for _, key := range keys {
		w.value(indent, depth, lead+key+":")
		lead = strings.Repeat(" ", len(lead))
	}
}

func (w *writer) value(indent, depth int, key string) {
	column := indent + len(key) - len(strings.TrimLeft(key, "- "))
	kind := rapid.IntRange(0, 6).Draw(w.T, "kind")
	switch {
	case kind == 0 && depth < 4:
		w.line(indent, key)
		w.mapping(column+w.step, depth+1, "")
	case kind == 1 && depth < 4:
		w.line(indent, key)
		for range rapid.IntRange(1, 3).Draw(w.T, "items") {
			if rapid.Bool().Draw(w.T, "mapping") {
				w.mapping(column+w.dash, depth+1, "- ")
			} else {
				w.line(column+w.dash, "- "+w.scalar())
			}
		}
	case kind == 2:
		w.out.WriteString(strings.Repeat(" ", indent) + key + " " + rapid.SampledFrom([]string{"|", ">-", "|+"}).Draw(w.T, "style") + "\n")
		w.out.WriteString(strings.Repeat(" ", column+w.step) + "# text\n\n" + strings.Repeat(" ", column+w.step) + "  # text\n")
	default:
		w.line(indent, key+" "+w.scalar())
	}
}

func (w *writer) scalar() string {
	return rapid.SampledFrom([]string{"", "x", "'x'", "\"ö # \\\" x\"", "true", "false", "[]", "{}", "[a, b]", "[ 'a' ]", "{a: b}", "null", "~", "&x y", "7"}).Draw(w.T, "scalar")
}

func TestWhateverIsDrawnIsEditedExactlyOrRefused(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &writer{T: rt, step: rapid.IntRange(1, 4).Draw(rt, "step"), dash: rapid.IntRange(0, 4).Draw(rt, "dash")}
		w.out.WriteString(rapid.SampledFrom([]string{"", "---\n", "# c\n\n"}).Draw(rt, "start"))
		w.mapping(0, 0, "")
		w.out.WriteString(rapid.SampledFrom([]string{"", "\n\n", "# end\n", "---\n"}).Draw(rt, "end"))
		text := w.out.String()
		if rapid.Bool().Draw(rt, "without the last newline") {
			text = strings.TrimSuffix(text, "\n")
		}
		if rapid.Bool().Draw(rt, "CRLF") {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		for _, want := range fuzzed {
			roundTrip(rt, want, text)
		}
	})
}
