package alert

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return data
}

func decode(t testing.TB, data string) []Item {
	t.Helper()
	items, err := Decode([]byte(data), Options{})
	require.NoError(t, err)
	return items
}

// one decodes the only alert of an input.
func one(t testing.TB, data string) *Alert {
	t.Helper()
	items := decode(t, data)
	require.Len(t, items, 1)
	require.NotNil(t, items[0].Alert, "%+v", items[0])
	return items[0].Alert
}

func problemOf(t testing.TB, data string) string {
	t.Helper()
	items := decode(t, data)
	require.Len(t, items, 1)
	require.NotEmpty(t, items[0].Problem, "%+v", items[0])
	return items[0].Problem
}

// falco is an alert with output_fields, and more members after them.
func falco(fields string, more ...string) string {
	return `{"rule":"r","priority":"Error","time":"2026-01-01T00:00:00Z","output_fields":{` + fields + `}` + strings.Join(more, "") + `}`
}

func labelled(labels string) string {
	return `{"status":"firing","alerts":[{"labels":{"alertname":"a",` + labels + `}}]}`
}

func TestFalcoFile(t *testing.T) {
	data := fixture(t, "falco.ndjson")
	items := decode(t, string(data))
	require.Len(t, items, 4)
	first, _, _ := bytes.Cut(data, []byte("\n"))
	require.Equal(t, Item{Where: "line 1", Alert: &Alert{
		ID: items[0].Alert.ID, Source: Falco, Rule: "Redirect STDOUT/STDIN to Network Connection in Container", Severity: Critical,
		Time: time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC),
		Subject: Subject{
			Cluster: "prod-eu", Namespace: "payments", Pod: "payments-7d4b9c6f5d-x2x7k", PodUID: "3e41dc6b-08a8-44db-bc2a-3724b18ab19a",
			Workload: Workload{"Deployment", "payments"}, Container: "app",
			Image: "registry.example/payments:1.4.2@sha256:2bdc49f2f8ae8d8dc50ed00f2ee56d00385c6f8bc8a8b320d0a294d9e3b49026",
		},
		Indicators: []Indicator{
			{"domain", "c2.evil.example"},
			{"image", "registry.example/payments:1.4.2@sha256:2bdc49f2f8ae8d8dc50ed00f2ee56d00385c6f8bc8a8b320d0a294d9e3b49026"},
			{"ip", "203.0.113.7"},
		},
		Techniques: []string{"T1059", "T1059.004"}, Stage: "command_and_control", Tactics: []string{"execution", "command_and_control"},
		Tags:   []string{"T1059", "cluster:prod-eu", "container", "mitre_command_and_control", "mitre_execution", "t1059.004"},
		Fields: items[0].Alert.Fields, Digest: digest(string(first)),
	}}, items[0])
	require.Equal(t, "1767225600000000001", items[0].Alert.Fields["evt.time"])
	require.NotContains(t, items[0].Alert.Fields, "proc.aname[3]")
	require.Equal(t, "line 3", items[1].Where)
	require.Contains(t, items[1].Ignored, "about itself")
	require.Equal(t, "line 4", items[2].Where)
	require.Contains(t, items[2].Problem, "not JSON")
	require.Equal(t, Subject{Cluster: "prod-eu"}, items[3].Alert.Subject, "null, <NA> and host are absent")
	require.Equal(t, Informational, items[3].Alert.Severity)
}

