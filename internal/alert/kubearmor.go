package alert

import (
	"strconv"
	"strings"
	"time"
)

// KubeArmor is KubeArmor.
const KubeArmor Source = "kubearmor"

func looksKubeArmor(n *node) bool {
	return n.get("Timestamp") != nil && n.get("HostName") != nil && (n.get("Operation") != nil || n.get("PolicyName") != nil)
}

// decodeKubeArmor reads an alert or a log of what was seen
// (https://docs.kubearmor.io/kubearmor/documentation/kubearmor-events).
// An alert is what a policy matched; a log is informational.
func decodeKubeArmor(d *decoding, n *node, where string) {
	r := d.read(n)
	a := Alert{Source: KubeArmor, Rule: r.str("PolicyName"), Severity: kubearmorSeverity(r.plain("Severity")), Time: r.time("UpdatedTime")}
	if a.Time.IsZero() {
		a.Time = r.unix("Timestamp", time.Second)
	}
	if kind := r.str("Type"); a.Rule == "" && strings.HasSuffix(kind, "Log") {
		a.Rule, a.Severity = kind+"/"+r.str("Operation"), Informational
	}
	a.Subject = Subject{
		Namespace: r.name("NamespaceName"), Pod: r.name("PodName"), Container: r.name("ContainerName"), Image: r.image("ContainerImage", ""), Node: r.name("HostName"),
		Workload: Workload{r.name("Owner.Ref"), r.name("Owner.Name")},
	}
	// KubeArmor's own default says nothing about which cluster it is.
	if cluster := r.name("ClusterName"); !strings.EqualFold(cluster, "default") {
		a.Subject.Cluster = cluster
	}
	if other := r.name("Owner.Namespace"); other != "" && a.Subject.Namespace != "" && other != a.Subject.Namespace {
		r.fail("NamespaceName and Owner.Namespace contradict each other: what was hit is not known")
	}
	a.ID = identify(KubeArmor, "event", r.str("UpdatedTime"), r.plain("Timestamp"), r.str("HostName"), a.Rule, r.plain("HostPID"), r.str("Operation"), r.str("Resource"), r.str("Data"))
	r.tags = append(strings.FieldsFunc(r.str("Tags"), func(c rune) bool { return c == ',' }), r.strs("ATags")...)
	r.technique(r.tags...)
	kubearmorPeers(r)
	r.keep("Type", "Operation", "Action", "Result", "Enforcer", "Source", "Resource", "Data", "Message", "Labels", "Severity", "Cwd", "TTY", "ContainerID")
	r.keep("ProcessName", "ParentProcessName", "PID", "PPID", "HostPID", "HostPPID", "UID")
	d.made(where, r, a)
}

// kubearmorSeverity maps 1 to 10, where 1 is what a policy has that says nothing.
func kubearmorSeverity(word string) Severity {
	n, err := strconv.Atoi(word)
	switch {
	case err != nil || n < 1 || n > 10:
		return SeverityUnknown
	case n <= 2:
		return Low
	case n <= 5:
		return Medium
	case n <= 8:
		return High
	}
	return Critical
}

// kubearmorPeers reads what KubeArmor's probes wrote as key=value of a
// connection, and of a question to DNS.
func kubearmorPeers(r *reading) {
	if r.str("Operation") != "Network" {
		return
	}
	for _, field := range []string{"Data", "Resource"} {
		for pair := range strings.FieldsFuncSeq(r.str(field), func(c rune) bool { return c == ',' || c == ' ' }) {
			switch key, value, _ := strings.Cut(pair, "="); key {
			case "daddr", "remoteip", "sin_addr":
				r.peers(value)
			case "domain":
				r.indicate(typeDomain, value)
			}
		}
	}
}
