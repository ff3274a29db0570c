package alert

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func refusedLine(second int, peer string) string {
	return fmt.Sprintf(`{"start_time":"2026-01-01T00:%02d:%02dZ","method":"GET","path":"/%d","response_code":404,"response_flags":"-","downstream_remote_address":"%s:1"}`, second/60, second%60, second, peer)
}

func TestManyRefusedRequestsOfOnePeer(t *testing.T) {
	var fast, slow, spread []string
	for i := range manyRefused {
		fast = append(fast, refusedLine(i, "203.0.113.9"))
		slow = append(slow, refusedLine(4*i, "203.0.113.9"))
		spread = append(spread, refusedLine(i, fmt.Sprintf("203.0.113.%d", i+1)))
	}
	items := decode(t, strings.Join(fast, "\n"))
	require.Len(t, items, manyRefused+1)
	last := items[manyRefused]
	require.Equal(t, "all lines", last.Where)
	require.Equal(t, "Envoy Many Requests Refused", last.Alert.Rule)
	require.Equal(t, []Indicator{{"ip", "203.0.113.9"}}, last.Alert.Indicators)
	require.Equal(t, "20", last.Alert.Fields["refused"])
	require.Equal(t, "initial_access", last.Alert.Stage)
	promises(t, last)
	for i, j := 0, len(fast)-1; i < j; i, j = i+1, j-1 {
		fast[i], fast[j] = fast[j], fast[i]
	}
	require.Equal(t, last.Alert, decode(t, strings.Join(fast, "\n"))[manyRefused].Alert, "in any order of the lines")
	require.Len(t, decode(t, strings.Join(slow, "\n")), manyRefused, "not within a minute")
	require.Len(t, decode(t, strings.Join(spread, "\n")), manyRefused, "not from one peer")
	require.Len(t, decode(t, strings.Join(slow, "\n")+"\n"+strings.Join(slow, "\n")), 2*manyRefused+1)
}

// A header with quotes in it moves the fields of a line of text.
func TestThreatG8HeadersCannotForgeFieldsOfALine(t *testing.T) {
	line := func(agent string) string {
		return `[2026-01-01T00:00:00.001Z] "GET / HTTP/1.1" 200 - 0 1 2 3 "-" "` + agent + `" "id" "host" "10.0.0.1:80"`
	}
	require.Contains(t, decode(t, line("curl"))[0].Ignored, "none of the rules")
	for _, agent := range []string{`a" 403 UAEX "b`, `a" "b`, `a"b`, `"`, `" `, ` "x" `, `a" "b" "c" "d`} {
		require.Regexp(t, "quotes of the line|the line has", problemOf(t, line(agent)), agent)
	}
}

func TestTextThatIsNoLineOfALog(t *testing.T) {
	for _, in := range []string{"x", "\"a\"\f", "[", "not a log\nat all"} {
		items, err := Decode([]byte(in), Options{Source: Envoy})
		require.NoError(t, err)
		for _, item := range items {
			require.NotEmpty(t, item.Problem, "%q", in)
		}
	}
}
