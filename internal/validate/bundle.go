package validate

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"
)

//go:generate sh -c "cd ../../tools/schemas && go run . ../../internal/validate/schemas"

//go:embed schemas/*.json.gz schemas/kustomize.yaml
var schemas embed.FS

const (
	builtins   = "kubernetes.json.gz"
	mesh       = "istio.json.gz"
	buildFiles = "kustomize.yaml"
)

// bundleNames are the files of schemas by the groups that they hold; a group
// that starts with a dot stands for all below it.
var bundleNames = map[string][]string{
	builtins: {
		"", "admissionregistration.k8s.io", "apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io",
	},
	mesh:               {".istio.io"},
	"cilium.json.gz":   {"cilium.io"},
	"calico.json.gz":   {"projectcalico.org", "crd.projectcalico.org"},
	"keda.json.gz":     {"keda.sh"},
	"argo.json.gz":     {"argoproj.io"},
	"flux.json.gz":     {".toolkit.fluxcd.io"},
	"gateway.json.gz":  {"gateway.networking.k8s.io"},
	"snapshot.json.gz": {"snapshot.storage.k8s.io"},
	buildFiles:         {"kustomize.config.k8s.io", "builtin"},
}

// bundleOf names the file that would hold a kind of this apiVersion; "" when
// there is none.
func bundleOf(apiVersion string) string {
	group, version, _ := strings.Cut(apiVersion, "/")
	if version == "" && group != "builtin" {
		group = "" // the core group has no name: v1
	}
	for name, groups := range bundleNames {
		for _, g := range groups {
			if g == group || strings.HasPrefix(g, ".") && strings.HasSuffix(group, g) {
				return name
			}
		}
	}
	return ""
}

// bundle is one file of schemas, written by tools/schemas; its schemas stay
// raw until their kind is met.
type bundle struct {
	name string
	once sync.Once
	err  error

	Sources     []string                   `json:"sources"` // name@version and the file in it
	Licence     string                     `json:"licence"`
	Kinds       map[string]rawKind         `json:"kinds"`
	Definitions map[string]json.RawMessage `json:"definitions"`

	nodes map[string]*node // compiled definitions
}

type rawKind struct {
	Namespaced bool            `json:"namespaced"`
	Schema     json.RawMessage `json:"schema"`
}

func (b *bundle) load() error {
	b.once.Do(func() {
		if err := b.read(); err != nil {
			b.err = fmt.Errorf("read embedded schemas %s: %w", b.name, err)
		}
	})
	return b.err
}

func (b *bundle) read() error {
	b.nodes = make(map[string]*node)
	text, err := schemas.ReadFile("schemas/" + b.name)
	if err != nil {
		return err
	}
	if strings.HasSuffix(b.name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			return err
		}
		if text, err = io.ReadAll(z); err != nil {
			return err
		}
	} else if text, err = yaml.YAMLToJSONStrict(text); err != nil {
		return err
	}
	return json.Unmarshal(text, b)
}
