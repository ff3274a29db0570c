package alert

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// envoyRule makes an alert of a request, by the response flags and details that
// Envoy itself sets
// (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details).
// Without a tactic it is that of where the peer is.
type envoyRule struct {
	name       string
	severity   Severity
	techniques []string
	tactic     string
	egress     bool // the pod is the client, and what it asked for an indicator
	meant      func(q *envoyRequest) bool
}

// envoyRules in the order in which they are asked: the first that fits counts.
var envoyRules = []envoyRule{
	{"Envoy RBAC Denied", Medium, nil, "", false, func(q *envoyRequest) bool {
		return strings.HasPrefix(q.details, "rbac_access_denied") || strings.HasPrefix(q.str("connection_termination_details"), "rbac_access_denied")
	}},
	{"Envoy Egress Blocked", Medium, nil, "command_and_control", true, func(q *envoyRequest) bool { return q.cluster == "BlackHoleCluster" }},
	{"Envoy External Authorization Denied", Low, nil, "", false, func(q *envoyRequest) bool {
		return q.flagged("UAEX", "UnauthorizedExternalService") || strings.HasPrefix(q.details, "ext_authz_denied")
	}},
	{"Envoy JWT Denied", Low, nil, "", false, func(q *envoyRequest) bool { return strings.HasPrefix(q.details, "jwt_authn_access_denied") }},
	{"Envoy Rate Limited", Low, []string{"T1499"}, "impact", false, func(q *envoyRequest) bool {
		return q.flagged("RL", "RateLimited") || strings.HasPrefix(q.details, "request_rate_limited") || strings.HasPrefix(q.details, "local_rate_limited")
	}},
	{"Envoy Overloaded", Low, []string{"T1499"}, "impact", false, func(q *envoyRequest) bool { return q.flagged("OM", "OverloadManagerTerminated") }},
	{"Envoy Path Refused", Low, []string{"T1190"}, "initial_access", false, func(q *envoyRequest) bool {
		return strings.HasPrefix(q.details, "path_normalization_failed") || strings.HasPrefix(q.details, "http1.invalid_url") || strings.HasPrefix(q.details, "http.path_rejected")
	}},
	{"Envoy Protocol Error", Low, nil, "", false, func(q *envoyRequest) bool { return q.flagged("DPE", "DownstreamProtocolError") }},
}

func (q *envoyRequest) flagged(names ...string) bool {
	return slices.ContainsFunc(q.flags, func(flag string) bool { return slices.Contains(names, flag) })
}

// Many refused requests: so many within so long from one peer to one pod.
const (
	manyRefused   = 20
	refusedWithin = time.Minute
)

// refusals are the requests from one peer to one pod that were refused, of one
// input.
type refusals struct {
	peer    string
	subject Subject
	all     []refusal
}

type refusal struct {
	at  time.Time
	raw string
}

// count remembers a request that was refused, for rates.
func (d *decoding) count(whole *node, q *envoyRequest, a Alert) {
	if q.peer == "" || a.Time.IsZero() || !slices.Contains([]string{"401", "403", "404", "429"}, q.code) {
		return
	}
	i := slices.IndexFunc(d.refused, func(r *refusals) bool { return r.peer == q.peer && r.subject == a.Subject })
	if i < 0 {
		if i = len(d.refused); i == maxPeers {
			return
		}
		d.refused = append(d.refused, &refusals{peer: q.peer, subject: a.Subject})
	}
	d.refused[i].all = append(d.refused[i].all, refusal{a.Time, whole.raw})
}

// maxPeers bounds how many are told apart: rates are about the busy ones.
const maxPeers = 256

// rates makes an alert of every peer that was refused often within a short
// time. It looks at one input alone, so that decoding stays a function of it.
func (d *decoding) rates() {
	for _, r := range d.refused {
		slices.SortStableFunc(r.all, func(a, b refusal) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.raw, b.raw)) })
		from, most := 0, []refusal{}
		for to := range r.all {
			for r.all[to].at.Sub(r.all[from].at) > refusedWithin {
				from++
			}
			if to-from+1 > len(most) {
				most = r.all[from : to+1]
			}
		}
		if len(most) >= manyRefused {
			d.rate(r, most)
		}
	}
}

func (d *decoding) rate(of *refusals, most []refusal) {
	var raw strings.Builder
	for _, one := range most {
		raw.WriteString(one.raw + "\n")
	}
	r := d.read(&node{kind: object, raw: raw.String()})
	first, last := most[0].at, most[len(most)-1].at
	r.technique("T1595")
	r.tactic(envoyDirection(of.peer))
	r.peers(of.peer)
	r.add("refused", strconv.Itoa(len(most)))
	r.add("from", first.Format(time.RFC3339Nano))
	r.add("to", last.Format(time.RFC3339Nano))
	r.add("downstream_remote_address", of.peer)
	d.made("all lines", r, Alert{
		ID: identify(Envoy, "rate", of.peer, of.subject.Namespace, of.subject.Pod, first.Format(time.RFC3339Nano)), Source: Envoy,
		Rule: "Envoy Many Requests Refused", Severity: Medium, Time: first, Subject: of.subject,
	})
}