func TestAlertmanagerGroup(t *testing.T) {
	items := decode(t, string(fixture(t, "alertmanager.json")))
	require.Len(t, items, 6)
	for i, item := range items {
		require.Equal(t, element("", "alerts", i), item.Where)
		require.True(t, item.Alert == nil || item.Alert.Truncated, "F10: the group said that alerts are missing")
	}
	a := items[0].Alert
	require.Equal(t, Subject{Cluster: "prod-eu", Namespace: "payments", Workload: Workload{"StatefulSet", "ledger"}}, a.Subject)
	require.Equal(t, Critical, a.Severity)
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), a.Time)
	require.Equal(t, []string{"T1041"}, a.Techniques)
	require.Equal(t, []Indicator{{"ip", "198.51.100.9"}}, a.Indicators)
	require.Equal(t, "Traffic to a listed address", a.Fields["annotations.summary"])
	require.Contains(t, items[1].Ignored, "resolved")
	require.Contains(t, items[2].Ignored, "about alerting itself")
	a = items[3].Alert
	require.Equal(t, Subject{Namespace: "web", Pod: "frontend-6c9d8b7f5-abcde", Container: "nginx", Image: "nginx:1.27"}, a.Subject, "namespace is where the exporter runs")
	require.Equal(t, Low, a.Severity)
	require.Equal(t, "execution", a.Stage)
	require.Equal(t, []string{"T1059", "container", "mitre_execution", "shell"}, a.Tags)
	require.Equal(t, Subject{}, items[4].Alert.Subject, "exported_ labels contradict the others")
	require.Equal(t, "payments-1", items[4].Alert.Fields["exported_pod"])
	require.Equal(t, Workload{"CronJob", "report"}, items[5].Alert.Subject.Workload)
	require.Equal(t, High, items[5].Alert.Severity)
}

func TestCloudEventsBatch(t *testing.T) {
	items := decode(t, string(fixture(t, "cloudevents.json")))
	require.Len(t, items, 7)
	require.Equal(t, "[0]", items[0].Where)
	require.Equal(t, Falco, items[0].Alert.Source, "who carried it did not find it")
	require.Equal(t, "payments", items[0].Alert.Subject.Namespace)
	require.Equal(t, 1, items[0].Alert.Time.Nanosecond(), "the alert's own time")
	require.Equal(t, "[1].alerts[0]", items[1].Where)
	require.Equal(t, "A", items[1].Alert.Rule)
	require.Equal(t, "B", items[2].Alert.Rule)
	require.NotEqual(t, items[1].Alert.ID, items[2].Alert.ID)
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 9, 0, time.UTC), items[3].Alert.Time, "the event's time")
	require.Contains(t, items[4].Ignored, "no alert")
	require.Equal(t, "specversion: only 1.0 is known", items[5].Problem)
	require.Equal(t, "id: missing, and every event has one", items[6].Problem)
}

func TestShapesOfInput(t *testing.T) {
	a := falco(`"k8s.pod.name":"p"`)
	for name, c := range map[string]struct {
		in    string
		where []string
	}{
		"object":           {a, []string{""}},
		"byte order mark":  {"\uFEFF" + a + "\r\n", []string{""}},
		"array":            {"[" + a + ",\n" + a + "]", []string{"[0]", "[1]"}},
		"lines":            {a + "\r\n\r\n" + a, []string{"line 1", "line 3"}},
		"lines of arrays":  {a + "\n[" + a + "]", []string{"line 1", "line 2[0]"}},
		"several lines":    {indented(t, a) + indented(t, a), []string{"value 1", "value 2"}},
		"no newline":       {a + a, []string{"value 1", "value 2"}},
		"array of arrays":  {"[[" + a + "]]", []string{"[0]"}},
		"empty array":      {"[]", []string{""}},
		"a number":         {"42", []string{""}},
		"end cut off":      {indented(t, a) + `{"rule":`, []string{"value 1", "value 2"}},
		"nothing readable": {"once upon a time", []string{""}},
	} {
		var where []string
		for _, item := range decode(t, c.in) {
			where = append(where, item.Where)
			set := 0
			for _, is := range []bool{item.Alert != nil, item.Ignored != "", item.Problem != ""} {
				if is {
					set++
				}
			}
			require.Equal(t, 1, set, name)
		}
		require.Equal(t, c.where, where, name)
	}
}

func indented(t *testing.T, data string) string {
	var b bytes.Buffer
	require.NoError(t, json.Indent(&b, []byte(data), "", "  "))
	return b.String() + "\n"
}

