package alert

import (
	"strings"
	"time"
)

// falcoSubject are Falco's fields of orchestrator metadata: those of the
// container runtime (https://falco.org/docs/reference/rules/supported-fields/),
// of the k8smeta plugin, and the custom fields that people add for the cluster.
// proc.*, fd.* and ka.* are not among them and never will be (THREATS G8).
var falcoSubject = []field{
	{names: []string{"cluster", "cluster_name", "cluster.name", "k8s.cluster.name", "k8s_cluster_name"}, most: 1024, into: func(s *said) *string { return &s.Cluster }},
	{names: []string{"k8s.ns.name", "k8smeta.ns.name"}, most: maxName, into: func(s *said) *string { return &s.Namespace }},
	{names: []string{"k8s.pod.name", "k8smeta.pod.name"}, most: maxName, into: func(s *said) *string { return &s.Pod }},
	{names: []string{"k8s.pod.uid", "k8smeta.pod.uid"}, most: maxName, into: func(s *said) *string { return &s.PodUID }},
	{names: []string{"container.name"}, most: maxName + 512, container: true, into: func(s *said) *string { return &s.Container }},
	{names: []string{"container.image"}, most: maxImage, container: true, into: func(s *said) *string { return &s.Image }},
	{names: []string{"k8s.node.name"}, most: maxName, into: func(s *said) *string { return &s.Node }},
	{names: []string{"k8smeta.deployment.name", "k8s.deployment.name"}, most: maxName, into: func(s *said) *string { return &s.deployment }},
	{names: []string{"k8smeta.rc.name", "k8s.rc.name"}, most: maxName, into: func(s *said) *string { return &s.controller }},
	{names: []string{"k8smeta.rs.name", "k8s.rs.name"}, most: maxName, into: func(s *said) *string { return &s.replicaSet }},
	{names: []string{"container.image.repository"}, most: maxImage, container: true, into: func(s *said) *string { return &s.repository }},
	{names: []string{"container.image.tag"}, most: 128, container: true, into: func(s *said) *string { return &s.tag }},
	{names: []string{"container.image.digest"}, most: 128, container: true, into: func(s *said) *string { return &s.digest }},
}

func looksFalco(n *node) bool {
	return n.get("rule") != nil && (n.get("output_fields") != nil || n.get("output") != nil || n.get("priority") != nil)
}

// decodeFalco reads what Falco's json_output gives to http_output, file_output
// and the rest, and what falcosidekick passes on.
func decodeFalco(d *decoding, n *node, where string) {
	a, ignored, err := d.falco(n)
	d.add(where, a, ignored, err)
}

func (d *decoding) falco(n *node) (a *Alert, ignored string, err error) {
	texts := map[string]string{}
	for _, name := range []string{"rule", "source", "priority", "output", "hostname", "uuid"} {
		if texts[name], err = n.textOf(name); err != nil {
			return nil, "", err
		}
	}
	if strings.Trim(texts["rule"], " \t\r\n\x00") == "" {
		return nil, "", problem("rule: missing")
	}
	if why := internalEvent(texts["rule"], texts["source"]); why != "" {
		return nil, why, nil
	}
	fields, err := n.objectOf("output_fields")
	if err != nil {
		return nil, "", err
	}
	tags, err := n.texts("tags")
	if err != nil {
		return nil, "", err
	}
	at, err := n.timeOf("time")
	if err != nil {
		return nil, "", err
	}
	e := d.evidence()
	s, err := e.readFalco(fields, tags)
	if err != nil {
		return nil, "", err
	}
	e.addAll("", fields)
	for _, name := range []string{"source", "priority", "output", "hostname", "uuid"} {
		if fields.get(name) == nil {
			e.add(name, texts[name])
		}
	}
	a = &Alert{
		ID: falcoID(n, s, texts, at), Source: Falco, Rule: e.text(texts["rule"], maxRule),
		Severity: severityOf(falcoSeverities, texts["priority"]), Subject: s, Digest: digest(n.raw),
	}
	e.indicateAll(fields)
	d.finish(a, &e, at, tags)
	return a, "", nil
}

// falcoID is made of the sender's id. Falco itself sends none; then the same
// rule in the same place at the same nanosecond is the same alert (THREATS F6).
func falcoID(n *node, s Subject, texts map[string]string, at time.Time) string {
	switch {
	case texts["uuid"] != "":
		return identify(Falco, "uuid", texts["uuid"])
	case at.IsZero():
		return identify(Falco, "digest", digest(n.raw))
	}
	return identify(Falco, "fields", texts["rule"], s.Cluster, s.Namespace, s.Pod, texts["hostname"], at.Format(time.RFC3339Nano))
}

// texts reads a member that must be a list of text when it is there.
func (n *node) texts(name string) (all []string, err error) {
	v := n.get(name)
	if v == nil {
		return nil, nil
	}
	if v.kind != array {
		return nil, problemf("%s: want a list of text", known(name))
	}
	for i := range v.items {
		if v.items[i].kind != text {
			return nil, problemf("%s: want a list of text", known(name))
		}
		all = append(all, v.items[i].text)
	}
	return all, nil
}

func (e *evidence) readFalco(fields *node, tags []string) (Subject, error) {
	s, err := e.readSubject(fields, falcoSubject)
	if err != nil {
		return s.Subject, err
	}
	for _, tag := range tags {
		name, ok := strings.CutPrefix(tag, "cluster:")
		if !ok {
			name, ok = strings.CutPrefix(tag, "cluster=")
		}
		if !ok || absent(name) {
			continue
		}
		if len(name) > maxImage || s.Cluster != "" && s.Cluster != e.subject(name) {
			return s.Subject, problem("the tags and fields name different clusters: which one is meant is not known")
		}
		s.Cluster = e.subject(name)
	}
	// The topmost owner that is named.
	switch {
	case s.deployment != "":
		s.Workload = Workload{"Deployment", s.deployment}
	case s.controller != "":
		s.Workload = Workload{"ReplicationController", s.controller}
	case s.replicaSet != "":
		s.Workload = Workload{"ReplicaSet", s.replicaSet}
	}
	if s.Image == "" {
		s.Image = image(s.repository, s.tag, s.digest)
	}
	s.Container = dockerName(s.Container)
	return s.Subject, nil
}

func image(repository, tag, digest string) string {
	if repository == "" {
		return ""
	}
	if tag != "" {
		repository += ":" + tag
	}
	if digest != "" {
		repository += "@" + digest
	}
	return repository
}

// dockerName takes the container's name out of the one that dockershim gave
// it: k8s_<container>_<pod>_<namespace>_<uid>_<attempt>.
func dockerName(name string) string {
	if parts := strings.Split(name, "_"); len(parts) == 6 && parts[0] == "k8s" {
		return parts[1]
	}
	return name
}
