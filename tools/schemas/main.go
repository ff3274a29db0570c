// Command schemas writes the schemas that internal/validate embeds. It takes
// them out of pinned Go modules and repositories, leaves out what validation does
// not need, and writes the same bytes for the same pins and Go version:
//
//	cd tools/schemas && go run . ../../internal/validate/schemas
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bundle is one embedded file; internal/validate reads it.
type bundle struct {
	Sources     []string        `json:"sources"` // name@version, and the file in it
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
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func generate(out string) error {
	builtins, err := fromKubernetes()
	if err != nil {
		return err
	}
	if err := write(filepath.Join(out, "kubernetes.json.gz"), builtins); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(bundles)) {
		b, err := fromCRDs(bundles[name])
		if err != nil {
			return err
		}
		if err := write(filepath.Join(out, name+".json.gz"), b); err != nil {
			return err
		}
	}
	return nil
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
