package alert

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// agrees holds the reader against encoding/json: both take the same texts, and
// see the same in those that are taken.
func agrees(t testing.TB, data string) {
	n, err := parse(data)
	if syntactic := errors.As(err, new(syntax)); syntactic == json.Valid([]byte(data)) {
		t.Fatalf("%q: valid %v, error %v", data, !syntactic, err)
	}
	if err != nil {
		return
	}
	if strings.TrimSpace(data) != n.raw && strings.Trim(data, " \t\r\n") != n.raw {
		t.Fatalf("%q was read as %q", data, n.raw)
	}
	same(t, n)
}

func same(t testing.TB, n *node) {
	switch n.kind {
	case text:
		var s string
		if json.Unmarshal([]byte(n.raw), &s) != nil || s != n.text {
			t.Fatalf("%q is %q, not %q", n.raw, s, n.text)
		}
	case object:
		var all map[string]json.RawMessage
		if json.Unmarshal([]byte(n.raw), &all) != nil || len(all) != len(n.members) {
			t.Fatalf("%q has %d members, not %d", n.raw, len(all), len(n.members))
		}
		for i := range n.members {
			if m := &n.members[i]; string(all[m.name]) != m.value.raw {
				t.Fatalf("%q is %q, not %q", m.name, all[m.name], m.value.raw)
			}
			same(t, &n.members[i].value)
		}
	case array:
		var all []json.RawMessage
		if json.Unmarshal([]byte(n.raw), &all) != nil || len(all) != len(n.items) {
			t.Fatalf("%q has %d items, not %d", n.raw, len(all), len(n.items))
		}
		for i := range n.items {
			same(t, &n.items[i])
		}
	}
}

var texts = []string{
	"", " ", "{", "}", "[", "[]", "{}", `{"a":1}`, `{"a":1,}`, `{,}`, `[,]`, `[1,]`, `[1 2]`, `{"a" 1}`, `{"a":}`, `{a:1}`, `{"a":{"b":[{},[null,true,false]]}}`,
	"-", "-0", "01", "0.", "0.5", ".5", "1e", "1e+", "1E-5", "1e5.5", "-1.25e+10", "+1", "1x", "tru", "true", "truex", "nul", `"`, `"a`, `"a"`, `"\"`, `"\x"`, `"\u12"`,
	`"\u00e9\ud83d\ude00\ud800"`, "\"\x01\"", "\"\xff\"", "\"\x7f\"", "\ufeff{}", "{} {}", "[1]\n", "\u00a01", "null", `{"a":1}x`, `{"é":"\/"}`,
}

func TestReaderTakesWhatJSONIs(t *testing.T) {
	for _, data := range texts {
		agrees(t, data)
	}
	for _, n := range []int{31, 32, 33, 9_999, 10_000, 10_001} {
		data := strings.Repeat("[", n) + strings.Repeat("]", n)
		_, err := parse(data)
		require.Equal(t, json.Valid([]byte(data)), !errors.As(err, new(syntax)), n)
		require.Equal(t, n <= maxDepth, err == nil, n)
	}
}

func FuzzJSON(f *testing.F) {
	for _, data := range texts {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) { agrees(t, data) })
}
