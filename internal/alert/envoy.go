package alert

import (
	"slices"
	"strings"
	"time"
)

// Envoy is the access log of Envoy, and with it of Istio and Envoy Gateway.
const Envoy Source = "envoy"

func looksEnvoy(n *node) bool {
	if n.get("response_flags") != nil && (n.get("response_code") != nil || n.get("start_time") != nil) {
		return true
	}
	line := envoyWrapped(n)
	return line != "" && (isEnvoyLine(line) || strings.Contains(line, `"response_flags"`))
}

// envoyWrapped gives the line that a collector of logs put beside what it
// knows of the pod that wrote it.
func envoyWrapped(n *node) string {
	if n.get("kubernetes") == nil {
		return ""
	}
	for _, name := range []string{"log", "message", "MESSAGE"} {
		if v := n.get(name); v != nil && v.kind == text {
			return strings.TrimSpace(v.text)
		}
	}
	return ""
}

// decodeEnvoy reads a request that was logged as JSON, under the names of
// Istio's and Envoy Gateway's default formats
// (https://istio.io/latest/docs/tasks/observability/logs/access-log/). It is
// an alert only when one of [envoyRules] says so. Of many requests that were
// refused in one input, rates make one more.
func decodeEnvoy(d *decoding, n *node, where string) {
	request := n
	if line := envoyWrapped(n); line != "" {
		var err error
		if isEnvoyLine(line) {
			request, err = envoyLine(line)
		} else {
			request, err = parse(line)
		}
		if err != nil {
			d.problem(where, err)
			return
		}
	}
	d.envoy(n, request, where)
}

func decodeEnvoyLine(d *decoding, line, where string) {
	n, err := envoyLine(line)
	if err != nil {
		d.problem(where, err)
		return
	}
	d.envoy(n, n, where)
}

// envoyRequest is what rules ask of a request.
type envoyRequest struct {
	*reading
	code, details, cluster string
	flags                  []string
	peer                   string // the address that the connection came from
}

func (d *decoding) envoy(whole, n *node, where string) {
	r := d.read(n)
	q := &envoyRequest{
		reading: r, code: r.plain("response_code"), details: r.str("response_code_details"), cluster: r.str("upstream_cluster"),
		flags: strings.Split(r.str("response_flags"), ","), peer: address(r.first("downstream_direct_remote_address", "downstream_remote_address")),
	}
	a := Alert{Source: Envoy, Time: r.time("start_time")}
	a.Subject = envoySubject(d.read(whole))
	if r.err != nil {
		d.problem(where, r.err)
		return
	}
	d.count(whole, q, a)
	i := slices.IndexFunc(envoyRules, func(rule envoyRule) bool { return rule.meant(q) })
	if i < 0 {
		d.ignore(where, "a request that none of the rules makes an alert of")
		return
	}
	rule := envoyRules[i]
	a.Rule, a.Severity = rule.name, rule.severity
	a.ID = identify(Envoy, "digest", digest(whole.raw))
	if id := r.first("x-request-id", "x_request_id", "request_id"); id != "" {
		a.ID = identify(Envoy, "request", id, rule.name, r.str("start_time"), a.Subject.Pod, r.str("downstream_remote_address"))
	}
	r.techniques = append(r.techniques, rule.techniques...)
	r.tactic(rule.tactic)
	if rule.tactic == "" && q.peer != "" {
		r.tactic(envoyDirection(q.peer))
	}
	r.peers(q.peer)
	r.indicate(typePrincipal, r.first("downstream_peer_uri_san", "downstream_peer_subject"))
	if rule.egress {
		r.indicate(typeDomain, r.first("requested_server_name", "authority", ":authority"))
		r.peers(address(r.str("downstream_local_address")))
	}
	for i := range n.members {
		if m := &n.members[i]; m.name != "kubernetes" {
			r.add(m.name, m.value.plain())
		}
	}
	r.n = whole
	d.made(where, r, a)
}

// envoyDirection is what a request that was refused was after: from outside,
// or from within the cluster.
func envoyDirection(peer string) string {
	if isPublic(peer) {
		return "initial_access"
	}
	return "lateral_movement"
}

