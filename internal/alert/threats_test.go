package alert

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/irgit/irgit/internal/redact"
)

func TestThreatA6HugeAlerts(t *testing.T) {
	var fields strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&fields, `"f%05d":"v",`, i)
	}
	a := one(t, falco(fields.String()+`"big":"`+strings.Repeat("é ", 2_500_000/2)+`"`))
	require.True(t, a.Truncated)
	require.Len(t, a.Fields, maxFields)
	require.Regexp(t, `^sha256:`, a.Digest)
	require.LessOrEqual(t, len(a.Fields["big"]), maxField)
	require.True(t, utf8.ValidString(a.Fields["big"]))
	text, err := json.Marshal(a)
	require.NoError(t, err)
	require.Less(t, len(text), 32<<10, "the record stays small")

	a = one(t, labelled(strings.TrimSuffix(fields.String(), ",")))
	require.True(t, a.Truncated)
	require.Len(t, a.Fields, maxFields)

	long := strings.Repeat("r", 5000)
	a = one(t, `{"rule":"`+long+`","output":"o","tags":["`+long+`"]}`)
	require.True(t, a.Truncated)
	require.Len(t, a.Rule, maxRule)
	require.Len(t, a.Tags[0], maxTag)

	require.Contains(t, problemOf(t, falco(`"k8s.pod.name":"`+long+`"`)), "k8s.pod.name: it has 5000 bytes", "a name that is cut could be another's")
	require.Contains(t, problemOf(t, strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)), "not JSON")
	require.Contains(t, problemOf(t, falco(`"x":`+strings.Repeat("[", 500)+strings.Repeat("]", 500))), "nested more than 32 levels deep")
	require.Contains(t, problemOf(t, falco(`"x":[`+strings.Repeat("1,", maxValues)+`1]`)), "more than 500000 values")
}

func TestThreatA7DuplicateKeysAndWrongTypes(t *testing.T) {
	for want, in := range map[string]string{
		"output_fields: k8s.pod.name stands twice":     falco(`"k8s.pod.name":"a","k8s.pod.name":"b"`),
		"the alert: rule stands twice":                 falco(``, `,"rule":"other"`),
		"output_fields: a field stands twice":          falco(`"evil \n name":1,"evil \n name":2`),
		"k8s.pod.name: want text":                      falco(`"k8s.pod.name":42`),
		"k8s.ns.name: want text":                       falco(`"k8s.ns.name":[]`),
		"container.name: want text":                    falco(`"container.name":{}`),
		"k8smeta.deployment.name: want text":           falco(`"k8smeta.deployment.name":true`),
		"container.image.tag: want text":               falco(`"container.image.repository":"a","container.image.tag":1`),
		"output_fields: want an object":                `{"rule":"r","output":"o","output_fields":[]}`,
		"rule: want text":                              `{"rule":7,"output":"o"}`,
		"rule: missing":                                `{"rule":"","output":"o"}`,
		"priority: want text":                          `{"rule":"r","priority":3}`,
		"tags: want a list of text":                    `{"rule":"r","output":"o","tags":["a",1]}`,
		"time: want a time":                            `{"rule":"r","output":"o","time":"yesterday"}`,
		"time: want text":                              `{"rule":"r","output":"o","time":1767225600}`,
		"labels: pod: want text":                       labelled(`"pod":42`),
		"labels: a field: want text":                   labelled(`"evil":[]`),
		"labels: want an object":                       `{"alerts":[{"labels":"x"}]}`,
		"labels: missing":                              `{"alerts":[{}]}`,
		"labels: alertname: missing":                   `{"alerts":[{"labels":{}}]}`,
		"want an object":                               `{"alerts":[1]}`,
		"version: only 4":                              `{"version":"3","alerts":[{}]}`,
		"truncatedAlerts: want a number":               `{"truncatedAlerts":"1","alerts":[{}]}`,
		"status: want text":                            `{"alerts":[{"status":1,"labels":{}}]}`,
		"startsAt: want a time":                        `{"alerts":[{"labels":{"alertname":"a"},"startsAt":"x"}]}`,
		"fingerprint: want text":                       `{"alerts":[{"labels":{"alertname":"a"},"fingerprint":1}]}`,
		"source: want text":                            `{"specversion":"1.0","id":"1","source":1,"type":"t"}`,
		"data and data_base64 exclude":                 `{"specversion":"1.0","id":"1","source":"s","type":"t","data":{},"data_base64":""}`,
		"data_base64: not base64":                      `{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"#"}`,
		"data_base64: not JSON":                        `{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"e30ge30="}`,
		"this has the shape of no known source":        `{"hello":"world"}`,
		"want the JSON object of an alert here":        `"text"`,
		"contradict each other":                        falco(`"k8s.ns.name":"a","k8smeta.ns.name":"b"`),
		"k8s.pod.name and k8smeta.pod.name contradict": falco(`"k8s.pod.name":"a","k8smeta.pod.name":"b"`),
		"the tags and fields name different clusters":  falco(`"cluster":"a"`, `,"tags":["cluster:b"]`),
	} {
		got := problemOf(t, in)
		require.Contains(t, got, want)
		require.NotContains(t, got, "evil")
	}
	require.Equal(t, Subject{}, one(t, falco(`"k8s.pod.name":null,"k8s.ns.name":"","k8smeta.ns.name":"<NA>","container.name":"host"`)).Subject)
	require.Contains(t, problemOf(t, `{"rule":"r","output":"o","output_fields":{"k8s.pod.name":"a","k8s\u002epod.name":"b"}}`), "stands twice", "an escape hides nothing")
}

