package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/irgit/irgit/e2e/cluster"
)

// Two incidents on one workload: one is released, the other stands.
func TestTwoIncidentsOnOneWorkload(t *testing.T) {
	w := enter(t)
	before := w.snapshot(t)
	policies := w.policies(t, map[string]string{
		"first":  "- action: quarantine\n- action: freeze-rollout",
		"second": "- action: deny-east-west\n- action: freeze-rollout",
	})
	pod := w.pod(t, "payments", "payments")
	first := w.propose(t, policies, "first", "payments", pod)
	w.merge(t, first.Incident.Branch)
	second := w.propose(t, policies, "second", "payments", pod)
	w.merge(t, second.Incident.Branch)
	w.applied(t, "incident-response", "apps", containment(first.Incident.ID), containment(second.Incident.ID))
	paused := func() any { return w.field(t, "apps/v1", "Deployment", "payments", "payments", "spec", "paused") }
	require.Equal(t, true, paused())

	w.release(t, first.Incident.ID)
	w.applied(t, "incident-response", "apps", containment(second.Incident.ID))
	eventually(t, w.gone(containment(first.Incident.ID)))
	require.Equal(t, true, paused(), "the second incident holds the rollout still")
	require.Nil(t, w.object(t, "networking.k8s.io/v1", "NetworkPolicy", "payments", "irgit-"+first.Incident.ID))
	require.NotNil(t, w.object(t, "security.istio.io/v1", "AuthorizationPolicy", "payments", "irgit-"+second.Incident.ID))

	w.release(t, second.Incident.ID)
	w.applied(t, "incident-response", "apps")
	eventually(t, w.gone(containment(second.Incident.ID)))
	w.asBefore(t, before)
}

// refusal is an admission policy of the platform team that refuses one object.
const refusal = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: e2e-refuses}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [networking.k8s.io], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [networkpolicies], resourceNames: [NAME]}
  validations:
  - {expression: "false", message: the platform team does not want it}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: e2e-refuses}
spec: {policyName: e2e-refuses, validationActions: [Deny]}
`

// An object that the API server refuses stops its own incident and nobody
// else's.
func TestRefusedObjectBlocksNoSibling(t *testing.T) {
	w := enter(t)
	policies := w.policies(t, map[string]string{"cut": "- action: quarantine"})
	bad := w.propose(t, policies, "cut", "payments", w.pod(t, "payments", "payments"))
	good := w.propose(t, policies, "cut", "web", w.pod(t, "web", "frontend"))

	text := strings.ReplaceAll(refusal, "NAME", "irgit-"+bad.Incident.ID)
	_, err := w.Kubectl(t.Context(), text, "apply", "--server-side", "-f", "-")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := w.Kubectl(context.WithoutCancel(t.Context()), text, "delete", "-f", "-")
		require.NoError(t, err)
	})
	eventually(t, func(ctx context.Context) string { // it is in force a moment after it is there
		trial := "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: irgit-" + bad.Incident.ID + ", namespace: payments}\nspec: {podSelector: {}}\n"
		if _, err := w.Kubectl(ctx, trial, "apply", "--server-side", "--dry-run=server", "-f", "-"); err == nil {
			return "the admission policy is not in force"
		}
		return ""
	})

	w.merge(t, bad.Incident.Branch)
	w.merge(t, good.Incident.Branch)
	start := time.Now()
	w.applied(t, "incident-response", containment(good.Incident.ID))
	t.Logf("the sibling is applied %s after the merge", time.Since(start).Round(time.Millisecond))
	require.NotNil(t, w.object(t, "networking.k8s.io/v1", "NetworkPolicy", "web", "irgit-"+good.Incident.ID))

	eventually(t, func(ctx context.Context) string {
		u, err := w.Get(ctx, fluxAPI, "Kustomization", cluster.FluxNamespace, containment(bad.Incident.ID))
		if err != nil || u == nil {
			return "the incident's Kustomization is not there"
		}
		if status, _, message := cluster.Ready(u); status != "False" || !strings.Contains(message, "the platform team does not want it") {
			return "the refused incident is " + status + ": " + message
		}
		return ""
	})
	require.Nil(t, w.object(t, "networking.k8s.io/v1", "NetworkPolicy", "payments", "irgit-"+bad.Incident.ID))
}

// badAction renders what no API server takes.
const badAction = `apiVersion: irgit.dev/v1alpha1
kind: ActionTemplate
metadata:
  name: broken
spec:
  summary: A NetworkPolicy with a policy type that there is not.
  vocabulary: {tactic: isolate, d3fend: [D3-NI], openc2: contain, phase: containment, csf: [RS.MI-01], cacao: disconnect-system, attack: [T1609]}
  cuts: unknown
  doesNot: [It is broken.]
  undo: {how: It never gets that far., hurts: Nobody.}
  resources:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata:
        name: ${incident.name}
        namespace: ${target.namespace}
      spec:
        podSelector: ${target.podSelector}
        policyTypes: [Sideways]
