package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/gitops/gittest"
)

// One line of every source that names pods or workloads, all about the pod of
// one Deployment: where an alert says what it hit does not depend on who says it.
var aboutPayments = map[string]string{
	"kubernetes-audit": `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseStarted","verb":"create","user":{"username":"dana"},"objectRef":{"resource":"pods","subresource":"exec","namespace":"payments","name":"POD"},"responseStatus":{"code":101},"requestReceivedTimestamp":"2026-01-01T00:00:00Z"}`,
	"by its token":     `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"b","stage":"ResponseComplete","verb":"list","user":{"username":"system:serviceaccount:payments:payments","extra":{"authentication.kubernetes.io/pod-name":["POD"]}},"objectRef":{"resource":"secrets"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-01-01T00:00:00Z"}`,
	"tetragon":         `{"process_kprobe":{"process":{"exec_id":"x","binary":"/bin/sh","pod":{"namespace":"payments","name":"POD","workload":"payments","workload_kind":"Deployment","container":{"name":"payments"}}},"function_name":"f","policy_name":"p"},"node_name":"n","time":"2026-01-01T00:00:00Z"}`,
	"without a kind":   `{"process_exec":{"process":{"exec_id":"y","pod":{"namespace":"payments","name":"POD","workload":"payments"}}},"node_name":"n","time":"2026-01-01T00:00:00Z"}`,
	"tracee":           `{"timestamp":1767225600000000000,"eventName":"ptrace","processName":"x","kubernetes":{"podName":"POD","podNamespace":"payments"},"args":[]}`,
	"tracee v1beta1":   `{"name":"x","timestamp":"2026-01-01T00:00:00Z","threat":{"name":"T","severity":"HIGH"},"workload":{"k8s":{"pod":{"name":"POD"},"namespace":{"name":"payments"}}}}`,
	"kubearmor":        `{"Timestamp":1767225600,"HostName":"n","NamespaceName":"payments","PodName":"POD","Owner":{"Ref":"Deployment","Name":"payments","Namespace":"payments"},"PolicyName":"p","Operation":"File"}`,
	"kubescape":        `{"alertName":"x","ruleID":"R1","podName":"POD","podNamespace":"payments","workloadName":"payments","workloadKind":"Deployment","timestamp":"2026-01-01T00:00:00Z"}`,
	"guardduty":        `{"id":"g","type":"Execution:Runtime/NewBinaryExecuted","service":{"detectorId":"d"},"resource":{"kubernetesDetails":{"kubernetesWorkloadDetails":{"name":"payments","type":"deployments","namespace":"payments"}}}}`,
	"policyreport":     `{"apiVersion":"openreports.io/v1alpha1","kind":"Report","metadata":{"namespace":"payments"},"results":[{"policy":"p","result":"fail","subjects":[{"kind":"Pod","name":"POD","namespace":"payments"}]}]}`,
	"envoy":            `{"start_time":"2026-01-01T00:00:00Z","response_code":403,"response_flags":"-","response_code_details":"rbac_access_denied_matched_policy[none]","kubernetes":{"namespace_name":"payments","pod_name":"POD"}}`,
	"coraza":           `{"transaction":{"id":"c","client_ip":"203.0.113.9","request":{}},"messages":[{"data":{"id":942100,"msg":"SQL Injection","severity":2}}],"kubernetes":{"namespace_name":"payments","pod_name":"POD"}}`,
}

func TestEverySourceLeadsToItsWorkload(t *testing.T) {
	f := newFleet(t, gittest.Options{}, nil)
	var names, lines []string
	for name, line := range aboutPayments {
		names = append(names, name)
		lines = append(lines, strings.ReplaceAll(line, "POD", "payments-6d4cf56db6-x2x9p"))
	}
	code, out, stderr := irgit(t, nil, "policy", "explain", "--cache", cache, "--repo", f.url, "--cluster", "prod-eu", "--alert", f.file("all.ndjson", strings.Join(lines, "\n")), "-o", "json")
	require.Equal(t, exitOK, code, stderr)
	decoder := json.NewDecoder(strings.NewReader(out))
	for _, name := range names {
		var x struct{ Target, Why, NotTaken string }
		require.NoError(t, decoder.Decode(&x), name)
		require.Equal(t, "Deployment payments/payments in prod-eu", x.Target, "%s: %s%s", name, x.Why, x.NotTaken)
	}
	require.False(t, decoder.More())
}
