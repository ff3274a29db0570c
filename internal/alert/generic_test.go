package alert

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sensor maps a source of our own making.
var sensor = Mapping{
	Name: "sensor", When: `has(event.sensor) && event.sensor == "acme"`, Each: "event.findings",
	ID: `event.batch + "/" + string(item.n)`, Rule: "item.what", Severity: `{1: "low", 2: "high"}[item.level]`, Time: "item.at",
	Subject:    MappedSubject{Cluster: "event.cluster", Namespace: `item.?where.?ns.orValue("")`, Pod: `item.?where.?pod.orValue("")`, WorkloadKind: `"Deployment"`, WorkloadName: `item.?where.?app.orValue("")`},
	Techniques: `item.?attack.orValue([])`, Tactic: `"Credential Access"`, Tags: `["acme"]`,
	Indicators: map[string]string{"ip": `item.?peers.orValue([])`},
	Fields:     map[string]string{"command": `item.?cmd.orValue("")`, "n": "item.n", "raw": "item.?extra"},
}

const findings = `{"sensor":"acme","cluster":"prod-eu","batch":"b7","findings":[
	{"n":1,"what":"Token read","level":2,"at":"2026-01-01T00:00:00Z","where":{"ns":"payments","pod":"ledger-7d4b9c6f5d-x2x7k","app":"ledger"},"attack":["T1552","evil text"],"peers":["203[.]0.113.7"],"cmd":"psql postgresql://app:hunter2canary@db/x","extra":{"a":[1,2.5,null]}},
	{"n":9007199254740993,"what":"x","level":1,"at":1767225600},
	{"n":3,"what":"evil text","level":7,"at":0},
	{"n":4,"what":["x"],"level":1,"at":0}]}`

func TestGenericMapping(t *testing.T) {
	mappings, err := NewMappings([]Mapping{{Name: "other", When: "event.sensor == 'other'", Rule: "'x'"}, sensor})
	require.NoError(t, err)
	items, err := Decode([]byte(findings), Options{Mappings: mappings})
	require.NoError(t, err)
	require.Len(t, items, 4)
	require.Equal(t, "item[0]", items[0].Where)
	require.Equal(t, &Alert{
		ID: items[0].Alert.ID, Source: Generic, Rule: "Token read", Severity: High, Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Subject:    Subject{Cluster: "prod-eu", Namespace: "payments", Pod: "ledger-7d4b9c6f5d-x2x7k", Workload: Workload{"Deployment", "ledger"}},
		Indicators: []Indicator{{"ip", "203.0.113.7"}}, Techniques: []string{"T1552"}, Tactics: []string{"credential_access"}, Stage: "credential_access", Tags: []string{"acme"},
		Fields: map[string]string{"command": "psql postgresql://app:[redacted:url-password]@db/x", "n": "1", "raw": `{"a":[1,2.5,null]}`, "mapping": "sensor"},
		Digest: items[0].Alert.Digest,
	}, items[0].Alert)
	require.Equal(t, "9007199254740993", items[1].Alert.Fields["n"], "no digit is lost")
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), items[1].Alert.Time)
	require.NotEqual(t, items[0].Alert.ID, items[1].Alert.ID)
	require.Equal(t, "severity: the expression of the mapping fails on this event", items[2].Problem, "words of an alert stay out of problems")
	require.Equal(t, "rule: the expression of the mapping must give text", items[3].Problem)
	for _, item := range items {
		promises(t, item)
	}
	again, err := Decode([]byte(findings), Options{Mappings: mappings, Source: Generic})
	require.NoError(t, err)
	require.Equal(t, items, again)
}

func TestGenericWithoutAMappingThatIsMeant(t *testing.T) {
	items, err := Decode([]byte(`{"a":1}`), Options{Source: Generic})
	require.NoError(t, err)
	require.Contains(t, items[0].Problem, "no mapping of the configuration")
	require.Contains(t, problemOf(t, `{"a":1}`), "no known source")
}

func TestMappingsThatDoNotCompile(t *testing.T) {
	_, err := NewMappings([]Mapping{{When: "1", Subject: MappedSubject{Pod: "event.("}, Indicators: map[string]string{"mail": "''"}}})
	for _, want := range []string{"generic[0].when: ", "generic[0].rule: missing", "generic[0].subject.pod: ", "generic[0].indicators.mail: no type"} {
		require.ErrorContains(t, err, want)
	}
}

func FuzzGeneric(f *testing.F) {
	mappings, err := NewMappings([]Mapping{sensor})
	require.NoError(f, err)
	f.Add([]byte(findings))
	f.Fuzz(func(t *testing.T, data []byte) {
		items, err := Decode(data, Options{Mappings: mappings, Source: Generic})
		if err == nil && len(items) == 0 {
			t.Fatal("no answer")
		}
		for _, item := range items {
			promises(t, item)
		}
	})
}
