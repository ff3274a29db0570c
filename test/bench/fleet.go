package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/irgit/irgit/internal/gitops/gittest"
)

// The generated fleet grows by clusters, as fleets do: each has the same 40
// roots of 5 applications.
const (
	teams, apps     = 40, 5
	filesPerCluster = teams * (apps*7 + 2) // and the hooks
)

func clustersFor(files int) int { return max(1, files/filesPerCluster) }

func cluster(c int) string { return fmt.Sprintf("c%03d", c) }

func app(t, a int) string { return fmt.Sprintf("app-%02d-%02d", t, a) }

// generate makes a bare repository of about n files.
func generate(ctx context.Context, bare string, n int) error {
	if err := os.MkdirAll(bare, 0o755); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "-q", "--bare", "-b", "main"},
		{"config", "uploadpack.allowFilter", "true"},
		{"config", "http.receivepack", "true"},
		{"config", "gc.auto", "0"},
	} {
		if _, err := gittest.Git(ctx, bare, args...); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "git", "fast-import", "--quiet", "--done")
	cmd.Dir = bare
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	w := &importer{w: bufio.NewWriter(stdin)}
	fmt.Fprint(w.w, "commit refs/heads/main\ncommitter Platform Team <platform@example.com> 1767600000 +0000\ndata 5\nfleet\n")
	w.fleet(clustersFor(n))
	fmt.Fprintln(w.w, "done")
	if err := errors.Join(w.w.Flush(), stdin.Close(), cmd.Wait()); err != nil {
		return fmt.Errorf("generate fleet: %w", err)
	}
	return nil
}

type importer struct{ w *bufio.Writer }

func (i *importer) file(path, content string) {
	fmt.Fprintf(i.w, "M 100644 inline %s\ndata %d\n", path, len(content))
	_, _ = io.WriteString(i.w, content+"\n") // Flush reports what went wrong
}

// manifest writes a manifest as long as they are on average in large public
// fleets (operate-first/apps 2.5 KB, redhat-appstudio/infra-deployments 2.7
// KB), with comments that no other file has.
func (i *importer) manifest(path, content string) {
	var b strings.Builder
	b.WriteString(content)
	for n := 0; b.Len() < 2600; n++ {
		b.WriteString("#")
		for _, c := range sha256.Sum256(fmt.Append(nil, path, n)) {
			b.WriteString(" " + words[int(c)%len(words)])
		}
		b.WriteString("\n")
	}
	i.file(path, b.String())
}

var words = strings.Fields(`the pods of this application are reached by service port and name its owner is team checkout see runbook
	before you change replicas memory limit cpu request probe timeout period threshold image tag digest volume mount secret config
	map environment variable ingress host path prefix tls issuer rollout surge unavailable budget selector label annotation namespace`)

const kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"

func (i *importer) fleet(clusters int) {
	var config strings.Builder
	config.WriteString("apiVersion: irgit.dev/v1alpha1\nkind: Fleet\nclusters:\n")
	for c := range clusters {
		name := cluster(c)
		fmt.Fprintf(&config, "  - name: %s\n    gitops: flux\n    mesh: {mode: istio-sidecar}\n    ingressGateways: [{namespace: istio-system, serviceAccount: gateway}]\n    roots:\n      - path: clusters/%s/*\n        name: %s\n", name, name, name)
		i.file("incident-response/"+name+"/README.md", "# Incidents\n")
		i.sync(name)
		for t := range teams {
			i.team(name, t)
		}
	}
	i.file(".irgit.yaml", config.String())
}

// sync writes what Flux is told, as `flux bootstrap` and a platform team do.
func (i *importer) sync(cluster string) {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {interval: 1m, url: \"https://git.example.com/fleet\"}\n")
	for t := -1; t < teams; t++ {
		name, dir := fmt.Sprintf("t%02d", t), fmt.Sprintf("clusters/%s/t%02d", cluster, t)
		if t < 0 {
			name, dir = "flux-system", "flux/"+cluster
		}
		fmt.Fprintf(&b, "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: %s, namespace: flux-system}\nspec: {interval: 10m, prune: true, path: ./%s, sourceRef: {kind: GitRepository, name: flux-system}}\n", name, dir)
	}
	i.file("flux/"+cluster+"/sync.yaml", b.String())
}

