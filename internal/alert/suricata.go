package alert

import (
	"strings"
	"time"
)

// Suricata is Suricata's event log.
const Suricata Source = "suricata"

func looksSuricata(n *node) bool {
	return n.get("event_type") != nil && (n.get("flow_id") != nil || n.get("src_ip") != nil || n.get("pcap_cnt") != nil || n.get("alert") != nil || n.get("anomaly") != nil)
}

// decodeSuricata reads an event of eve.json
// (https://docs.suricata.io/en/latest/output/eve/eve-json-format.html).
// Suricata sees addresses and no pods, so that the subject stays empty, and
// addresses outside are indicators.
func decodeSuricata(d *decoding, n *node, where string) {
	r := d.read(n)
	kind := r.str("event_type")
	a := Alert{Source: Suricata, Time: r.suricataTime("timestamp")}
	switch {
	case r.err != nil:
		d.problem(where, r.err)
		return
	case kind == "alert":
		a.Rule, a.Severity = r.str("alert.signature"), suricataSeverity(r.plain("alert.severity"))
		if a.Rule == "" {
			a.Rule = "sid:" + r.plain("alert.signature_id")
		}
		suricataAttack(r)
	case kind == "anomaly":
		a.Rule, a.Severity = strings.TrimSuffix("anomaly/"+r.str("anomaly.type")+"/"+r.str("anomaly.event"), "/"), Low
	default:
		d.ignore(where, "a record of traffic: only alerts and anomalies are found by a rule")
		return
	}
	a.ID = identify(Suricata, "event", r.str("timestamp"), r.plain("flow_id"), r.plain("alert.gid"), r.plain("alert.signature_id"), a.Rule, r.plain("tx_id"), r.plain("pcap_cnt"))
	r.peers(r.str("src_ip"), r.str("dest_ip"))
	suricataServer(r)
	suricataQuestions(r)
	for _, file := range r.list("files") {
		r.indicate(typeSHA256, file.get("sha256").plain())
	}
	r.indicate(typeSHA256, r.str("fileinfo.sha256"))
	r.keep("event_type", "flow_id", "in_iface", "host", "src_ip", "src_port", "dest_ip", "dest_port", "proto", "app_proto", "direction", "community_id", "tx_id", "payload_printable")
	r.keepAll("alert", "anomaly", "http", "tls", "dns", "flow", "fileinfo", "files", "ssh", "smb")
	d.made(where, r, a)
}

// suricataSeverity maps 1, the gravest, to 4: classification.config gives 1 to
// 3, rules may say more.
func suricataSeverity(word string) Severity {
	switch word {
	case "1":
		return High
	case "2":
		return Medium
	case "3":
		return Low
	case "4", "5", "255":
		return Informational
	}
	return SeverityUnknown
}

// suricataAttack reads the metadata of a rule, where rules say what of ATT&CK
// they mean, in lists.
func suricataAttack(r *reading) {
	metadata := r.n.at("alert.metadata")
	if metadata == nil {
		return
	}
	for i := range metadata.members {
		m := &metadata.members[i]
		for _, value := range append(m.value.items, m.value) {
			switch {
			case value.kind != text:
			case m.name == "mitre_technique_id", m.name == "mitre_tactic_id":
				r.technique(value.text)
			case m.name == "mitre_tactic_name":
				r.tactic(value.text)
			case m.name == "tag":
				r.tags = append(r.tags, value.text)
			}
		}
	}
}

// suricataServer notes the names of a server outside. Those of one inside are
// what was attacked.
func suricataServer(r *reading) {
	server := r.str("dest_ip")
	if r.str("direction") == "to_client" {
		server = r.str("src_ip")
	}
	if !isPublic(server) {
		return
	}
	host := r.str("http.hostname")
	r.indicate(typeDomain, r.str("tls.sni"))
	r.indicate(typeDomain, host)
	if path := r.str("http.url"); host != "" && strings.HasPrefix(path, "/") {
		r.indicate(typeURL, "http://"+host+path)
	}
}

// suricataQuestions reads what DNS was asked for, in the forms of its versions.
func suricataQuestions(r *reading) {
	r.indicate(typeDomain, r.n.at("dns.rrname").plain())
	for _, path := range []string{"dns.query", "dns.queries"} {
		if list := r.n.at(path); list != nil {
			for i := range list.items {
				r.indicate(typeDomain, list.items[i].get("rrname").plain())
			}
		}
	}
}

// suricataTime reads a time whose offset has no colon.
func (r *reading) suricataTime(path string) time.Time {
	s := r.str(path)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z0700", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	r.fail(problemf("%s: want a time such as 2026-01-02T15:04:05.000000+0000", path))
	return time.Time{}
}
