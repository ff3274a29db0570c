package alert

import (
	"strings"
	"time"
)

// Tracee is Aqua Tracee.
const Tracee Source = "tracee"

func looksTracee(n *node) bool {
	switch {
	case n.get("SigMetadata") != nil:
		return true
	case n.get("eventName") != nil:
		return n.get("args") != nil || n.get("processName") != nil
	}
	return n.get("name") != nil && n.get("timestamp") != nil && (n.get("workload") != nil || n.get("threat") != nil || n.get("detected_from") != nil)
}

// decodeTracee reads an event in the flat form of versions before 1.0, alone or
// within a finding of a signature, and in the form of v1beta1
// (https://aquasecurity.github.io/tracee/latest/docs/outputs/event-structure/).
func decodeTracee(d *decoding, n *node, where string) {
	switch {
	case n.get("eventName") != nil:
		d.traceeEvent(n, n.get("metadata"), n, where)
	case n.get("SigMetadata") != nil:
		event := n.get("Context")
		if event == nil {
			event = &node{kind: object}
		}
		d.traceeEvent(n, n.get("SigMetadata"), event, where)
	default:
		d.traceeThreat(n, where)
	}
}

// traceeSeverities are those of signatures.
var traceeSeverities = map[string]Severity{
	"0": Informational, "1": Low, "2": Medium, "3": High, "4": Critical,
	"info": Informational, "low": Low, "medium": Medium, "high": High, "critical": Critical,
}

func (d *decoding) traceeEvent(whole, signature, event *node, where string) {
	r := d.read(event)
	a := Alert{Source: Tracee, Rule: r.str("eventName"), Severity: Informational, Time: r.unix("timestamp", time.Nanosecond)}
	a.Subject = Subject{
		Namespace: r.name("kubernetes.podNamespace", "podNamespace"), Pod: r.name("kubernetes.podName", "podName"), PodUID: r.name("kubernetes.podUID", "podUID"),
		Container: r.name("container.name", "containerName"), Image: r.image("container.image", "container.imageDigest"),
	}
	if a.Subject.Image == "" {
		a.Subject.Image = r.image("containerImage", "")
	}
	if signature != nil {
		a.Rule, a.Severity = traceeSignature(r, signature, a.Rule), SeverityUnknown
		a.Severity = severityOf(traceeSeverities, signature.at("Properties.Severity").plain())
	}
	a.ID = identify(Tracee, "digest", digest(whole.raw))
	if !a.Time.IsZero() {
		a.ID = identify(Tracee, "event", r.plain("timestamp"), r.str("hostName"), a.Rule, r.plain("hostProcessId"), r.plain("hostThreadId"))
	}
	r.traceeArgs(r.list("args"))
	r.keep("eventName", "eventId", "processName", "executable.path", "processId", "hostProcessId", "parentProcessId", "userId", "hostName", "syscall", "returnValue", "matchedPolicies", "containerId")
	r.n = whole
	d.made(where, r, a)
}

// traceeSignature reads what a signature says of itself.
func traceeSignature(r *reading, signature *node, event string) (rule string) {
	properties := signature.at("Properties")
	for _, name := range []*node{signature.get("Name"), properties.get("signatureName"), signature.get("ID"), properties.get("signatureID")} {
		if rule == "" {
			rule = name.plain()
		}
	}
	if rule == "" {
		rule = event
	}
	r.technique(properties.get("external_id").plain(), properties.get("MITRE ATT&CK").plain())
	r.tactic(properties.get("Category").plain())
	tactic, _, _ := strings.Cut(properties.get("MITRE ATT&CK").plain(), ":")
	r.tactic(tactic)
	r.add("signature.id", properties.get("signatureID").plain()+signature.get("ID").plain())
	r.add("signature.description", signature.get("Description").plain())
	r.add("signature.technique", properties.get("Technique").plain())
	if tags := signature.get("Tags"); tags != nil {
		for i := range tags.items {
			r.tags = append(r.tags, tags.items[i].plain())
		}
	}
	return rule
}

// traceeArgs keeps the arguments of an event: a list of names with a value, the
// type of which has a name of its own in v1beta1.
func (r *reading) traceeArgs(args []node) {
	for i := range args {
		name, value := args[i].get("name").plain(), args[i].get("value")
		if value == nil {
			for _, m := range args[i].members {
				if m.name != "name" && m.name != "type" {
					value = &m.value
				}
			}
		}
		if name != "" && value != nil {
			r.traceeArg(name, value)
		}
	}
}

func (r *reading) traceeArg(name string, value *node) {
	r.add("args."+name, value.plain())
	switch name {
	case "src", "dst", "src_ip", "dst_ip":
		r.peers(value.plain())
	case "remote_addr", "sockaddr":
		r.peers(value.get("sin_addr").plain(), value.get("sin6_addr").plain())
	case "sha256", "file_hash":
		r.indicate(typeSHA256, value.plain())
	case "proto_dns":
		if questions := value.get("questions"); questions != nil {
			for i := range questions.items {
				r.indicate(typeDomain, questions.items[i].get("name").plain())
			}
		}
	}
}

func (d *decoding) traceeThreat(n *node, where string) {
	r := d.read(n)
	const pod = "workload.k8s."
	a := Alert{Source: Tracee, Rule: r.first("threat.name", "name"), Severity: Informational, Time: r.time("timestamp")}
	a.ID = identify(Tracee, "digest", digest(n.raw))
	a.Subject = Subject{
		Namespace: r.name(pod + "namespace.name"), Pod: r.name(pod + "pod.name"), PodUID: r.name(pod + "pod.uid"),
		Container: r.name("workload.container.name"), Image: r.image("workload.container.image.name", ""),
	}
	if n.get("threat") != nil {
		word := strings.ToLower(r.plain("threat.severity"))
		a.Severity = severityOf(traceeSeverities, strings.TrimPrefix(word, "severity_"))
	}
	r.technique(r.str("threat.mitre.technique.id"))
	r.tactic(r.str("threat.mitre.tactic.name"))
	if data := n.get("data"); data != nil && data.kind == array {
		r.traceeArgs(data.items)
	} else if data != nil {
		for i := range data.members {
			r.traceeArg(data.members[i].name, &data.members[i].value)
		}
	}
	r.keep("id", "name", "threat.description", "detected_from.event_name", "policies.matched", "workload.container.id")
	const process = "workload.process."
	r.keep(process+"executable.path", process+"pid.value", process+"pid", process+"host_pid", process+"thread.name", process+"real_user.id", process+"ancestors")
	d.made(where, r, a)
}