func TestInputsThatCannotBeReadAsAWhole(t *testing.T) {
	for want, c := range map[string]struct {
		in string
		o  Options
	}{
		"the input is empty":                     {" \n\t", Options{}},
		`unknown source "splunk"`:                {"{}", Options{Source: "splunk"}},
		"more than the 8388608 allowed":          {strings.Repeat(" ", MaxInput+1), Options{}},
		"the input holds more than 10000 alerts": {"[" + strings.Repeat("{},", MaxAlerts) + "{}]", Options{}},
	} {
		_, err := Decode([]byte(c.in), c.o)
		require.ErrorContains(t, err, want)
	}
	_, err := Decode([]byte(`{"alerts":[`+strings.Repeat("{},", MaxAlerts)+"{}]}"), Options{})
	require.ErrorContains(t, err, "more than 10000 alerts")
}

func TestSourcesByName(t *testing.T) {
	for _, name := range []string{"auto", "falco", "alertmanager", "cloudevents"} {
		s, err := ParseSource(name)
		require.NoError(t, err)
		require.Equal(t, Source(name), s)
	}
	_, err := ParseSource("Falco")
	require.EqualError(t, err, `unknown source "Falco": want auto, or one of `+sourceNames(decoders(nil)))
	items, err := Decode([]byte(falco("")), Options{Source: Alertmanager})
	require.NoError(t, err)
	require.Equal(t, "alerts: want a list", items[0].Problem)
}

func TestSeverityText(t *testing.T) {
	for s := SeverityUnknown; s <= Fatal; s++ {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back Severity
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, s, back)
	}
	require.Equal(t, "unknown", Severity(99).String())
	require.Error(t, new(Severity).UnmarshalText([]byte("High")))
	require.Error(t, new(Severity).UnmarshalText(nil))
	text, err := json.Marshal(Alert{Severity: High})
	require.NoError(t, err)
	require.Contains(t, string(text), `"severity":"high"`)
}

func TestSeverityOfEverySource(t *testing.T) {
	for word, want := range map[string]Severity{"EMERGENCY": Fatal, "Alert": Critical, "Critical": Critical, "error": High, "Warning": Medium, "Notice": Low, "INFO": Informational, "Debug": Informational, "x": SeverityUnknown, "": SeverityUnknown} {
		require.Equal(t, want, one(t, `{"rule":"r","output":"o","priority":"`+word+`"}`).Severity, word)
	}
	for word, want := range map[string]Severity{"page": Critical, "Sev1": Critical, "P2": High, "warn": Medium, "info": Informational, "purple": SeverityUnknown} {
		require.Equal(t, want, one(t, labelled(`"severity":"`+word+`"`)).Severity, word)
	}
}

func TestOwnersThatLabelsName(t *testing.T) {
	for labels, want := range map[string]Workload{
		`"deployment":"a"`:                   {"Deployment", "a"},
		`"daemonset":"a"`:                    {"DaemonSet", "a"},
		`"job":"kubelet"`:                    {},
		`"job_name":"a-1"`:                   {"Job", "a-1"},
		`"job_name":"a-1","cronjob":"a"`:     {"CronJob", "a"},
		`"deployment":"a","statefulset":"b"`: {},
		`"deployment":"a","workload":"a","workload_type":"deployment"`:  {"Deployment", "a"},
		`"deployment":"a","owner_kind":"ReplicaSet","owner_name":"a-1"`: {"Deployment", "a"},
		`"workload":"a","owner_kind":"StatefulSet"`:                     {"StatefulSet", "a"},
		`"workload":"a","workload_type":"Rollout"`:                      {},

		`"deployment":"<NA>"`: {},
	} {
		require.Equal(t, want, one(t, labelled(labels)).Subject.Workload, labels)
	}
}

