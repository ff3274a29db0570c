package cluster

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// slow is what a program may take to begin to serve, on a machine that builds
// something else at the same time.
const slow = 3 * time.Minute

// addresses are host:port, all on loopback.
type addresses struct {
	etcd, peers, api, manager, artifacts string
}

// choosePorts takes free ports, all at once so that none is chosen twice.
func (c *Cluster) choosePorts(ctx context.Context) error {
	a := &c.addresses
	for _, address := range []*string{&a.etcd, &a.peers, &a.api, &a.manager, &a.artifacts} {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("choose ports: %w", err)
		}
		defer l.Close() //nolint:errcheck // the program takes it over
		*address = l.Addr().String()
	}
	return nil
}

// Users of the API server, by the file of their kubeconfig.
const (
	admin   = "admin"
	manager = "kube-controller-manager"
)

type user struct{ name, groups, token string }

// tokens are as a real cluster names its users: Flux's controllers are their
// ServiceAccounts.
var tokens = map[string]user{
	admin:                  {"admin", "system:masters", secret()},
	manager:                {"system:kube-controller-manager", "", secret()},
	"kustomize-controller": {"system:serviceaccount:flux-system:kustomize-controller", "system:serviceaccounts,system:serviceaccounts:flux-system,system:authenticated", secret()},
	"source-controller":    {"system:serviceaccount:flux-system:source-controller", "system:serviceaccounts,system:serviceaccounts:flux-system,system:authenticated", secret()},
}

func secret() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func (c *Cluster) pki(name string) string { return filepath.Join(c.Dir, "pki", name) }

// writeKeys writes what the API server knows its users and ServiceAccounts by.
func (c *Cluster) writeKeys(context.Context) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	var lines strings.Builder
	for _, u := range tokens {
		fmt.Fprintf(&lines, "%s,%s,%s,%q\n", u.token, u.name, u.name, u.groups)
	}
	return errors.Join(os.WriteFile(c.pki("serviceaccounts.pem"), private, 0o600), os.WriteFile(c.pki("tokens.csv"), []byte(lines.String()), 0o600))
}

func (c *Cluster) startEtcd(ctx context.Context) error {
	client, peer := "http://"+c.addresses.etcd, "http://"+c.addresses.peers
	err := c.run("etcd", nil, "--data-dir", filepath.Join(c.Dir, "etcd"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	if err != nil {
		return err
	}
	return c.serves(ctx, client+"/readyz")
}

func (c *Cluster) startAPIServer(ctx context.Context) error {
	host, port, _ := net.SplitHostPort(c.addresses.api)
	err := c.run("kube-apiserver", nil,
		"--etcd-servers", "http://"+c.addresses.etcd,
		"--bind-address", host, "--advertise-address", host, "--secure-port", port, "--endpoint-reconciler-type", "none",
		"--cert-dir", filepath.Join(c.Dir, "pki"), "--token-auth-file", c.pki("tokens.csv"), "--authorization-mode", "RBAC",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-cluster-ip-range", "10.0.0.0/24",
		"--service-account-key-file", c.pki("serviceaccounts.pem"), "--service-account-signing-key-file", c.pki("serviceaccounts.pem"),
		"--watch-cache-sizes", "", "--profiling=false", "--v", "1")
	if err != nil {
		return err
	}
	return poll(ctx, slow, func(context.Context) bool {
		_, err := os.Stat(c.pki("apiserver.crt"))
		return err == nil || c.Failed() != nil
	})
}

// writeKubeconfigs writes one for each user.
func (c *Cluster) writeKubeconfigs() error {
	for file, u := range tokens {
		k := clientcmdapi.NewConfig()
		k.Clusters["e2e"] = &clientcmdapi.Cluster{Server: c.config.Host, CertificateAuthority: c.config.CAFile}
		k.AuthInfos[file] = &clientcmdapi.AuthInfo{Token: u.token}
		k.Contexts["e2e"] = &clientcmdapi.Context{Cluster: "e2e", AuthInfo: file}
		k.CurrentContext = "e2e"
		if err := clientcmd.WriteToFile(*k, filepath.Join(c.Dir, file+".kubeconfig")); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) startControllerManager(ctx context.Context) error {
	set, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return err
	}
	ready := func(ctx context.Context) bool {
		err := set.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		return err == nil || c.Failed() != nil
	}
	if err := errors.Join(poll(ctx, slow, ready), c.Failed()); err != nil {
		return fmt.Errorf("kube-apiserver is not ready: %w", err)
	}
	host, port, _ := net.SplitHostPort(c.addresses.manager)
	return c.run(manager, nil, "--kubeconfig", filepath.Join(c.Dir, manager+".kubeconfig"),
		"--authentication-kubeconfig", c.Kubeconfig, "--authorization-kubeconfig", c.Kubeconfig,
		"--service-account-private-key-file", c.pki("serviceaccounts.pem"), "--leader-elect=false", "--use-service-account-credentials",
		"--bind-address", host, "--secure-port", port, "--cert-dir", filepath.Join(c.Dir, "pki"), "--horizontal-pod-autoscaler-sync-period", "1s",
		"--horizontal-pod-autoscaler-initial-readiness-delay", "0s", "--horizontal-pod-autoscaler-cpu-initialization-period", "0s",
		"--horizontal-pod-autoscaler-downscale-stabilization", "0s", "--v", "1")
}

// serves waits until an address answers with 200.
func (c *Cluster) serves(ctx context.Context, url string) error {
	err := poll(ctx, slow, func(ctx context.Context) bool {
		if c.Failed() != nil {
			return true
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return errors.Join(err, c.Failed())
}
