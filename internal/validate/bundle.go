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
	syncs      = "flux.json.gz"
	buildFiles = "kustomize.yaml"
)

var bundleNames = []string{builtins, mesh, syncs, buildFiles}

// bundleOf names the file that would hold a kind of this apiVersion.
func bundleOf(apiVersion string) string {
	group, _, _ := strings.Cut(apiVersion, "/")
	switch {
	case strings.HasSuffix(group, ".istio.io"):
		return mesh
	case strings.HasSuffix(group, ".fluxcd.io"):
		return syncs
	case group == "kustomize.config.k8s.io", group == "builtin":
		return buildFiles
	}
	return builtins
}

// bundle is one file of schemas, written by tools/schemas; its schemas stay
// raw until their kind is met.
type bundle struct {
	name string
	once sync.Once
	err  error

	Source      string                     `json:"source"`
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
