package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAlertDecode(t *testing.T) {
	t.Chdir(t.TempDir())
	var shell bytes.Buffer
	require.NoError(t, json.Compact(&shell, []byte(terminalShell(t))))
	require.NoError(t, os.WriteFile("alerts.ndjson", []byte(shell.String()+"\n"+`{"rule":"Falco internal: metrics snapshot","output":"x"}`+"\n"), 0o600))
	code, out, stderr := irgit(t, nil, "alert", "decode", "-o", "json", "alerts.ndjson")
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, 1, strings.Count(out, "\n"), "one object per alert")
	var a map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &a))
	for _, key := range []string{"id", "source", "rule", "severity", "time", "subject", "indicators", "techniques", "stage", "fields", "digest"} {
		require.Contains(t, a, key)
	}
	for _, key := range []string{"cluster", "namespace", "pod", "workload", "container", "image", "node", "serviceAccount"} {
		require.Contains(t, a["subject"], key)
	}
	require.Contains(t, stderr, "line 2: ignored: an event of Falco about itself")

	code, out, stderr = irgit(t, nil, "alert", "decode", "alerts.ndjson")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, "line 1 Terminal shell in container\n")
	require.Regexp(t, `\n  source +falco\n`, out)
}

func TestAlertDecodeSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.json")
	require.NoError(t, os.WriteFile(file, []byte(`[{"rule":"r","priority":3},{"rule":"r","output":"o"}]`), 0o600))
	code, out, stderr := irgit(t, nil, "alert", "decode", file)
	require.Equal(t, exitInvalid, code)
	require.Contains(t, stderr, "[0]: priority: want text\n")
	require.Contains(t, stderr, "1 of 2 alerts cannot be understood")
	require.Contains(t, out, "[1] r\n", "the others are shown")
	for _, args := range [][]string{{"decode"}, {"decode", file, "-o", "xml"}, {"decode", file, "--source", "splunk"}, {"decode", "nowhere.json"}, {"sources", "-o", "xml"}} {
		code, _, stderr = irgit(t, nil, append([]string{"alert"}, args...)...)
		require.Equal(t, exitUsage, code, stderr)
	}
}

func TestThreatE1AnAlertWritesNothingToTheTerminal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"rule":"r\u001b]0;x\u0007","output":"a\u001b[2J\nid  forged","tags":["\u009b2J"]}`), 0o600))
	code, out, stderr := irgit(t, nil, "alert", "decode", file)
	require.Equal(t, exitOK, code, stderr)
	require.NotContains(t, out, "\x1b")
	require.NotContains(t, out, "\x07")
	require.NotContains(t, out, "\nid ")
}

func TestAlertSources(t *testing.T) {
	code, out, stderr := irgit(t, nil, "alert", "sources")
	require.Equal(t, exitOK, code, stderr)
	require.Regexp(t, `(?m)^falco +json_output`, out)
	code, out, _ = irgit(t, nil, "alert", "sources", "-o", "json")
	require.Equal(t, exitOK, code)
	require.True(t, json.Valid([]byte(out)))
}

func TestAlertDecodeByAMapping(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("m.yaml", []byte("generic:\n- name: acme\n  when: event.sensor == 'acme'\n  rule: event.what\n  severity: event.level\n  subject: {namespace: event.ns, pod: event.pod}\n"), 0o600))
	require.NoError(t, os.WriteFile("a.json", []byte(`{"sensor":"acme","what":"Token read","level":"high","ns":"web","pod":"front-0"}`), 0o600))
	code, out, stderr := irgit(t, nil, "alert", "decode", "--mappings", "m.yaml", "-o", "json", "a.json")
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, out, `"source":"generic","rule":"Token read","severity":"high"`)
	require.Contains(t, out, `"namespace":"web","pod":"front-0"`)

	for mapping, want := range map[string]string{
		"generic:\n- wen: 'true'\n":            "unknown field",
		"generic:\n- when: 'true'\n":           "generic[0].rule: missing",
		"generic:\n- {when: 'tru', rule: 'r'}": "generic[0].rule",
	} {
		require.NoError(t, os.WriteFile("m.yaml", []byte(mapping), 0o600))
		code, _, stderr = irgit(t, nil, "alert", "decode", "--mappings", "m.yaml", "a.json")
		require.Equal(t, exitInvalid, code, stderr)
		require.Contains(t, stderr, want)
	}
	code, _, _ = irgit(t, nil, "alert", "decode", "--mappings", "nowhere.yaml", "a.json")
	require.Equal(t, exitUsage, code)
}
