package alert

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const samples = "../../../shared/samples"

// want is what one sample must become: for every item either the key fields of
// the alert or a piece of the reason.
type want struct {
	where, rule, ignored, problem string
	severity                      Severity
	subject                       Subject
	stage                         string
	techniques                    []string
	time                          string
	field                         [2]string // one that must be there
}

var sampleWants = map[string][]want{
	"falco/01-disallowed-k8s-user.json":                   {{rule: "Disallowed K8s User", severity: Medium, time: "2025-02-10T09:15:40.698757Z", field: [2]string{"evt.time", "1739178940698757000"}}},
	"falco/03-disallowed-k8s-user.json":                   {{rule: "Disallowed K8s User", severity: Medium, time: "2025-02-10T09:15:57.807013Z", field: [2]string{"ka.target.name", "my-pool-1"}}},
	"falco/05-fake-rule.json":                             {{problem: "time: want a time"}}, // 2021-04-13T20:58:00.746609046Z+2
	"falco/07-attach-exec-pod.json":                       {{rule: "Attach/Exec Pod", severity: Low, time: "2023-05-10T14:09:24.046826Z", field: [2]string{"ka.target.namespace", "default"}}},
	"falco/09-terminal-shell-in-container.json":           {{rule: "Terminal shell in container", severity: Low, time: "2021-04-10T19:27:21.002873265Z", subject: Subject{Namespace: "default", Pod: "alpine", Image: "alpine"}, field: [2]string{"evt.time", "1618082841002873265"}}},
	"falco/11-terminal-shell-in-container.json":           {{rule: "Terminal shell in container", severity: Low, time: "2021-01-11T23:46:19.82302759Z", subject: Subject{Namespace: "default", Pod: "alpine", Image: "mysql"}, field: [2]string{"evt.time", "1610408779823027700"}}},
	"falco/13-terminal-shell-in-container.json":           {{rule: "Terminal shell in container", severity: Low, time: "2021-06-13T19:35:58.532086161Z", subject: Subject{Namespace: "default", Pod: "alpine-deployment-77789455d6-m7flp", Image: "alpine"}}},
	"falco/15-contact-k8s-api-server-from-container.json": {{rule: "Contact K8S API Server From Container", severity: Low, time: "2021-07-21T10:37:09.101509967Z", subject: Subject{Namespace: "fission-function", Pod: "poolmgr-go-default-516098-5bdbf8c8f5-g8gvc", Image: "fission/fetcher:1.13.1"}, field: [2]string{"fd.name", "192.168.43.223:39526->10.100.0.1:443"}}},
	"falco/17-falco-internal-metrics-snapshot.json":       {{ignored: "about itself"}},
	"falco/19-falco-internal-metrics-snapshot.json":       {{ignored: "about itself"}},
	"falco/21-terminal-shell-in-container.json":           {{rule: "Terminal shell in container", severity: Critical, stage: "execution", time: "2023-05-25T13:44:05.478445995Z", subject: Subject{Namespace: "default", Pod: "kubecon", Image: "docker.io/library/alpine"}, field: [2]string{"evt.time", "1685022245478445995"}}},
	"falco/23-falco-internal-metrics-snapshot.json":       {{ignored: "about itself"}},
	"falco/aks-2025-02-event.json":                        {{rule: "Read sensitive file untrusted", severity: Medium, stage: "credential_access", techniques: []string{"T1555"}, time: "2025-11-24T13:23:47.646127337Z", subject: Subject{Namespace: "default", Pod: "hellofalco", Container: "hellofalco", Image: "docker.io/library/nginx:latest"}, field: [2]string{"proc.cmdline", "cat /etc/shadow"}}},
	"falco/aks-2025-04-event.json":                        {{rule: "Container Spawned", severity: Informational, time: "2025-11-24T14:22:42.070202Z", subject: Subject{Namespace: "default", Pod: "hellofalco", Container: "hellofalco", Image: "docker.io/library/nginx:latest"}}},
	"falco/plugins-01-event.json":                         {{rule: "Read sensitive file untrusted", severity: Medium, stage: "credential_access", techniques: []string{"T1555"}, time: "2025-05-07T12:50:34.502309868Z", field: [2]string{"container.name", "host"}}},
	"falco/plugins-03-event.json":                         {{rule: "GCP Bucket configured to be public", severity: Critical, time: "2023-06-30T00:36:21.780289Z", field: [2]string{"gcp.callerIP", "156.204.230.94"}}},
	"falco/plugins-05-event.json":                         {{rule: "GCP IAM serviceAccount deleted", severity: Low, time: "2023-06-29T23:48:23.599777Z"}},
	"falcosidekick/alertmanager_test-input-1.json":        {{ignored: "about itself"}},
	"falcosidekick/alertmanager_test-input-3.json":        {{ignored: "about itself"}},
	"falcosidekick/alertmanager_test-output-2.json":       {{where: "[0]", ignored: "about itself"}},
	"falcosidekick/client_test-input.json":                {{ignored: "test rule"}},
	"alertmanager/alertmonitor-01-alertmonitor_swarm.json": {
		{where: "alerts[0]", rule: "ICMP ping failed", severity: High, time: "2019-09-27T16:27:56.612666101Z", field: [2]string{"instance", "172.29.254.30"}},
		{where: "alerts[1]", rule: "ICMP ping failed", severity: High, time: "2019-09-27T16:27:56.612666101Z", field: [2]string{"instance", "172.29.254.50"}},
		{where: "alerts[2]", rule: "ICMP ping failed", severity: High, time: "2019-09-27T16:27:56.612666101Z", field: [2]string{"instance", "172.29.254.66"}},
	},
	"alertmanager/am-executor-alert_payload.json": {
		{where: "alerts[0]", rule: "InstanceDown", time: "2016-04-07T16:08:52Z", field: [2]string{"instance", "localhost:1234"}},
		{where: "alerts[1]", rule: "InstanceDown", time: "2016-04-07T16:08:52Z", field: [2]string{"instance", "localhost:5678"}},
	},
	"alertmanager/kubernaut-high-memory-alert.json": {{where: "alerts[0]", rule: "HighMemoryUsage", severity: Medium, time: "2024-08-25T10:30:00Z", subject: Subject{
		Cluster: "openshift-prod", Namespace: "production", Pod: "webapp-deployment-5c7d8f9b4c-xyz123", Container: "webapp", Workload: Workload{"Deployment", "webapp-deployment"},
	}, field: [2]string{"annotations.memory_usage_bytes", "2040109465"}}},
	"alertmanager/kubernaut-multiple-alerts.json": {
		{where: "alerts[0]", rule: "HighMemoryUsage", severity: Medium, time: "2024-08-25T13:00:00Z", subject: Subject{Cluster: "openshift-prod", Namespace: "production", Pod: "frontend-5d6b7c8d9f-123abc", Container: "nginx", Workload: Workload{"Deployment", "frontend"}}},
		{where: "alerts[1]", rule: "CPUThrottlingHigh", severity: Informational, time: "2024-08-25T13:05:00Z", subject: Subject{Cluster: "openshift-prod", Namespace: "production", Pod: "backend-api-7f8d9c6b5a-456def", Container: "api", Workload: Workload{"Deployment", "backend-api"}}},
		{where: "alerts[2]", rule: "PodNotReady", severity: Critical, time: "2024-08-25T13:10:00Z", subject: Subject{Cluster: "openshift-prod", Namespace: "production", Pod: "database-backup-cronjob-789ghi"}},
	},
	"alertmanager/kubernaut-pod-crash.json":              {{where: "alerts[0]", rule: "PodCrashLooping", severity: Critical, time: "2024-01-15T14:15:00Z", subject: Subject{Namespace: "production", Pod: "api-server-789def", Container: "api", Node: "worker-1", Workload: Workload{"Deployment", "api-server"}}}},
	"alertmanager/kubernaut-prometheus-alert-sev1.json":  {{where: "alerts[0]", rule: "ProductionOutage", severity: Critical, time: "2026-01-15T12:00:00Z", subject: Subject{Namespace: "production", Pod: "api-server-xyz", Workload: Workload{"Deployment", "api-server"}}}},
	"alertmanager/kubernaut-sample-alert.json":           {{where: "alerts[0]", rule: "HighMemoryUsage", severity: Medium, time: "2024-01-15T10:30:00Z", subject: Subject{Namespace: "production", Pod: "app-xyz-abc123", Container: "app", Node: "worker-1", Workload: Workload{"Deployment", "app-xyz"}}}},
	"cloudevents/falcosidekick-cloudevent-text-dump.txt": {{problem: "not JSON"}}, // how the SDK prints an event
	"cloudevents/spec-02-event.json":                     {{ignored: "no alert"}},
	"cloudevents/spec-04-event.json":                     {{ignored: "no alert"}},
	"cloudevents/spec-06-event.json":                     {{ignored: "no alert"}},
	"cloudevents/spec-08-event.json":                     {{ignored: "no alert"}},
	"cloudevents/spec-10-event.json":                     {{problem: "lies elsewhere"}}, // dataref
	"cloudevents/spec-12-event.json":                     {{ignored: "no alert"}},
	"cloudevents/spec-14-event.json":                     {{ignored: "no alert"}},
	"cloudevents/spec-16-event.json":                     {{ignored: "no alert"}},
	"cloudevents/spec-18-event.json":                     {{ignored: "no alert"}},
	"cloudevents/spec-20-event.json":                     {{ignored: "no alert"}},
}

