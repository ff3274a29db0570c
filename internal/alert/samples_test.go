package alert

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const samples = "../../../shared/samples"

// sampleTable pins for every sample whether it decodes, is ignored or is
// refused, and why: a line for each item. It holds nothing else of a sample.
const sampleTable = "testdata/samples.txt"

// notAlerts are folders of samples for other packages.
var notAlerts = []string{"falco-rules", "flux"}

func eachSample(t *testing.T, visit func(name string, data []byte)) {
	t.Helper()
	if _, err := os.Stat(samples); err != nil {
		t.Skip("../shared/samples is not beside this checkout")
	}
	names, err := filepath.Glob(samples + "/*/*")
	require.NoError(t, err)
	require.Greater(t, len(names), 100)
	for _, name := range names {
		if short := strings.TrimPrefix(name, samples+"/"); filepath.Base(name) != "SOURCES.md" && !slices.Contains(notAlerts, filepath.Dir(short)) {
			data, err := os.ReadFile(name)
			require.NoError(t, err)
			visit(short, data)
		}
	}
}

func TestEverySampleDecodesOrIsRefusedWithItsReason(t *testing.T) {
	var got strings.Builder
	eachSample(t, func(name string, data []byte) {
		items, err := Decode(data, Options{})
		require.NoError(t, err, name)
		for i, item := range items {
			promises(t, item)
			if i < 12 {
				fmt.Fprintln(&got, strings.TrimSpace(name+" "+item.Where)+": "+described(item))
			}
		}
		if len(items) > 12 {
			fmt.Fprintf(&got, "%s: %d items\n", name, len(items))
		}
	})
	if *update {
		require.NoError(t, os.WriteFile(sampleTable, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(sampleTable)
	require.NoError(t, err)
	require.Equal(t, strings.Split(string(want), "\n"), strings.Split(got.String(), "\n"))
}

func described(item Item) string {
	switch {
	case item.Problem != "":
		return "refused: " + item.Problem
	case item.Ignored != "":
		return "ignored: " + item.Ignored
	}
	a := item.Alert
	line := fmt.Sprintf("%s %q %s", a.Source, a.Rule, a.Severity)
	at := ""
	if !a.Time.IsZero() {
		at = a.Time.Format(time.RFC3339Nano)
	}
	for _, f := range []struct{ name, value string }{
		{"time", at},
		{"cluster", a.Subject.Cluster},
		{"namespace", a.Subject.Namespace},
		{"pod", a.Subject.Pod},
		{"workload", strings.Trim(a.Subject.Workload.Kind+"/"+a.Subject.Workload.Name, "/")},
		{"container", a.Subject.Container},
		{"image", a.Subject.Image},
		{"node", a.Subject.Node},
		{"serviceAccount", a.Subject.ServiceAccount},
		{"techniques", strings.Join(a.Techniques, ",")},
		{"stage", a.Stage},
	} {
		if f.value != "" {
			line += " " + f.name + "=" + f.value
		}
	}
	for _, i := range a.Indicators {
		if i.Type != typeImage {
			line += " " + i.Type + ":" + i.Value
		}
	}
	if a.Truncated {
		line += " truncated"
	}
	return line
}

// falseAlarm is a sample whose advice has "authorization: mode" in it, which
// looks like a header.
const falseAlarm = "policyreport/kube-bench-adapter-policy-report.yaml"

func TestSamplesHoldNoSecretsAndDifferInTheirIDs(t *testing.T) {
	ids := map[string]string{}
	eachSample(t, func(name string, data []byte) {
		items, err := Decode(data, Options{})
		require.NoError(t, err)
		for _, item := range items {
			if item.Alert == nil {
				continue
			}
			text, err := json.Marshal(item.Alert)
			require.NoError(t, err)
			if name != falseAlarm {
				require.NotContains(t, string(text), "[redacted", "a false alarm in %s", name)
			}
			if a, b := ids[item.Alert.ID], item.Alert.Digest; a != "" {
				require.Equal(t, a, b, "%s %s: only the same alert has the same id", name, item.Where)
			}
			ids[item.Alert.ID] = item.Alert.Digest
		}
	})
	require.Greater(t, len(ids), 40)
}