// What the log injection of E2 would need stays in the value; messages have
// nothing of it, and whoever prints a value escapes it.
func TestThreatE2ControlCharactersStayInValues(t *testing.T) {
	hostile := "x\nlevel=info msg=\"PR merged\"\x1b]0;x\x07"
	text, err := json.Marshal(hostile)
	require.NoError(t, err)
	a := one(t, `{"rule":`+string(text)+`,"output":`+string(text)+`}`)
	require.Equal(t, hostile, a.Rule)
	require.Equal(t, hostile, a.Fields["output"])
	for _, bad := range []string{`{"rule":` + string(text) + `,"priority":1}`, falco(string(text) + `:1,` + string(text) + `:2`), labelled(string(text) + ":1")} {
		require.NotContains(t, problemOf(t, bad), "\n")
		require.NotContains(t, problemOf(t, bad), "merged")
	}
	a = one(t, falco(`"x":"a\u0000b`+"\xff"+`\ud800c","k8s.pod.name":"web\u00001"`))
	require.Equal(t, "ab\uFFFD\uFFFDc", a.Fields["x"])
	require.Equal(t, "web\uFFFD1", a.Subject.Pod, "what is left of a name must not be another's")
}

func TestThreatF5EventsAreTheSameBySourceAndID(t *testing.T) {
	event := func(source, id, pod string) string {
		return `{"specversion":"1.0","type":"t","source":"` + source + `","id":"` + id + `","data":` + falco(`"k8s.pod.name":"`+pod+`"`) + `}`
	}
	first := one(t, event("s", "1", "a"))
	require.Equal(t, first.ID, one(t, event("s", "1", "b")).ID)
	require.NotEqual(t, first.Digest, one(t, event("s", "1", "b")).Digest)
	require.NotEqual(t, first.ID, one(t, event("other", "1", "a")).ID)
	require.NotEqual(t, first.ID, one(t, event("s", "2", "a")).ID)
	require.NotEqual(t, one(t, event("ab", "c", "a")).ID, one(t, event("a", "bc", "a")).ID, "parts do not run into each other")
}

