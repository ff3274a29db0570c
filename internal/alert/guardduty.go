package alert

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// GuardDuty is Amazon GuardDuty.
const GuardDuty Source = "guardduty"

func looksGuardDuty(n *node) bool {
	if n.get("detail-type").plain() == "GuardDuty Finding" {
		return true
	}
	return n.get("service").get("detectorId") != nil || n.get("Service").get("DetectorId") != nil
}

// decodeGuardDuty reads a finding, as GetFindings gives it or within an event
// of EventBridge, in camel or Pascal case
// (https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html).
func decodeGuardDuty(d *decoding, n *node, where string) {
	finding := n
	if n.get("detail-type") != nil {
		if finding = n.get("detail"); finding == nil || finding.kind != object {
			d.problem(where, problem("detail: want an object"))
			return
		}
	}
	finding, err := camelCased(finding)
	if err != nil {
		d.problem(where, err)
		return
	}
	r := d.read(finding)
	if r.plain("service.archived") == "true" {
		d.ignore(where, "archived: GuardDuty was told to suppress it")
		return
	}
	a := Alert{Source: GuardDuty, Rule: r.str("type"), Severity: guarddutySeverity(r), Time: r.time("service.eventLastSeen", "updatedAt", "createdAt")}
	a.Subject = guarddutySubject(r)
	// A finding that goes on is updated under its id; each update is news.
	a.ID = identify(GuardDuty, "digest", digest(n.raw))
	if id := r.first("arn", "id"); id != "" {
		a.ID = identify(GuardDuty, "finding", id, r.str("updatedAt"))
	}
	if purpose, _, ok := strings.Cut(a.Rule, ":"); ok {
		r.tactic(guarddutyPurposes[purpose])
	}
	if r.plain("service.additionalInfo.sample") == "true" || strings.Contains(r.plain("service.additionalInfo.value"), `"sample":true`) {
		r.tags = append(r.tags, "sample")
	}
	guarddutyIndicators(r)
	r.keep("id", "arn", "title", "description", "accountId", "region", "createdAt", "updatedAt", "severity", "resource.resourceType", "resource.instanceDetails.instanceId")
	r.keep("service.count", "service.resourceRole", "service.eventFirstSeen", "service.eventLastSeen", "service.featureName", "resource.eksClusterDetails.arn")
	r.keep("service.additionalInfo.threatListName", "service.evidence.threatIntelligenceDetails")
	r.keepAll("service.action", "service.runtimeDetails", "resource.kubernetesDetails.kubernetesUserDetails", "resource.accessKeyDetails", "resource.containerDetails")
	r.n = n
	d.made(where, r, a)
}

// camelCased gives an object whose names, and those below, begin with a small
// letter. Two names that become one are a problem.
func camelCased(n *node) (*node, error) {
	out := *n
	out.members = make([]member, len(n.members))
	out.items = make([]node, len(n.items))
	for i, m := range n.members {
		below, err := camelCased(&m.value)
		if err != nil {
			return nil, err
		}
		first, size := utf8.DecodeRuneInString(m.name)
		out.members[i] = member{string(unicode.ToLower(first)) + m.name[size:], *below}
	}
	for i := range n.items {
		below, err := camelCased(&n.items[i])
		if err != nil {
			return nil, err
		}
		out.items[i] = *below
	}
	if _, twice := duplicate(out.members); twice {
		return nil, problem("a field stands there twice, once in camel and once in Pascal case, so that readers may disagree about its value")
	}
	return &out, nil
}

// guarddutySeverity maps GuardDuty's numbers by its own words: low from 1,
// medium from 4, high from 7, critical from 9.
func guarddutySeverity(r *reading) Severity {
	n, err := strconv.ParseFloat(r.plain("severity"), 64)
	switch {
	case err != nil || n < 1 || n > 10:
		return SeverityUnknown
	case n < 4:
		return Low
	case n < 7:
		return Medium
	case n < 9:
		return High
	}
	return Critical
}

// guarddutyPurposes are the threat purposes, the first word of a finding's
// type, that say a tactic.
var guarddutyPurposes = map[string]string{
	"Backdoor": "command_and_control", "CredentialAccess": "credential_access", "CryptoCurrency": "impact", "DefenseEvasion": "defense_evasion",
	"Discovery": "discovery", "Execution": "execution", "Exfiltration": "exfiltration", "Impact": "impact", "InitialAccess": "initial_access",
	"Persistence": "persistence", "PrivilegeEscalation": "privilege_escalation", "Recon": "reconnaissance", "Stealth": "defense_evasion",
}

// guarddutySubject reads the workload that a finding for EKS names. Where it
// names none, what a request to the API server was about is the subject if it
// is a pod or makes pods and was not refused.
func guarddutySubject(r *reading) Subject {
	const workload = "resource.kubernetesDetails.kubernetesWorkloadDetails."
	s := Subject{
		Cluster: r.name("resource.eksClusterDetails.name"), Namespace: r.name(workload + "namespace"), ServiceAccount: r.name(workload + "serviceAccountName"),
		Container: r.name("resource.containerDetails.name"), Image: r.image("resource.containerDetails.image", ""),
	}
	kind, name := r.str(workload+"type"), r.name(workload+"name")
	if containers := r.list(workload + "containers"); len(containers) == 1 && s.Container == "" {
		s.Container = r.limited(workload+"containers", containers[0].get("name").plain(), maxName)
		s.Image = r.limited(workload+"containers", containers[0].get("image").plain(), maxImage)
	}
	const call = "service.action.kubernetesApiCallAction."
	answered := r.plain(call + "statusCode")
	if name == "" && answered < "400" && slices.Contains(podMakers, r.str(call+"resource")) {
		s.Namespace, kind, name = r.name(call+"namespace"), r.str(call+"resource"), r.name(call+"resourceName")
	}
	switch {
	case name == "":
	case strings.EqualFold(kind, "pods"), strings.EqualFold(kind, "pod"):
		s.Pod = name
	default:
		s.Workload = Workload{workloadKind(kind), name}
	}
	return s
}

func guarddutyIndicators(r *reading) {
	for _, action := range []string{"networkConnectionAction", "awsApiCallAction", "kubernetesApiCallAction", "rdsLoginAttemptAction"} {
		r.peers(r.str("service.action."+action+".remoteIpDetails.ipAddressV4"), r.str("service.action."+action+".remoteIpDetails.ipAddressV6"))
	}
	for _, probe := range r.list("service.action.portProbeAction.portProbeDetails") {
		r.peers(probe.at("remoteIpDetails.ipAddressV4").plain())
	}
	r.indicate(typeDomain, r.str("service.action.dnsRequestAction.domain"))
	r.indicate(typeSHA256, r.str("service.runtimeDetails.process.executableSha256"))
	r.indicate(typePrincipal, r.first("resource.kubernetesDetails.kubernetesUserDetails.username", "resource.accessKeyDetails.principalId"))
}
