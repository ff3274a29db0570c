package alert

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// heartbeats are alerts that fire all the time to show that alerting works, or
// that only steer other alerts.
var heartbeats = []string{"watchdog", "deadmansswitch", "deadmanswitch", "infoinhibitor"}

func looksAlertmanager(n *node) bool {
	alerts, labels := n.get("alerts"), n.get("labels")
	return alerts != nil && alerts.kind == array || labels != nil && labels.kind == object && n.get("rule") == nil
}

// decodeAlertmanager reads a notification to a webhook
// (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config),
// or one alert as it is sent to Alertmanager itself.
func decodeAlertmanager(d *decoding, n *node, where string) {
	if n.get("alerts") == nil && n.get("labels") != nil {
		a, ignored, err := d.labels(n, "", false)
		d.add(where, a, ignored, err)
		return
	}
	status, cut, err := group(n)
	alerts := n.get("alerts")
	if err == nil && (alerts == nil || alerts.kind != array) {
		err = problem("alerts: want a list")
	}
	if err != nil {
		d.problem(where, err)
		return
	}
	if len(alerts.items) == 0 {
		d.ignore(where, "a notification without alerts")
	}
	for i := range alerts.items {
		if len(d.items) > MaxAlerts {
			return
		}
		at := element(where, "alerts", i)
		if alerts.items[i].kind != object {
			d.problem(at, problem("want an object"))
			continue
		}
		a, ignored, err := d.labels(&alerts.items[i], status, cut)
		d.add(at, a, ignored, err)
	}
}

// group checks what a notification says of all its alerts.
func group(n *node) (status string, cut bool, err error) {
	if status, err = n.textOf("status"); err != nil {
		return "", false, err
	}
	version, err := n.textOf("version")
	if err != nil {
		return "", false, err
	}
	// Google's managed Alertmanager and Grafana send the same with version 1.
	if version != "" && version != "4" && version != "1" {
		return "", false, problem("version: only 4 and its twin 1 are known")
	}
	left := n.get("truncatedAlerts")
	if left != nil && left.kind != number {
		return "", false, problem("truncatedAlerts: want a number")
	}
	if left != nil {
		n, err := strconv.ParseFloat(left.text, 64)
		cut = n > 0 || err != nil
	}
	return status, cut, nil
}

func (d *decoding) labels(n *node, status string, cut bool) (a *Alert, ignored string, err error) {
	own, err := n.textOf("status")
	if err != nil {
		return nil, "", err
	}
	if own != "" {
		status = own
	}
	labels, err := n.objectOf("labels")
	if err != nil {
		return nil, "", err
	}
	if labels == nil {
		return nil, "", problem("labels: missing")
	}
	for i := range labels.members {
		if m := labels.members[i]; m.value.kind != text && m.value.kind != null {
			return nil, "", problemf("labels: %s: want text", known(m.name))
		}
	}
	annotations, err := n.objectOf("annotations")
	if err != nil {
		return nil, "", err
	}
	at, err := n.timeOf("startsAt")
	if err != nil {
		return nil, "", err
	}
	rule := labels.get("alertname").plain()
	if rule == "" {
		rule = labels.get("rule").plain()
	}
	if strings.Trim(rule, " \t\r\n\x00") == "" {
		return nil, "", problem("labels: alertname: missing")
	}
	if why := neverTriggers(rule, status, labels); why != "" {
		return nil, why, nil
	}
	id, err := labelID(n, labels, at)
	if err != nil {
		return nil, "", err
	}
	e := d.evidence()
	e.cut = cut
	s, err := e.readLabels(labels)
	if err != nil {
		return nil, "", err
	}
	e.addAll("", labels)
	e.addAll("annotations.", annotations)
	e.add("generatorURL", n.get("generatorURL").plain())
	severity := severityOf(labelSeverities, labels.get("severity").plain())
	if fromFalco(labels) {
		severity = severityOf(falcoSeverities, labels.get("priority").plain())
	}
	a = &Alert{ID: id, Source: Alertmanager, Rule: e.text(rule, maxRule), Severity: severity, Subject: s, Digest: digest(n.raw)}
	e.indicateAll(labels)
	d.finish(a, &e, at, labelTags(labels))
	return a, "", nil
}

// neverTriggers says why an alert is ignored.
func neverTriggers(rule, status string, labels *node) string {
	if why := internalEvent(rule, labels.get("eventsource").plain()); why != "" {
		return why
	}
	switch {
	case status == "resolved":
		return "resolved: the cause may be gone, and only a release lifts a containment"
	case slices.Contains(heartbeats, strings.ToLower(rule)):
		return "an alert about alerting itself: it always fires and never triggers anything"
	case labels.get("severity").plain() == "none" && absent(labels.get("namespace").plain()):
		return "of severity none and about nothing: it never triggers anything"
	}
	return ""
}

// labelID is made of Alertmanager's fingerprint, which is a hash of the
// labels, or of the labels where an old version sends none.
func labelID(n, labels *node, at time.Time) (string, error) {
	fingerprint, err := n.textOf("fingerprint")
	if err != nil {
		return "", err
	}
	if fingerprint == "" {
		pairs := make([]string, 0, 2*len(labels.members))
		members := slices.Clone(labels.members)
		slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
		for i := range members {
			pairs = append(pairs, members[i].name, members[i].value.plain())
		}
		fingerprint = identify("labels", pairs...)
	}
	return identify(Alertmanager, fingerprint, at.Format(time.RFC3339Nano)), nil
}