func TestEverySampleDecodesOrIsRefusedWithItsReason(t *testing.T) {
	if _, err := os.Stat(samples); err != nil {
		t.Skip("../shared/samples is not beside this checkout")
	}
	seen := map[string]bool{}
	for _, dir := range []string{"falco", "falcosidekick", "alertmanager", "cloudevents"} {
		entries, err := os.ReadDir(filepath.Join(samples, dir))
		require.NoError(t, err)
		for _, entry := range entries {
			if entry.Name() == "SOURCES.md" {
				continue
			}
			name := dir + "/" + entry.Name()
			seen[name] = true
			t.Run(name, func(t *testing.T) {
				data, err := os.ReadFile(filepath.Join(samples, name))
				require.NoError(t, err)
				items, err := Decode(data, Options{})
				require.NoError(t, err)
				check(t, sampleWants[name], items)
			})
		}
	}
	for name := range sampleWants {
		require.True(t, seen[name], "%s is gone", name)
	}
}

func check(t *testing.T, wants []want, items []Item) {
	t.Helper()
	require.Len(t, items, len(wants))
	for i, w := range wants {
		item := items[i]
		require.Equal(t, w.where, item.Where)
		if w.ignored != "" || w.problem != "" {
			require.Nil(t, item.Alert)
			require.Contains(t, item.Ignored, w.ignored)
			require.Contains(t, item.Problem, w.problem)
			require.Equal(t, w.ignored == "", item.Ignored == "")
			require.Equal(t, w.problem == "", item.Problem == "")
			continue
		}
		a := item.Alert
		require.NotNil(t, a, "%+v", item)
		require.Equal(t, w.rule, a.Rule)
		require.Equal(t, w.severity.String(), a.Severity.String())
		require.Equal(t, w.subject, a.Subject)
		require.Equal(t, w.stage, a.Stage)
		require.ElementsMatch(t, w.techniques, a.Techniques)
		require.Equal(t, w.time, a.Time.Format(time.RFC3339Nano))
		if w.field[0] != "" {
			require.Equal(t, w.field[1], a.Fields[w.field[0]])
		}
		require.Regexp(t, `^[a-z-]+:[0-9a-f]{32}$`, a.ID)
		require.Regexp(t, `^sha256:[0-9a-f]{64}$`, a.Digest)
		require.False(t, a.Truncated)
		text, err := json.Marshal(a)
		require.NoError(t, err)
		require.NotContains(t, string(text), "[redacted", "a false alarm")
		require.NotContains(t, string(text), "null")
	}
}

func TestSampleAlertsDifferInTheirIDs(t *testing.T) {
	if _, err := os.Stat(samples); err != nil {
		t.Skip("../shared/samples is not beside this checkout")
	}
	ids := map[string]string{}
	for name := range sampleWants {
		data, err := os.ReadFile(filepath.Join(samples, name))
		require.NoError(t, err)
		items, err := Decode(data, Options{})
		require.NoError(t, err)
		for _, item := range items {
			if item.Alert != nil {
				require.Empty(t, ids[item.Alert.ID], "%s %s", name, item.Where)
				ids[item.Alert.ID] = strings.TrimSpace(name + " " + item.Where)
			}
		}
	}
	require.Greater(t, len(ids), 15)
}