func TestThreatF6FalcoAlertsWithoutAnIDAreRecognised(t *testing.T) {
	id := func(in string) string { return one(t, in).ID }
	same := falco(`"k8s.ns.name":"n","k8s.pod.name":"p","proc.pid":1`)
	require.Equal(t, id(same), id(same))
	require.Equal(t, id(same), id(falco(`"k8s.pod.name":"p","k8s.ns.name":"n"`)), "the order and other fields do not count")
	for _, other := range []string{falco(`"k8s.ns.name":"n","k8s.pod.name":"q"`), falco(`"k8s.ns.name":"m","k8s.pod.name":"p"`), strings.Replace(same, `"r"`, `"s"`, 1), strings.Replace(same, "00Z", "01Z", 1)} {
		require.NotEqual(t, id(same), id(other))
	}
	uuid := func(in string) string { return strings.Replace(in, `{"rule"`, `{"uuid":"u","rule"`, 1) }
	require.Equal(t, id(uuid(same)), id(uuid(falco(``))), "a sender's own id decides")
}

func TestThreatF10IncompleteGroups(t *testing.T) {
	in := func(n string) string {
		return `{"truncatedAlerts":` + n + `,"alerts":[{"labels":{"alertname":"a"}},{"labels":{"alertname":"b"}}]}`
	}
	for n, want := range map[string]bool{"0": false, "37": true, "1e3": true, "null": false} {
		for _, item := range decode(t, in(n)) {
			require.Equal(t, want, item.Alert.Truncated, n)
		}
	}
}

func TestThreatG8ProcessDataIsNeverATarget(t *testing.T) {
	fields := `"proc.name":"x","proc.cmdline":"k8s.ns=kube-system k8s.pod=coredns","proc.env":"k8s.ns.name=kube-system","fd.name":"/k8s.pod.name=coredns",` +
		`"evt.args":"namespace=kube-system","user.name":"kube-system","ka.target.namespace":"kube-system","ka.target.name":"coredns","k8s.ns.label[x]":"kube-system"`
	a := one(t, falco(fields, `,"output":"k8s.ns=kube-system k8s.pod=coredns container=abc","hostname":"kube-system"`))
	require.Equal(t, Subject{}, a.Subject)
	require.Equal(t, "x", a.Fields["proc.name"])
	a = one(t, falco(`"k8s.ns.name":"default"`, `,"output":"k8s.ns=kube-system"`))
	require.Equal(t, Subject{Namespace: "default"}, a.Subject)
	a = one(t, `{"alerts":[{"labels":{"alertname":"a","instance":"kube-system/coredns","job":"coredns"},"annotations":{"namespace":"kube-system","pod":"coredns"}}]}`)
	require.Equal(t, Subject{}, a.Subject)
	a = one(t, labelled(`"source":"falco","proc_cmdline":"x","namespace":"kube-system","pod":"coredns","k8s_ns_name":"web"`))
	require.Equal(t, Subject{Namespace: "web"}, a.Subject)
}

func TestThreatH1SecretsOfEvidenceAreMasked(t *testing.T) {
	canary := "EA" + "zncanary"
	command := "psql postgresql://app:" + canary + "@db/x"
	for _, in := range []string{
		falco(`"proc.cmdline":"`+command+`"`, `,"output":"`+command+`","hostname":"`+command+`","tags":["`+command+`"]`),
		falco(`"` + command + `":"x","list":["` + command + `"]`),
		falco(`"proc.env.DB_PASSWORD":"` + canary + `","http.authorization":"Basic ` + canary + `"`),
		falco(`"big":"` + strings.Repeat("x ", 2000) + command + strings.Repeat(" x", 20_000) + `"`),
		`{"rule":"` + command + `","output":"o"}`,
		falco(`"k8s.ns.name":"` + command + `"`),
		labelled(`"url":"` + command + `","pod":"` + command + `"`),
		labelled(`"image":"https://app:` + canary + `@db/x"`),
		`{"alerts":[{"labels":{"alertname":"a"},"annotations":{"x":"` + command + `"},"generatorURL":"` + command + `"}]}`,
	} {
		text, err := json.Marshal(one(t, in))
		require.NoError(t, err)
		require.NotContains(t, string(text), canary)
		require.NotContains(t, string(text), "canary")
	}
	items, err := Decode([]byte(falco(`"a":"`+command+`","b":"`+command+`"`)), Options{Redactor: redact.New([]byte("key"))})
	require.NoError(t, err)
	require.Regexp(t, `app:\[redacted:url-password:[0-9a-f]{8}\]@db`, items[0].Alert.Fields["a"])
	require.Equal(t, items[0].Alert.Fields["a"], items[0].Alert.Fields["b"])
}

