package render_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/policy"
)

// A pod that is for what restricted forbids is not broken by halves.
func TestRespawnHardenedRefuses(t *testing.T) {
	frontend := func(old, with string) edit { return replaced(t, "apps/base/web/frontend.yaml", old, with) }
	for name, c := range map[string]struct {
		fleet  edit
		target string
		action policy.Action
		want   string
	}{
		"host network":   {nil, "infra/node-agent", act("respawn-hardened"), "the pods use hostNetwork"},
		"host path":      {frontend("      containers:\n", "      volumes: [{name: run, hostPath: {path: /run}}]\n      containers:\n"), "web/frontend", act("respawn-hardened"), "volume run is a hostPath"},
		"privileged":     {frontend("        - name: nginx\n", "        - name: nginx\n          securityContext: {privileged: true}\n"), "web/frontend", act("respawn-hardened"), "container nginx is privileged"},
		"root":           {frontend("      containers:\n", "      securityContext: {runAsUser: 0}\n      containers:\n"), "web/frontend", act("respawn-hardened"), "parameter user names another"},
		"container root": {frontend("        - name: nginx\n", "        - name: nginx\n          securityContext: {runAsUser: 0}\n"), "web/frontend", act("respawn-hardened"), "parameter user names another"},
		"named user":     {frontend("        - name: nginx\n", "        - name: nginx\n          securityContext: {runAsUser: 0}\n"), "web/frontend", act("respawn-hardened", "user", int64(101)), ""},
		"a Job":          {edit{"apps/base/batch/report.yaml": job}, "batch/report", act("respawn-hardened"), "irgit respawns no Job"},
		"a Rollout": {
			frontend("apiVersion: apps/v1\nkind: Deployment\n", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\n"), "web/frontend", act("respawn-hardened"), "a patch would replace them",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, newFleet(t, edits(c.fleet)...), "prod-eu", c.target, c.action)
			if c.want != "" {
				require.Contains(t, misfit(t, catalogue(t), r), c.want)
				return
			}
			proved(t, catalogue(t), r)
		})
	}
	for parameters, want := range map[string][]any{
		"nodeLabel, which is missing":          {"nodeValue", "a"},
		"without readOnlyRoot":                 {"readOnlyRoot", false, "writable", []any{"/var"}},
		`"../x" does not match`:                {"writable", []any{"../x"}},
		`"/a b" does not match`:                {"writable", []any{"/a b"}},
		"parameter user: -1 is out of bounds":  {"user", int64(-1)},
		`parameter runtimeClass: "A" does not`: {"runtimeClass", "A"},
	} {
		require.Contains(t, strings.Join(catalogue(t).CheckParameters("respawn-hardened", act("", want...).Parameters), "; "), parameters)
	}
}

// What the reviewer has to know before the pods are replaced.
func TestRespawnHardenedWarns(t *testing.T) {
	warnings := func(action policy.Action, edits ...edit) string {
		b, _, _ := proved(t, catalogue(t), request(t, newFleet(t, edits...), "prod-eu", "web/frontend", action))
		return strings.Join(b.Steps[0].Warnings, "\n")
	}
	said := warnings(act("respawn-hardened"))
	require.Contains(t, said, "nothing in Git says that nginx runs as another user than root")
	require.Contains(t, said, "the root file system of nginx becomes read-only")
	require.NotContains(t, said, "without the token")
	require.Empty(t, warnings(act("respawn-hardened", "user", int64(101), "readOnlyRoot", false)))
	bound := replaced(t, "apps/base/web/frontend.yaml", "apiVersion: v1\nkind: ServiceAccount\n", reader+"apiVersion: v1\nkind: ServiceAccount\n")
	require.Contains(t, warnings(act("respawn-hardened"), bound), "without the token it cannot do what RoleBinding reader allows it")
	require.NotContains(t, warnings(act("respawn-hardened", "token", true), bound), "without the token")
}

const reader = `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
  - {kind: Group, apiGroup: rbac.authorization.k8s.io, name: auditors}
  - {kind: ServiceAccount, name: frontend, namespace: web}
---
`
