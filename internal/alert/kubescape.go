package alert

import "strconv"

// Kubescape is Kubescape's node agent.
const Kubescape Source = "kubescape"

func looksKubescape(n *node) bool {
	return n.get("BaseRuntimeMetadata") != nil || n.get("kind").plain() == "RuntimeAlerts" ||
		n.get("alertName") != nil && (n.get("ruleID") != nil || n.get("workloadName") != nil)
}

// decodeKubescape reads a line of the node agent's log, and what its HTTP
// exporter posts, which has the same fields without their groups
// (https://github.com/armosec/armoapi-go, armotypes/runtimeincidents.go).
func decodeKubescape(d *decoding, n *node, where string) {
	if n.get("kind").plain() != "RuntimeAlerts" {
		d.kubescape(n, where)
		return
	}
	r := d.read(n)
	all := r.list("spec.alerts")
	switch {
	case r.err != nil:
		d.problem(where, r.err)
	case len(all) == 0:
		d.ignore(where, "a list without alerts")
	}
	for i := range all {
		if len(d.items) > MaxAlerts {
			return
		}
		d.kubescape(&all[i], element(where, "spec.alerts", i))
	}
}

func (d *decoding) kubescape(n *node, where string) {
	if n.kind != object {
		d.problem(where, problem("want an object"))
		return
	}
	r := d.read(n)
	base, k8s, rule := "", "", "ruleID"
	if n.get("BaseRuntimeMetadata") != nil {
		base, k8s, rule = "BaseRuntimeMetadata.", "RuntimeK8sDetails.", "RuleID"
	}
	a := Alert{Source: Kubescape, Rule: r.first(base+"alertName", rule), Severity: kubescapeSeverity(r.plain(base + "severity")), Time: r.time(base + "timestamp")}
	a.Subject = Subject{
		Cluster: r.name(k8s + "clusterName"), Namespace: r.name(k8s+"podNamespace", k8s+"namespace", k8s+"workloadNamespace"),
		Pod: r.name(k8s + "podName"), PodUID: r.name(k8s + "podUID"), Container: r.name(k8s + "containerName"), Image: r.image(k8s+"image", k8s+"imageDigest"),
		Node: r.name(k8s+"nodeName", "event.k8s.node"), Workload: Workload{r.name(k8s + "workloadKind"), r.name(k8s + "workloadName")},
	}
	for _, other := range []string{r.name(k8s + "namespace"), r.name(k8s + "workloadNamespace")} {
		if other != "" && other != a.Subject.Namespace {
			r.fail("podNamespace, namespace and workloadNamespace contradict each other: what was hit is not known")
		}
	}
	a.ID = identify(Kubescape, "event", a.Subject.Cluster, r.str(k8s+"containerID"), r.str(rule), r.str(base+"uniqueID"), r.str(base+"timestamp"), r.plain(base+"infectedPID"), r.plain(base+"arguments"))
	r.indicate(typeSHA256, r.str(base+"sha256Hash"))
	r.indicate(typeDomain, r.first(base+"arguments.domain", "networkscan.domain"))
	r.peers(r.str(base+"arguments.ip"), r.str(base+"arguments.dstIP"), r.str("attackerIp"))
	r.technique(r.str(base+"mitreTechnique"), r.str("mitreTechnique"))
	r.tactic(r.first(base+"mitreTactic", "mitreTactic"))
	r.add("rule.id", r.str(rule))
	r.keep("message", "ruleDescription", "hostName")
	for _, name := range []string{"infectedPID", "severity", "uniqueID", "md5Hash", "sha1Hash", "fixSuggestions"} {
		r.add(name, r.plain(base+name))
	}
	r.add("containerID", r.plain(k8s+"containerID"))
	r.flatten("arguments", r.n.at(base+"arguments"), 0)
	r.flatten("processTree", r.n.at("RuntimeProcessDetails.processTree"), 0)
	r.keepAll("processTree")
	d.made(where, r, a)
}

// kubescapeSeverity maps the priorities of rules: 1, 5, 8 and 10.
func kubescapeSeverity(word string) Severity {
	n, err := strconv.Atoi(word)
	switch {
	case err != nil || n < 0 || n > 10:
		return SeverityUnknown
	case n == 0:
		return Informational
	case n < 5:
		return Low
	case n < 8:
		return Medium
	case n < 10:
		return High
	}
	return Critical
}
