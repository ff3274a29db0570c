package alert

import (
	"fmt"
	"slices"
	"strings"
)

// decoder understands one source.
type decoder struct {
	source Source
	about  string             // what of it is understood, for people
	looks  func(n *node) bool // by its shape an object is of this source
	decode func(d *decoding, n *node, where string)

	// A source that also writes lines of text has both of these.
	isLine func(line string) bool
	line   func(d *decoding, line, where string)
}

// decoders are all of them, in the order in which auto asks: what says what it
// is comes before what is told by its shape.
func decoders(mappings *Mappings) []decoder {
	return []decoder{
		{source: CloudEvents, about: "CloudEvents 1.0 in JSON: structured, batched, or binary with its headers", looks: looksCloudEvent, decode: decodeCloudEvent},
		{source: KubernetesAudit, about: "audit events of the Kubernetes API server and lists of them, by built-in rules", looks: looksAudit, decode: decodeAudit},
		{source: Tetragon, about: "the JSON export: exec, exit, kprobe, tracepoint, lsm, uprobe, loader and connections; throttling is ignored", looks: looksTetragon, decode: decodeTetragon},
		{source: Tracee, about: "events and findings of signatures, in the flat form and in that of v1beta1", looks: looksTracee, decode: decodeTracee},
		{source: PolicyReport, about: "reports of wgpolicyk8s.io, reports.x-k8s.io and openreports.io, also in YAML: each result that failed", looks: looksPolicyReport, decode: decodePolicyReport},
		{source: GuardDuty, about: "findings, raw or of EventBridge, in camel or Pascal case; subjects for EKS audit and runtime findings", looks: looksGuardDuty, decode: decodeGuardDuty},
		{source: Suricata, about: "alert and anomaly events of eve.json; no subjects, since it sees addresses", looks: looksSuricata, decode: decodeSuricata},
		{source: Envoy, about: "access logs of Envoy, Istio and Envoy Gateway, JSON or default text, by built-in rules: RBAC, authorization, egress, rates", looks: looksEnvoy, decode: decodeEnvoy, isLine: isEnvoyLine, line: decodeEnvoyLine},
		{source: Coraza, about: "audit logs in JSON of Coraza and ModSecurity 3 and 2: one alert a transaction", looks: looksCoraza, decode: decodeCoraza},
		{source: KubeArmor, about: "alerts of policies, and logs of what was seen", looks: looksKubeArmor, decode: decodeKubeArmor},
		{source: Kubescape, about: "runtime alerts of the node agent, of its log and its HTTP exporter", looks: looksKubescape, decode: decodeKubescape},
		{source: Alertmanager, about: "webhook notifications of version 4 and its twin 1, and single alerts", looks: looksAlertmanager, decode: decodeAlertmanager},
		{source: Falco, about: "json_output of Falco, and what falcosidekick passes on", looks: looksFalco, decode: decodeFalco},
		{source: Generic, about: "any JSON object, by mappings in CEL", looks: mappings.looks, decode: decodeGeneric},
	}
}

// About is a source and what of it is understood, in words for people.
type About struct {
	Source Source `json:"source"`
	About  string `json:"about"`
}

// Sources lists what [Decode] understands, in the order of their names.
func Sources() (all []About) {
	for _, d := range decoders(nil) {
		all = append(all, About{d.source, d.about})
	}
	slices.SortFunc(all, func(a, b About) int { return strings.Compare(string(a.Source), string(b.Source)) })
	return all
}

func sourceNames(all []decoder) string {
	names := make([]string, len(all))
	for i, d := range all {
		names[i] = string(d.source)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// ParseSource reads a source's name.
func ParseSource(s string) (Source, error) {
	all := decoders(nil)
	if s != string(Auto) && !slices.ContainsFunc(all, func(d decoder) bool { return s == string(d.source) }) {
		return "", fmt.Errorf("unknown source %q: want auto, or one of %s", s, sourceNames(all))
	}
	return Source(s), nil
}
