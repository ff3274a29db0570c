package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// FluxNamespace is where Flux's controllers live.
const FluxNamespace = "flux-system"

// fluxInstall is what `flux install` makes beside CRDs and Deployments: the
// controllers run outside the cluster, as their ServiceAccounts.
const fluxInstall = `
apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: kustomize-controller, namespace: flux-system}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: source-controller, namespace: flux-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: crd-controller-flux-system}
rules:
- apiGroups: [source.toolkit.fluxcd.io, kustomize.toolkit.fluxcd.io]
  resources: ["*"]
  verbs: ["*"]
- apiGroups: [""]
  resources: [namespaces, secrets, configmaps, serviceaccounts]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crd-controller-flux-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: crd-controller-flux-system}
subjects:
- {kind: ServiceAccount, name: kustomize-controller, namespace: flux-system}
- {kind: ServiceAccount, name: source-controller, namespace: flux-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cluster-reconciler-flux-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, name: kustomize-controller, namespace: flux-system}
`

// InstallFlux installs the CRDs that the fleet needs, Flux's and Istio's, and
// starts Flux's controllers.
func (c *Cluster) InstallFlux(ctx context.Context) error {
	if _, err := c.Kubectl(ctx, "", "apply", "--server-side", "-f", filepath.Join(c.programs, "crds")); err != nil {
		return fmt.Errorf("install CRDs: %w", err)
	}
	if _, err := c.Kubectl(ctx, "", "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"); err != nil {
		return fmt.Errorf("install CRDs: %w", err)
	}
	if _, err := c.Kubectl(ctx, fluxInstall, "apply", "--server-side", "-f", "-"); err != nil {
		return fmt.Errorf("install Flux: %w", err)
	}
	common := []string{"--metrics-addr", "127.0.0.1:0", "--health-addr", "127.0.0.1:0", "--enable-leader-election=false", "--requeue-dependency", "2s", "--log-level", "info"}
	for _, name := range []string{"source-controller", "kustomize-controller"} {
		args := common
		if name == "source-controller" {
			args = append(args[:len(args):len(args)], "--storage-path", filepath.Join(c.Dir, "artifacts"), "--storage-addr", c.addresses.artifacts, "--storage-adv-addr", c.addresses.artifacts)
		}
		environ := []string{"KUBECONFIG=" + filepath.Join(c.Dir, name+".kubeconfig"), "RUNTIME_NAMESPACE=" + FluxNamespace}
		if err := c.run(name, environ, args...); err != nil {
			return err
		}
	}
	return c.serves(ctx, "http://"+c.addresses.artifacts+"/")
}

// Kubectl runs kubectl as the administrator.
func (c *Cluster) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(c.programs, "kubectl"), args...)
	var out, errText bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errText
	cmd.Env = []string{"KUBECONFIG=" + c.Kubeconfig, "HOME=" + filepath.Join(c.Dir, "home-kubectl")}
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errText.String()))
	}
	return out.String(), nil
}

// Poke asks Flux to look at an object of its own at once, as its webhook
// receiver does after a push.
func (c *Cluster) Poke(ctx context.Context, apiVersion, kind, name string) error {
	r, err := c.Resource(apiVersion, kind, FluxNamespace)
	if err != nil {
		return err
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":%q}}}`, time.Now().Format(time.RFC3339Nano))
	_, err = r.Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "flux"})
	return err
}

// Get reads an object, nil when it is not there.
func (c *Cluster) Get(ctx context.Context, apiVersion, kind, namespace, name string) (*unstructured.Unstructured, error) {
	r, err := c.Resource(apiVersion, kind, namespace)
	if err != nil {
		return nil, err
	}
	u, err := r.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return u, err
}

// Ready is the state of an object's Ready condition, and whether the condition
// is about the object as it is.
func Ready(u *unstructured.Unstructured) (status, reason, message string) {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Ready" {
			if c["observedGeneration"] != u.GetGeneration() { // status.observedGeneration stays behind while an apply fails
				return "Unknown", "Stale", "the controller has not seen the object's last change"
			}
			return text(c["status"]), text(c["reason"]), text(c["message"])
		}
	}
	return "Unknown", "None", "the controller has not looked at the object"
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// Diagnose writes Flux's own account of its objects, for a test that fails.
func (c *Cluster) Diagnose(ctx context.Context) string {
	out, err := c.Kubectl(ctx, "", "get", "gitrepositories,kustomizations", "-A", "-o", "wide")
	if err := errors.Join(err, c.Failed()); err != nil {
		out += err.Error()
	}
	return out
}
