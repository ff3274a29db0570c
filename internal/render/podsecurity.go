package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/irgit/irgit/internal/strict"
)

// beyond lists, each as half a sentence, what a pod asks for that the level
// restricted of the Pod Security Standards forbids and that a pod which asks for
// it cannot do without (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
// What the standard has every container say of itself is not among it.
func beyond(pod map[string]any) []string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, host := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if pod[host] == true {
			say("the pods use %s", host)
		}
	}
	if os, _ := pod["os"].(map[string]any); os["name"] == "windows" {
		say("the pods run on Windows")
	}
	for _, v := range mappings(pod["volumes"]) {
		for _, kind := range sorted(v) {
			if kind != "name" && !slices.Contains(volumeKinds, kind) {
				say("volume %s is a %s", text(v["name"]), kind)
			}
		}
	}
	all = append(all, contextBeyond("the pod", pod["securityContext"])...)
	for _, list := range []string{"initContainers", "containers"} {
		for _, c := range mappings(pod[list]) {
			name := "container " + text(c["name"])
			for _, p := range mappings(c["ports"]) {
				if port := p["hostPort"]; port != nil && fmt.Sprint(port) != "0" {
					say("%s uses port %v of the host", name, port)
				}
			}
			all = append(all, contextBeyond(name, c["securityContext"])...)
		}
	}
	return all
}

// contextBeyond judges a securityContext.
func contextBeyond(who string, v any) (all []string) {
	context, _ := v.(map[string]any)
	say := func(what string) { all = append(all, who+" "+what) }
	if context["privileged"] == true {
		say("is privileged")
	}
	if mount := text(context["procMount"]); mount != "" && mount != "Default" {
		say("mounts /proc " + strings.ToLower(mount))
	}
	for _, field := range []string{"seLinuxOptions", "windowsOptions"} {
		if below, _ := context[field].(map[string]any); len(below) > 0 {
			say("sets " + strict.Join("securityContext", field))
		}
	}
	if armor, _ := context["appArmorProfile"].(map[string]any); armor["type"] == "Unconfined" {
		say("is left unconfined by AppArmor")
	}
	for _, s := range mappings(context["sysctls"]) {
		if name := text(s["name"]); !slices.Contains(safeSysctls, name) {
			say("sets the sysctl " + name)
		}
	}
	return all
}

var (
	volumeKinds = []string{"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
	safeSysctls = []string{
		"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
		"net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
	}
)

// mappings are the mappings of a list.
func mappings(v any) (out []map[string]any) {
	list, _ := v.([]any)
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}
