// Package cluster runs a Kubernetes control plane and Flux's controllers, the
// real programs, on loopback: etcd, kube-apiserver with RBAC,
// kube-controller-manager, source-controller and kustomize-controller. There is
// no kubelet, no scheduler and no network: pods are objects that the
// controllers make, and [Cluster.RunPods] says of them through the API what a
// kubelet would.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// Cluster is a running control plane.
type Cluster struct {
	Dir        string // data and logs/<program>.log
	Kubeconfig string // of an administrator (system:masters)

	programs  string // folder of the binaries
	addresses addresses
	processes []*process
	config    *rest.Config
	dynamic   dynamic.Interface
	mapper    meta.ResettableRESTMapper
}

// Start starts etcd, the API server and the controller manager. programs is the
// folder that e2e/build prints, dir an empty one for data and logs. Whatever
// happens, call Stop.
func Start(ctx context.Context, programs, dir string) (*Cluster, error) {
	c := &Cluster{Dir: dir, Kubeconfig: filepath.Join(dir, "admin.kubeconfig"), programs: programs}
	for _, sub := range []string{"logs", "etcd", "pki", "artifacts"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return c, fmt.Errorf("start cluster: %w", err)
		}
	}
	steps := []func(context.Context) error{c.choosePorts, c.writeKeys, c.startEtcd, c.startAPIServer, c.connect, c.startControllerManager}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return c, fmt.Errorf("start cluster (logs in %s): %w", filepath.Join(dir, "logs"), err)
		}
	}
	return c, nil
}

// Stop ends the processes, the last one first, and waits for each.
func (c *Cluster) Stop() (err error) {
	for i := len(c.processes) - 1; i >= 0; i-- {
		err = errors.Join(err, c.processes[i].stop())
	}
	c.processes = nil
	return err
}

// Failed names a program that has ended although nobody stopped it.
func (c *Cluster) Failed() error {
	for _, p := range c.processes {
		if p.ended() {
			return fmt.Errorf("%s has ended: see %s", p.name, p.log)
		}
	}
	return nil
}

func (c *Cluster) connect(ctx context.Context) (err error) {
	// As many as it takes: the suite is the only client, and waiting for one's
	// own limiter would be measured as the controllers' time.
	c.config = &rest.Config{
		Host: "https://" + c.addresses.api, BearerToken: tokens[admin].token, QPS: 200, Burst: 400,
		TLSClientConfig: rest.TLSClientConfig{CAFile: filepath.Join(c.Dir, "pki", "apiserver.crt")},
	}
	if c.dynamic, err = dynamic.NewForConfig(c.config); err != nil {
		return err
	}
	d, err := discovery.NewDiscoveryClientForConfig(c.config)
	if err != nil {
		return err
	}
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(d))
	return c.writeKubeconfigs()
}

// Resource is the client of an object's kind, in its namespace. apiVersion and
// kind are as in a manifest.
func (c *Cluster) Resource(apiVersion, kind, namespace string) (dynamic.ResourceInterface, error) {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil, err
	}
	mapping, err := c.mapper.RESTMapping(gv.WithKind(kind).GroupKind(), gv.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset() // a CRD may be new
		mapping, err = c.mapper.RESTMapping(gv.WithKind(kind).GroupKind(), gv.Version)
	}
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return c.dynamic.Resource(mapping.Resource), nil
	}
	return c.dynamic.Resource(mapping.Resource).Namespace(namespace), nil
}

// poll asks until it is true, at most so long.
func poll(ctx context.Context, most time.Duration, ask func(context.Context) bool) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, most, true, func(ctx context.Context) (bool, error) { return ask(ctx), nil })
}
