package alert

import (
	"slices"
	"strings"
)

// KubernetesAudit is the audit log of the Kubernetes API server.
const KubernetesAudit Source = "kubernetes-audit"

func looksAudit(n *node) bool {
	return strings.HasPrefix(n.get("apiVersion").plain(), "audit.k8s.io/")
}

// decodeAudit reads an event, or a list of them as the webhook backend sends
// it (https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/). An
// event is an alert only when one of [auditRules] says so.
func decodeAudit(d *decoding, n *node, where string) {
	if v := n.get("apiVersion").plain(); v != "audit.k8s.io/v1" {
		d.problem(where, problem("apiVersion: only audit.k8s.io/v1 is known"))
		return
	}
	if n.get("kind").plain() != "EventList" {
		d.audit(n, where)
		return
	}
	r := d.read(n)
	events := r.list("items")
	switch {
	case r.err != nil:
		d.problem(where, r.err)
	case len(events) == 0:
		d.ignore(where, "a list without events")
	}
	for i := range events {
		if len(d.items) > MaxAlerts {
			return
		}
		d.audit(&events[i], element(where, "items", i))
	}
}

// auditEvent is what rules ask of an event.
type auditEvent struct {
	*reading
	user, verb, resource, subresource, group, object string
	code                                             string // of the response; "" when the event does not say
}

func (d *decoding) audit(n *node, where string) {
	if n.kind != object {
		d.problem(where, problem("want an object"))
		return
	}
	r := d.read(n)
	e := &auditEvent{
		reading: r, user: r.str("user.username"), verb: r.str("verb"), resource: r.str("objectRef.resource"), subresource: r.str("objectRef.subresource"),
		group: r.str("objectRef.apiGroup"), object: r.str("objectRef.name"), code: r.plain("responseStatus.code"),
	}
	switch stage := r.str("stage"); {
	case r.err != nil:
		d.problem(where, r.err)
		return
	case stage != "ResponseComplete" && stage != "ResponseStarted":
		d.ignore(where, "a request that is not answered yet: its answer is an event of its own")
		return
	}
	i := slices.IndexFunc(auditRules, func(rule auditRule) bool { return rule.meant(e) })
	if i < 0 {
		d.ignore(where, "none of the rules for requests to the API server makes an alert of it")
		return
	}
	rule := auditRules[i]
	a := Alert{Source: KubernetesAudit, Rule: rule.name, Severity: rule.severity, Time: r.time("requestReceivedTimestamp", "stageTimestamp")}
	if rule.hits {
		a.Subject = e.hit()
	} else {
		a.Subject = e.actor()
	}
	// One request is one alert, whether its answer was begun or is complete.
	a.ID = identify(KubernetesAudit, "digest", digest(n.raw))
	if id := r.str("auditID"); id != "" {
		a.ID = identify(KubernetesAudit, "audit", id)
	}
	r.techniques = append(r.techniques, rule.techniques...)
	r.tactic(rule.tactic)
	r.indicate(typePrincipal, e.user)
	// Every address but the last may be the client's invention.
	if ips := r.strs("sourceIPs"); len(ips) > 0 {
		r.peers(ips[len(ips)-1])
	}
	r.keep("auditID", "stage", "level", "verb", "requestURI", "userAgent", "sourceIPs", "user.groups", "user.extra", "responseStatus.reason", "responseStatus.message")
	r.keep("user.username", "user.uid", "impersonatedUser.username", "responseStatus.code")
	r.keepAll("objectRef", "annotations")
	d.made(where, r, a)
}

// actor is who asked: the pod that a bound token belongs to, as the API server
// checked it. What a request is about was not hit by it.
func (e *auditEvent) actor() (s Subject) {
	account, ok := strings.CutPrefix(e.user, "system:serviceaccount:")
	namespace, name, both := strings.Cut(account, ":")
	if !ok || !both {
		return s
	}
	s.Namespace = e.limited("user.username", namespace, maxName)
	s.ServiceAccount = e.limited("user.username", name, maxName)
	s.Pod = e.extra("authentication.kubernetes.io/pod-name")
	s.PodUID = e.extra("authentication.kubernetes.io/pod-uid")
	s.Node = e.extra("authentication.kubernetes.io/node-name")
	return s
}

// extra is the only value of one of the claims of a token.
func (e *auditEvent) extra(name string) string {
	v := e.n.at("user.extra").get(name)
	if v == nil || v.kind != array || len(v.items) != 1 || v.items[0].kind != text {
		return ""
	}
	return e.limited("user.extra", v.items[0].text, maxName)
}

// hit is what a request is about: a pod, or what makes pods.
func (e *auditEvent) hit() (s Subject) {
	s.Namespace = e.name("objectRef.namespace")
	name := e.name("responseObject.metadata.name", "objectRef.name")
	if e.resource != "pods" {
		s.Workload = Workload{workloadKind(e.resource), name}
		return s
	}
	s.Pod = name
	s.PodUID = e.name("responseObject.metadata.uid", "objectRef.uid")
	for i, owner := range e.list("responseObject.metadata.ownerReferences") {
		if i == 0 && owner.kind == object {
			s.Workload = Workload{upTo(owner.get("kind").plain(), maxName), e.limited("ownerReferences", owner.get("name").plain(), maxName)}
		}
	}
	return s
}