func TestIndicatorsAreRefangedAndValidated(t *testing.T) {
	for in, want := range map[string][]Indicator{
		`"dst_ip":"203[.]0[.]113[.]7"`:                          {{"ip", "203.0.113.7"}},
		`"dst_ip":"::ffff:203.0.113.7"`:                         {{"ip", "203.0.113.7"}},
		`"dst_ip":"2001:DB8::1"`:                                {{"ip", "2001:db8::1"}},
		`"dst_ip":"127.0.0.1","src_ip":"0.0.0.0"`:               {},
		`"dst_ip":"999.1.1.1"`:                                  {},
		`"dst_ip":"fe80::1%eth0"`:                               {},
		`"cidr":"203.0.113.9/24"`:                               {{"cidr", "203.0.113.0/24"}},
		`"cidr":"0.0.0.0/0"`:                                    {},
		`"domain":"C2[.]Evil(.)Example."`:                       {{"domain", "c2.evil.example"}},
		`"domain":"localhost"`:                                  {},
		`"url":"hxxps://u:p@evil[.]example/a?b=1#c"`:            {{"url", "https://evil.example/a?b=1"}},
		`"url":"https://evil.example/a?token=abcdef"`:           {{"url", "https://evil.example/a"}},
		`"url":"file:///etc/passwd"`:                            {},
		`"url":"javascript:alert(1)"`:                           {},
		`"sha256":"` + strings.Repeat("AB", 32) + `"`:           {{"sha256", strings.Repeat("ab", 32)}},
		`"sha256":"abc"`:                                        {},
		`"image":"nginx"`:                                       {{"image", "nginx"}},
		`"dst_ip":"203.0.113.7","destination_ip":"203.0.113.7"`: {{"ip", "203.0.113.7"}},
		`"summary":"talks to 203.0.113.7"`:                      {},
	} {
		require.Equal(t, want, one(t, labelled(in)).Indicators, in)
	}
}

func TestReceivedStandsInForATimeThatIsMissing(t *testing.T) {
	received := time.Date(2026, 5, 6, 7, 8, 9, 0, time.FixedZone("", 3600))
	data := []byte(`{"rule":"r","output":"o"}`)
	items, err := Decode(data, Options{Received: received})
	require.NoError(t, err)
	require.Equal(t, received.UTC(), items[0].Alert.Time)
	again, err := Decode(data, Options{})
	require.NoError(t, err)
	require.True(t, again[0].Alert.Time.IsZero())
	require.Equal(t, items[0].Alert.ID, again[0].Alert.ID, "an id does not depend on when an alert came in")
}

func TestCloudEventsInBinaryMode(t *testing.T) {
	body := falco(`"k8s.pod.name":"p"`)
	header := http.Header{}
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/falco%20a", "ce-type": "falco.rule.output.v1", "ce-time": "2026-01-01T00:00:05Z", "Content-Type": "application/json", "Authorization": "x"} {
		header.Set(name, value)
	}
	items, err := Decode([]byte(body), Options{Header: header})
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.Equal(t, "p", items[0].Alert.Subject.Pod)
	structured := one(t, `{"specversion":"1.0","id":"1","source":"/falco a","type":"t","data":`+body+`}`)
	require.Equal(t, structured.ID, items[0].Alert.ID, "one event in two modes")

	written := "POST /hook HTTP/1.1\r\nHost: x\r\nce-specversion: 1.0\r\nce-id: 1\r\nce-source: /falco%20a\r\nce-type: t\r\nContent-Type: application/json\r\n\r\n" + body
	require.Equal(t, structured.ID, one(t, written).ID)
	require.Equal(t, "id: missing, and every event has one", problemOf(t, strings.Replace(written, "ce-id: 1\r\n", "", 1)))
	require.Contains(t, problemOf(t, written+"}"), "the body of the event: not JSON")
	require.Contains(t, decode(t, strings.Replace(written, "application/json", "text/plain", 1))[0].Ignored, "no alert")
	header.Del("ce-specversion")
	items, err = Decode([]byte(body), Options{Header: header})
	require.NoError(t, err)
	require.Equal(t, Falco, items[0].Alert.Source)
	require.NotEqual(t, structured.ID, items[0].Alert.ID, "a request without an event")
}
