package alert

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func seed(f *testing.F, fixture string, dirs ...string) {
	data, err := os.ReadFile("testdata/" + fixture)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for _, dir := range dirs {
		files, _ := filepath.Glob(filepath.Join(samples, dir, "*.json")) // none where ../shared is absent
		for _, name := range files {
			if data, err := os.ReadFile(name); err == nil {
				f.Add(data)
			}
		}
	}
}

func fuzz(f *testing.F, source Source) {
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		one, err := Decode(data, Options{Source: source})
		two, again := Decode(data, Options{Source: source})
		if !reflect.DeepEqual(one, two) || (err == nil) != (again == nil) {
			t.Fatal("not a function of the input")
		}
		if !bytes.Equal(before, data) {
			t.Fatal("the input was changed")
		}
		if err == nil && len(one) == 0 {
			t.Fatal("no answer")
		}
		for _, item := range one {
			promises(t, item)
		}
	})
}

func FuzzAuto(f *testing.F) {
	seed(f, "falco.ndjson", "falco", "falcosidekick")
	seed(f, "alertmanager.json", "alertmanager")
	seed(f, "cloudevents.json", "cloudevents")
	fuzz(f, Auto)
}

func FuzzFalco(f *testing.F) {
	seed(f, "falco.ndjson", "falco", "falcosidekick")
	fuzz(f, Falco)
}

func FuzzAlertmanager(f *testing.F) {
	seed(f, "alertmanager.json", "alertmanager", "falcosidekick")
	fuzz(f, Alertmanager)
}

func FuzzCloudEvents(f *testing.F) {
	seed(f, "cloudevents.json", "cloudevents")
	fuzz(f, CloudEvents)
}

func FuzzKubernetesAudit(f *testing.F) {
	seed(f, "kubernetes-audit.ndjson")
	fuzz(f, KubernetesAudit)
}

func FuzzTetragon(f *testing.F) {
	seed(f, "tetragon.ndjson", "tetragon")
	fuzz(f, Tetragon)
}

func FuzzTracee(f *testing.F) {
	seed(f, "tracee.ndjson", "tracee")
	fuzz(f, Tracee)
}

func FuzzKubeArmor(f *testing.F) {
	seed(f, "kubearmor.ndjson", "kubearmor")
	fuzz(f, KubeArmor)
}

func FuzzKubescape(f *testing.F) {
	seed(f, "kubescape.ndjson", "kubescape")
	fuzz(f, Kubescape)
}

func FuzzGuardDuty(f *testing.F) {
	seed(f, "guardduty.json", "guardduty")
	fuzz(f, GuardDuty)
}

func FuzzPolicyReport(f *testing.F) {
	seed(f, "policyreport.json")
	f.Add([]byte(reportYAML))
	fuzz(f, PolicyReport)
}

func FuzzSuricata(f *testing.F) {
	seed(f, "suricata.ndjson", "suricata")
	fuzz(f, Suricata)
}

func FuzzEnvoy(f *testing.F) {
	seed(f, "envoy.log", "envoy")
	fuzz(f, Envoy)
}

func FuzzCoraza(f *testing.F) {
	seed(f, "coraza.ndjson")
	fuzz(f, Coraza)
}
