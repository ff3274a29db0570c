package alert

import (
	"slices"
	"strings"
)

// labelSubject are the labels by which Prometheus' service discovery and
// kube-state-metrics say what an alert is about.
var labelSubject = []field{
	{names: []string{"cluster", "cluster_name", "k8s_cluster_name"}, most: 1024, into: func(s *said) *string { return &s.Cluster }},
	{names: []string{"namespace"}, most: maxName, into: func(s *said) *string { return &s.Namespace }},
	{names: []string{"pod", "pod_name"}, most: maxName, into: func(s *said) *string { return &s.Pod }},
	{names: []string{"pod_uid"}, most: maxName, into: func(s *said) *string { return &s.PodUID }},
	{names: []string{"container", "container_name"}, most: maxName, container: true, into: func(s *said) *string { return &s.Container }},
	{names: []string{"image"}, most: maxImage, into: func(s *said) *string { return &s.Image }},
	{names: []string{"node"}, most: maxName, into: func(s *said) *string { return &s.Node }},
	{names: []string{"serviceaccount", "service_account"}, most: maxName, into: func(s *said) *string { return &s.ServiceAccount }},
}

// falcoLabelSubject are Falco's fields as falcosidekick makes labels of them.
var falcoLabelSubject = []field{
	{names: []string{"cluster", "cluster_name", "k8s_cluster_name"}, most: 1024, into: func(s *said) *string { return &s.Cluster }},
	{names: []string{"k8s_ns_name", "k8smeta_ns_name"}, most: maxName, into: func(s *said) *string { return &s.Namespace }},
	{names: []string{"k8s_pod_name", "k8smeta_pod_name"}, most: maxName, into: func(s *said) *string { return &s.Pod }},
	{names: []string{"k8s_pod_uid", "k8smeta_pod_uid"}, most: maxName, into: func(s *said) *string { return &s.PodUID }},
	{names: []string{"container_name"}, most: maxName + 512, container: true, into: func(s *said) *string { return &s.Container }},
	{names: []string{"container_image"}, most: maxImage, container: true, into: func(s *said) *string { return &s.Image }},
}

func fromFalco(labels *node) bool { return labels.get("source").plain() == "falco" }

// labelTags are falcosidekick's tags and the labels in which people write down
// techniques.
func labelTags(labels *node) (tags []string) {
	for _, name := range []string{"tags", "technique", "techniques", "mitre_technique", "mitre_attack"} {
		for tag := range strings.SplitSeq(labels.get(name).plain(), ",") {
			tags = append(tags, strings.TrimSpace(tag))
		}
	}
	return tags
}

func (e *evidence) readLabels(labels *node) (Subject, error) {
	if fromFalco(labels) {
		return e.readFalcoLabels(labels)
	}
	read, err := e.readSubject(labels, labelSubject)
	s := read.Subject
	if err != nil {
		return s, err
	}
	if contradicted(labels) {
		// One is the exporter's own place, the other what its metric is about or
		// what it claims; which is which depends on a setting that is not here.
		s.Namespace, s.Pod, s.PodUID, s.Container, s.Image, s.ServiceAccount = "", "", "", "", "", ""
		return s, nil
	}
	s.Workload = labelledOwner(labels)
	if len(s.Workload.Name) > maxName {
		return s, problem("labels: the owner's name is longer than any in Kubernetes")
	}
	s.Workload.Name = e.subject(s.Workload.Name)
	return s, nil
}

// contradicted reports that Prometheus renamed a label of the scraped series,
// because its own said something else.
func contradicted(labels *node) bool {
	for _, name := range []string{"namespace", "pod", "container"} {
		renamed := labels.get("exported_" + name).plain()
		if renamed != "" && renamed != labels.get(name).plain() {
			return true
		}
	}
	return false
}

// kinds are the owners that labels may name.
var kinds = map[string]string{
	"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "replicaset": "ReplicaSet",
	"job": "Job", "cronjob": "CronJob", "replicationcontroller": "ReplicationController",
}

// owners are the kinds that themselves own what owns pods.
var owners = map[string]string{"Job": "CronJob", "ReplicaSet": "Deployment"}

// labelledOwner finds the owner that the labels name. The label job is
// Prometheus' scrape job and no workload. Several owners are none, but for
// one with its own owner.
func labelledOwner(labels *node) Workload {
	var all []Workload
	add := func(kind, name string) {
		if w := (Workload{kinds[strings.ToLower(kind)], name}); w.Kind != "" && !absent(name) && !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	for _, kind := range []string{"deployment", "statefulset", "daemonset", "cronjob"} {
		add(kind, labels.get(kind).plain())
	}
	add("job", labels.get("job_name").plain())
	add(labels.get("workload_type").plain(), labels.get("workload").plain())
	add(labels.get("owner_kind").plain(), labels.get("owner_name").plain())
	add(labels.get("owner_kind").plain(), labels.get("workload").plain())
	top := slices.DeleteFunc(slices.Clone(all), func(w Workload) bool {
		return slices.ContainsFunc(all, func(o Workload) bool { return o.Kind == owners[w.Kind] })
	})
	if len(top) != 1 {
		return Workload{}
	}
	return top[0]
}

// readFalcoLabels reads the labels of an alert that went from Falco through
// falcosidekick and Alertmanager.
func (e *evidence) readFalcoLabels(labels *node) (Subject, error) {
	read, err := e.readSubject(labels, falcoLabelSubject)
	s := read.Subject
	if err != nil {
		return s, err
	}
	if s.Image == "" {
		s.Image = e.subject(image(labels.get("container_image_repository").plain(), labels.get("container_image_tag").plain(), labels.get("container_image_digest").plain()))
	}
	if len(s.Image) > maxImage {
		return s, problem("labels: the image is longer than any registry allows")
	}
	s.Container = dockerName(s.Container)
	if name := labels.get("k8smeta_deployment_name").plain(); !absent(name) && len(name) <= maxName {
		s.Workload = Workload{"Deployment", e.subject(name)}
	}
	return s, nil
}
