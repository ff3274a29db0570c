package alert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PolicyReport is the report that policy engines and scanners write.
const PolicyReport Source = "policyreport"

// reportGroups are the API groups of reports: that of the working group, the
// one it moves to, and OpenReports.
var reportGroups = []string{"wgpolicyk8s.io/", "reports.x-k8s.io/", "openreports.io/"}

func isReport(n *node) bool {
	group := n.get("apiVersion").plain()
	return slices.ContainsFunc(reportGroups, func(g string) bool { return strings.HasPrefix(group, g) }) && strings.Contains(n.get("kind").plain(), "Report")
}

func looksPolicyReport(n *node) bool {
	if isReport(n) {
		return true
	}
	items := n.get("items")
	return items != nil && slices.ContainsFunc(items.items, func(n node) bool { return isReport(&n) })
}

// decodePolicyReport reads a report, of a namespace or the cluster, or a list
// of them (https://github.com/kubernetes-sigs/wg-policy-prototypes, and
// https://github.com/openreports/reports-api). Each result that failed is an
// alert for each thing that it is about.
func decodePolicyReport(d *decoding, n *node, where string) {
	if n.get("items") == nil {
		d.report(n, where)
		return
	}
	r := d.read(n)
	reports := r.list("items")
	if r.err != nil {
		d.problem(where, r.err)
	} else if len(reports) == 0 {
		d.ignore(where, "a list without reports")
	}
	for i := range reports {
		if len(d.items) > MaxAlerts {
			return
		}
		d.report(&reports[i], element(where, "items", i))
	}
}

func (d *decoding) report(n *node, where string) {
	if n.kind != object || !isReport(n) {
		d.problem(where, problem("want a report of wgpolicyk8s.io, reports.x-k8s.io or openreports.io"))
		return
	}
	r := d.read(n)
	results := r.list("results")
	about := r.reportScope()
	if r.err != nil {
		d.problem(where, r.err)
		return
	}
	fine, silent := 0, 0
	for i := range results {
		if len(d.items) > MaxAlerts {
			return
		}
		switch said := resultOf(&results[i]); said {
		case "pass", "skip":
			fine++
		case "":
			silent++
		default:
			d.result(n, &results[i], said, about, element(where, "results", i))
		}
	}
	if fine > 0 || len(results) == 0 {
		d.ignore(where, fmt.Sprintf("%d results that passed or were skipped", fine))
	}
	if silent > 0 {
		d.ignore(where, fmt.Sprintf("%d results that do not say what came of it", silent))
	}
}

// resultOf is what came of a result; the first version called it a status.
func resultOf(n *node) string {
	if said := n.get("result"); said != nil {
		return said.plain()
	}
	return n.get("status").plain()
}

// about is what a result is about, in Kubernetes' words.
type about struct{ kind, namespace, name, uid string }

// reportScope is what all of a report is about: its scope, or the owner for
// which a controller wrote it.
func (r *reading) reportScope() about {
	namespace := r.name("metadata.namespace")
	if r.n.get("scope") != nil {
		return about{r.name("scope.kind"), r.first("scope.namespace", "metadata.namespace"), r.name("scope.name"), r.name("scope.uid")}
	}
	if owners := r.list("metadata.ownerReferences"); len(owners) == 1 {
		o := &owners[0]
		return about{o.get("kind").plain(), namespace, o.get("name").plain(), o.get("uid").plain()}
	}
	return about{namespace: namespace}
}

func (d *decoding) result(report, n *node, said string, scope about, where string) {
	r := d.read(n)
	things := append(r.list("resources"), r.list("subjects")...)
	if r.err != nil {
		d.problem(where, r.err)
		return
	}
	if len(things) == 0 {
		d.finding(report, n, said, scope, where)
	}
	for i := range things {
		thing := &things[i]
		namespace := thing.get("namespace").plain()
		if namespace == "" {
			namespace = scope.namespace
		}
		at := where
		if len(things) > 1 {
			at = element(where, "resources", i)
		}
		d.finding(report, n, said, about{thing.get("kind").plain(), namespace, thing.get("name").plain(), thing.get("uid").plain()}, at)
	}
}

func (d *decoding) finding(report, n *node, said string, on about, where string) {
	r := d.read(n)
	a := Alert{Source: PolicyReport, Rule: ruleOfResult(r), Severity: severityOf(labelSeverities, r.str("severity")), Time: r.seconds("timestamp")}
	switch {
	case a.Severity != SeverityUnknown:
	case said == "fail":
		a.Severity = Medium
	case said == "warn" || said == "error":
		a.Severity = Low
	default:
		r.fail("result: want pass, fail, warn, error or skip")
	}
	// KubeArmor's adapter names the pod in its properties alone.
	if on.name == "" && strings.HasPrefix(r.str("source"), "KubeArmor") {
		on.kind, on.name = "Pod", r.str("properties.pod_name")
		a.Subject.Cluster, a.Subject.Container, a.Subject.Node = r.name("properties.cluster_name"), r.name("properties.container_name"), r.name("properties.host_name")
		if strings.EqualFold(a.Subject.Cluster, "default") {
			a.Subject.Cluster = ""
		}
	}
	a.Subject.Namespace = r.limited("namespace", on.namespace, maxName)
	name := r.limited("name", on.name, maxName)
	switch kind := workloadKind(on.kind); {
	case on.kind == "Pod":
		a.Subject.Pod, a.Subject.PodUID = name, r.limited("uid", on.uid, maxName)
	case kinds[strings.ToLower(kind)] != "":
		a.Subject.Workload = Workload{kind, name}
	case on.kind == "Namespace" && a.Subject.Namespace == "":
		a.Subject.Namespace = name
	case on.kind == "ServiceAccount":
		a.Subject.ServiceAccount = name
	}
	a.ID = identify(PolicyReport, "result", report.at("metadata.uid").plain(), report.at("metadata.namespace").plain(), report.at("metadata.name").plain(),
		a.Rule, on.kind, on.namespace, on.name, said, r.plain("timestamp.seconds"), digest(n.raw))
	r.technique(r.str("category"))
	r.add("result", said)
	r.add("resource.kind", on.kind)
	r.add("resource.name", on.name)
	r.keep("policy", "rule", "message", "description", "category", "source", "severity", "scored")
	r.keepAll("properties")
	d.made(where, r, a)
}

// ruleOfResult is policy/rule as far as a result names them; scanners for
// vulnerabilities name what they found among the properties.
func ruleOfResult(r *reading) string {
	policy, rule := r.str("policy"), r.str("rule")
	if policy != "" && rule != "" {
		return policy + "/" + rule
	}
	if policy+rule != "" {
		return policy + rule
	}
	return r.first("properties.VulnerabilityID", "category")
}

// seconds reads the seconds of protobuf's Timestamp. Adapters write anything
// into its nanoseconds.
func (r *reading) seconds(path string) time.Time {
	n, err := strconv.ParseInt(r.plain(path+".seconds"), 10, 64)
	if err != nil || n <= 0 || n > int64(maxTime/time.Second) {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
