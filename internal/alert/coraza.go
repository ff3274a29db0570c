package alert

import (
	"slices"
	"strings"
	"time"
)

// Coraza is the audit log of Coraza and ModSecurity.
const Coraza Source = "coraza"

func looksCoraza(n *node) bool {
	t := n.get("transaction")
	return t != nil && t.kind == object && (t.get("request") != nil || t.get("client_ip") != nil || n.get("audit_data") != nil)
}

// wafMessage is one rule of a web application firewall that matched.
type wafMessage struct {
	id, text, severity string
	tags               []string
}

// decodeCoraza reads a transaction of the audit log in JSON: of Coraza
// (https://coraza.io/docs/seclang/directives/, SecAuditLogFormat), and of
// ModSecurity 3 and 2. One transaction is one alert, by the gravest of its
// rules. A firewall sees addresses and no pods, so that the subject is the pod
// it runs in where the collector says that, and else empty.
func decodeCoraza(d *decoding, n *node, where string) {
	r := d.read(n)
	messages := wafMessages(r)
	if r.err != nil {
		d.problem(where, r.err)
		return
	}
	if len(messages) == 0 {
		d.ignore(where, "a transaction in which no rule matched")
		return
	}
	worst := slices.MinFunc(messages, func(a, b wafMessage) int { return a.rank() - b.rank() })
	a := Alert{Source: Coraza, Rule: worst.text, Severity: wafSeverities[strings.ToLower(worst.severity)], Subject: envoySubject(r)}
	if a.Rule == "" {
		a.Rule = "rule " + worst.id
	}
	a.Time = r.wafTime()
	a.ID = identify(Coraza, "digest", digest(n.raw))
	if id := r.first("transaction.id", "transaction.unique_id", "transaction.transaction_id"); id != "" {
		a.ID = identify(Coraza, "transaction", id, r.first("transaction.server_id", "transaction.timestamp", "transaction.time_stamp", "transaction.time"))
	}
	for i, m := range messages {
		if i < 16 {
			r.add("rule."+m.id, m.text)
		}
		r.tags = append(r.tags, m.tags...)
	}
	if slices.ContainsFunc(r.tags, func(tag string) bool { return strings.HasPrefix(tag, "attack-") }) {
		r.technique("T1190")
		r.tactic("initial_access")
	}
	r.peers(r.first("transaction.client_ip", "transaction.remote_address"))
	const t = "transaction."
	r.keep(t+"client_ip", t+"client_port", t+"remote_address", t+"host_ip", t+"host_port", t+"server_id", t+"is_interrupted", t+"producer.rule_engine", t+"producer.server")
	r.keep(t+"request.method", t+"request.uri", t+"request.http_version", t+"request.protocol", t+"response.status", t+"response.http_code", "request.request_line", "response.status")
	// Other headers hold what lets a client in.
	for _, headers := range []*node{n.at(t + "request.headers"), n.at("request.headers")} {
		for _, name := range []string{"host", "Host", "user-agent", "User-Agent"} {
			r.add("request.headers."+strings.ToLower(name), headers.get(name).plain())
		}
	}
	d.made(where, r, a)
}

// wafSeverities are syslog's, by number and by word, one step lower: the Core
// Rule Set calls every attempt at an attack critical.
var wafSeverities = map[string]Severity{
	"0": Critical, "1": Critical, "2": High, "3": Medium, "4": Low, "5": Low, "6": Informational, "7": Informational,
	"emergency": Critical, "alert": Critical, "critical": High, "error": Medium, "warning": Low, "notice": Low, "info": Informational, "debug": Informational,
}

// rank sorts messages, the gravest first; rules that only add up scores come
// last, since they say nothing about what was found.
func (m wafMessage) rank() int {
	rank := int(Fatal - wafSeverities[strings.ToLower(m.severity)])
	for _, sums := range []string{"949", "959", "980"} {
		if strings.HasPrefix(m.id, sums) {
			rank += 10
		}
	}
	return rank
}

// wafMessages reads the rules that matched, in the three forms that there are.
func wafMessages(r *reading) (all []wafMessage) {
	for _, list := range [][]node{r.list("messages"), r.list("transaction.messages")} {
		for i := range list {
			n := &list[i]
			data := n.get("data")
			if data == nil || data.kind != object {
				data = n.get("details")
			}
			m := wafMessage{id: data.get("id").plain() + data.get("ruleId").plain(), text: n.get("message").plain(), severity: data.get("severity").plain()}
			if msg := data.get("msg").plain(); msg != "" {
				m.text = msg
			}
			if tags := data.get("tags"); tags != nil {
				for j := range tags.items {
					m.tags = append(m.tags, tags.items[j].plain())
				}
			}
			if m.id != "" && m.id != "0" {
				all = append(all, m)
			}
		}
	}
	for _, line := range r.strs("audit_data.messages") {
		if m := wafLine(line); m.id != "" {
			all = append(all, m)
		}
	}
	return all
}

// wafLine reads a message of ModSecurity 2: text with [name "value"] behind it.
func wafLine(line string) (m wafMessage) {
	for part := range strings.SplitSeq(line, "[") {
		name, value, ok := strings.Cut(part, ` "`)
		value, _, closed := strings.Cut(value, `"]`)
		if !ok || !closed {
			continue
		}
		switch name {
		case "id":
			m.id = value
		case "msg":
			m.text = value
		case "severity":
			m.severity = value
		case "tag":
			m.tags = append(m.tags, value)
		}
	}
	return m
}

// wafTime reads the time of a transaction. Times without a zone are the
// machine's own, and nobody here knows its zone.
func (r *reading) wafTime() time.Time {
	if at := r.unix("transaction.unix_timestamp", time.Nanosecond); !at.IsZero() {
		return at
	}
	for _, path := range []string{"transaction.time", "transaction.timestamp", "transaction.time_stamp"} {
		for _, layout := range []string{time.RFC3339, "02/Jan/2006:15:04:05 -0700", "02/Jan/2006:15:04:05.000000 -0700"} {
			if t, err := time.Parse(layout, r.plain(path)); err == nil {
				return t.UTC()
			}
		}
	}
	return time.Time{}
}
