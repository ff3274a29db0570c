package alert

import (
	"slices"
	"strings"
)

// subjects of a rule.
const (
	theActor  = false
	theObject = true
)

// auditRule makes an alert of a request. Where Falco's rules for audit logs
// (https://github.com/falcosecurity/plugins, k8s_audit_rules.yaml) have the
// like, it has their name and severity, so that a policy answers both.
type auditRule struct {
	name       string
	severity   Severity
	techniques []string
	tactic     string
	hits       bool // theObject or theActor: whom the alert is about
	meant      func(e *auditEvent) bool
}

// auditRules in the order in which they are asked: the first that fits counts.
var auditRules = []auditRule{
	{"Attach to cluster-admin Role", High, []string{"T1098.006"}, "privilege_escalation", theActor, func(e *auditEvent) bool {
		return e.wrote("clusterrolebindings", "rolebindings") && e.n.at("requestObject.roleRef.name").plain() == "cluster-admin"
	}},
	{"ClusterRole With Wildcard Created", High, []string{"T1098.006"}, "privilege_escalation", theActor, func(e *auditEvent) bool {
		return e.wrote("clusterroles", "roles") && grantsAll(e.n.at("requestObject.rules"))
	}},
	{"System ClusterRole Modified/Deleted", High, []string{"T1098.006"}, "privilege_escalation", theActor, func(e *auditEvent) bool {
		return e.changed("clusterroles", "roles") && e.verb != "create" && strings.HasPrefix(e.object, "system:") && !e.system()
	}},
	{"Anonymous Request Allowed", High, []string{"T1190"}, "initial_access", theActor, func(e *auditEvent) bool {
		return e.user == "system:anonymous" && e.succeeded() && e.resource != ""
	}},
	{"EphemeralContainers Created", Low, []string{"T1609"}, "execution", theObject, func(e *auditEvent) bool {
		return e.succeeded() && e.on("pods", "ephemeralcontainers") && e.verb != "get"
	}},
	{"Attach/Exec Pod", Low, []string{"T1609"}, "execution", theObject, func(e *auditEvent) bool {
		return e.succeeded() && (e.on("pods", "exec") || e.on("pods", "attach"))
	}},
	{"Port Forward To Pod", Low, []string{"T1572"}, "command_and_control", theObject, func(e *auditEvent) bool {
		return e.succeeded() && e.on("pods", "portforward")
	}},
	{"Node Proxy Used", High, []string{"T1609"}, "execution", theActor, func(e *auditEvent) bool {
		return e.succeeded() && e.on("nodes", "proxy") && !e.system()
	}},
	{"Create Privileged Pod", Medium, []string{"T1610", "T1611"}, "privilege_escalation", theObject, func(e *auditEvent) bool {
		return e.wrote(podMakers...) && anyContainer(e.podSpec(), func(c *node) bool { return c.at("securityContext.privileged").plain() == "true" })
	}},
	{"Create Sensitive Mount Pod", Medium, []string{"T1610", "T1611"}, "privilege_escalation", theObject, func(e *auditEvent) bool {
		return e.wrote(podMakers...) && mountsHost(e.podSpec())
	}},
	{"Create HostPid Pod", Medium, []string{"T1610", "T1611"}, "privilege_escalation", theObject, func(e *auditEvent) bool {
		return e.wrote(podMakers...) && (e.podSpec().get("hostPID").plain() == "true" || e.podSpec().get("hostIPC").plain() == "true")
	}},
	{"Create HostNetwork Pod", Medium, []string{"T1610"}, "execution", theObject, func(e *auditEvent) bool {
		return e.wrote(podMakers...) && e.podSpec().get("hostNetwork").plain() == "true"
	}},
	{"K8s Secrets Listed", Medium, []string{"T1552.007"}, "credential_access", theActor, func(e *auditEvent) bool {
		return e.succeeded() && e.on("secrets", "") && (e.verb == "list" || e.verb == "watch") && !e.system()
	}},
	{"K8s Secret Get Unsuccessfully Tried", Medium, []string{"T1552.007"}, "credential_access", theActor, func(e *auditEvent) bool {
		return e.denied() && e.on("secrets", "")
	}},
	{"K8s Secret Get Successfully", Low, []string{"T1552.007"}, "credential_access", theActor, func(e *auditEvent) bool {
		return e.succeeded() && e.on("secrets", "") && e.verb == "get" && strings.HasPrefix(e.user, "system:serviceaccount:") && !e.system()
	}},
	{"ServiceAccount Token Requested", Medium, []string{"T1528"}, "credential_access", theActor, func(e *auditEvent) bool {
		return e.succeeded() && e.on("serviceaccounts", "token") && e.verb == "create" && !e.system()
	}},
	{"Admission Webhook Changed", Medium, []string{"T1562.001"}, "defense_evasion", theActor, func(e *auditEvent) bool {
		return e.changed("mutatingwebhookconfigurations", "validatingwebhookconfigurations", "validatingadmissionpolicies", "validatingadmissionpolicybindings") && !e.system()
	}},
	{"Events Deleted", Low, []string{"T1070"}, "defense_evasion", theActor, func(e *auditEvent) bool {
		return e.succeeded() && e.on("events", "") && strings.HasPrefix(e.verb, "delete") && !e.system()
	}},
	{"Pod Created in Kube Namespace", Medium, []string{"T1610"}, "execution", theObject, func(e *auditEvent) bool {
		return e.wrote(podMakers...) && e.verb == "create" && slices.Contains([]string{"kube-system", "kube-public"}, e.n.at("objectRef.namespace").plain()) && !e.system()
	}},
	{"Permissions Probed", Low, []string{"T1613"}, "discovery", theActor, func(e *auditEvent) bool {
		return (e.on("selfsubjectaccessreviews", "") || e.on("selfsubjectrulesreviews", "")) && strings.HasPrefix(e.user, "system:serviceaccount:") && !e.system()
	}},
	{"Request Of ServiceAccount Denied", Low, []string{"T1613"}, "discovery", theActor, func(e *auditEvent) bool {
		return e.denied() && strings.HasPrefix(e.user, "system:serviceaccount:")
	}},
}

