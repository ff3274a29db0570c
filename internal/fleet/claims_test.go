package fleet

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClaims(t *testing.T) {
	volumes := "spec: {volumes: [{name: a, persistentVolumeClaim: {claimName: shared}}, {name: b, emptyDir: {}}, {name: c, ephemeral: {volumeClaimTemplate: {}}}], containers"
	ix := indexOf(t,
		strings.Replace(manifest("Deployment", "shop", "web"), "spec: {containers", volumes, 1),
		strings.Replace(manifest("CronJob", "shop", "report"), "spec: {containers", volumes, 1),
		manifest("DaemonSet", "shop", "agent"),
		"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db, namespace: shop}\nspec: {replicas: 2, ordinals: {start: 5}, selector: {matchLabels: {app: db}}, serviceName: db, "+
			"volumeClaimTemplates: [{metadata: {name: data}}, {metadata: {name: wal}}], template: {metadata: {labels: {app: db}}, spec: {containers: [{name: a, image: a}]}}}\n",
		"apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: shared, namespace: shop}\nspec: {}\n",
	)
	claims := func(kind, name string) (out []string) {
		for _, c := range ix.Claims(workload(t, ix, kind, "shop", name)) {
			out = append(out, c.Name+" "+c.Template+" "+c.Ref.Name)
		}
		return out
	}
	require.Equal(t, []string{"shared  shared"}, claims("Deployment", "web"))
	require.Equal(t, []string{"shared  shared"}, claims("CronJob", "report"))
	require.Empty(t, claims("DaemonSet", "agent"))
	require.Equal(t, []string{"data-db-5 data ", "data-db-6 data ", "wal-db-5 wal ", "wal-db-6 wal "}, claims("StatefulSet", "db"))
}