// envoySubject is the pod whose proxy wrote the log, where the collector or the
// format says it.
func envoySubject(r *reading) Subject {
	return Subject{
		Namespace: r.name("kubernetes.namespace_name", "kubernetes.namespace", "pod_namespace"),
		Pod:       r.name("kubernetes.pod_name", "kubernetes.pod.name", "pod_name"),
		PodUID:    r.name("kubernetes.pod_id", "kubernetes.pod.uid"),
		Container: envoyContainer(r.name("kubernetes.container_name", "kubernetes.container.name")),
		Node:      r.name("kubernetes.host", "kubernetes.node.name"),
	}
}

// envoyContainer leaves out the sidecar, which is not what was hit.
func envoyContainer(name string) string {
	if name == "istio-proxy" || name == "envoy" {
		return ""
	}
	return name
}

// address takes the port off.
func address(s string) string {
	if i := strings.LastIndexByte(s, ':'); i > 0 && (strings.Count(s, ":") == 1 || s[i-1] == ']') {
		s = s[:i]
	}
	return strings.Trim(s, "[]")
}

// isEnvoyLine reports the beginning of a line: a time in brackets and a quote.
func isEnvoyLine(line string) bool {
	if len(line) < 30 || line[0] != '[' {
		return false
	}
	at, rest, ok := strings.Cut(line[1:], "] ")
	_, err := time.Parse(time.RFC3339, at)
	return ok && err == nil && strings.HasPrefix(rest, `"`)
}

// The fields of Envoy's default format, and of Istio's, after the request
// (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage).
var (
	envoyFields = []string{
		"response_code", "response_flags", "bytes_received", "bytes_sent", "duration", "upstream_service_time",
		"x_forwarded_for", "user_agent", "request_id", "authority", "upstream_host",
	}
	istioFields = []string{
		"response_code", "response_flags", "response_code_details", "connection_termination_details", "upstream_transport_failure_reason",
		"bytes_received", "bytes_sent", "duration", "upstream_service_time", "x_forwarded_for", "user_agent", "request_id", "authority", "upstream_host",
		"upstream_cluster", "upstream_local_address", "downstream_local_address", "downstream_remote_address", "requested_server_name", "route_name",
	}
)

// envoyLine reads a line of text. Envoy does not mask quotes in headers, so
// that a client can add fields, but never take one away: a line whose number of
// fields is not exactly right is refused.
func envoyLine(line string) (*node, error) {
	if !isEnvoyLine(line) {
		return nil, problem("neither JSON nor a line of Envoy's default format, which begins with a time in brackets")
	}
	at, rest, _ := strings.Cut(line[1:], "] ")
	words, ok := quotedWords(rest)
	if !ok || len(words) == 0 {
		return nil, problem("the quotes of the line do not match: log as JSON, which masks them")
	}
	var names []string
	switch len(words) - 1 {
	case len(envoyFields):
		names = envoyFields
	case len(istioFields):
		names = istioFields
	default:
		return nil, problemf("the line has %d fields, where Envoy's default format has %d and Istio's %d: log as JSON, since a quote in a header moves fields", len(words)+1, len(envoyFields)+2, len(istioFields)+2)
	}
	n := &node{kind: object, raw: line}
	add := func(name, value string) {
		if value != "-" && value != "" {
			n.members = append(n.members, member{name, node{kind: text, raw: value, text: value}})
		}
	}
	add("start_time", at)
	method, path, _ := strings.Cut(words[0], " ")
	path, protocol, _ := strings.Cut(path, " ")
	add("method", method)
	add("path", path)
	add("protocol", protocol)
	for i, name := range names {
		add(name, words[i+1])
	}
	return n, nil
}

// quotedWords splits at spaces outside of quotes.
func quotedWords(s string) (words []string, ok bool) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " ") {
		end := strings.IndexByte(s, ' ')
		if s[0] == '"' {
			if end = strings.IndexByte(s[1:], '"'); end < 0 {
				return nil, false
			}
			words = append(words, s[1:end+1])
			if s = s[end+2:]; s != "" && s[0] != ' ' {
				return nil, false
			}
			continue
		}
		if end < 0 {
			end = len(s)
		}
		if strings.IndexByte(s[:end], '"') >= 0 {
			return nil, false
		}
		words = append(words, s[:end])
		s = s[end:]
	}
	return words, true
}