// podMakers are the resources that have a pod's specification in them.
var podMakers = []string{"pods", "deployments", "statefulsets", "daemonsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs"}

// workloadKind is the kind of a resource that makes pods; else the resource.
func workloadKind(resource string) string {
	resource = strings.ToLower(resource)
	if kind := kinds[strings.TrimSuffix(resource, "s")]; kind != "" {
		return kind
	}
	return upTo(resource, maxName)
}

func (e *auditEvent) on(resource, subresource string) bool {
	return e.resource == resource && e.subresource == subresource
}

func (e *auditEvent) succeeded() bool { return e.code == "" || len(e.code) == 3 && e.code[0] < '4' }

func (e *auditEvent) denied() bool { return e.code == "403" || e.code == "401" }

// wrote reports that one of the resources got what the request asked for.
func (e *auditEvent) wrote(resources ...string) bool {
	return e.succeeded() && e.subresource == "" && slices.Contains(resources, e.resource) && slices.Contains([]string{"create", "update", "patch"}, e.verb)
}

func (e *auditEvent) changed(resources ...string) bool {
	return e.wrote(resources...) || e.succeeded() && e.subresource == "" && slices.Contains(resources, e.resource) && strings.HasPrefix(e.verb, "delete")
}

// system reports the components of Kubernetes itself.
func (e *auditEvent) system() bool {
	for _, prefix := range []string{"system:kube-", "system:node:", "system:apiserver", "system:serviceaccount:kube-system:", "eks:"} {
		if strings.HasPrefix(e.user, prefix) {
			return true
		}
	}
	return e.user == "system:addon-manager" || e.user == "aksService"
}

// podSpec finds the specification of the pods that a request makes.
func (e *auditEvent) podSpec() *node {
	spec := e.n.at("requestObject.spec")
	for _, path := range []string{"jobTemplate.spec.template.spec", "template.spec"} {
		if below := spec.at(path); below != nil {
			return below
		}
	}
	return spec
}

func anyContainer(spec *node, is func(c *node) bool) bool {
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		if all := spec.get(list); all != nil {
			for i := range all.items {
				if is(&all.items[i]) {
					return true
				}
			}
		}
	}
	return false
}

// hostPaths are those from which a node can be taken over.
var hostPaths = []string{"/", "/proc", "/var", "/var/run", "/run", "/etc", "/root", "/home", "/boot", "/dev", "/sys", "/lib/modules", "/usr", "/bin", "/sbin"}

func mountsHost(spec *node) bool {
	volumes := spec.get("volumes")
	if volumes == nil {
		return false
	}
	return slices.ContainsFunc(volumes.items, func(v node) bool {
		path := v.at("hostPath.path").plain()
		if len(path) > 1 {
			path = strings.TrimRight(path, "/")
		}
		return slices.Contains(hostPaths, path) || strings.HasSuffix(path, ".sock") ||
			strings.HasPrefix(path, "/var/lib/kubelet") || strings.HasPrefix(path, "/etc/kubernetes") || strings.HasPrefix(path, "/var/run/") || strings.HasPrefix(path, "/run/")
	})
}

// grantsAll reports a rule of RBAC with every verb on every resource.
func grantsAll(rules *node) bool {
	has := func(list *node) bool {
		return list != nil && slices.ContainsFunc(list.items, func(n node) bool { return n.text == "*" })
	}
	return rules != nil && slices.ContainsFunc(rules.items, func(n node) bool { return has(n.get("verbs")) && has(n.get("resources")) })
}