`

// A bad manifest never reaches the base branch, nor any other: irgit says what
// the API server would say.
func TestBadManifestNeverReachesGit(t *testing.T) {
	w := enter(t)
	templates := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(templates, "broken.yaml"), []byte(badAction), 0o600))
	policies := w.policies(t, map[string]string{"broken": "- action: broken"})
	refs := func() string {
		out, err := w.git(t.Context(), "for-each-ref")
		require.NoError(t, err)
		return out
	}
	before := refs()
	out, errText, code := w.exit(t, alert("broken", "payments", w.pod(t, "payments", "payments")),
		"respond", "--repo", w.url, "--alert", "-", "--policies", policies, "--templates", templates, "-o", "json")
	require.Equal(t, 5, code, "%s%s", out, errText) // a guardrail: validation is one
	require.Contains(t, out+errText, "policyTypes")
	require.Equal(t, before, refs())

	manifest := "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: broken, namespace: payments}\nspec: {podSelector: {}, policyTypes: [Sideways]}\n"
	_, err := w.Kubectl(t.Context(), manifest, "apply", "--server-side", "--dry-run=server", "-f", "-")
	require.ErrorContains(t, err, "policyTypes", "the API server agrees")
}

// unwired is a root of the platform team that irgit init has not seen.
var unwired = map[string]string{
	"clusters/" + name + "/extra.yaml": `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: extra
  namespace: flux-system
spec:
  interval: 15s
  path: ./extra
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
`,
	"extra/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: extra\nresources:\n  # the team's own order\n  - workloads.yaml\n  - namespace.yaml\n",
	"extra/namespace.yaml":     "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: extra\n",
}

// deployment is a workload of a team.
func deployment(name, spec string) string {
	return strings.NewReplacer("NAME", name, "SPEC", spec).Replace(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
spec:
  SPEC
  selector:
    matchLabels: {app: NAME}
  template:
    metadata:
      labels: {app: NAME}
    spec:
      containers:
        - name: main
          image: registry.example.com/e2e/NAME:1.0.0
          resources:
            requests: {cpu: 100m}
`)
}

// extra commits the unwired root and waits until Flux has applied it.
func (w *world) extra(t *testing.T, workloads ...string) {
	t.Helper()
	files := map[string][]byte{"extra/workloads.yaml": []byte(strings.Join(workloads, "---\n"))}
	for file, text := range unwired {
		files[file] = []byte(text)
	}
	w.commit(t, "Add a root", files)
	w.applied(t, "flux-system", "extra")
}

// Two incidents that both edit one team's kustomization: the second no longer
// merges once the first is in, so it is grafted anew, and both are applied.
func TestConcurrentIncidentsOnOneKustomization(t *testing.T) {
	w := enter(t)
	w.extra(t, deployment("one", "replicas: 2"), deployment("two", "replicas: 2"))
	original := w.show(t, "main", "extra/kustomization.yaml")
	policies := w.policies(t, map[string]string{"still": "- action: freeze-rollout"})
	one, two := w.pod(t, "extra", "one"), w.pod(t, "extra", "two")
	first := w.propose(t, policies, "still", "extra", one)
	second := w.propose(t, policies, "still", "extra", two)
	w.merge(t, first.Incident.Branch)
	require.False(t, w.merges(t, second.Incident.Branch), "both write the same lines, so this is where a person would have to help")

	again := w.respond(t, policies, "still", "extra", two)
	require.Equal(t, "updated", again.State, again.Reason)
	require.Equal(t, second.Incident.Branch, again.Incident.Branch)
	w.merge(t, second.Incident.Branch)
	w.applied(t, "incident-response", "extra")
	for _, d := range []string{"one", "two"} {
		require.Equal(t, true, w.field(t, "apps/v1", "Deployment", "extra", d, "spec", "paused"), d)
	}

	w.release(t, first.Incident.ID)
	w.applied(t, "extra")
	require.Nil(t, w.field(t, "apps/v1", "Deployment", "extra", "one", "spec", "paused"))
	require.Equal(t, true, w.field(t, "apps/v1", "Deployment", "extra", "two", "spec", "paused"))
	w.release(t, second.Incident.ID)
	w.applied(t, "extra")
	require.Nil(t, w.field(t, "apps/v1", "Deployment", "extra", "two", "spec", "paused"))
	require.Equal(t, string(original), string(w.show(t, "main", "extra/kustomization.yaml")))
}

// A suspended Flux Kustomization applies nothing. irgit doctor says so before
// anybody counts on it.
func TestDoctorFindsSuspension(t *testing.T) {
	w := enter(t)
	sync := "clusters/" + name + "/apps.yaml"
	suspended := bytes.Replace(w.show(t, "main", sync), []byte("spec:\n"), []byte("spec:\n  suspend: true\n"), 1)
	w.commit(t, "Suspend apps", map[string][]byte{sync: suspended})
	w.applied(t, "flux-system")
	require.Equal(t, true, w.field(t, fluxAPI, "Kustomization", cluster.FluxNamespace, "apps", "spec", "suspend"))

	out, _, code := w.exit(t, nil, "doctor", "--repo", w.url)
	require.Equal(t, 3, code, out)
	require.Contains(t, out, sync+": Kustomization flux-system/apps: applies nothing now: spec.suspend is true")

	policies := w.policies(t, map[string]string{"still": "- action: freeze-rollout"})
	a := w.propose(t, policies, "still", "payments", w.pod(t, "payments", "payments"))
	w.merge(t, a.Incident.Branch)
	w.applied(t, "incident-response")
	require.Nil(t, w.field(t, "apps/v1", "Deployment", "payments", "payments", "spec", "paused"), "and it is so")
}