func (i *importer) team(cluster string, t int) {
	team := fmt.Sprintf("t%02d", t)
	dir := "clusters/" + cluster + "/" + team
	hook := "incident-response/patches/" + cluster + "/" + cluster + "-" + team
	var resources, comments strings.Builder
	for a := range apps {
		fmt.Fprintf(&resources, "  - %s\n", app(t, a))
		fmt.Fprintf(&comments, "  # Deployment %s/%s\n", team, app(t, a))
		i.app(dir+"/"+app(t, a), cluster, team, app(t, a))
	}
	i.file(dir+"/kustomization.yaml", kustomization+"resources:\n"+resources.String()+"transformers:\n  - ../../../"+hook+"\n")
	i.file(hook+"/kustomization.yaml", kustomization+"sortOptions:\n  order: fifo\nresources:\n"+comments.String())
}

// app writes an application. No two clusters have a file in common, as where
// every cluster has settings of its own.
func (i *importer) app(dir, cluster, namespace, name string) {
	meta := func(kind string) string {
		return fmt.Sprintf("kind: %s\nmetadata:\n  name: %s\n  namespace: %s\n  labels:\n    app: %s\n    cluster: %s\n", kind, name, namespace, name, cluster)
	}
	i.file(dir+"/kustomization.yaml", kustomization+"resources:\n  - deployment.yaml\n  - service.yaml\n  - hpa.yaml\n  - serviceaccount.yaml\n  - networkpolicy.yaml\n  - configmap.yaml\n")
	i.manifest(dir+"/deployment.yaml", "apiVersion: apps/v1\n"+meta("Deployment")+"spec:\n  selector:\n    matchLabels:\n      app: "+name+
		"\n  template:\n    metadata:\n      labels:\n        app: "+name+"\n    spec:\n      serviceAccountName: "+name+
		"\n      containers:\n        - name: main\n          image: registry.example.com/"+name+":1.0.0\n          ports:\n            - name: http\n              containerPort: 8080\n")
	i.manifest(dir+"/service.yaml", "apiVersion: v1\n"+meta("Service")+"spec:\n  selector:\n    app: "+name+"\n  ports:\n    - name: http\n      port: 80\n      targetPort: http\n")
	i.manifest(dir+"/hpa.yaml", "apiVersion: autoscaling/v2\n"+meta("HorizontalPodAutoscaler")+"spec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: "+name+"\n  minReplicas: 2\n  maxReplicas: 9\n")
	i.manifest(dir+"/serviceaccount.yaml", "apiVersion: v1\n"+meta("ServiceAccount"))
	i.manifest(dir+"/networkpolicy.yaml", "apiVersion: networking.k8s.io/v1\n"+meta("NetworkPolicy")+"spec:\n  podSelector:\n    matchLabels:\n      app: "+name+"\n  policyTypes: [Ingress]\n  ingress:\n    - from:\n        - podSelector: {}\n")
	i.manifest(dir+"/configmap.yaml", "apiVersion: v1\n"+meta("ConfigMap")+"data:\n  mode: plain\n")
}

// alertAbout is what Falco would say of a pod of an application.
func alertAbout(cluster string, t, a int) []byte {
	return fmt.Appendf(nil, `{"rule":"Terminal shell in container","priority":"Notice","source":"syscall","time":"2026-01-05T03:12:07.482915337Z","tags":["T1059"],`+
		`"output_fields":{"cluster":%q,"k8s.ns.name":"t%02d","k8s.pod.name":"%s-6d4cf56db6-x2x9p","container.name":"main","container.id":"9f6c1c1a2b7e"}}`,
		cluster, t, app(t, a))
}
