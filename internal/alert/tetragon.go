package alert

import (
	"slices"
	"strings"
)

// Tetragon is the export of Cilium Tetragon.
const Tetragon Source = "tetragon"

// tetragonSelf are events of Tetragon about itself.
var tetragonSelf = []string{"process_throttle", "rate_limit_info", "test"}

// tetragonEvent finds the event of an export line by its key. Some pipelines
// write it as type and payload.
func tetragonEvent(n *node) (kind string, event *node) {
	if k := n.get("type").plain(); strings.HasPrefix(k, "process_") {
		return k, n.get("payload")
	}
	for i := range n.members {
		m := &n.members[i]
		if strings.HasPrefix(m.name, "process_") || m.name == "rate_limit_info" {
			return m.name, &m.value
		}
	}
	return "", nil
}

func looksTetragon(n *node) bool {
	kind, event := tetragonEvent(n)
	return event != nil && event.kind == object && (n.get("time") != nil || n.get("node_name") != nil) &&
		(event.get("process") != nil || kind == "process_throttle" || kind == "rate_limit_info")
}

// decodeTetragon reads a line of the export
// (https://tetragon.io/docs/reference/grpc-api/). What a TracingPolicy found
// is of medium severity, and of high where the policy stopped it; the life of
// processes is informational. Who is hit says the pod that Tetragon attached
// to the process, never the process.
func decodeTetragon(d *decoding, n *node, where string) {
	kind, event := tetragonEvent(n)
	switch {
	case event == nil || event.kind != object:
		d.problem(where, problem("none of the events of Tetragon is in it"))
		return
	case slices.Contains(tetragonSelf, kind):
		d.ignore(where, "an event of Tetragon about itself: it never triggers anything")
		return
	}
	r := d.read(event)
	outer := d.read(n)
	a := Alert{Source: Tetragon, Rule: tetragonRule(r, kind), Severity: tetragonSeverity(r, kind), Time: outer.time("time")}
	a.Subject = tetragonSubject(r)
	a.Subject.Node = outer.name("node_name")
	a.Subject.Cluster = outer.name("cluster_name")
	a.ID = identify(Tetragon, "digest", digest(n.raw))
	if exec := r.str("process.exec_id"); exec != "" && !a.Time.IsZero() {
		a.ID = identify(Tetragon, "event", kind, exec, a.Rule, r.str("function_name"), outer.str("time"))
	}
	r.tags = r.strs("tags")
	tetragonPeers(r)
	r.add("type", kind)
	r.keep("policy_name", "function_name", "message", "action", "return_action", "subsys", "event", "signal", "status", "path", "symbol", "protocol")
	r.keep("source_ip", "source_port", "destination_ip", "destination_port", "ip", "port")
	for _, p := range []string{"process.", "parent."} {
		r.keep(p+"binary", p+"arguments", p+"cwd", p+"pid", p+"uid", p+"auid", p+"flags", p+"exec_id", p+"start_time", p+"in_init_tree")
	}
	r.keepAll("process.cap", "process.ns", "args", "return")
	if r.err == nil {
		r.err = outer.err
	}
	r.n = n
	d.made(where, r, a)
}

// tetragonRule is the policy, or else what was hooked, or the kind of event.
func tetragonRule(r *reading, kind string) string {
	if rule := r.first("policy_name", "function_name"); rule != "" {
		return rule
	}
	if subsys, event := r.str("subsys"), r.str("event"); subsys != "" {
		return subsys + "/" + event
	}
	return kind
}

func tetragonSeverity(r *reading, kind string) Severity {
	action := r.str("action")
	switch {
	case slices.Contains([]string{"KPROBE_ACTION_SIGKILL", "KPROBE_ACTION_SIGNAL", "KPROBE_ACTION_OVERRIDE", "KPROBE_ACTION_NOTIFYENFORCER"}, action):
		return High
	case slices.Contains([]string{"process_kprobe", "process_tracepoint", "process_lsm", "process_uprobe", "process_usdt"}, kind):
		return Medium
	}
	return Informational
}

func tetragonSubject(r *reading) Subject {
	const pod = "process.pod."
	s := Subject{
		Namespace: r.name(pod + "namespace"), Pod: r.name(pod + "name"), PodUID: r.name(pod + "uid"), Container: r.name(pod + "container.name"),
		Image: r.image(pod+"container.image.name", pod+"container.image.id"),
	}
	s.Workload = Workload{r.name(pod + "workload_kind"), r.name(pod + "workload")}
	return s
}

// tetragonPeers reads the addresses of sockets that hooks saw.
func tetragonPeers(r *reading) {
	r.peers(r.str("destination_ip"))
	for _, arg := range r.list("args") {
		for _, kind := range []string{"sock_arg", "skb_arg", "sockaddr_arg"} {
			r.peers(arg.at(kind+".daddr").plain(), arg.at(kind+".addr").plain())
		}
	}
}
