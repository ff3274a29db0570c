// Command schemas writes the schemas that internal/validate embeds. It takes
// them out of pinned Go modules, leaves out what validation does not need, and
// writes the same bytes for the same modules and Go version:
//
//	cd tools/schemas && go run . ../../internal/validate/schemas
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// module is a Go module pinned by version and by the go command's own digest.
type module struct{ path, version, sum string }

var (
	kubernetes = module{"k8s.io/kubernetes", "v1.36.3", "h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o="}
	flux       = module{"github.com/fluxcd/kustomize-controller", "v1.9.6", "h1:XB+G3A0mky0j5uVHZWv4oSlS2RvZBoNIUhstIvY0JKE="}
	istio      = module{"istio.io/api", "v1.31.1", "h1:5Yb5ihcz4YQsCkciusK7DnFpBMwRB6EFWeUKH1Atuyk="} // the version of the main go.mod
)

// bundle is one embedded file; internal/validate reads it.
type bundle struct {
	Source      string          `json:"source"` // module@version, and the file in it
	Licence     string          `json:"licence"`
	Kinds       map[string]kind `json:"kinds"` // by apiVersion/kind, "v1/Pod"
	Definitions map[string]any  `json:"definitions,omitempty"`
}

type kind struct {
	Namespaced bool `json:"namespaced"`
	Schema     any  `json:"schema"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: schemas DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	builtins, err := fromKubernetes()
	if err != nil {
		return err
	}
	mesh, err := fromCRDs(istio, "kubernetes/customresourcedefinitions.gen.yaml")
	if err != nil {
		return err
	}
	sync, err := fromCRDs(flux, "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml")
	if err != nil {
		return err
	}
	for name, b := range map[string]*bundle{"kubernetes": builtins, "istio": mesh, "flux": sync} {
		if err := write(filepath.Join(out, name+".json.gz"), b); err != nil {
			return err
		}
	}
	return nil
}

// open downloads the module through the go command, checks its digest and
// gives a file of it.
func (m module) open(file string) ([]byte, error) {
	cmd := exec.Command("go", "mod", "download", "-json", m.path+"@"+m.version)
	cmd.Dir = os.TempDir() // outside any module: pins above, not a go.mod, decide
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("download %s@%s: %w", m.path, m.version, err)
	}
	var got struct{ Dir, Sum string }
	if err := json.Unmarshal(text, &got); err != nil {
		return nil, fmt.Errorf("download %s@%s: %w", m.path, m.version, err)
	}
	if m.sum != got.Sum {
		return nil, fmt.Errorf("%s@%s has digest %s, expected %s", m.path, m.version, got.Sum, m.sum)
	}
	return os.ReadFile(filepath.Join(got.Dir, filepath.FromSlash(file)))
}

// write marshals with sorted keys and packs without a name or a time.
func write(path string, b *bundle) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%s: %d kinds, %d definitions, %d bytes, packed %d\n", filepath.Base(path), len(b.Kinds), len(b.Definitions), len(text), packed.Len())
	return os.WriteFile(path, packed.Bytes(), 0o644)
}

// dropped are the keys that no check reads.
var dropped = map[string]bool{
	"description": true, "example": true, "externalDocs": true, "title": true,
	"x-kubernetes-group-version-kind": true, "x-kubernetes-map-type": true,
	"x-kubernetes-patch-merge-key": true, "x-kubernetes-patch-strategy": true,
	"x-kubernetes-unions": true,
}

// strip copies a schema without what is dropped. The names under properties
// and definitions are fields, not keywords, and stay.
func strip(v any, names bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, sub := range v {
			if !names && (dropped[k] || k == "x-kubernetes-list-type" && sub == "atomic") {
				continue
			}
			out[k] = strip(sub, !names && k == "properties")
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = strip(v[i], false)
		}
		return out
	case string:
		return strings.TrimPrefix(v, "#/definitions/")
	}
	return v
}
