package render

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/internal/manifest"
)

func TestBeyondRestricted(t *testing.T) {
	for pod, want := range map[string][]string{
		`{"containers": [{"name": "a", "image": "a", "securityContext": {"privileged": false, "procMount": "Default"}, "ports": [{"containerPort": 80}]}]}`: nil,
		`{"volumes": [{"name": "a"}, {"name": "b", "emptyDir": {}}, {"name": "c", "secret": {"secretName": "c"}}]}`:                                         nil,
		`{"hostNetwork": true, "hostPID": false, "hostIPC": true}`:                                                                                          {"the pods use hostNetwork", "the pods use hostIPC"},
		`{"os": {"name": "windows"}}`: {"the pods run on Windows"},
		`{"volumes": [{"name": "sock", "hostPath": {"path": "/run"}}, {"name": "n", "nfs": {}}]}`: {"volume sock is a hostPath", "volume n is a nfs"},
		`{"initContainers": [{"name": "i", "securityContext": {"privileged": true}}]}`:            {"container i is privileged"},
		`{"containers": [{"name": "a", "ports": [{"hostPort": 80}], "securityContext": {"procMount": "Unmasked", "appArmorProfile": {"type": "Unconfined"}, "seLinuxOptions": {"type": "spc_t"}}}]}`: {
			"container a uses port 80 of the host", "container a mounts /proc unmasked", "container a sets securityContext.seLinuxOptions", "container a is left unconfined by AppArmor",
		},
		`{"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_syncookies"}, {"name": "kernel.msgmax"}], "windowsOptions": {"hostProcess": true}}}`: {
			"the pod sets securityContext.windowsOptions", "the pod sets the sysctl kernel.msgmax",
		},
	} {
		v, err := manifest.Decode([]byte(pod))
		require.NoError(t, err)
		require.Equal(t, want, beyond(v), pod)
	}
}