func TestThreatI1NothingIsFetched(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("an alert made irgit ask for something") }))
	defer server.Close()
	a := one(t, `{"alerts":[{"labels":{"alertname":"a"},"annotations":{"runbook_url":"`+server.URL+`"},"generatorURL":"`+server.URL+`"}],"externalURL":"`+server.URL+`"}`)
	require.Equal(t, server.URL, a.Fields["generatorURL"])
	require.Empty(t, a.Indicators)
	require.Contains(t, problemOf(t, `{"specversion":"1.0","id":"1","source":"s","type":"t","dataref":"`+server.URL+`"}`), "lies elsewhere")
}

// Whatever the fields are, the normal form keeps its promises.
func TestNormalForm(t *testing.T) {
	names := rapid.SampledFrom([]string{"k8s.ns.name", "k8s.pod.name", "k8smeta.pod.name", "container.name", "cluster", "fd.rip", "proc.cmdline", "x", "\x00", "é\xff"})
	values := rapid.OneOf(rapid.SampledFrom([]any{nil, true, 1.5, json.Number("9007199254740993"), []any{"a"}, "<NA>", "host", "password=hunter2"}), rapid.Map(rapid.String(), func(s string) any { return s }))
	rapid.Check(t, func(t *rapid.T) {
		payload := map[string]any{
			"rule": rapid.String().Draw(t, "rule"), "output_fields": rapid.MapOfN(names, values, 0, 8).Draw(t, "fields"),
			"tags": rapid.SliceOfN(rapid.SampledFrom([]string{"T1059", "mitre_impact", "a", "a", "cluster:x"}), 0, 5).Draw(t, "tags"),
		}
		data, err := json.Marshal(payload)
		require.NoError(t, err)
		one, err := Decode(data, Options{Source: Falco})
		require.NoError(t, err)
		two, err := Decode(append([]byte("\n"), append(data, ' ')...), Options{Source: Falco})
		require.NoError(t, err)
		require.Equal(t, one, two, "same alert, same normal form")
		for _, item := range one {
			promises(t, item)
		}
	})
}

func promises(t require.TestingT, item Item) {
	if item.Alert == nil {
		require.True(t, (item.Ignored == "") != (item.Problem == ""))
		return
	}
	a := item.Alert
	require.Regexp(t, `^[a-z-]+:[0-9a-f]{32}$`, a.ID)
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, a.Digest)
	require.NotEmpty(t, a.Rule)
	require.LessOrEqual(t, len(a.Fields), maxFields)
	for name, value := range a.Fields {
		require.LessOrEqual(t, len(name), maxFieldName)
		require.LessOrEqual(t, len(value), maxField)
	}
	for _, all := range [][]string{a.Tags, a.Techniques} {
		for i := range all {
			require.True(t, i == 0 || all[i-1] < all[i])
		}
	}
	text, err := json.Marshal(a)
	require.NoError(t, err)
	require.True(t, utf8.Valid(text))
	for _, value := range append(slices.Collect(maps.Values(a.Fields)), a.Rule, strings.Join(a.Tags, " "), a.Subject.Pod, a.Subject.Namespace) {
		require.NotContains(t, value, "\x00")
	}
	var back Alert
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, *a, back)
}
