package alert

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const reportYAML = `# kubectl get policyreport -o yaml
apiVersion: wgpolicyk8s.io/v1alpha2
kind: PolicyReport
metadata: {name: r, namespace: web}
scope: {kind: Pod, name: "1e3"}
results:
- {policy: p, result: fail, timestamp: {seconds: 1767225600, nanos: 0}}
`

func TestReportsInYAML(t *testing.T) {
	items := decode(t, reportYAML+"---\n"+strings.Replace(reportYAML, "fail", "pass", 1)+"---\nkind: a\nkind: b\n")
	require.Len(t, items, 3)
	require.Equal(t, "document 1.results[0]", items[0].Where)
	require.Equal(t, Subject{Namespace: "web", Pod: "1e3"}, items[0].Alert.Subject)
	require.Contains(t, items[1].Ignored, "1 results that passed")
	require.Contains(t, items[2].Problem, "every key once")
	require.Contains(t, problemOf(t, "rule: r\noutput: o\n"), "not JSON", "only Kubernetes objects come as YAML")
}

func TestThreatA5YAMLThatGrows(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("apiVersion: wgpolicyk8s.io/v1alpha2\nkind: PolicyReport\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := range 9 {
		bomb.WriteString("a" + string(rune('1'+i)) + ": &a" + string(rune('1'+i)) + " [" + strings.TrimSuffix(strings.Repeat("*a"+string(rune('0'+i))+",", 10), ",") + "]\n")
	}
	require.Contains(t, problemOf(t, bomb.String()), "every key once")
	require.NotEmpty(t, problemOf(t, "apiVersion: wgpolicyk8s.io/v1alpha2\nkind: PolicyReport\na: "+strings.Repeat("[", 100_000)))
}
